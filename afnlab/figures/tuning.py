"""Figures of tuned runs: the metric over a parameter, tuning curves, what tuning moved."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from afnlab.compare.proper_names import proper_name
from afnlab.figures import metric_axis
from afnlab.figures.style import (
    BLUE,
    COLOURS,
    GREY,
    ORANGE,
    Picture,
    log_ticks,
    panels,
    row_name,
    wrapped,
)
from afnlab.measures import ACCURACY, Measure

BINS = 8  # of an axis, for the line through its trials


def over(
    tried: pd.DataFrame,
    name: str,
    order: Sequence[str],
    baseline: str,
    log: bool = False,
    columns: int = 6,
    measure: Measure = ACCURACY,
) -> Figure:
    """The metric on validation examples of every trial over a parameter, one panel per label.

    Lines are the medians of equal parts of the axis; the baseline's are dashed in all panels.

    tried: of `tuned.trials`; name: a parameter with numbers; log: on a logarithmic axis.
    """
    figure, axes = panels(len(order), min(columns, len(order)), 1.5, sharey=True)
    tried = tried.assign(value=measure.scale * tried[measure.key])
    lines = {label: _medians(tried[tried.label == label], name, log) for label in order}
    best = measure.sign * (measure.sign * tried.value).groupby(tried.label).max()
    near = best[~metric_axis.beyond(best, metric_axis.fence(best, measure), measure)]
    edge = metric_axis.behind(metric_axis.worst(near, measure), 0.15, measure)
    limits = metric_axis.limits(edge, _over_the_best(best, measure), measure)
    axes[0].set_ylim(*limits)  # of all panels, and so is what follows: they share both axes
    if log:
        axes[0].set_xscale("log")
        log_ticks(axes[0].xaxis, tried[name].min(), tried[name].max(), about=4)
    for ax, label in zip(axes, order, strict=True):
        rows = tried[tried.label == label]
        shown = rows.value.clip(*((edge, None) if measure.better == "higher" else (None, edge)))
        ax.plot(rows[name], shown, ".", color=GREY, markersize=2.5, clip_on=False)
        colour = ORANGE if label == baseline else BLUE
        if baseline in lines and label != baseline:
            ax.plot(*lines[baseline], color=ORANGE, linewidth=1, linestyle="--")
        ax.plot(*lines[label], color=colour)
        ax.set_title(wrapped(proper_name(label)))
    figure.supxlabel(name, fontsize=9)
    figure.supylabel(metric_axis.label(measure, "validation"), fontsize=9)
    return figure


def _over_the_best(best: pd.Series, measure: Measure) -> float:
    """The better end of an axis: the metric's bound, or the best value, and a little more."""
    bound = measure.high if measure.better == "higher" else measure.low
    end = metric_axis.best(best, measure) if bound is None else measure.scale * bound
    return end + measure.sign * measure.scale * measure.part(0.005, end / measure.scale)


def _medians(trials: pd.DataFrame, name: str, log: bool) -> tuple[np.ndarray, np.ndarray]:
    """Middles of equal parts of the axis, and the median value of the trials in each."""
    at = trials[name].astype(float).to_numpy()
    at = np.log(at) if log else at
    if len(np.unique(at)) <= BINS:
        parts = np.unique(at, return_inverse=True)[1]
    else:
        edges = np.linspace(at.min(), at.max(), BINS + 1)
        parts = np.clip(np.searchsorted(edges, at, side="right") - 1, 0, BINS - 1)
    grouped = pd.DataFrame({"at": at, "y": trials.value.to_numpy()}).groupby(parts)
    middle = grouped["at"].mean().to_numpy()
    return (np.exp(middle) if log else middle), grouped["y"].median().to_numpy()


def curves(
    ax: Axes, bands: pd.DataFrame, labels: Sequence[str], measure: Measure = ACCURACY
) -> Axes:
    """The expected best over the number of random trials, with confidence bands.

    bands: of `tuned.curves`.
    """
    for colour, label in zip((ORANGE, BLUE, *COLOURS[2:]), labels, strict=False):
        curve = bands[bands.label == label].set_index("trials")
        low, high = measure.scale * curve.low, measure.scale * curve.high
        ax.fill_between(curve.index, low, high, color=colour, alpha=0.2, linewidth=0)
        middle = measure.scale * curve.expected
        ax.plot(middle, color=colour, label=row_name(label), marker="o", ms=3)
    ax.set(xlabel="random trials", ylabel=metric_axis.label(measure, "expected best"))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    expected = measure.scale * bands[bands.label.isin(labels)].expected
    edge = metric_axis.behind(metric_axis.worst(expected, measure), 0.05, measure)
    ax.set_ylim(*metric_axis.limits(edge, _over_the_best(expected, measure), measure))
    ax.legend(loc="lower right" if measure.better == "higher" else "upper right")
    return ax


def shift(fixed: pd.Series, tuned: pd.Series, baseline: str, measure: Measure = ACCURACY) -> Figure:
    """One arrow per label, from its mean at the fixed recipe to that when tuned.

    fixed, tuned: means by label, in the order of the rows. Starts far behind the others stand at
    the edge, with their number.
    """
    order = list(tuned.index)
    before, after = measure.scale * fixed[order], measure.scale * tuned
    last = metric_axis.worst(after, measure)
    far, near = (_behind(last, by, measure) for by in (0.06, 0.005))
    edge = metric_axis.fence(pd.concat([before, after]), measure)
    edge = far if metric_axis.beyond(edge, far, measure) else edge
    edge = metric_axis.worse_of(edge, near, measure)
    figure = Picture(figsize=(7.5, 0.18 * len(order) + 1), layout="constrained")
    ax = figure.subplots()
    for row, label in enumerate(order):
        colour = ORANGE if label == baseline else BLUE
        start = before[label]
        if metric_axis.beyond(start, edge, measure):
            text, right = metric_axis.short(start, measure), measure.better == "lower"
            place, side = ((-3, 5), "right") if right else ((3, 5), "left")
            style: dict[str, Any] = {"textcoords": "offset points", "fontsize": 7, "ha": side}
            ax.annotate(text, (edge, row), place, **style)
            start = edge
        arrow = {"arrowstyle": "->", "color": colour, "linewidth": 1.2, "shrinkA": 0, "shrinkB": 0}
        ax.annotate("", (after[label], row), (start, row), arrowprops=arrow)
        ax.plot(start, row, ".", color=GREY, markersize=5)
        ax.plot(after[label], row, "D" if label == baseline else "o", color=colour, markersize=4)
    if baseline in after:
        ax.axvline(after[baseline], color=ORANGE, linewidth=0.8, alpha=0.6)
    metric_axis.end_at(ax, edge, measure)
    ax.set_yticks(range(len(order)), list(map(row_name, order)))
    ax.set(xlabel=metric_axis.label(measure, "mean"), ylim=(len(order) - 0.5, -0.5))
    ax.tick_params(axis="y", length=0)
    ax.grid(True, axis="y")
    return figure


def _behind(value: float, by: float, measure: Measure) -> float:
    """A printed value that is worse by a part of the metric's range; it may be out of bounds."""
    return value - measure.sign * measure.scale * measure.part(by, value / measure.scale)
