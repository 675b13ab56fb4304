"""What networks make of the plane while they learn: surfaces, losses, pre-activations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.patches import StepPatch
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from afnlab.figures.style import BLUE, COLOURS, ORANGE, area, in_legend, plain_ticks, styled
from afnlab.live.references import activation_of
from afnlab.live.scene import Scene
from afnlab.registry import Activation, get_activation
from afnlab.training.learner import Learner, Setup
from afnlab.training.plane import points

GRID = 60  # cells of a surface along each side
OPACITY = 0.55  # where a network is sure
EDGE = 6.0  # pre-activations further out stand in the outermost bars
BINS = 48
TALL = 0.35  # share of a layer's pre-activations that fills the height of its axes
LEAST_LOSS = 1e-4
MOST_LOSSES = 300  # points of their curve
CLASSES = ((BLUE, "o"), (ORANGE, "s"))
NETWORKS = COLOURS[2:4]  # green and purple: what belongs to the first network, and to the second
WHAT = ("training", "test")  # of the losses
EVERY = 10  # steps from test to test of the static figure
TESTS = 200  # points that are not learned


class Surfaces(Scene):
    """One or two networks: surfaces with the points, losses, pre-activations of the hidden layers.

    On the planes colours are classes: BLUE circles 0, ORANGE squares 1; those of test points are
    hollow. Elsewhere they are networks (`NETWORKS`). The training loss, solid, is the mean of the
    last steps' batches; the test loss, dashed, is that of all test points.
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
            top = self.figure.add_gridspec(
                1, 3, left=0.05, right=0.975, top=0.95, bottom=0.44, wspace=0.24
            )
            low = self.figure.add_gridspec(
                1, self.layers, left=0.05, right=0.975, top=0.33, bottom=0.09, wspace=0.1
            )
            add = self.figure.add_subplot
            self.planes = [add(top[i]) for i in range(len(learners))]
            self.loss = add(top[2] if len(learners) == 2 else top[1:])
            self.histograms = [add(low[0])]
            self.histograms += [
                add(low[i], sharex=self.histograms[0]) for i in range(1, self.layers)
            ]
            self.images = [
                self._plane(ax, one) for ax, one in zip(self.planes, learners, strict=True)
            ]
            self.marks = [[self._mark(ax, *kind) for kind in CLASSES] for ax in self.planes]
            self.test_marks = [
                [self._mark(ax, *kind, hollow=True) for kind in CLASSES] for ax in self.planes
            ]
            self.curves = [self._losses(i, one) for i, one in enumerate(learners)]
            self.bars = [self._bars(i, one) for i, one in enumerate(learners)]
            self._furnish()
        self.update(learners, *empty())

    def update(
        self,
        learners: Sequence[Learner],
        x: Tensor,
        y: Tensor,
        test: tuple[Tensor, Tensor] | None = None,
    ) -> None:
        """Draw the networks as they are now, and the points (count, 2) of classes (count,).

        test: such points that are not learned.
        """
        steps = max(one.steps for one in learners)
        if steps > self.loss.get_xlim()[1]:
            self.loss.set_xlim(0, 2 * steps)
        for i, one in enumerate(learners):
            self.images[i].set_data(one.surface(self.grid).view(GRID, GRID).numpy())
            for marks, (at, of) in ((self.marks[i], (x, y)), (self.test_marks[i], test or empty())):
                for label, mark in enumerate(marks):
                    mark.set_data(at[of == label].numpy().T)
            self._fill(self.bars[i], one, x)
        self._draw_losses(learners)

    def _draw_losses(self, learners: Sequence[Learner]) -> None:
        drawn = [smoothed(one.losses) for one in learners]
        longest = max((steps for steps, _ in drawn), key=len)
        for lines, one, (steps, means) in zip(self.curves, learners, drawn, strict=True):
            lines[0].set_data(
                longest, np.pad(means, (0, len(longest) - len(steps)), constant_values=np.nan)
            )
            tested, losses = map(np.asarray, one.tests)
            between = np.interp(longest, tested, losses, np.nan, np.nan) if len(tested) else np.nan
            lines[1].set_data(longest, np.broadcast_to(between, longest.shape))

    def _fill(self, bars: list[StepPatch], one: Learner, x: Tensor) -> None:
        layers = one.preactivations(x) if len(x) else []
        for i, bar in enumerate(bars):
            heights = np.zeros(BINS)
            if i < len(layers) and bool(layers[i].isfinite().all()):
                inside = layers[i].flatten().clamp(-EDGE, EDGE).numpy()
                heights = np.histogram(inside, self.edges)[0] / inside.size
            bar.set_data(heights.clip(max=TALL))

    def _plane(self, ax: Axes, one: Learner) -> AxesImage:
        extent = (self.low, self.high, self.low, self.high)
        image = ax.imshow(
            np.full((GRID, GRID), 0.5),
            origin="lower",
            extent=extent,
            interpolation="bilinear",
            aspect="auto",
            cmap=SHADES,
            vmin=0,
            vmax=1,
        )
        ax.grid(False)
        record = get_activation(one.setup.activation)
        turned = ", Auto-Rotating" if one.setup.auto_rot else ""
        ticks = np.linspace(self.low, self.high, 3)
        ax.set(xticks=ticks, yticks=ticks)
        self.colours[ax] = NETWORKS[self.planes.index(ax)]
        ax.set_title(f"{record.label}{turned}", color=self.colours[ax])
        return self.moves(image)

    def _mark(self, ax: Axes, colour: str, marker: str, hollow: bool = False) -> Line2D:
        line = ax.plot([], [], marker, color=colour, markersize=4.5, markeredgecolor="white")[0]
        line.set_markeredgewidth(0.5)
        if hollow:
            line.set(markerfacecolor="none", markeredgecolor=colour, markeredgewidth=1.0)
        return self.moves(line)

    def _losses(self, i: int, one: Learner) -> tuple[Line2D, Line2D]:
        label = in_legend(get_activation(one.setup.activation).label)
        look: Any = {"color": NETWORKS[i], "label": label}
        train, test = (self.loss.plot([], [], style, **look)[0] for style in ("-", "--"))
        return self.moves(train, WHAT[0]), self.moves(test, WHAT[1])

    def _bars(self, i: int, one: Learner) -> list[StepPatch]:
        outline: Any = {"color": NETWORKS[1], "linewidth": 1.4}
        look: Any = {"fill": True, **area(NETWORKS[0], 0.35)} if i == 0 else outline
        label = in_legend(get_activation(one.setup.activation).label)
        flat, axes = np.zeros(BINS), self.histograms
        return [
            self.moves(ax.stairs(flat, self.edges, label=label, **look), "share") for ax in axes
        ]

    def _furnish(self) -> None:
        self.loss.set(
            title="loss", xlabel="step", yscale="log", xlim=(0, 200), ylim=(LEAST_LOSS, 3)
        )
        plain_ticks(self.loss.yaxis)
        keys = [line for pair in self.curves for line in pair]
        names = [f"{line.get_label()}, {what}" for line, what in zip(keys, 2 * WHAT, strict=False)]
        self.loss.legend(keys, names, loc="lower left")
        for i, ax in enumerate(self.histograms):
            ax.set(title=f"layer {i + 1}", xlim=(-EDGE, EDGE), ylim=(0, TALL), yticks=[])
            ax.set_xlabel("pre-activation", fontsize=8)
            ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))


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
    learners = [Learner(Setup(activation_of(ref))) for ref in activations]
    scene = Surfaces(learners)
    x, y = points(shape)
    test = points(shape, TESTS, seed=1)
    for one in learners:
        for step in range(steps):
            one.step(x, y)
            if step % EVERY == 0 or step == steps - 1:
                one.test(*test)
    scene.update(learners, x, y, test)
    return scene.figure


def empty() -> tuple[Tensor, Tensor]:
    """No points."""
    return torch.empty(0, 2), torch.empty(0, dtype=torch.int64)


def smoothed(losses: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """Steps and losses to draw: means over stretches of equal length, at most so many."""
    values = np.asarray(losses, dtype=float).clip(min=LEAST_LOSS)
    stretch = max(10, -(-len(values) // MOST_LOSSES))
    whole = len(values) // stretch * stretch
    means = values[:whole].reshape(-1, stretch).mean(axis=1)
    return stretch * (np.arange(len(means)) + 0.5), means


def shades(probability: np.ndarray) -> np.ndarray:
    """RGBA of a surface: the colour of the likelier class, the stronger the surer."""
    sure = np.nan_to_num(2 * probability - 1)
    colours = np.array([[int(c[i : i + 2], 16) / 255 for i in (1, 3, 5)] for c, _ in CLASSES])
    strength = np.abs(sure)[..., None] * OPACITY
    return np.concatenate([colours[(sure > 0).astype(int)], strength], axis=-1)


SHADES = ListedColormap(shades(np.linspace(0, 1, 256)), "probability of class 1")
