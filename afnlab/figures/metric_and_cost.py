"""The mean of a metric against cost, with the Pareto front."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter
from matplotlib.transforms import Bbox

from afnlab.compare import costs
from afnlab.figures import metric_axis
from afnlab.figures.style import BESIDE, BLUE, GREY, ORANGE, shortened
from afnlab.measures import ACCURACY, Measure


def frontier(
    ax: Axes,
    table: pd.DataFrame,
    cost: pd.Series,
    baseline: str,
    of: str = "an epoch",
    measure: Measure = ACCURACY,
) -> Axes:
    """The metric's mean against the time `of` something; the line joins what nothing beats in both.

    cost: seconds by label. Named as far as there is room: the baseline, what the line joins, the
    others. Labels far behind the others are left out.
    """
    unit = cost.get(baseline, 1.0)
    key, scale = measure.key, measure.scale
    rows = table.assign(mean=scale * table[key], cost=cost / unit)
    rows = rows[
        ~metric_axis.beyond(rows["mean"], metric_axis.fence(rows["mean"], measure), measure)
    ]
    best = costs.pareto_front(rows["mean"], rows.cost, measure)
    bars = []
    for label, r in rows.iterrows():
        base = label == baseline
        colour = ORANGE if base else BLUE if label in best else GREY
        bars.append((r.cost, scale * r[f"{key}_low"], scale * r[f"{key}_high"]))
        ax.plot([r.cost] * 2, bars[-1][1:], color=colour, linewidth=0.7)
        mark = "D" if base else "o" if label in best else "."
        ax.plot(r.cost, r["mean"], mark, color=colour, markersize=5, zorder=3)
    line = rows.loc[best]
    ax.step(line.cost, line["mean"], where="post", color=BLUE, linewidth=1, zorder=1)
    named = [n for n in dict.fromkeys((baseline, best[-1], *best, *rows.index)) if n in rows.index]
    spots = [(str(n), rows.cost[n], rows["mean"][n]) for n in named]
    ax.set(
        xscale="log",
        xlabel=f"time of {of}" + (f" ({shortened(baseline)} = 1)" if baseline in cost else " (s)"),
        ylabel=metric_axis.label(measure),
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
