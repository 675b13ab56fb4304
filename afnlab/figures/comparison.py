"""Figures of a comparison. The small functions draw on an axes and return it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from afnlab.compare.formatting import number
from afnlab.compare.summary_table import TOLD
from afnlab.figures.style import BLUE, GREY, ORANGE, Picture, shortened, wrapped


def points(ax: Axes, final: pd.DataFrame, table: pd.DataFrame, baseline: str) -> Axes:
    """One row per label: a dot per seed, the mean and its 95 % interval; the baseline's is shaded.

    final: seeds x labels, fractions; table: of `compare_histories`, whose order is kept. Rows far
    off the others stand at the edge, with their mean.
    """
    order = list(table.index)
    columns = 100 * table[["accuracy", "accuracy_low", "accuracy_high"]]
    edge = lower_fence(columns.accuracy)
    shown = 100 * final[[label for label in order if columns.accuracy[label] >= edge]]
    long = shown.melt(var_name="label", value_name="accuracy").dropna()
    if baseline in columns.index:
        low, high = (float(columns[f"accuracy_{end}"][baseline]) for end in ("low", "high"))
        ax.axvspan(low, high, color=GREY, alpha=0.2, linewidth=0)
    with _fixed_jitter():
        sns.stripplot(
            long, x="accuracy", y="label", order=order, ax=ax, color=GREY, size=3, jitter=0.18
        )
    for row, (label, (mean, low, high)) in enumerate(columns.iterrows()):
        base = label == baseline
        if mean < edge:
            _at_edge(ax, row, f"{mean:.1f}")
            continue
        colour, mark = (ORANGE, "D") if base else (BLUE, "o")
        ax.plot([low, high], [row, row], color=colour, linewidth=2, solid_capstyle="butt")
        ax.plot(mean, row, mark, color=colour, markersize=5)
    if np.isfinite(edge):
        ax.set_xlim(left=edge)
    ax.set(xlabel="accuracy (%)", ylabel="", ylim=(len(order) - 0.5, -0.5))
    ax.set_yticks(range(len(order)), list(map(shortened, order)))
    return ax


@contextmanager
def _fixed_jitter() -> Iterator[None]:
    """seaborn jitters with numpy's global state; a figure shall be the same each time."""
    state = np.random.get_state()  # noqa: NPY002
    np.random.seed(0)  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(state)  # noqa: NPY002


def forest(ax: Axes, table: pd.DataFrame, margin: float | None = None) -> Axes:
    """One row per label: the paired difference to the baseline in points, with its 95 % interval.

    The thin line is the interval adjusted for the number of comparisons. Filled marks are rows that
    are distinguishable from the baseline, hollow ones are not; squares are equivalent within the
    margin, which is shaded. Rows far off the others stand at the edge, with their difference.
    """
    edge = lower_fence(100 * table.difference.dropna())
    if margin is not None:
        ax.axvspan(-100 * margin, 100 * margin, color=GREY, alpha=0.2, linewidth=0)
    for row, (_, r) in enumerate(table.iterrows()):
        if 100 * r.difference < edge:
            _at_edge(ax, row, number(r.difference, "{:+.1f}"))
            continue
        adjusted = 100 * np.array([r.adjusted_low, r.adjusted_high])
        if np.isfinite(adjusted).all():
            ax.plot(adjusted, [row, row], color=BLUE, linewidth=0.7)
        ax.plot(
            [100 * r.difference_low, 100 * r.difference_high], [row, row], color=BLUE, linewidth=2
        )
        face = BLUE if r.verdict in TOLD else "none"
        mark = "s" if r.verdict == "equivalent" else "o"
        ax.plot(100 * r.difference, row, mark, color=BLUE, markerfacecolor=face, markersize=5)
    ax.axvline(0, color=ORANGE, linewidth=1.2)
    if np.isfinite(edge):
        ax.set_xlim(left=edge)
    ax.set_yticks(range(len(table)), list(map(shortened, table.index)))
    ax.set_ylim(len(table) - 0.5, -0.5)
    ax.set_xlabel("difference to the baseline (points)")
    return ax


def lower_fence(means: pd.Series) -> float:
    """The value below which a row would squeeze the others: far outside their quartiles."""
    low, high = means.quantile([0.25, 0.75])
    fence = low - 3 * max(high - low, 0.5)
    return float(fence) if (means < fence).any() else -np.inf


def _at_edge(ax: Axes, row: int, text: str) -> None:
    place = ax.get_yaxis_transform()
    ax.plot(0.015, row, marker="<", color=BLUE, markersize=5, transform=place, clip_on=False)
    ax.text(0.045, row, text, transform=place, va="center", fontsize=8)


def comparison(
    final: pd.DataFrame, table: pd.DataFrame, baseline: str, margin: float | None = None
) -> Figure:
    """Per-seed accuracies beside the differences to the baseline, if there are any; both in the
    table's order."""
    figure = Picture(figsize=(9.5, 0.18 * len(table) + 1), layout="constrained")
    if compared := bool(table.difference.notna().any()):
        left, right = figure.subplots(1, 2, sharey=True, width_ratios=(3, 2))
        forest(right, table, margin)
        right.set_xlabel(wrapped(f"difference to {baseline} (points)", 36))
    else:
        left = figure.subplots()
    points(left, final, table, baseline)
    for ax in (left, right) if compared else (left,):
        ax.tick_params(axis="y", length=0)
        ax.grid(True, axis="y")  # which seaborn takes from an axis of categories
    return figure
