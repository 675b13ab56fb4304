"""Figures of tuned runs: accuracy over the learning rate, tuning curves, what tuning moved."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

from afnlab.figures.comparison import lower_fence
from afnlab.figures.style import BLUE, COLOURS, GREY, ORANGE, Picture, panels, shortened, wrapped

BINS = 8  # of an axis, for the line through its trials


def over(
    tried: pd.DataFrame,
    name: str,
    order: Sequence[str],
    baseline: str,
    log: bool = False,
    columns: int = 6,
) -> Figure:
    """Validation accuracy of every trial over a parameter, a panel a label, with the medians of
    equal parts of the axis; those of the baseline are dashed in all panels.

    tried: of `tuned.trials`; name: a parameter with numbers; log: on a logarithmic axis.
    """
    figure, axes = panels(len(order), min(columns, len(order)), 1.5, sharey=True)
    lines = {label: _medians(tried[tried.label == label], name, log) for label in order}
    best = 100 * tried.groupby("label").accuracy.max()
    bottom = max(0.0, best[best >= lower_fence(best)].min() - 15)
    for ax, label in zip(axes, order, strict=True):
        own = tried[tried.label == label]
        shown = np.maximum(100 * own.accuracy, bottom)
        ax.plot(own[name], shown, ".", color=GREY, markersize=2.5, clip_on=False)
        colour = ORANGE if label == baseline else BLUE
        if baseline in lines and label != baseline:
            ax.plot(*lines[baseline], color=ORANGE, linewidth=1, linestyle="--")
        ax.plot(*lines[label], color=colour)
        ax.set_title(wrapped(str(label)))
        ax.set_ylim(bottom, 100.5)
        if log:
            ax.set_xscale("log")
            ax.xaxis.set_major_locator(_ticks(own[name]))
            ax.xaxis.set_major_formatter("{x:g}")
            ax.xaxis.set_minor_formatter(NullFormatter())
    figure.supxlabel(name, fontsize=9)
    figure.supylabel("validation accuracy (%)", fontsize=9)
    return figure


def _ticks(values: pd.Series) -> LogLocator:
    """Ticks at powers of ten; over less than two decades at twice and five times these too."""
    short = values.max() < 100 * values.min()
    return LogLocator(subs=(1, 2, 5) if short else (1,), numticks=4)


def _medians(own: pd.DataFrame, name: str, log: bool) -> tuple[np.ndarray, np.ndarray]:
    """Middles of equal parts of the axis, and the median accuracy (%) of the trials in each."""
    at = own[name].astype(float).to_numpy()
    at = np.log(at) if log else at
    if len(np.unique(at)) <= BINS:
        parts = np.unique(at, return_inverse=True)[1]
    else:
        edges = np.linspace(at.min(), at.max(), BINS + 1)
        parts = np.clip(np.searchsorted(edges, at, side="right") - 1, 0, BINS - 1)
    grouped = pd.DataFrame({"at": at, "y": 100 * own.accuracy.to_numpy()}).groupby(parts)
    middle = grouped["at"].mean().to_numpy()
    return (np.exp(middle) if log else middle), grouped["y"].median().to_numpy()


def curves(ax: Axes, found: pd.DataFrame, labels: Sequence[str]) -> Axes:
    """Expected best validation accuracy over the number of random trials, with confidence bands.

    found: of `tuned.curves`.
    """
    for colour, label in zip((ORANGE, BLUE, *COLOURS[2:]), labels, strict=False):
        own = found[found.label == label].set_index("trials")
        low, high = 100 * own.low, 100 * own.high
        ax.fill_between(own.index, low, high, color=colour, alpha=0.2, linewidth=0)
        ax.plot(100 * own.expected, color=colour, label=shortened(str(label)), marker="o", ms=3)
    ax.set(xlabel="random trials", ylabel="expected best accuracy (%)")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    bottom = 100 * found[found.label.isin(labels)].expected.min()
    ax.set_ylim(bottom=max(0.0, bottom - 5), top=100.5)
    ax.legend(loc="lower right")
    return ax


def shift(fixed: pd.Series, tuned: pd.Series, baseline: str) -> Figure:
    """An arrow a label, from its mean accuracy at the fixed recipe to that when tuned.

    fixed, tuned: fractions by label, in the order of the rows. Starts far below the others stand at
    the edge, with their number.
    """
    order = list(tuned.index)
    before, after = 100 * fixed[order], 100 * tuned
    edge = max(lower_fence(pd.concat([before, after])), after.min() - 6)
    edge = min(edge, after.min() - 0.5)
    figure = Picture(figsize=(7.5, 0.18 * len(order) + 1), layout="constrained")
    ax = figure.subplots()
    for row, label in enumerate(order):
        colour = ORANGE if label == baseline else BLUE
        start = before[label]
        if start < edge:
            ax.annotate(f"{start:.1f}", (edge, row), (3, 5), textcoords="offset points", fontsize=7)
            start = edge
        style = {"arrowstyle": "->", "color": colour, "linewidth": 1.2, "shrinkA": 0, "shrinkB": 0}
        ax.annotate("", (after[label], row), (start, row), arrowprops=style)
        ax.plot(start, row, ".", color=GREY, markersize=5)
        ax.plot(after[label], row, "D" if label == baseline else "o", color=colour, markersize=4)
    if baseline in after:
        ax.axvline(after[baseline], color=ORANGE, linewidth=0.8, alpha=0.6)
    ax.set_xlim(left=edge)
    ax.set_yticks(range(len(order)), [shortened(str(label)) for label in order])
    ax.set(xlabel="mean accuracy (%)", ylim=(len(order) - 0.5, -0.5))
    ax.tick_params(axis="y", length=0)
    ax.grid(True, axis="y")
    return figure
