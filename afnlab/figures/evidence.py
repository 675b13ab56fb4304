"""The evidence of a judgement, seed by seed."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from afnlab import stats
from afnlab.figures import metric_axis
from afnlab.figures.style import (
    BLUE,
    GREY,
    ORANGE,
    Picture,
    area,
    plain_ticks,
    styled,
    whole_ticks,
    wrapped,
)
from afnlab.measures import Measure

LEAST = 1e-3  # of what is drawn: evidence so far against something is none for it


def evidence(
    differences: ArrayLike,
    measure: Measure,
    *,
    against: str,
    needed: float = 40.0,
    margin: float | None = None,
    level: float = stats.LEVEL,
) -> Figure:
    """Evidence for better and for worse after each seed, and the differences with their intervals.

    Args:
        differences: (n,) improvements on the baseline, in the order of the seeds; above 0 is
            better, whatever the direction of the metric.
        measure: the metric, in whose unit and direction differences are drawn.
        against: what the baseline is called.
        needed: the e-value at which "better" is decided.
        margin: the largest difference that does not matter, as values are stored.
        level: the confidence level.

    Returns:
        A figure with two panels.
    """
    d = np.asarray(differences, dtype=float)
    with styled():
        figure = Picture(figsize=(9, 3.2), layout="constrained")
        left, right = figure.subplots(1, 2)
        _draw_evidence(left, d, needed, 2 / stats.alpha(level))
        _draw_differences(right, d, measure, margin, level)
        right.set_title(f"{measure.name}, the mean difference and its interval")
        right.set_ylabel(wrapped(metric_axis.difference_label(measure, against), 36))
        for ax in (left, right):
            ax.set_xlabel("seeds")
            whole_ticks(ax.xaxis)
    return figure


def campaign(
    values: ArrayLike,
    needed: ArrayLike,
    is_discovery: ArrayLike,
    is_worse: ArrayLike,
    *,
    needed_worse: float = 40.0,
) -> Figure:
    """The evidence for every idea of a campaign, beside what it had to reach.

    Args:
        values: (n,) e-values, in the order of the entries: for "worse" of ideas that are worse, for
            "better" of all others.
        needed: (n,) the e-values at which "better" was decided.
        is_discovery: (n,) whether an idea is one.
        is_worse: (n,) whether an idea is worse.
        needed_worse: the e-value at which "worse" was decided.

    Returns:
        The figure.
    """
    e_values, limits = np.asarray(values, dtype=float), np.asarray(needed, dtype=float)
    discovery, worse = (np.asarray(which, dtype=bool) for which in (is_discovery, is_worse))
    position = np.arange(1, len(e_values) + 1)
    with styled():
        figure = Picture(figsize=(9, 3.2), layout="constrained")
        ax = figure.subplots()
        # A step for each entry, as wide as it: a line through the middles of one has no length.
        edges = np.arange(0.5, len(e_values) + 1)
        ax.stairs(limits, edges, baseline=None, color=GREY, ls="--", label="needed for better")
        if worse.any():
            ax.axhline(needed_worse, color=GREY, linestyle=":", label="needed for worse")
        for name, which, colour, mark in (
            ("discovery: for better", discovery, BLUE, "o"),
            ("worse: for worse", worse, GREY, "v"),
            ("other idea: for better", ~discovery & ~worse, ORANGE, "x"),
        ):
            if which.any():
                ax.plot(
                    position[which], e_values[which].clip(LEAST), mark, color=colour, label=name
                )
        ax.set_yscale("log")
        ax.set_ylim(LEAST / 2, 3 * max(limits.max(), e_values.max()) if len(e_values) else 100)
        plain_ticks(ax.yaxis)
        whole_ticks(ax.xaxis)
        ax.set_xlim(0.5, max(len(e_values), 1) + 0.5)
        ax.set(xlabel="entry", title="evidence (e-value), by entry")
        ax.legend(loc="best")
    return figure


def _draw_evidence(ax: Axes, d: np.ndarray, better_at: float, worse_at: float) -> None:
    count = np.arange(1, len(d) + 1)
    for name, sign, colour, line, limit in (
        ("better", 1, BLUE, "-", better_at),
        ("worse", -1, ORANGE, "--", worse_at),
    ):
        label = f"for {name}, decided at {limit:.3g}"
        values = np.exp(stats.log_evidence(sign * d))
        ax.plot(count, values, color=colour, linestyle=line, label=label)
        ax.axhline(limit, color=colour, linestyle=line, alpha=0.5, linewidth=1)
    ax.set_yscale("log")
    ax.set_ylim(LEAST, max(ax.get_ylim()[1], 3 * better_at))
    plain_ticks(ax.yaxis)
    ax.set_title("evidence (e-value)")
    ax.legend(loc="best")


def _draw_differences(
    ax: Axes, d: np.ndarray, measure: Measure, margin: float | None, level: float
) -> None:
    count, scale = np.arange(1, len(d) + 1), measure.sign * measure.scale
    limits = scale * stats.confidence_sequence(d, level)
    label = f"{100 * level:g} % at any time"
    low, high = limits[:, 0], limits[:, 1]
    ax.fill_between(count, low, high, step="mid", label=label, **area(BLUE, 0.15))
    ax.plot(count, scale * d, ".", color=GREY, label="a seed")
    ax.plot(count, scale * np.cumsum(d) / count, color=BLUE, label="mean")
    ax.axhline(0, color=GREY, linewidth=1)
    for edge in () if margin is None else (-margin, margin):
        ax.axhline(measure.scale * edge, color=GREY, linewidth=1, linestyle=":")
    finite = np.concatenate([scale * d, limits[np.isfinite(limits)], [0.0]])
    room = 0.05 * (finite.max() - finite.min()) or 1.0
    ax.set_ylim(finite.min() - room, finite.max() + room)
    ax.legend(loc="best")
