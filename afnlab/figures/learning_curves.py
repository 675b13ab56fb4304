"""Learning curves: a measure over the epochs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from afnlab.compare import epochs
from afnlab.compare.proper_names import proper_name
from afnlab.figures import metric_axis
from afnlab.figures.style import (
    BLUE,
    GREY,
    ORANGE,
    Picture,
    log_ticks,
    panels,
    row_name,
    styled,
    tip,
    whole_ticks,
)
from afnlab.measures import ACCURACY, Measure
from afnlab.printing import printed_value

CLOSE = 0.1  # of the range of a metric: a logarithm of the distance from a bound pays from there on
FEW = 4  # curves, up to which one axes for all of them is small
FLOOR = 0.5  # of the smallest distance that is not 0: where 0 stands on a logarithmic axis
Tables = dict[str, pd.DataFrame]


def learning(
    history: pd.DataFrame,
    order: Sequence[str],
    baseline: str,
    columns: int = 6,
    measure: Measure = ACCURACY,
) -> Figure:
    """Small multiples: the metric's mean over the epochs with its 95 % band; the baseline in
    orange, dashed in the panels of others.

    Where means come close to a bound that nothing can be better than, the distance from it is drawn
    on a logarithmic axis, such as the error in place of the accuracy, so that every panel shows its
    curve.
    """
    names, bound = list(map(proper_name, order)), neared(history, measure)
    figure, axes = panels(names, columns, 1.5, sharey=True, of=_label(measure, bound))
    tables = _drawn(history, measure, bound)
    for ax, label in zip(axes, order, strict=True):
        table, colour = tables[label], ORANGE if label == baseline else BLUE
        if baseline in tables and label != baseline:
            its = tables[baseline]["mean"]
            ax.plot(its, color=ORANGE, linewidth=1, linestyle="--", marker=_dot(its))
        ax.fill_between(table.index, table.low, table.high, color=colour, alpha=0.25, linewidth=0)
        (line,) = ax.plot(table["mean"], color=colour, marker=_dot(table))
        tip(line, *_tip_lines(label, table, measure))
        whole_ticks(ax.xaxis, 4)
    if bound is not None:
        _log(axes[0], tables)
    else:
        _near(axes, order, baseline, tables, measure)
    figure.supxlabel("epoch", fontsize=9)
    return figure


def overlay(
    history: pd.DataFrame, order: Sequence[str], baseline: str, measure: Measure = ACCURACY
) -> Figure:
    """The means of all rows over the epochs on one axes, as `learning` draws them; the baseline in
    orange, the best other row in blue."""
    bound = neared(history, measure)
    tables = _drawn(history, measure, bound)
    size = (6.5, 3.2) if len(order) <= FEW else (9.5, 4.6)
    figure = Picture(figsize=size, layout="constrained")
    ax = figure.subplots()
    best = next((label for label in order if label != baseline), None)
    for label in reversed(order):  # what is named lies on top
        style = _STYLES.get("base" if label == baseline else "best" if label == best else "")
        (line,) = ax.plot(
            tables[label]["mean"], **(style or _STYLES["other"]), marker=_dot(tables[label])
        )
        tip(line, *_tip_lines(label, tables[label], measure))
        if style:
            line.set_label(row_name(label))
    if bound is not None:
        _log(ax, tables)
    ax.set(xlabel="epoch", ylabel=_label(measure, bound))
    whole_ticks(ax.xaxis)
    ax.margins(x=0.01)
    ax.legend()
    return figure


_STYLES: dict[str, dict[str, Any]] = {
    "base": {"color": ORANGE, "linewidth": 1.8, "linestyle": "--", "zorder": 4},
    "best": {"color": BLUE, "linewidth": 2.0, "zorder": 3},
    "other": {"color": GREY, "linewidth": 0.8, "alpha": 0.8},
}


def _dot(values: pd.DataFrame | pd.Series) -> str:
    """How a curve of one epoch is drawn: a line of one point would be nothing."""
    return "o" if len(values) == 1 else "None"


def neared(history: pd.DataFrame, measure: Measure) -> float | None:
    """The printed best bound of the metric, if the means of the epochs come close to it.

    Elsewhere the distance from the bound would turn the curves over and gain nothing: on a
    logarithmic axis what is far from it looks alike. Of a metric that can get as bad as it likes,
    the worst mean stands for the other bound.
    """
    bound = metric_axis.best_bound(measure)
    if bound is None:
        return None
    means = measure.scale * history.groupby(["label", "epoch"])[measure.column].mean()
    distances = (bound - means[np.isfinite(means)]).abs()
    worst = measure.worst
    whole = distances.max() if worst is None else abs(bound - measure.scale * worst)
    return bound if distances.min() <= CLOSE * whole else None


def _drawn(history: pd.DataFrame, measure: Measure, bound: float | None) -> Tables:
    """By label, over the epochs: the printed mean, low, high as they are drawn, and `value`, the
    printed mean itself."""
    bands = epochs.bands(history, measure.column)
    columns = ["mean", "low", "high"]
    values = measure.scale * bands[columns].clip(measure.low, measure.high)
    drawn = values if bound is None else measure.sign * (bound - values)
    if bound is not None:
        least = drawn["mean"][drawn["mean"] > 0].min()
        drawn = drawn.clip(lower=FLOOR * least if least > 0 else 1.0)
    bands = bands.assign(value=values["mean"], **{name: drawn[name] for name in columns})
    return {str(label): part.set_index("epoch") for label, part in bands.groupby("label")}


def _tip_lines(label: str, table: pd.DataFrame, measure: Measure) -> tuple[str, list[str]]:
    lines = [
        f"epoch {epoch:g}: {printed_value(measure, value / measure.scale)}"
        for epoch, value in table.value.items()
    ]
    return proper_name(label), lines


def _label(measure: Measure, bound: float | None) -> str:
    if bound is None:
        return metric_axis.label(measure)
    return metric_axis.distance_label(measure)


def _log(ax: Axes, tables: Tables) -> None:
    """A logarithmic axis on which all curves lie."""
    means = pd.concat([table["mean"] for table in tables.values()])
    low, high = means.min(), means.max()
    room = (high / low) ** 0.06 if high > low else 1.5
    ax.set_yscale("log")
    ax.set_ylim(low / room, high * room)
    log_ticks(ax.yaxis, low / room, high * room, about=5)


def _near(
    axes: Sequence[Axes], order: Sequence[str], baseline: str, tables: Tables, measure: Measure
) -> None:
    """A linear axis for the curves that end near the others, and numbers for those that do not."""
    best = metric_axis.best(pd.concat([t["mean"] for t in tables.values()]), measure)
    ends = pd.Series({label: t["mean"].iloc[-1] for label, t in tables.items()})
    near = ends[~metric_axis.beyond(ends, metric_axis.fence(ends, measure), measure)]
    whole = pd.concat([tables[label]["mean"] for label in near.index])
    start = metric_axis.fence(whole, measure)  # a curve is shown from its beginning, if it can be
    last = metric_axis.worst(whole if np.isinf(start) else near, measure)
    edge = metric_axis.worse_of(last, metric_axis.behind(best, 0.05, measure), measure)
    edge = metric_axis.behind(edge, 0.05, measure)
    limits = metric_axis.limits(edge, metric_axis.behind(best, -0.01, measure), measure)
    for ax, label in zip(axes, order, strict=True):
        ax.set_ylim(*limits)
        if metric_axis.beyond(ends[label], edge, measure):
            colour = ORANGE if label == baseline else BLUE
            middle, end = tables[label].index.to_numpy().mean(), ends[label]
            text = metric_axis.short(end, measure)
            metric_axis.at_edge(ax, middle, text, colour, measure, upright=True)


def seed_lines(ax: Axes, history: pd.DataFrame, column: str, scale: float = 1.0) -> Axes:
    """A column over the epochs, times a factor: thin lines are seeds, the thick one their mean."""
    table = history.pivot(index="epoch", columns="seed", values=column) * scale
    mark = _dot(table)
    thin = ax.plot(table.index, table, color=GREY, linewidth=0.6, marker=mark)
    thick = ax.plot(table.index, table.mean(axis=1), color=BLUE, linewidth=2, marker=mark)
    ax.legend([thin[0], thick[0]], ["a seed", "their mean"])
    whole_ticks(ax.xaxis)
    return ax


def training(history: pd.DataFrame, measure: Measure = ACCURACY) -> Figure:
    """The metric and the loss of one activation's seeds over the epochs.

    Args:
        history: a `Result.history`.
        measure: the metric.

    Returns:
        The figure.
    """
    with styled():
        figure = Picture(figsize=(9, 3.2), layout="constrained")
        left, right = figure.subplots(1, 2)
        seed_lines(left, history, measure.column, measure.scale)
        left.set(xlabel="epoch", title=metric_axis.label(measure, "test"))
        seed_lines(right, history, "test_loss")
        right.set(xlabel="epoch", title="test loss")
    return figure
