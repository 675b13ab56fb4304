"""Figures. The small functions draw on an axes and return it; the others return a figure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from afnlab.compare.proper_names import proper_name
from afnlab.derivatives import derivatives
from afnlab.figures.style import BLUE, GREY, ORANGE, Picture, panels, shortened, styled
from afnlab.param import Number
from afnlab.registry import Activation, get_activation

POINTS = 801
NAMES = ("f", "f'", "f''")
STYLES: tuple[dict[str, Any], ...] = (
    {"color": BLUE},
    {"color": ORANGE, "linestyle": "--"},
    {"color": GREY, "linestyle": ":"},
)


class Curve(NamedTuple):
    """The values and slopes of a function at ascending x."""

    label: str
    x: np.ndarray
    value: np.ndarray
    slope: np.ndarray


Drawable = str | Activation | Curve


def samples(record: Activation, x: torch.Tensor, order: int, **params: Any) -> list[np.ndarray]:
    """[f, f', ...] at ascending x, for drawing: a jump is a gap, not a steep line."""
    drawn = [values.numpy() for values in derivatives(record, x, order, **params)]
    low, high = float(x[0]), float(x[-1])
    for kink in record.kinks_at(**params):
        if not low < kink < high:
            continue
        near = int((x - kink).abs().argmin())
        for y in drawn:
            if abs(y[min(near + 2, len(y) - 1)] - y[max(near - 2, 0)]) > 0.1:
                y[near] = np.nan
    return drawn


def curve(
    ax: Axes, ref: str | Activation, span: float = 5.0, order: int = 1, **params: Number
) -> Axes:
    """An elementwise activation and its derivatives up to `order`, on [-span, span]."""
    record = get_activation(ref)
    x = torch.linspace(-span, span, POINTS, dtype=torch.float64)
    return _draw(ax, x.numpy(), samples(record, x, order, **params))


def _draw(ax: Axes, x: np.ndarray, drawn: Sequence[np.ndarray]) -> Axes:
    for y, name, style in zip(drawn, NAMES, STYLES, strict=False):
        ax.plot(x, y, label=name, zorder=3 - 0.1 * NAMES.index(name), **style)
    ax.axhline(0, color=GREY, linewidth=0.6)
    ax.axvline(0, color=GREY, linewidth=0.6)
    return ax


def function(ref: str | Activation, span: float = 5.0, order: int = 2, **params: Number) -> Figure:
    """An activation with its derivatives, and its slope in detail beside them.

    Args:
        ref: an elementwise activation, by name, reference or object.
        span: the inputs reach from -span to span.
        order: the highest derivative.
        **params: its parameters.

    Returns:
        The figure.

    Raises:
        ValueError: for an activation that is unknown or not elementwise.
    """
    record = get_activation(ref)
    with styled():
        figure = Picture(figsize=(9, 3.6), layout="constrained")
        left, right = figure.subplots(1, 2)
        curve(left, record, span, 0, **params)
        left.set(title=shortened(record.label), xlabel="x", ylabel="f(x)")
        curve(right, record, span, order, **params)
        for line in list(right.lines):
            if line.get_label() == "f":
                line.remove()
        right.relim()
        right.autoscale()
        right.set(title="derivatives", xlabel="x")
        right.legend()
    return figure


def gallery(refs: Iterable[Drawable], columns: int = 6, span: float = 4.0) -> Figure:
    """Small multiples of elementwise activations: the function solid, its slope dashed.

    Args:
        refs: activations by name, reference or object, or curves.
        columns: panels side by side.
        span: the inputs reach from -span to span.

    Returns:
        The figure.
    """
    with styled():
        return small_multiples(refs, columns, span)


def small_multiples(refs: Iterable[Drawable], columns: int = 6, span: float = 4.0) -> Figure:
    """`gallery`, in the style of whoever calls it."""
    shown = [ref if isinstance(ref, Curve) else get_activation(ref) for ref in refs]
    names = [proper_name(record.label) for record in shown]
    figure, axes = panels(names, columns, 1.6, sharey=True)
    for ax, record in zip(axes, shown, strict=True):
        if isinstance(record, Curve):
            _draw(ax, record.x, [record.value, record.slope])
        else:
            curve(ax, record, span)
        ax.set(ylim=(-2.2, 4.2), xlim=(-span, span))
        ax.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    return figure
