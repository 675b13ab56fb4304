"""Figures of a comparison. The small functions draw on an axes and return it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter
from matplotlib.transforms import Bbox

from afnlab.compare import epochs
from afnlab.compare.formatting import MINUS
from afnlab.compare.summary_table import TOLD
from afnlab.figures.style import BLUE, GREY, ORANGE, Picture, shortened, wrapped
from afnlab.stats import Ranking

BESIDE: Any = {"textcoords": "offset points", "fontsize": 8}


def points(ax: Axes, final: pd.DataFrame, table: pd.DataFrame, baseline: str) -> Axes:
    """A row a label: one dot a seed, the mean and its 95 % interval; the baseline's is shaded.

    final: seeds x labels, fractions; table: of `tables.compare`, whose order is kept. Rows far off
    the others stand at the edge, with their mean.
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
    """A row a label: the paired difference to the baseline in points, with its 95 % interval.

    The thin line is the interval adjusted for the number of comparisons. Filled marks: told apart
    from the baseline; hollow: not; squares: equivalent within the margin, which is shaded. Rows far
    off the others stand at the edge, with their difference.
    """
    edge = lower_fence(100 * table.difference.dropna())
    if margin is not None:
        ax.axvspan(-100 * margin, 100 * margin, color=GREY, alpha=0.2, linewidth=0)
    for row, (_, r) in enumerate(table.iterrows()):
        if 100 * r.difference < edge:
            _at_edge(ax, row, f"{100 * r.difference:+.1f}".replace("-", MINUS))
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


def frontier(
    ax: Axes, table: pd.DataFrame, cost: pd.Series, baseline: str, of: str = "an epoch"
) -> Axes:
    """Mean accuracy against the time `of` something; the line joins what nothing beats in both.

    cost: seconds by label. Named as far as there is room: the baseline, what the line joins, the
    others. Labels far below the others are left out.
    """
    unit = cost.get(baseline, 1.0)
    rows = table.assign(accuracy=100 * table.accuracy, cost=cost / unit)
    rows = rows[rows.accuracy >= lower_fence(rows.accuracy)]
    best = epochs.frontier(rows.accuracy, rows.cost)
    bars = []
    for label, r in rows.iterrows():
        base = label == baseline
        colour = ORANGE if base else BLUE if label in best else GREY
        bars.append((r.cost, 100 * r.accuracy_low, 100 * r.accuracy_high))
        ax.plot([r.cost] * 2, bars[-1][1:], color=colour, linewidth=0.7)
        mark = "D" if base else "o" if label in best else "."
        ax.plot(r.cost, r.accuracy, mark, color=colour, markersize=5, zorder=3)
    line = rows.loc[best]
    ax.step(line.cost, line.accuracy, where="post", color=BLUE, linewidth=1, zorder=1)
    named = [n for n in dict.fromkeys((baseline, best[-1], *best, *rows.index)) if n in rows.index]
    spots = [(str(n), rows.cost[n], rows.accuracy[n]) for n in named]
    ax.set(
        xscale="log",
        xlabel=f"time of {of}" + (f" ({shortened(baseline)} = 1)" if baseline in cost else " (s)"),
        ylabel="accuracy (%)",
    )
    wide = rows.cost.max() / rows.cost.min() > 10
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if wide else (1, 1.5, 2, 3, 5, 7)))
    ax.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.margins(x=0.15)
    _name(ax, spots, bars)
    return ax


def _name(
    ax: Axes,
    spots: Sequence[tuple[str, float, float]],
    bars: Sequence[tuple[float, float, float]] = (),
) -> None:
    """Write names beside their places: where there is room, and else not.

    bars: x, low, high of upright lines that names do not lie on.
    """
    figure = ax.get_figure(root=True)
    assert figure is not None
    figure.draw_without_rendering()  # the layout, which moves the places
    marks = ax.transData.transform([(x, y) for _, x, y in spots])
    squares = [Bbox.from_bounds(x - 4, y - 4, 8, 8) for x, y in marks]
    ends = ax.transData.transform([end for x, low, high in bars for end in ((x, low), (x, high))])
    taken = [*squares, *(Bbox(pair) for pair in ends.reshape(-1, 2, 2))]
    for (name, x, y), own in zip(spots, squares, strict=True):
        for right, up in ((True, True), (False, True), (True, False), (False, False)):
            place = (5 if right else -5, 3 if up else -3)
            across, along = "left" if right else "right", "bottom" if up else "top"
            text = ax.annotate(shortened(name, 30), (x, y), place, **BESIDE, ha=across, va=along)
            box = text.get_window_extent()
            inside = ax.bbox.x0 <= box.x0 and box.x1 <= ax.bbox.x1
            if inside and not any(box.overlaps(other) for other in taken if other is not own):
                taken.append(box)
                break
            text.remove()


def ranks(found: Ranking) -> Figure:
    """Critical-difference diagram: mean ranks, the best left; bars join what is not told apart."""
    from scikit_posthocs import critical_difference_diagram  # noqa: PLC0415

    figure = Picture(figsize=(9.5, 0.2 * len(found.ranks) / 2 + 1.3), layout="constrained")
    ax = figure.subplots()
    ink = {"color": mpl.rcParams["text.color"]}
    critical_difference_diagram(
        found.ranks,
        found.post_hoc,
        ax=ax,
        label_props={"fontsize": 8},
        label_fmt_left="{label} ({rank:.1f}) ",
        label_fmt_right=" ({rank:.1f}) {label}",
        marker_props=ink | {"s": 12},
        elbow_props=ink | {"linewidth": 0.7},
        crossbar_props={"color": BLUE, "linewidth": 2.5},
        color_palette=[],
        text_h_margin=len(found.ranks) / 150,
    )
    ax.grid(False)
    return figure
