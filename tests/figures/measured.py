"""What is measured on a figure that was laid out: by tests of every figure."""

from __future__ import annotations

import itertools

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure


def numbers(axis: Axis) -> list[object]:
    """The texts at the ticks of an axis that lie within it and are seen."""
    low, high = sorted(axis.get_view_interval())
    side = 0 if axis.axis_name == "x" else 1
    return [
        text
        for text in axis.get_majorticklabels()
        if text.get_visible() and text.get_text() and low <= text.get_position()[side] <= high
    ]


def overprinted(figure: Figure) -> list[tuple[str, str]]:
    """Pairs of numbers of an axis that lie on each other."""
    figure.draw_without_rendering()
    return [
        (one.get_text(), other.get_text())
        for ax in figure.axes
        if ax.axison
        for axis in (ax.xaxis, ax.yaxis)
        for one, other in itertools.combinations(numbers(axis), 2)
        if one.get_window_extent().overlaps(other.get_window_extent())
    ]


def too_long(figure: Figure) -> list[str]:
    """Labels that are longer than their axis, or than the figure if they are of all axes."""
    figure.draw_without_rendering()
    titles = [figure._suptitle, figure._supxlabel]
    across = [(text, figure.bbox.width) for text in titles if text is not None]
    across += [(ax.xaxis.label, ax.bbox.width) for ax in figure.axes]
    long = [text.get_text() for text, most in across if text.get_window_extent().width > most]
    upright = [(ax.yaxis.label, ax.bbox.height) for ax in figure.axes]
    return long + [t.get_text() for t, most in upright if t.get_window_extent().height > most]


def share(ax: Axes, values: object, along: str = "x") -> float:
    """How much of an axis the values take that lie within it."""
    low, high = sorted(ax.get_xlim() if along == "x" else ax.get_ylim())
    inside = np.asarray(values, dtype=float).ravel()
    inside = inside[(low <= inside) & (inside <= high)]
    if not len(inside):
        return 0.0
    scale = ax.get_xscale() if along == "x" else ax.get_yscale()
    ends = np.array([inside.min(), inside.max(), low, high])
    first, last, low, high = np.log(ends) if scale == "log" else ends
    return float((last - first) / (high - low))
