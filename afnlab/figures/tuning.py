"""Figures of tuned runs: the metric over a parameter, tuning curves, what tuning moved."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

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
    whole_ticks,
)
from afnlab.measures import ACCURACY, Measure

BINS = 8  # of an axis, for the line through its trials
MOST = 0.75  # of the trials: an axis holds at least so many
TIMES = 20  # the best: an axis that reaches so far is logarithmic
BAND = 1.5  # times what curves take of an axis: their bands have so much room to either side


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
    of = metric_axis.label(measure, "validation")
    figure, axes = panels(list(map(proper_name, order)), columns, 1.5, sharey=True, of=of)
    tried = tried.assign(value=measure.scale * tried[measure.key])
    lines = {label: _medians(tried[tried.label == label], name, log) for label in order}
    best = measure.sign * (measure.sign * tried.value).groupby(tried.label).max()
    far = metric_axis.beyond(best, metric_axis.fence(best, measure), measure)
    edge = _edge(
        tried.value[~tried.label.map(far)], metric_axis.worst(best[~far], measure), measure
    )
    _hold(axes[0], tried.value, edge, measure)  # of all panels: they share both axes
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
        if far[label]:
            middle = np.median(rows[name].astype(float))
            text = f"best {metric_axis.short(best[label], measure)}"
            metric_axis.at_edge(ax, middle, text, colour, measure, upright=True)
    figure.supxlabel(name, fontsize=9)
    return figure


def _edge(values: pd.Series, worst_best: float, measure: Measure) -> float:
    """Where an axis of trials ends: it holds most of them, and the best of every label; what lies
    behind says no more than that it failed.

    values: of the trials; worst_best: the worst of the labels' best.
    """
    good = (measure.sign * values[np.isfinite(values)]).quantile(1 - MOST)
    near = metric_axis.behind(worst_best, 0.15, measure)
    return metric_axis.worse_of(near, measure.sign * float(good), measure)


def _hold(ax: Axes, values: pd.Series, edge: float, measure: Measure) -> None:
    """Have the vertical axis reach from the best of the values to an edge; as a logarithm where
    the one is so many times the other that values near the best would all lie at the end."""
    best = metric_axis.best(values[np.isfinite(values)], measure)
    metric_axis.hold(ax, [best, edge], measure, edge)
    if measure.better == "lower" and 0 < TIMES * best < edge:
        ax.set(yscale="log", ylim=(best / (edge / best) ** metric_axis.ROOM, edge))
        log_ticks(ax.yaxis, best, edge, about=4)


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
    """The expected best over the number of random trials, with confidence bands; a triangle where
    one of them goes on beyond the axis.

    bands: of `tuned.curves`.
    """
    colours = dict(zip(labels, (ORANGE, BLUE, *COLOURS[2:]), strict=False))
    for label, colour in colours.items():
        curve = bands[bands.label == label].set_index("trials")
        low, high = measure.scale * curve.low, measure.scale * curve.high
        ax.fill_between(curve.index, low, high, color=colour, alpha=0.2, linewidth=0)
        middle = measure.scale * curve.expected
        ax.plot(middle, color=colour, label=row_name(label), marker="o", ms=3)
    ax.set(xlabel="random trials", ylabel=metric_axis.label(measure, "expected best"))
    whole_ticks(ax.xaxis)
    drawn = measure.scale * bands[bands.label.isin(labels)][["expected", "low", "high"]]
    least, most = drawn.expected.min(), drawn.expected.max()
    # Bands of few trials are wide, and are cut rather than have the curves lie flat.
    room = BAND * (most - least)
    metric_axis.hold(ax, drawn.clip(least - room, most + room), measure)
    for label, colour in colours.items():
        _mark_beyond(ax, bands[bands.label == label].set_index("trials"), colour, measure.scale)
    ax.legend(loc="lower right" if measure.better == "higher" else "upper right")
    return ax


def _mark_beyond(ax: Axes, curve: pd.DataFrame, colour: str, scale: float) -> None:
    """A triangle at the end of the axis over each number of trials whose band goes on there."""
    bottom, top = ax.get_ylim()
    for mark, end, goes_on in (
        ("v", bottom, scale * curve.low < bottom),
        ("^", top, scale * curve.high > top),
    ):
        at = curve.index[goes_on]
        (marks,) = ax.plot(at, [end] * len(at), mark, color=colour, markersize=5, clip_on=False)
        marks.set_in_layout(False)  # which would reserve room for marks where there are none


def shift(fixed: pd.Series, tuned: pd.Series, baseline: str, measure: Measure = ACCURACY) -> Figure:
    """One arrow per label, from its mean at the fixed recipe to that when tuned.

    fixed, tuned: means by label, in the order of the rows. Starts far behind the others stand at
    the edge, with their number, and so do rows that are far behind when tuned, with both.
    """
    order = list(tuned.index)
    before, after = measure.scale * fixed[order], measure.scale * tuned
    far = metric_axis.beyond(after, metric_axis.fence(after, measure), measure)
    edge = _start_edge(before[~far], after[~far], measure)
    figure = Picture(figsize=(7.5, 0.18 * len(order) + 1), layout="constrained")
    ax = figure.subplots()
    for row, label in enumerate(order):
        colour = ORANGE if label == baseline else BLUE
        start = before[label]
        if far[label]:
            ends = (metric_axis.short(value, measure) for value in (start, after[label]))
            text = " \N{RIGHTWARDS ARROW} ".join(ends)
            metric_axis.at_edge(ax, row, text, colour, measure)
            continue
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
    if baseline in after and not far[baseline]:
        ax.axvline(after[baseline], color=ORANGE, linewidth=0.8, alpha=0.6)
    if metric_axis.beyond(before[~far], edge, measure).any():
        metric_axis.end_at(ax, edge, measure)
    ax.set_yticks(range(len(order)), list(map(row_name, order)))
    mean = "" if measure.mean == measure.name else "mean"  # no "mean mean error"
    ax.set(xlabel=metric_axis.label(measure, mean), ylim=(len(order) - 0.5, -0.5))
    ax.tick_params(axis="y", length=0)
    ax.grid(True, axis="y")
    return figure


def _start_edge(before: pd.Series, after: pd.Series, measure: Measure) -> float:
    """The printed value beyond which starts are cut: they may lie far behind all tuned means."""
    last = metric_axis.worst(after, measure)
    bounded = measure.low is not None and measure.high is not None
    far, near = (_behind(last, by, measure) for by in (0.06 if bounded else 1.0, 0.005))
    edge = metric_axis.fence(pd.concat([before, after]), measure)
    edge = far if metric_axis.beyond(edge, far, measure) else edge
    return metric_axis.worse_of(edge, near, measure)


def _behind(value: float, by: float, measure: Measure) -> float:
    """A printed value that is worse by a part of the metric's range; it may be out of bounds."""
    return value - measure.sign * measure.scale * measure.part(by, value / measure.scale)
