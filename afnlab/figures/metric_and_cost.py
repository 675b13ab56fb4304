"""The mean of a metric against cost, with the Pareto front."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from afnlab.compare import costs
from afnlab.compare.formatting import three_digits
from afnlab.compare.proper_names import proper_name
from afnlab.figures import metric_axis
from afnlab.figures.style import BESIDE, BLUE, GREY, ORANGE, log_ticks, row_name, tip
from afnlab.measures import ACCURACY, Measure
from afnlab.printing import printed_value

NEAR = 1.25  # times: the axis reaches at least so far to both sides of the middle
ROOM = 0.15  # of the axis, at each end


def frontier(
    ax: Axes,
    table: pd.DataFrame,
    cost: pd.Series,
    baseline: str,
    of: str = "an epoch",
    measure: Measure = ACCURACY,
    slower: pd.Series | None = None,
) -> Axes:
    """The metric's mean against the time `of` something; the line joins what nothing beats in both.

    cost: seconds by label; slower: the upper ends of their ranges, if they are known. Named as far
    as there is room: the baseline, what the line joins, the others. Labels far behind the others
    stand at the edge, with their mean.
    """
    unit = cost.get(baseline, 1.0)
    key, scale = measure.key, measure.scale
    high = cost if slower is None else slower
    rows = table.assign(mean=scale * table[key], cost=cost / unit, slower=high / unit)
    # An end that nobody knows is not drawn.
    rows["drawn"] = rows.slower.where(np.isfinite(rows.slower), rows.cost)
    of_means = means_of(table, measure)
    shown = metric_axis.shown(of_means, measure)
    far, rows = rows[shown.far], rows[~shown.far]
    uppers = None if slower is None else rows.slower
    best = costs.pareto_front(rows["mean"], rows.cost, measure, uppers)
    bars = []
    for label, r in rows.iterrows():
        base = label == baseline
        colour = ORANGE if base else BLUE if label in best else GREY
        bars.append((r.cost, scale * r[f"{key}_low"], scale * r[f"{key}_high"]))
        ax.plot([r.cost] * 2, bars[-1][1:], color=colour, linewidth=0.7)
        mark = "D" if base else "o" if label in best else "."
        if r.drawn > r.cost:
            ax.plot([r.cost, r.drawn], [r["mean"]] * 2, color=colour, linewidth=0.7)
        (point,) = ax.plot(r.cost, r["mean"], mark, color=colour, markersize=5, zorder=3)
        tip(point, _point_in_words(str(label), r, measure, baseline if baseline in cost else ""))
    line = rows.loc[best]
    ax.step(line.cost, line["mean"], where="post", color=BLUE, linewidth=1, zorder=1)
    first = (baseline, *best[-1:], *best)
    named = [n for n in dict.fromkeys((*first, *rows.index)) if n in rows.index]
    spots = [(str(n), rows.cost[n], rows["mean"][n]) for n in named]
    ax.set(
        xscale="log",
        xlabel=f"time of {of}" + (f" ({row_name(baseline)} = 1)" if baseline in cost else " (s)"),
        ylabel=metric_axis.label(measure),
    )
    times = pd.concat([rows.cost, rows.drawn, far.cost])
    _scale_times(ax, float(times.min()), float(times.max()))
    # Means and nearly all intervals fit in; one very wide interval does not squeeze the others.
    drawn = of_means[["low", "high"]][~shown.far].fillna(rows["mean"], axis=0)
    held = drawn.clip(*metric_axis.limits(shown.end, np.nan, measure))
    metric_axis.hold(ax, held, measure, more=len(far) > 0)
    written = [
        metric_axis.at_edge(
            *(ax, r.cost, f"{row_name(label, 30)}: {metric_axis.short(r['mean'], measure)}"),
            *(ORANGE if label == baseline else GREY, measure),
            upright=True,
        )
        for label, r in far.iterrows()
    ]
    _name(ax, spots, bars, written)
    return ax


def means_of(table: pd.DataFrame, measure: Measure) -> pd.DataFrame:
    """What `frontier` draws of every row on the axis of the metric."""
    key = measure.key
    names = {key: "middle", f"{key}_low": "low", f"{key}_high": "high"}
    return measure.scale * table[list(names)].rename(columns=names)


def _scale_times(ax: Axes, low: float, high: float) -> None:
    """Have a logarithmic axis hold these times.

    Times that are nearly the same are not drawn far apart.
    """
    middle = sqrt(low * high)
    low, high = min(low, middle / NEAR), max(high, middle * NEAR)
    room = (high / low) ** ROOM
    low, high = low / room, high * room
    ax.set_xlim(low, high)
    log_ticks(ax.xaxis, low, high)


def _point_in_words(label: str, row: pd.Series, measure: Measure, baseline: str) -> str:
    """A point in words: the metric, and the time with its range."""
    value = printed_value(measure, row["mean"] / measure.scale)
    unit = f" \N{MULTIPLICATION SIGN} {proper_name(baseline)}" if baseline else " s"
    upper = f" to {three_digits(row.drawn)}" if row.drawn > row.cost else ""
    return f"{proper_name(label)}: {value}, {three_digits(row.cost)}{upper}{unit}"


def _name(
    ax: Axes,
    spots: Sequence[tuple[str, float, float]],
    bars: Sequence[tuple[float, float, float]] = (),
    written: Sequence[Text] = (),
) -> None:
    """Write names beside their places: where there is room, and else not.

    bars: x, low, high of upright lines that names do not lie on; written: names that have a place,
    and go where it is taken.
    """
    figure = ax.get_figure(root=True)
    assert figure is not None
    figure.draw_without_rendering()  # the layout, which moves the places
    marks = ax.transData.transform([(x, y) for _, x, y in spots])
    squares = [Bbox.from_bounds(x - 4, y - 4, 8, 8) for x, y in marks]
    ends = ax.transData.transform([end for x, low, high in bars for end in ((x, low), (x, high))])
    taken = [*squares, *(Bbox(pair) for pair in ends.reshape(-1, 2, 2))]
    for text in written:
        box = text.get_window_extent()
        if any(box.overlaps(other) for other in taken):
            text.remove()
        else:
            taken.append(box)
    for (name, x, y), square in zip(spots, squares, strict=True):
        for right, up in ((True, True), (False, True), (True, False), (False, False)):
            place = (5 if right else -5, 3 if up else -3)
            across, along = "left" if right else "right", "bottom" if up else "top"
            text = ax.annotate(row_name(name, 30), (x, y), place, **BESIDE, ha=across, va=along)
            box = text.get_window_extent()
            inside = ax.bbox.x0 <= box.x0 and box.x1 <= ax.bbox.x1
            if inside and not any(box.overlaps(other) for other in taken if other is not square):
                taken.append(box)
                break
            text.remove()
