"""What went on inside networks, layer by layer, over a training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator

from afnlab.figures.style import BLUE, GREY, ORANGE, Picture, plain_ticks, wrapped

STEPS = 4  # epochs that are drawn between the first and the last


@dataclass(frozen=True)
class Panel:
    """A column of the figure: a column of the table, its title, its factor, and its scale.

    at: where a line marks what separates two cases; 0: nowhere.
    """

    column: str
    title: str
    factor: float = 1.0
    log: bool = False
    at: float = 0.0


PANELS = (
    Panel("dead", "dead (%)", 100.0),
    Panel("saturated", "saturated (%)", 100.0),
    Panel("rank", "effective rank"),
    Panel("q", "mean square", log=True),
    Panel("gradient", "gradient norm", log=True),
    Panel("chi", "chi", log=True, at=1.0),
)


def signals(measured: pd.DataFrame, order: Sequence[str] | None = None) -> Figure:
    """One row per label, one panel per measure, over the layers: before the training (dashed), at
    some epochs (thin) and after the last (thick), as means of the seeds.

    Args:
        measured: label, seed, and what `record=["signals"]` records.
        order: the labels; None: all, as they come.

    Returns:
        The figure; where all calls are of one place in the network, its axis are the calls.
    """
    order = list(measured.label.unique()) if order is None else order
    rows = len(order)
    figure = Picture(figsize=(10.5, 1.35 * rows + 0.5), layout="constrained")
    axes = figure.subplots(rows, len(PANELS), sharex="row", sharey="col", squeeze=False)
    for at, label in enumerate(order):
        of_label = measured[measured.label == label]
        for ax, panel in zip(axes[at], PANELS, strict=True):
            _draw(ax, of_label, panel)
        axes[at][0].set_ylabel(wrapped(label, 18))
    for ax, panel in zip(axes[0], PANELS, strict=True):
        ax.set_title(panel.title)
    repeated = measured.groupby(["label", "seed", "epoch"]).site.nunique().eq(1).all()
    steps = repeated and measured.call.max() > 0
    figure.supxlabel("call (time step)" if steps else "layer", fontsize=9)
    return figure


def _draw(ax: Axes, table: pd.DataFrame, panel: Panel) -> None:
    values = table.assign(value=table[panel.column] * panel.factor)
    if panel.log:
        values = values[values.value > 0].assign(value=lambda t: np.log(t.value))
    means = values.groupby(["epoch", "layer"]).value.mean().unstack("epoch")
    means = means.apply(np.exp) if panel.log else means
    epochs = means.columns.to_numpy()
    if not len(epochs):
        return
    between = epochs[np.linspace(0, len(epochs) - 1, STEPS + 2).round().astype(int)][1:-1]
    marker = "." if len(means) < 16 else ""
    ax.plot(means[between], color=BLUE, alpha=0.4, linewidth=0.8)
    ax.plot(means[epochs[0]], color=GREY, linestyle="--", marker=marker)
    ax.plot(means[epochs[-1]], color=BLUE, marker=marker)
    ax.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    if panel.log:
        ax.set_yscale("log")
        ax.yaxis.set_major_locator(LogLocator(numticks=4))
        plain_ticks(ax.yaxis)
    if panel.factor == 100.0:
        ax.set_ylim(-5, 105)
    if panel.at:
        ax.axhline(panel.at, color=ORANGE, linewidth=0.8)
