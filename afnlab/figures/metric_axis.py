"""Axes of a metric: in its printed unit, with its direction, and with room for what is not far off.

A value is "beyond" an edge if it is worse: below it where higher is better, above it where lower
is.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.text import Text
from numpy.typing import ArrayLike

from afnlab.figures.style import BESIDE
from afnlab.measures import ACCURACY, Measure
from afnlab.printing import label_of, printed

WORSE_SIDE = {"higher": ("left", "below"), "lower": ("right", "above")}  # of an axis; of values
LEAST = 0.005  # of the metric's range: quartiles this close do not make a value far off
FAR = 3  # times what the quartiles and a row take of an axis: what is further behind is far off
FEWEST = 3  # values of which one can be far off the others
FEW = 5  # values, of fewer than which a quartile is one of them
ROOM = 0.06  # of an axis, between its end and what is drawn
_AT_EDGE = 0.015  # of an axis, from its end: where the mark of what lies beyond is


def far_in_words(measure: Measure, upright: bool = False) -> str:
    """What the numbers at an edge are; upright: whether the axis of the metric is the vertical
    one."""
    side, far = WORSE_SIDE[measure.better]
    edge = {"left": "lower", "right": "upper"}[side] if upright else side
    return f"Numbers at the {edge} edge: means far {far}."


def decimals(measure: Measure) -> int:
    """Decimals of a number within a figure: one less than in a table."""
    return max(measure.decimals - 1, 0)


def short(value: float, measure: Measure) -> str:
    """A printed value within a figure."""
    return printed(f"{{:.{decimals(measure)}f}}", value)


def label(measure: Measure, of: str = "") -> str:
    """The label of an axis: "validation accuracy (%)"."""
    return f"{of} {label_of(measure)}".strip()


def best_bound(measure: Measure) -> float | None:
    """The printed value that nothing can be better than, or None."""
    bound = measure.high if measure.better == "higher" else measure.low
    return None if bound is None else measure.scale * bound


def distance_label(measure: Measure) -> str:
    """The label of an axis of distances from the best bound: "error (%)", for accuracy."""
    bound = best_bound(measure)
    if measure.key == ACCURACY.key:
        return f"error ({measure.unit})"
    if not bound:  # the distance from 0 is the value itself
        return label(measure)
    return measure.of_differences(f"distance of {measure.name} from {bound:g}")


def difference_label(measure: Measure, baseline: str) -> str:
    """The label of an axis of differences: "difference to relu (points)"."""
    return measure.of_differences(f"difference to {baseline}")


def better_arrow(ax: Axes, measure: Measure) -> None:
    """Say over the axes in which direction a row is better."""
    right = measure.better == "higher"
    text, at = (
        ("better \N{RIGHTWARDS ARROW}", 1.0) if right else ("\N{LEFTWARDS ARROW} better", 0.0)
    )
    side = "right" if right else "left"
    ax.text(at, 1.01, text, transform=ax.transAxes, ha=side, va="bottom", fontsize=10)


def least(values: pd.Series, measure: Measure) -> float:
    """The stored difference up to which quartiles of these stored values count as equal."""
    return float(measure.part(LEAST, values.median()))


def fence(
    means: pd.Series, measure: Measure, of: pd.Series | None = None, wide: float = 0.0
) -> float:
    """The printed value beyond which a row would squeeze the others: far outside their quartiles.

    Args:
        means: printed values, or differences of values.
        measure: the metric.
        of: the printed values, where `means` are differences.
        wide: how much of the axis a row takes by itself.

    Returns:
        The value, or infinity on the worse side if no row is beyond it.
    """
    good = (measure.sign * means).dropna()
    if len(good) < FEWEST:
        return -measure.sign * np.inf
    # Of so few rows the very row that is far off would move a quartile between it and the next.
    between: Literal["higher", "linear"] = "higher" if len(good) < FEW else "linear"
    low, high = good.quantile([0.25, 0.75], interpolation=between)
    stored = (means if of is None else of) / measure.scale
    narrowest = measure.scale * least(stored, measure)
    edge = low - FAR * max(high - low + wide, narrowest)
    return measure.sign * (float(edge) if (good < edge).any() else -np.inf)


class RowsShown(NamedTuple):
    """What an axis shows of rows that have a middle and two ends.

    far: by label, whether a row lies beyond the axis, and is marked at its edge with its number;
    end: the printed value at which the axis ends, behind all middles and nearly all ends of the
    other rows, or infinity, if it holds them all; cut: by label, whether a row's end lies beyond.
    """

    far: pd.Series
    end: float
    cut: pd.Series


def shown(rows: pd.DataFrame, measure: Measure, of: pd.Series | None = None) -> RowsShown:
    """Which rows an axis has no room for, because they alone would set its scale.

    Args:
        rows: printed, by label: `middle`, `low`, `high`; nan where there are none. Where single
            values lie beyond a row's interval, `from` and `to` are those of the interval, and the
            axis need not hold such values.
        measure: the metric.
        of: the printed values, where rows are differences of values.
    """
    lines = rows[["from", "to"] if "from" in rows else ["low", "high"]].set_axis(
        ["low", "high"], axis="columns"
    )
    widths = (lines.high - lines.low)[np.isfinite(lines.high - lines.low)]
    wide = float(widths.median()) if len(widths) else 0.0
    edge = fence(rows.middle, measure, of, wide)
    far = beyond(rows.middle, edge, measure)
    near = rows[~far]
    worse = lines.low if measure.better == "higher" else lines.high
    ends = worse[~far].fillna(near.middle)
    end = fence(ends, measure, None if of is None else of[~far], wide)
    if np.isfinite(end):
        end = worse_of(end, worst(near.middle, measure), measure)
    reach = beyond(rows[["low", "high"]], end, measure).any(axis=1)
    return RowsShown(far, end, reach & ~far)


def beyond(values: Any, edge: float, measure: Measure) -> Any:
    """Whether values are worse than an edge."""
    return measure.sign * values < measure.sign * edge


def worst(values: pd.Series, measure: Measure) -> float:
    """The worst of the values."""
    return float(measure.sign * (measure.sign * values).min())


def best(values: pd.Series, measure: Measure) -> float:
    """The best of the values."""
    return float(measure.sign * (measure.sign * values).max())


def behind(value: float, by: float, measure: Measure) -> float:
    """A printed value that is worse by so many parts of the metric's range, or of itself.

    It is not moved out of the metric's bounds. A negative number of parts gives a better value.
    """
    moved = value - measure.sign * measure.scale * measure.part(by, value / measure.scale)
    low, high = (None if v is None else measure.scale * v for v in (measure.low, measure.high))
    moved = moved if low is None else max(low, moved)
    return float(moved if high is None else min(high, moved))


def worse_of(one: float, other: float, measure: Measure) -> float:
    """The worse one of two values."""
    return one if measure.sign * one < measure.sign * other else other


def limits(worse: float, better: float, measure: Measure) -> tuple[float, float]:
    """The limits of an axis, from its left or lower end."""
    return (worse, better) if measure.better == "higher" else (better, worse)


def end_at(ax: Axes, edge: float, measure: Measure) -> None:
    """Have the horizontal axis end at an edge, on the worse side."""
    if not np.isfinite(edge):
        return
    if measure.better == "higher":
        ax.set_xlim(left=edge)
    else:
        ax.set_xlim(right=edge)


def hold(
    ax: Axes, values: ArrayLike, measure: Measure, edge: float = np.inf, more: bool = False
) -> None:
    """Have the vertical axis hold these printed values and no more than a little room.

    edge: where it ends on the worse side; by default behind the values; more: whether there is
    room for a line of text at that end.
    """
    finite = np.asarray(values, dtype=float)
    finite = finite[np.isfinite(finite)]
    if not len(finite):
        return
    low, high = float(finite.min()), float(finite.max())
    if np.isfinite(edge):
        low, high = (edge, high) if measure.better == "higher" else (low, edge)
    room = ROOM * (high - low) or measure.scale * measure.part(LEAST, high / measure.scale) or 0.5
    worse = 0.0 if np.isfinite(edge) else 2 * room if more else room
    below, above = limits(worse, room, measure)
    ax.set_ylim(low - below, high + above)


def at_edge(
    ax: Axes, at: float, text: str, colour: str, measure: Measure, upright: bool = False
) -> Text:
    """Mark what lies beyond the axis of the metric, with its value, at that end.

    at: where on the other axis; upright: whether the axis of the metric is the vertical one.
    """
    worse_is_low = measure.better == "higher"
    end = _AT_EDGE if worse_is_low else 1 - _AT_EDGE
    mark = {(0, 1): "<", (0, 0): ">", (1, 1): "v", (1, 0): "^"}[int(upright), int(worse_is_low)]
    away = 6 if worse_is_low else -6  # points, from the mark to the text
    place = ax.get_xaxis_transform() if upright else ax.get_yaxis_transform()
    spot, offset = ((at, end), (0, away)) if upright else ((end, at), (away, 0))
    ax.plot(*spot, marker=mark, color=colour, markersize=5, transform=place, clip_on=False)
    across, along = ("center", "bottom" if worse_is_low else "top")
    if not upright:
        across, along = ("left" if worse_is_low else "right", "center")
    return ax.annotate(text, spot, offset, xycoords=place, **BESIDE, ha=across, va=along)
