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
from afnlab.figures import metric_axis
from afnlab.figures.style import BLUE, GREY, ORANGE, Picture, shortened, wrapped
from afnlab.measures import ACCURACY, Measure


def points(
    ax: Axes,
    final: pd.DataFrame,
    table: pd.DataFrame,
    baseline: str,
    measure: Measure = ACCURACY,
) -> Axes:
    """A row a label: one dot a seed, the mean and its 95 % interval; the baseline's is shaded.

    final: seeds x labels; table: of `compare_histories`, whose order is kept. Rows far off the
    others stand at the edge, with their mean.
    """
    order, key = list(table.index), measure.key
    columns = measure.scale * table[[key, f"{key}_low", f"{key}_high"]]
    edge = metric_axis.fence(columns[key], measure)
    far = metric_axis.beyond(columns[key], edge, measure)
    shown = measure.scale * final[[label for label in order if not far[label]]]
    long = shown.melt(var_name="label", value_name="value").dropna()
    if baseline in columns.index:
        low, high = (float(columns[f"{key}_{end}"][baseline]) for end in ("low", "high"))
        ax.axvspan(low, high, color=GREY, alpha=0.2, linewidth=0)
    with _fixed_jitter():
        sns.stripplot(
            long, x="value", y="label", order=order, ax=ax, color=GREY, size=3, jitter=0.18
        )
    for row, (label, (mean, low, high)) in enumerate(columns.iterrows()):
        base = label == baseline
        if far[label]:
            short = f"{mean:.{max(measure.decimals - 1, 0)}f}"
            metric_axis.at_edge(ax, row, short, BLUE, measure)
            continue
        colour, mark = (ORANGE, "D") if base else (BLUE, "o")
        ax.plot([low, high], [row, row], color=colour, linewidth=2, solid_capstyle="butt")
        ax.plot(mean, row, mark, color=colour, markersize=5)
    metric_axis.end_at(ax, edge, measure)
    ax.set(xlabel=metric_axis.label(measure), ylabel="", ylim=(len(order) - 0.5, -0.5))
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


def forest(
    ax: Axes, table: pd.DataFrame, margin: float | None = None, measure: Measure = ACCURACY
) -> Axes:
    """A row a label: the paired difference to the baseline, with its 95 % interval.

    The thin line is the interval adjusted for the number of comparisons. Filled marks: told apart
    from the baseline; hollow: not; squares: equivalent within the margin, which is shaded. Rows far
    off the others stand at the edge, with their difference.
    """
    scale = measure.scale
    gaps = scale * table.difference
    edge = metric_axis.fence(gaps.dropna(), measure, scale * table[measure.key])
    if margin is not None:
        ax.axvspan(-scale * margin, scale * margin, color=GREY, alpha=0.2, linewidth=0)
    for row, (_, r) in enumerate(table.iterrows()):
        if metric_axis.beyond(scale * r.difference, edge, measure):
            short = f"{{:+.{max(measure.decimals - 1, 0)}f}}"
            text = number(r.difference, short, scale)
            metric_axis.at_edge(ax, row, text, BLUE, measure)
            continue
        adjusted = scale * np.array([r.adjusted_low, r.adjusted_high])
        if np.isfinite(adjusted).all():
            ax.plot(adjusted, [row, row], color=BLUE, linewidth=0.7)
        ends = [scale * r.difference_low, scale * r.difference_high]
        ax.plot(ends, [row, row], color=BLUE, linewidth=2)
        face = BLUE if r.verdict in TOLD else "none"
        mark = "s" if r.verdict == "equivalent" else "o"
        ax.plot(scale * r.difference, row, mark, color=BLUE, markerfacecolor=face, markersize=5)
    ax.axvline(0, color=ORANGE, linewidth=1.2)
    metric_axis.end_at(ax, edge, measure)
    metric_axis.better_arrow(ax, measure)
    ax.set_yticks(range(len(table)), list(map(shortened, table.index)))
    ax.set_ylim(len(table) - 0.5, -0.5)
    ax.set_xlabel(metric_axis.difference_label(measure, "the baseline"))
    return ax


def comparison(
    final: pd.DataFrame,
    table: pd.DataFrame,
    baseline: str,
    margin: float | None = None,
    measure: Measure = ACCURACY,
) -> Figure:
    """The values of every seed beside the differences to the baseline, if there are any; both in
    the
    table's order."""
    figure = Picture(figsize=(9.5, 0.18 * len(table) + 1), layout="constrained")
    if compared := bool(table.difference.notna().any()):
        left, right = figure.subplots(1, 2, sharey=True, width_ratios=(3, 2))
        forest(right, table, margin, measure)
        right.set_xlabel(wrapped(metric_axis.difference_label(measure, baseline), 36))
    else:
        left = figure.subplots()
    points(left, final, table, baseline, measure)
    for ax in (left, right) if compared else (left,):
        ax.tick_params(axis="y", length=0)
        ax.grid(True, axis="y")  # which seaborn takes from an axis of categories
    return figure
