"""Activations laid over one another, with their derivatives: the figure that sliders move."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon

from afnlab.autorot import suggested_L
from afnlab.errors import shown as text_of
from afnlab.figures.function_curves import NAMES, POINTS, samples
from afnlab.figures.style import BLUE, COLOURS, GREY, area, in_legend, styled
from afnlab.functions.profile import asymptotes
from afnlab.live.references import activation_of
from afnlab.live.scene import Scene, shade
from afnlab.registry import Activation

Extent = tuple[float, float]
STEEPEST = 4.0  # slopes beyond this leave the picture, unless asked for


@dataclass(frozen=True)
class Shown:
    """An elementwise activation at these parameters; ValueError for one that is not elementwise."""

    record: Activation
    params: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.record.elementwise:
            raise ValueError(f"{self.record.name}: is not elementwise, so it has no curve")
        self.record.complete(self.params)

    @classmethod
    def of(cls, ref: str | Activation, **params: object) -> Shown:
        return cls(activation_of(ref), params)


@dataclass(frozen=True)
class View:
    """What is drawn of the activations.

    x: the interval of inputs. y, slopes: limits of the left and of the right axes; None: such that
    the curves at their default parameters fit, whatever their parameters are now, so that a slider
    moves the curve and not the axes. second: the second derivatives too.
    deviation: of the normal input whose density is shaded. L: limit of the dynamic region; 0: none.
    near: a part of x that is drawn with as many points as the whole, for who looks closely.
    """

    x: Extent = (-5.0, 5.0)
    y: Extent | None = None
    slopes: Extent | None = None
    second: bool = True
    deviation: float = 1.0
    L: float = 0.0
    near: Extent | None = None

    @property
    def inputs(self) -> torch.Tensor:
        """Where the curves are computed."""
        x = np.linspace(*self.x, POINTS)
        if self.near is not None:
            low, high = np.clip(self.near, *self.x).tolist()
            x = np.union1d(x, np.linspace(low, high, POINTS))
        return torch.from_numpy(x)


class Curves(Scene):
    """f on the left; f' and f'' and the density of the input on the right.

    shown: one to six activations. Dots are kinks; the thin lines are asymptotes.
    """

    def __init__(
        self, shown: Sequence[Shown], view: View | None = None, colours: Sequence[str] = COLOURS
    ) -> None:
        if not 1 <= len(shown) <= len(COLOURS):
            raise ValueError(f"shown must be 1 to {len(COLOURS)} activations, got {len(shown)}")
        super().__init__(9.0, 3.4)
        self.records = [s.record for s in shown]
        with styled():
            axes = self.figure.subplots(1, 2, sharex=True)
            self.figure.subplots_adjust(0.05, 0.13, 0.99, 0.93, wspace=0.15)
            self.left, self.right = axes
            self.regions = [self.moves(shade(ax, BLUE, 0.13)) for ax in axes]
            self.density = self.moves(shade(self.right, GREY, 0.3))
            self.lines = [self._lines(i, colours[i]) for i in range(len(shown))]
            self.drawn: list[object] = [None] * len(shown)  # what the lines hold
            self._furnish()
        self.view = View()
        self._look(view or View())
        self.update(shown, view or View())

    def update(self, shown: Sequence[Shown], view: View) -> None:
        """Draw these parameters of the same activations, in this view."""
        if [s.record for s in shown] != self.records:
            raise ValueError("shown must hold the same activations; make a new figure")
        if (view.x, view.y, view.slopes, view.second) != (
            *(self.view.x, self.view.y, self.view.slopes, self.view.second),
        ):
            self._look(view)
        self.view = view
        x = view.inputs
        for i, one in enumerate(shown):
            wanted = (view.x, view.near, view.second, dict(one.params))
            if wanted != self.drawn[i]:
                self._draw(self.lines[i], one, x)
                self.drawn[i] = wanted
        for region in self.regions:
            region.set_visible(view.L > 0)
            region.set_xy([(-view.L, 0), (-view.L, 1), (view.L, 1), (view.L, 0)])
        inputs = np.linspace(*view.x, 201)
        height = 0.3 * np.exp(-((inputs / view.deviation) ** 2) / 2)
        edges = ([view.x[0], *inputs, view.x[1]], [0, *height, 0])
        self.density.set_xy(np.column_stack(edges))

    def _draw(self, lines: dict[str, Line2D], one: Shown, x: torch.Tensor) -> None:
        order = 2 if self.view.second else 1
        drawn = samples(one.record, x, order, **one.params)
        for name, y in zip(NAMES, drawn, strict=False):
            lines[name].set_data(x.numpy(), y)
        lines["f''"].set_visible(self.view.second)
        kinks = torch.tensor(one.record.kinks_at(**one.params), dtype=x.dtype)
        lines["kinks"].set_data(kinks.numpy(), one.record(kinks, **one.params).numpy())
        ends = np.array(self.view.x)
        slants = asymptotes(one.record, **one.params)
        at = [(u, m * u + b) for m, b in slants for u in (*ends, np.nan)]
        lines["asymptotes"].set_data(*np.array(at or [(np.nan, np.nan)]).T)

    def _lines(self, i: int, colour: str) -> dict[str, Line2D]:
        over = 3 - 0.1 * i
        looks = ((NAMES[0], "-"), (NAMES[1], "-"), (NAMES[2], ":"))
        label = in_legend(self.records[i].label)
        made = {
            name: (self.left if name == "f" else self.right).plot([], [], style, label=label)[0]
            for name, style in looks
        }
        made["asymptotes"] = self.left.plot([], [], "--", linewidth=0.8)[0]
        made["kinks"] = self.left.plot([], [], "o", markersize=4.5)[0]
        for name, line in made.items():
            line.set(color=colour, zorder=over)
            self.moves(line, name if name in NAMES else "")
        return made

    def _furnish(self) -> None:
        for ax, title in ((self.left, "f(x)"), (self.right, "slope")):
            ax.axhline(0, color=GREY, linewidth=0.6)
            ax.axvline(0, color=GREY, linewidth=0.6)
            ax.set(title=title, xlabel="x")
        self.left.legend(loc="upper left")
        styles: Any = (("f'(x)", "-"), ("f''(x)", ":"))
        keys: list[object] = [Line2D([], [], color=GREY, linestyle=s, label=n) for n, s in styles]
        keys.append(Polygon([(0, 0)], label="input, normal", **area(GREY, 0.3)))
        beside: Any = {"loc": "lower right", "bbox_to_anchor": (1, 0.99), "borderaxespad": 0}
        self.right.legend(handles=keys, ncols=len(keys), **beside)  # slopes may be anywhere

    def _look(self, view: View) -> None:
        """Set the limits of the axes."""
        defaults = [Shown(record) for record in self.records]
        y, slopes = (view.y, view.slopes) if view.y and view.slopes else fitting(defaults, view)
        for ax, limits in ((self.left, view.y or y), (self.right, view.slopes or slopes)):
            ax.set(xlim=view.x, ylim=limits)


def first_view(shown: Sequence[Shown], span: float = 5.0) -> View:
    """Inputs from -span to span, and the dynamic region of the first one, if it saturates."""
    if not 0 < span < np.inf:
        raise ValueError(f"span must be a number above 0, got {text_of(span)}")
    try:
        return View(x=(-span, span), L=suggested_L(shown[0].record))
    except ValueError:
        return View(x=(-span, span))


def overlay(refs: Sequence[str | Activation], span: float = 5.0) -> Figure:
    """Activations at their default parameters over one another, with their derivatives.

    Args:
        refs: up to six elementwise activations, by name, reference or object.
        span: the inputs reach from -span to span, above 0.

    Returns:
        The figure.

    Raises:
        ValueError: for an activation that is unknown or not elementwise.
    """
    shown = [Shown.of(ref) for ref in refs]
    return Curves(shown, first_view(shown, span) if shown else None).figure


def fitting(shown: Sequence[Shown], view: View) -> tuple[Extent, Extent]:
    """Limits for f and for its derivatives within which these curves lie in this view."""
    x = torch.linspace(*view.x, POINTS, dtype=torch.float64)
    values = [samples(s.record, x, 2 if view.second else 1, **s.params) for s in shown]
    slopes = np.clip(np.concatenate([y for v in values for y in v[1:]]), -STEEPEST, STEEPEST)
    return _around(np.concatenate([v[0] for v in values])), _around(np.append(slopes, [0, 1]))


def _around(values: np.ndarray) -> Extent:
    finite = values[np.isfinite(values)]
    if not finite.size:
        return -1.0, 1.0
    low, high = float(finite.min()), float(finite.max())
    room = 0.07 * (high - low) or 1.0
    return low - room, high + room
