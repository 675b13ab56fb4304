"""Learning curves: a measure over the epochs."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from afnlab.compare import epochs
from afnlab.figures.comparison import lower_fence
from afnlab.figures.style import BESIDE, BLUE, GREY, ORANGE, Picture, panels, styled, wrapped


def learning(
    history: pd.DataFrame, order: Sequence[str], baseline: str, columns: int = 6
) -> Figure:
    """Small multiples: mean test accuracy over the epochs with its 95 % band; the baseline in
    orange, dashed in the panels of others."""
    found = epochs.bands(history)
    found[["mean", "low", "high"]] = 100 * found[["mean", "low", "high"]].clip(0, 1)
    tables = {label: part.set_index("epoch") for label, part in found.groupby("label")}
    figure, axes = panels(len(order), columns, 1.5, sharey=True)
    top = found["mean"].max()
    ends = pd.Series({label: t["mean"].iloc[-1] for label, t in tables.items()})
    last = ends[ends >= lower_fence(ends)].min()
    bottom = max(0.0, min(last, top - 5) - 5)
    for ax, label in zip(axes, order, strict=True):
        table = tables[label]
        colour = ORANGE if label == baseline else BLUE
        if baseline in tables and label != baseline:
            ax.plot(tables[baseline]["mean"], color=ORANGE, linewidth=1, linestyle="--")
        ax.fill_between(table.index, table.low, table.high, color=colour, alpha=0.25, linewidth=0)
        ax.plot(table["mean"], color=colour)
        ax.set_title(wrapped(label))
        ax.set_ylim(bottom, min(100.0, top + 1))
        ax.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        if ends[label] < bottom:
            middle = table.index.to_numpy().mean()
            ax.plot(middle, bottom, "v", color=colour, markersize=5, clip_on=False)
            ax.annotate(f"{ends[label]:.1f}", (middle, bottom), (0, 6), **BESIDE, ha="center")
    figure.supxlabel("epoch", fontsize=9)
    figure.supylabel("accuracy (%)", fontsize=9)
    return figure


def seed_lines(ax: Axes, history: pd.DataFrame, column: str, percent: bool = False) -> Axes:
    """A column over the epochs: thin lines are seeds, the thick one their mean."""
    table = history.pivot(index="epoch", columns="seed", values=column) * (100 if percent else 1)
    thin = ax.plot(table.index, table, color=GREY, linewidth=0.6)
    thick = ax.plot(table.index, table.mean(axis=1), color=BLUE, linewidth=2)
    ax.legend([thin[0], thick[0]], ["a seed", "their mean"])
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    return ax


def training(history: pd.DataFrame) -> Figure:
    """Accuracy and loss of one activation's seeds over the epochs.

    Args:
        history: a `Result.history`.

    Returns:
        The figure.
    """
    with styled():
        figure = Picture(figsize=(9, 3.2), layout="constrained")
        left, right = figure.subplots(1, 2)
        seed_lines(left, history, "test_accuracy", percent=True)
        left.set(xlabel="epoch", title="test accuracy (%)")
        seed_lines(right, history, "test_loss")
        right.set(xlabel="epoch", title="test loss")
    return figure
