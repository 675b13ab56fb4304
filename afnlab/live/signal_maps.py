"""Signal propagation as a figure: the maps of one layer, the phase diagram, and deep networks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from math import isfinite
from typing import Any

import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text

from afnlab.figures.style import BLUE, GREY, ORANGE, plain_ticks, shortened, styled
from afnlab.live.scene import Scene
from afnlab.registry import Activation
from afnlab.signal import Gaussian, MeanField, critical, edge_of_chaos, predicted
from afnlab.signal.random_network import followed, normals

LARGEST = 4.0  # variance, of the variance map
STEPS = 12  # layers of the cobweb
DEPTH, WIDTH = 20, 300  # of the sampled network
ALIKE = 0.6  # correlation of the two inputs in the first layer
SIGMA_W, SIGMA_B = (0.5, 3.0), (0.0, 1.0)  # what the phase diagram shows
RANGE = (1e-3, 1e3)  # of variance and gradient by layer


@dataclass(frozen=True)
class Layer:
    """What is looked at: an activation at its parameters, in layers of these sigmas."""

    record: Activation
    sigma_w: float
    sigma_b: float
    params: dict[str, Any] = field(default_factory=dict)

    @property
    def field(self) -> MeanField:
        function = _integrated(self.record, tuple(sorted(self.params.items())))
        return MeanField(function, self.sigma_w, self.sigma_b)


class SignalMaps(Scene):
    """Variance map with cobweb, correlation map, phase diagram, and 20 layers beside a sample.

    Lines are the theory of unlimited width; dots are one network of width 300, always drawn from
    the same random numbers. The cobweb and the layers begin at a variance of 1.
    """

    def __init__(self, layer: Layer) -> None:
        super().__init__(9.6, 5.4)
        self.edge: tuple[object, ...] = ()
        with styled():
            self._frame()
        self.update(layer)

    def _frame(self) -> None:
        grid = self.figure.add_gridspec(
            2, 3, left=0.06, right=0.985, top=0.93, bottom=0.09, wspace=0.3, hspace=0.45
        )
        axes = [self.figure.add_subplot(grid[i]) for i in range(4)]
        axes += [self.figure.add_subplot(grid[i], sharex=axes[3]) for i in (4, 5)]
        self.q_map, self.c_map, self.phases, self.q_depth, self.c_depth, self.slopes = axes
        self.lines: dict[str, Line2D] = {}
        ends = (0, LARGEST)
        self._diagonal(self.q_map, ends)
        self._line("q", self.q_map, BLUE, "map")
        self._line("cobweb", self.q_map, ORANGE, label="layer by layer", linewidth=0.9)
        self.q_map.set(xlabel="q", ylabel="q after a layer", xlim=ends, ylim=ends)
        self.title: Text = self.q_map.set_title("variance map")
        self._diagonal(self.c_map, (0, 1))
        self._line("c", self.c_map, BLUE, "map")
        self.c_map.set(
            title="correlation map",
            xlabel="c",
            ylabel="c after a layer",
            xlim=(0, 1),
            ylim=(0, 1.02),
        )
        self.boundary = self._line("edge", self.phases, GREY, label="edge of chaos")
        self.unsteady = self._line(
            "unsteady", self.phases, GREY, label="unstable there", linestyle=":"
        )
        self.best = self._line(
            "best", self.phases, GREY, label="critical initialization", marker="s", linestyle="None"
        )
        self._line("here", self.phases, ORANGE, label="here", marker="o", linestyle="None")
        self.phases.set(
            title="phases", xlabel="sigma_w", ylabel="sigma_b", xlim=SIGMA_W, ylim=SIGMA_B
        )
        self.phases.legend(loc="upper right", fontsize=7)
        for name, ax, title in (
            ("q", self.q_depth, "variance by layer"),
            ("correlation", self.c_depth, "correlation by layer"),
            ("gradient", self.slopes, "squared gradient by layer"),
        ):
            self._line(f"{name} predicted", ax, BLUE, "theory")
            dots = {"marker": "o", "markersize": 3, "linestyle": "None"}
            self._line(f"{name} measured", ax, BLUE, "sample", **dots)
            ax.set(title=title, xlabel="layer", xlim=(0.5, DEPTH + 0.5), xticks=[1, 5, 10, 15, 20])
        for ax in (self.q_depth, self.slopes):
            ax.set(yscale="log", ylim=RANGE)
            plain_ticks(ax.yaxis)
        self.c_depth.set(ylim=(0, 1.02))
        self.said: Text = self.moves(
            self.q_map.text(0.03, 0.97, "", transform=self.q_map.transAxes, va="top", fontsize=8)
        )

    def _line(self, name: str, ax: Axes, colour: str, reads: str = "", **style: Any) -> Line2D:
        self.lines[name] = self.moves(ax.plot([], [], color=colour, **style)[0], reads)
        return self.lines[name]

    def _diagonal(self, ax: Axes, ends: tuple[float, float]) -> None:
        self.moves(ax.plot(ends, ends, color=GREY, linewidth=0.8)[0])

    def update(self, layer: Layer) -> None:
        """Draw other sigmas, another activation or other parameters."""
        mean_field = layer.field
        self._boundary(layer)
        self.lines["here"].set_data([layer.sigma_w], [layer.sigma_b])
        q = np.concatenate([[1e-6], np.linspace(0.02, LARGEST, 100)])
        self.lines["q"].set_data(q, mean_field.variance(q))
        theory = predicted(mean_field, DEPTH, c=ALIKE)
        self.lines["cobweb"].set_data(*_cobweb(theory.q[:STEPS]))
        sample = followed(mean_field, _normals(), 1.0, ALIKE)
        for name in ("q", "correlation", "gradient"):
            for line, table in (("predicted", theory), ("measured", sample)):
                finite = table[name].where(np.isfinite(table[name]) & (table[name] < 1e200))
                drawn = np.full(DEPTH, np.nan)  # the theory may end before
                drawn[: len(finite)] = finite
                self.lines[f"{name} {line}"].set_data(np.arange(1, DEPTH + 1), drawn)
        last = float(theory.q.iloc[-1])
        at = last if RANGE[0] < last < RANGE[1] else 1.0
        c = np.array([0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 1.0])
        self.lines["c"].set_data(c, mean_field.correlation(c, at))
        chi = mean_field.at(at).chi
        self.said.set_text(
            f"chi_1 {chi:.3f} at q {at:.3g}" if isfinite(chi) else "chi_1 infinite: it jumps"
        )

    def _boundary(self, layer: Layer) -> None:
        """The edge of chaos, which depends on the activation alone; it is kept."""
        key = (layer.record, *sorted(layer.params.items()))
        if key == self.edge:
            return
        self.edge = key
        steady, unsteady, best = _edge(layer.record, tuple(sorted(layer.params.items())))
        self.boundary.set_data(steady.sigma_w, steady.sigma_b)
        self.unsteady.set_data(unsteady.sigma_w, unsteady.sigma_b)
        self.best.set_data(*best)
        self.title.set_text(f"{shortened(layer.record.label, 20)}: variance map")


def _cobweb(variances: Iterable[float]) -> tuple[list[float], list[float]]:
    """To the map and to the diagonal, a layer after the other."""
    listed = list(variances)
    x, y = [listed[0]], [0.0]
    for q, after in pairwise(listed):
        x += [q, after]
        y += [after, after]
    return x, y


@lru_cache(maxsize=1)
def _normals() -> list[torch.Tensor]:
    """The numbers that every sample is made of."""
    return normals(DEPTH, WIDTH, torch.Generator().manual_seed(0))


@lru_cache(maxsize=4)
def _integrated(record: Activation, params: tuple[tuple[str, float], ...]) -> Gaussian:
    """What sliders of the sigmas need not evaluate again."""
    return Gaussian(record, **dict(params))


@lru_cache(maxsize=32)
def _edge(
    record: Activation, params: tuple[tuple[str, float], ...]
) -> tuple[pd.DataFrame, pd.DataFrame, tuple[list[float], list[float]]]:
    """The stable and the unstable part of the edge of chaos, and the critical initialization."""
    function = _integrated(record, params)
    try:
        edge = edge_of_chaos(function, np.logspace(-2, 2, 61))
    except ValueError:  # it jumps, and there is none
        edge = pd.DataFrame(columns=["q", "sigma_w", "sigma_b", "slope"], dtype=float)
    try:
        one = critical(function)
        best = ([one.sigma_w], [one.sigma_b])
    except ValueError:
        best = ([], [])
    stable = edge.slope <= 1
    return edge.where(stable), edge.where(~stable), best


def signal_maps(
    ref: Activation, sigma_w: float | None = None, sigma_b: float = 0.0, **params: object
) -> Figure:
    """Signal propagation in layers of this activation, as a picture.

    Args:
        ref: an elementwise activation.
        sigma_w: see `afnlab.signal.MeanField`; None: the gain.
        sigma_b: of the biases.
        params: the activation's parameters.
    """
    weights = MeanField(ref, sigma_w, sigma_b, **params).sigma_w
    return SignalMaps(Layer(ref, weights, sigma_b, params)).figure
