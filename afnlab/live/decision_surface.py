"""What networks make of the plane while they learn: surfaces, losses, pre-activations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.patches import StepPatch
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from afnlab.figures.style import BLUE, GREY, INK, ORANGE, area, in_legend, plain_ticks, styled
from afnlab.live.scene import Scene
from afnlab.registry import Activation, get_activation
from afnlab.training.learner import Learner, Setup
from afnlab.training.plane import points

GRID = 60  # cells of a surface along each side
LEVELS = 12  # shades from one class to the other; few, so that a frame stays small
OPACITY = 0.55
EDGE = 6.0  # pre-activations further out stand in the outermost bars
BINS = 48
TALL = 0.35  # share of a layer's pre-activations that fills the height of its axes
LEAST_LOSS = 1e-4
CLASSES = ((BLUE, "o"), (ORANGE, "s"))
MODELS = ("-", "--")


class Surfaces(Scene):
    """One or two networks: surfaces with the points, losses, pre-activations of the hidden layers.

    Colours are classes: BLUE circles 0, ORANGE squares 1. The first network is drawn solid
    or filled, the second dashed. Loss is the mean of the last steps' batches.
    """

    def __init__(self, learners: Sequence[Learner]) -> None:
        if len(learners) not in (1, 2):
            raise ValueError(f"learners must be one or two, got {len(learners)}")
        super().__init__(9.0, 5.0)
        self.layers = max(len(one.setup.hidden) for one in learners)
        setup = learners[0].setup
        self.low, self.high = setup.low, setup.high
        side = torch.linspace(self.low, self.high, 2 * GRID + 1)[1::2]
        y, x = torch.meshgrid(side, side, indexing="ij")
        self.grid = torch.stack([x.flatten(), y.flatten()], dim=1)
        self.edges = np.linspace(-EDGE, EDGE, BINS + 1)
        with styled():
            top: Any = self.figure.add_gridspec(
                1, 3, left=0.05, right=0.99, top=0.95, bottom=0.44, wspace=0.16
            )
            low: Any = self.figure.add_gridspec(
                1, self.layers, left=0.05, right=0.99, top=0.33, bottom=0.09, wspace=0.1
            )
            add = self.figure.add_subplot
            self.planes = [add(top[i]) for i in range(len(learners))]
            self.loss = add(top[2] if len(learners) == 2 else top[1:])
            self.histograms = [add(low[i]) for i in range(self.layers)]
            self.images = [
                self._plane(ax, one) for ax, one in zip(self.planes, learners, strict=True)
            ]
            self.marks = [[self._mark(ax, *kind) for kind in CLASSES] for ax in self.planes]
            self.curves = [self._loss(i, one) for i, one in enumerate(learners)]
            self.bars = [self._bars(i) for i in range(len(learners))]
            self._furnish()
        self.update(learners, *empty())

    def update(self, learners: Sequence[Learner], x: Tensor, y: Tensor) -> None:
        """Draw the networks as they are now, and the points (count, 2) of classes (count,)."""
        steps = max(one.steps for one in learners)
        if steps > self.loss.get_xlim()[1]:
            self.loss.set_xlim(0, 2 * steps)
            self.changed()
        for i, one in enumerate(learners):
            self.images[i].set_data(shades(one.surface(self.grid).view(GRID, GRID).numpy()))
            for label, mark in enumerate(self.marks[i]):
                mark.set_data(x[y == label].numpy().T)
            self.curves[i].set_data(*smoothed(one.losses))
            self._fill(self.bars[i], one, x)

    def place(self, x: float, y: float) -> tuple[float, float] | None:
        """The point of the plane at these shares of the figure's width and height (from the top);
        None outside the planes."""
        at = self.figure.transFigure.transform((x, 1 - y))
        for ax in self.planes:
            if ax.bbox.contains(*at):
                spot = ax.transData.inverted().transform(at)
                return float(spot[0]), float(spot[1])
        return None

    def _fill(self, bars: list[StepPatch], one: Learner, x: Tensor) -> None:
        found = one.preactivations(x) if len(x) else []
        for i, bar in enumerate(bars):
            heights = np.zeros(BINS)
            if i < len(found) and bool(found[i].isfinite().all()):
                inside = found[i].flatten().clamp(-EDGE, EDGE).numpy()
                heights = np.histogram(inside, self.edges)[0] / inside.size
            bar.set_data(heights.clip(max=TALL))

    def _plane(self, ax: Axes, one: Learner) -> AxesImage:
        extent = (self.low, self.high, self.low, self.high)
        blank = np.zeros((GRID, GRID, 4))
        image = ax.imshow(
            blank, origin="lower", extent=extent, interpolation="nearest", aspect="auto"
        )
        ax.grid(False)
        record = get_activation(one.setup.activation)
        turned = ", Auto-Rotating" if one.setup.auto_rot else ""
        ticks = np.linspace(self.low, self.high, 3)
        ax.set(title=f"{record.label}{turned}", xticks=ticks, yticks=ticks)
        return self.moves(image)

    def _mark(self, ax: Axes, colour: str, marker: str) -> Line2D:
        line = ax.plot([], [], marker, color=colour, markersize=4.5, markeredgecolor="white")[0]
        line.set_markeredgewidth(0.5)
        return self.moves(line)

    def _loss(self, i: int, one: Learner) -> Line2D:
        label = get_activation(one.setup.activation).label
        return self.moves(self.loss.plot([], [], MODELS[i], color=INK, label=in_legend(label))[0])

    def _bars(self, i: int) -> list[StepPatch]:
        outline: Any = {"color": INK, "linewidth": 1.2, "linestyle": MODELS[1]}
        look: Any = {"fill": True, **area(GREY, 0.4)} if i == 0 else outline
        flat = np.zeros(BINS)
        return [self.moves(ax.stairs(flat, self.edges, **look)) for ax in self.histograms]

    def _furnish(self) -> None:
        self.loss.set(
            title="loss", xlabel="step", yscale="log", xlim=(0, 200), ylim=(LEAST_LOSS, 3)
        )
        plain_ticks(self.loss.yaxis)
        if len(self.planes) == 2:
            self.loss.legend(loc="lower left")
        for i, ax in enumerate(self.histograms):
            ax.set(title=f"layer {i + 1}", xlim=(-EDGE, EDGE), ylim=(0, TALL), yticks=[])
            ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        self.histograms[0].set_xlabel("pre-activation")


def learned(
    activations: Sequence[str | Activation], shape: str = "spirals", steps: int = 600
) -> Figure:
    """Decision surfaces of small networks that have learned points in the plane.

    Args:
        activations: one or two, by name, reference or object.
        shape: of the points, see `afnlab.training.plane`.
        steps: how many steps of gradient descent are taken.

    Returns:
        The figure.

    Raises:
        ValueError: for an unknown activation or shape.
    """
    learners = [Learner(Setup(ref)) for ref in activations]
    scene = Surfaces(learners)
    x, y = points(shape)
    for one in learners:
        for _ in range(steps):
            one.step(x, y)
    scene.update(learners, x, y)
    return scene.figure


def empty() -> tuple[Tensor, Tensor]:
    """No points."""
    return torch.empty(0, 2), torch.empty(0, dtype=torch.int64)


def smoothed(losses: Sequence[float], most: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """Steps and losses to draw: means over stretches of equal length, at most so many."""
    values = np.asarray(losses, dtype=float).clip(min=LEAST_LOSS)
    stretch = max(10, -(-len(values) // most))
    whole = len(values) // stretch * stretch
    means = values[:whole].reshape(-1, stretch).mean(axis=1)
    return stretch * (np.arange(len(means)) + 0.5), means


def shades(probability: np.ndarray) -> np.ndarray:
    """RGBA of a surface: the colour of the likelier class, the stronger the surer."""
    sure = np.nan_to_num(2 * probability - 1)
    colours = np.array([[int(c[i : i + 2], 16) / 255 for i in (1, 3, 5)] for c, _ in CLASSES])
    strength = np.round(np.abs(sure) * LEVELS) / LEVELS * OPACITY
    return np.dstack([colours[(sure > 0).astype(int)], strength])
