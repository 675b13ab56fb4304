"""The dynamic region of Auto-Rotating layers, and how pre-activations come to lie in it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import ceil, floor, log10
from typing import Any

import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import StepPatch
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator
from torch import Tensor, nn

from afnlab.autorot import AutoRotLinear
from afnlab.compare.formatting import short_percent
from afnlab.figures.function_curves import NAMES, POINTS, STYLES, samples
from afnlab.figures.style import BLUE, GREY, area, shortened, styled
from afnlab.live.references import activation_of, task_of
from afnlab.live.scene import Scene, shade
from afnlab.registry import Activation
from afnlab.training.initial import build
from afnlab.training.models import rotated_mlp
from afnlab.training.options import resolve
from afnlab.training.tasks import Task

EXAMPLES = 500
WIDTH = 50  # of hidden layers, where their number is given
BINS = 60
TALL = 0.25  # share of a layer's pre-activations that fills the height of its axes
ROOMY = 6  # layers, up to which there is room to say which is which
REACH = 2.5  # times L: how far out the figure shows


@dataclass(frozen=True)
class Start:
    """A network at its start, whose pre-activations are looked at.

    task: one with the settings auto_rot and L, such as digits-arp. depth: its number of hidden
    layers, then of 50 units each; None: the task's own. L, x_q: of its rotation; params: the
    activation's parameters.
    """

    task: Task
    record: Activation
    L: float
    x_q: float | str = "auto"
    depth: int | None = None
    seed: int = 0
    params: dict[str, object] = field(default_factory=dict)

    def network(self) -> nn.Module:
        """The network, in evaluation mode."""
        data, task = self.task.data(), self.task
        if self.depth is not None:
            classes = data.classes or data.train_y[0].numel()  # or numbers of a regression
            sizes = (data.train_x[0].numel(), *[WIDTH] * self.depth, classes)
            task = replace(task, name=f"{task.name}-{self.depth}", model=rotated_mlp(*sizes))
        options = resolve(task, self.record, {**self.params, "auto_rot": True, "L": self.L})
        return build(task, self.record, options, self.seed, data.train_x).eval()

    @torch.no_grad()
    def values(self, network: nn.Module, rotated: bool) -> list[Tensor]:
        """All pre-activations of the first 500 examples, a tensor a hidden layer.

        network: of a start with the same weights, whose layers are set to this one's rotation.
        """
        x = self.task.data().train_x[:EXAMPLES]
        layers = []
        for layer in network.children():
            if isinstance(layer, AutoRotLinear):
                low, high = layer.xmin_lim, layer.xmax_lim
                layer.set_rotation(self.L, low, high, self.x_q, auto_rot=rotated)
            x = layer(x)
            if isinstance(layer, AutoRotLinear):
                layers.append(x.flatten())
        return layers

    @property
    def weights(self) -> tuple:
        """What the network's weights, and the plain pre-activations, depend on."""
        return (self.task.name, self.record, self.depth, self.seed, *self.params.items())


class Regions(Scene):
    """The dynamic region on the activation, and each layer's pre-activations before and after.

    reach: how far out the axes show; None: 2.5 L. The outermost bars hold what lies further out.
    """

    def __init__(self, start: Start, reach: float | None = None) -> None:
        super().__init__(9.0, 4.4)
        self.reach = REACH * start.L if reach is None else reach
        self.edges = np.linspace(-self.reach, self.reach, BINS + 1)
        self._build(start)
        with styled():
            self._frame(start.record.label, len(self.plain))
        self.update(start)

    def _build(self, start: Start) -> None:
        self.weights, self.network = start.weights, start.network()
        values = start.values(self.network, rotated=False)
        self.plain = [self._heights(layer) for layer in values]

    def _heights(self, values: Tensor) -> np.ndarray:
        """Shares of the values in each bar; those further out in the outermost."""
        inside = values.clamp(-self.reach, self.reach).float()
        counts = torch.histc(inside, BINS, -self.reach, self.reach)
        return (counts / inside.numel()).clamp(max=TALL).numpy()

    def _frame(self, label: str, layers: int) -> None:
        sides: Any = {"left": 0.05, "right": 0.98}
        above = self.figure.add_gridspec(1, 1, top=0.93, bottom=0.52, **sides)
        below = self.figure.add_gridspec(1, layers, top=0.33, bottom=0.07, wspace=0.08, **sides)
        self.top = self.figure.add_subplot(above[0])
        self.rows = [self.figure.add_subplot(below[0])]
        self.rows += [
            self.figure.add_subplot(below[i], sharex=self.rows[0]) for i in range(1, layers)
        ]
        self.shades = [self.moves(shade(ax, BLUE, 0.12)) for ax in (self.top, *self.rows)]
        self.lines: list[Line2D] = [
            self.moves(self.top.plot([], [], label=name, **style)[0], name)
            for name, style in zip(NAMES[:2], STYLES, strict=False)
        ]
        self.limit: Text = self.moves(_corner(self.top))
        self.top.axhline(0, color=GREY, linewidth=0.6)
        self.top.axvline(0, color=GREY, linewidth=0.6)
        self.top.set(
            title=shortened(label), xlabel="pre-activation", xlim=(-self.reach, self.reach)
        )
        self.top.legend(loc="upper left")
        self.bars = [self._bars(i) for i in range(layers)]
        keys = self.bars[0][:2]
        self.figure.legend(handles=keys, loc="upper right", bbox_to_anchor=(0.985, 0.465), ncols=2)

    def _bars(self, i: int) -> tuple[StepPatch, StepPatch, Text]:
        ax = self.rows[i]
        ax.set_title(f"layer {i + 1} in ±L" if len(self.rows) <= ROOMY else f"{i + 1}", fontsize=8)
        ax.set(xlim=(-self.reach, self.reach), ylim=(0, TALL), yticks=[])
        ax.xaxis.set_major_locator(MaxNLocator(3))
        flat = np.zeros(BINS)
        looks = {"plain": area(GREY, 0.5), "rotated": area(BLUE, 0.5)}
        plain, rotated = (
            ax.stairs(flat, self.edges, fill=True, label=name, **look)
            for name, look in looks.items()
        )
        return self.moves(plain, "plain"), self.moves(rotated, "rotated"), self.moves(_corner(ax))

    def update(self, start: Start) -> None:
        """Draw another start of as many layers."""
        if start.weights != self.weights:
            self._build(start)
        values = start.values(self.network, rotated=True)
        if len(values) != len(self.bars):
            raise ValueError(f"{len(values)} layers, not {len(self.bars)}; make a new figure")
        x = torch.linspace(-self.reach, self.reach, POINTS, dtype=torch.float64)
        drawn = samples(start.record, x, 1, **start.params)
        for line, y in zip(self.lines, drawn, strict=True):
            line.set_data(x.numpy(), y)
        limits = _round_limits(np.concatenate(drawn))
        self.top.set_ylim(*limits)
        for one in self.shades:
            one.set_xy([(-start.L, 0), (-start.L, 1), (start.L, 1), (start.L, 0)])
        self.limit.set_text(f"L = {start.L:g}")
        for i, ((plain, rotated, share), layer) in enumerate(zip(self.bars, values, strict=True)):
            plain.set_data(self.plain[i])
            rotated.set_data(self._heights(layer))
            share.set_text(short_percent(float((layer.abs() <= start.L).double().mean())))


def _corner(ax: Axes) -> Text:
    """Text above the right end of an axes."""
    return ax.text(1, 1.05, "", transform=ax.transAxes, ha="right", fontsize=8)


def _round_limits(values: np.ndarray) -> tuple[float, float]:
    """Limits around the values that are round, so that they seldom change."""
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    step = 10.0 ** floor(log10(high - low)) / 10 if high > low else 1.0
    return (floor(low / step) - 1) * step, (ceil(high / step) + 1) * step


def preactivations(
    task: str | Task, ref: str | Activation, L: float, **params: object
) -> pd.DataFrame:
    """Pre-activations of a network at its start, before and after rotation.

    Columns: layer (from 1), rotated, value; one row per unit and example, of which there are 500.
    The task is one with the settings auto_rot and L, such as digits-arp.
    """
    start = Start(task_of(task), activation_of(ref), L, params=params)
    network = start.network()
    parts = [
        pd.DataFrame({"layer": i, "rotated": rotated, "value": layer.numpy()})
        for rotated in (False, True)
        for i, layer in enumerate(start.values(network, rotated), 1)
    ]
    return pd.concat(parts, ignore_index=True)


def overview(task: str | Task, ref: str | Activation, L: float, **params: object) -> Figure:
    """The dynamic region on the activation, and each layer's pre-activations before and after.

    The outermost bars hold what lies further out.
    """
    start = Start(task_of(task), activation_of(ref), L, params=params)
    return Regions(start).figure
