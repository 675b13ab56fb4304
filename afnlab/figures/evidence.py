"""The evidence of a judgement, seed by seed."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from afnlab import stats
from afnlab.figures import metric_axis
from afnlab.figures.style import BLUE, GREY, ORANGE, Picture, area, plain_ticks
from afnlab.measures import Measure


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
    count = np.arange(1, len(d) + 1)
    figure = Picture(figsize=(7.2, 3.0), layout="constrained")
    left, right = figure.subplots(1, 2)
    against_worse = 2 / stats.alpha(level)
    for name, sign, colour, line, limit in (
        ("better", 1, BLUE, "-", needed),
        ("worse", -1, ORANGE, "--", against_worse),
    ):
        shown = {"color": colour, "linestyle": line}
        left.plot(count, np.exp(stats.log_evidence(sign * d)), label=f"for {name}", **shown)
        left.axhline(limit, alpha=0.5, linewidth=1, **shown)
    left.set_yscale("log")
    plain_ticks(left.yaxis)
    left.set_title("Evidence (e-value), and where it decides")
    left.legend(loc="best")
    scale = measure.sign * measure.scale
    limits = scale * stats.confidence_sequence(d, level)
    right.fill_between(count, *limits.T, step="mid", **area(BLUE, 0.15))
    right.plot(count, scale * d, ".", color=GREY, label="a seed")
    means = scale * np.cumsum(d) / count
    right.plot(count, means, color=BLUE, label="mean")
    right.axhline(0, color=GREY, linewidth=1)
    for edge in () if margin is None else (-margin, margin):
        right.axhline(measure.scale * edge, color=GREY, linewidth=1, linestyle=":")
    finite = np.concatenate([scale * d, limits[np.isfinite(limits)], [0.0]])
    room = 0.05 * (finite.max() - finite.min()) or 1.0
    right.set_ylim(finite.min() - room, finite.max() + room)
    right.set_title(metric_axis.difference_label(measure, against).capitalize())
    right.set_ylabel(metric_axis.label(measure))
    right.legend(loc="best")
    for ax in (left, right):
        ax.set_xlabel("seeds")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure
