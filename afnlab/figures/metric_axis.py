"""Axes of a metric: in its printed unit, with its direction, and with room for what is not far off.

A value is "beyond" an edge if it is worse: below it where higher is better, above it where lower
is.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from afnlab.measures import ACCURACY, Measure
from afnlab.printing import printed

WORSE_SIDE = {"higher": ("left", "below"), "lower": ("right", "above")}  # of an axis; of values
LEAST = 0.005  # of the metric's range: quartiles this close do not make a value far off


def decimals(measure: Measure) -> int:
    """Decimals of a number within a figure: one less than in a table."""
    return max(measure.decimals - 1, 0)


def short(value: float, measure: Measure) -> str:
    """A printed value within a figure."""
    return printed(f"{{:.{decimals(measure)}f}}", value)


def label(measure: Measure, of: str = "") -> str:
    """The label of an axis: "validation accuracy (%)"."""
    return f"{of} {measure.label}".strip()


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


def fence(means: pd.Series, measure: Measure, of: pd.Series | None = None) -> float:
    """The printed value beyond which a row would squeeze the others: far outside their quartiles.

    Args:
        means: printed values, or differences of values.
        measure: the metric.
        of: the printed values, where `means` are differences.

    Returns:
        The value, or infinity on the worse side if no row is beyond it.
    """
    good = measure.sign * means
    low, high = good.quantile([0.25, 0.75])
    typical = (means if of is None else of).median() / measure.scale
    least = measure.scale * measure.part(LEAST, typical)
    edge = low - 3 * max(high - low, least)
    return measure.sign * (float(edge) if (good < edge).any() else -np.inf)


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


def better_of(one: float, other: float, measure: Measure) -> float:
    """The better one of two values."""
    return other if worse_of(one, other, measure) == one else one


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


def at_edge(ax: Axes, row: int, text: str, colour: str, measure: Measure) -> None:
    """Mark a row that lies beyond the axis, with its value, at that end."""
    place, worse_is_left = ax.get_yaxis_transform(), measure.better == "higher"
    mark, at, beside, side = (
        ("<", 0.015, 0.045, "left") if worse_is_left else (">", 0.985, 0.955, "right")
    )
    ax.plot(at, row, marker=mark, color=colour, markersize=5, transform=place, clip_on=False)
    ax.text(beside, row, text, transform=place, va="center", ha=side, fontsize=8)
