"""Learning curves: a measure over the epochs."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from afnlab.compare import epochs
from afnlab.figures import metric_axis
from afnlab.figures.style import BESIDE, BLUE, GREY, ORANGE, Picture, panels, styled, wrapped
from afnlab.measures import ACCURACY, Measure


def learning(
    history: pd.DataFrame,
    order: Sequence[str],
    baseline: str,
    columns: int = 6,
    measure: Measure = ACCURACY,
) -> Figure:
    """Small multiples: the metric's mean over the epochs with its 95 % band; the baseline in
    orange, dashed in the panels of others."""
    found = epochs.bands(history, measure.column)
    values = found[["mean", "low", "high"]].clip(measure.low, measure.high)
    found[["mean", "low", "high"]] = measure.scale * values
    tables = {label: part.set_index("epoch") for label, part in found.groupby("label")}
    figure, axes = panels(len(order), columns, 1.5, sharey=True)
    best = metric_axis.best(found["mean"], measure)
    ends = pd.Series({label: t["mean"].iloc[-1] for label, t in tables.items()})
    near = ends[~metric_axis.beyond(ends, metric_axis.fence(ends, measure), measure)]
    last = metric_axis.worst(near, measure)
    edge = metric_axis.worse_of(last, metric_axis.behind(best, 0.05, measure), measure)
    edge = metric_axis.behind(edge, 0.05, measure)
    limits = metric_axis.limits(edge, metric_axis.behind(best, -0.01, measure), measure)
    mark, up = ("v", 6) if measure.better == "higher" else ("^", -6)
    for ax, label in zip(axes, order, strict=True):
        table = tables[label]
        colour = ORANGE if label == baseline else BLUE
        if baseline in tables and label != baseline:
            ax.plot(tables[baseline]["mean"], color=ORANGE, linewidth=1, linestyle="--")
        ax.fill_between(table.index, table.low, table.high, color=colour, alpha=0.25, linewidth=0)
        ax.plot(table["mean"], color=colour)
        ax.set_title(wrapped(label))
        ax.set_ylim(*limits)
        ax.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        if metric_axis.beyond(ends[label], edge, measure):
            middle, end = table.index.to_numpy().mean(), f"{ends[label]:.{_short(measure)}f}"
            ax.plot(middle, edge, mark, color=colour, markersize=5, clip_on=False)
            side = "bottom" if up > 0 else "top"
            ax.annotate(end, (middle, edge), (0, up), **BESIDE, ha="center", va=side)
    figure.supxlabel("epoch", fontsize=9)
    figure.supylabel(metric_axis.label(measure), fontsize=9)
    return figure


def _short(measure: Measure) -> int:
    """Decimals of a number in a figure."""
    return max(measure.decimals - 1, 0)


def seed_lines(ax: Axes, history: pd.DataFrame, column: str, scale: float = 1.0) -> Axes:
    """A column over the epochs, times a factor: thin lines are seeds, the thick one their mean."""
    table = history.pivot(index="epoch", columns="seed", values=column) * scale
    thin = ax.plot(table.index, table, color=GREY, linewidth=0.6)
    thick = ax.plot(table.index, table.mean(axis=1), color=BLUE, linewidth=2)
    ax.legend([thin[0], thick[0]], ["a seed", "their mean"])
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    return ax


def training(history: pd.DataFrame, measure: Measure = ACCURACY) -> Figure:
    """The metric and the loss of one activation's seeds over the epochs."""
    with styled():
        figure = Picture(figsize=(9, 3.2), layout="constrained")
        left, right = figure.subplots(1, 2)
        seed_lines(left, history, measure.column, measure.scale)
        left.set(xlabel="epoch", title=metric_axis.label(measure, "test"))
        seed_lines(right, history, "test_loss")
        right.set(xlabel="epoch", title="test loss")
    return figure
