"""Figures. The small functions draw on an axes and return it; the others return a figure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from afnlab.analysis.profile import derivatives
from afnlab.analysis.stats import mean_interval
from afnlab.analysis.style import BLUE, GREY, ORANGE, Picture, styled
from afnlab.spec import Activation, get_activation

POINTS = 801
NAMES = ("f", "f'", "f''")
STYLES: tuple[dict[str, Any], ...] = (
    {"color": BLUE},
    {"color": ORANGE, "linestyle": "--"},
    {"color": GREY, "linestyle": ":"},
)


def curve(
    ax: Axes, ref: str | Activation, span: float = 5.0, order: int = 1, **params: Any
) -> Axes:
    """An elementwise activation and its derivatives up to `order`, on [-span, span]."""
    record = get_activation(ref)
    x = torch.linspace(-span, span, POINTS, dtype=torch.float64)
    kinks = [k for k in record.kinks_at(**params) if abs(k) < span]
    drawn = derivatives(record, x, order, **params)
    for values, name, style in zip(drawn, NAMES, STYLES, strict=False):
        y = values.clone()
        for kink in kinks:  # a jump is a gap, not a steep line
            near = int((x - kink).abs().argmin())
            if (y[min(near + 2, POINTS - 1)] - y[max(near - 2, 0)]).abs() > 0.1:
                y[near] = torch.nan
        ax.plot(x, y, label=name, zorder=3 - 0.1 * NAMES.index(name), **style)
    ax.axhline(0, color=GREY, linewidth=0.6)
    ax.axvline(0, color=GREY, linewidth=0.6)
    return ax


def function(ref: str | Activation, span: float = 5.0, order: int = 2, **params: Any) -> Figure:
    """An activation with its first and second derivative, side by side with its slope's detail."""
    record = get_activation(ref)
    with styled():
        figure = Picture(figsize=(9, 3.6), layout="constrained")
        left, right = figure.subplots(1, 2)
        curve(left, record, span, 0, **params)
        left.set(title=f"{record.label}", xlabel="x", ylabel="f(x)")
        curve(right, record, span, order, **params)
        for line in list(right.lines):
            if line.get_label() == "f":
                line.remove()
        right.relim()
        right.autoscale()
        right.set(title="derivatives", xlabel="x")
        right.legend()
    return figure


def gallery(refs: Iterable[str | Activation], columns: int = 6, span: float = 4.0) -> Figure:
    """Small multiples of elementwise activations: the function solid, its slope dashed."""
    records = [get_activation(ref) for ref in refs]
    rows = -(-len(records) // columns)
    figure = Picture(figsize=(1.75 * columns, 1.6 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).flatten()
    for ax, record in zip(axes, records, strict=False):
        curve(ax, record, span)
        ax.set(title=record.label, ylim=(-2.2, 4.2), xlim=(-span, span))
        ax.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    for ax in axes[len(records) :]:
        ax.set_axis_off()
    return figure


def seed_lines(ax: Axes, history: pd.DataFrame, column: str, percent: bool = False) -> Axes:
    """A column over the epochs: thin lines are seeds, the thick one their mean."""
    table = history.pivot(index="epoch", columns="seed", values=column) * (100 if percent else 1)
    ax.plot(table.index, table, color=BLUE, alpha=0.3, linewidth=0.8)
    ax.plot(table.index, table.mean(axis=1), color=BLUE, linewidth=2)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    return ax


def training(history: pd.DataFrame) -> Figure:
    """Accuracy and loss of one activation's seeds over the epochs."""
    with styled():
        figure = Picture(figsize=(9, 3.2), layout="constrained")
        left, right = figure.subplots(1, 2)
        seed_lines(left, history, "test_accuracy", percent=True)
        left.set(xlabel="epoch", title="test accuracy (%)")
        seed_lines(right, history, "test_loss")
        right.set(xlabel="epoch", title="test loss")
    return figure


def points(ax: Axes, final: pd.DataFrame, order: Sequence[str], baseline: str) -> Axes:
    """A row a label: one dot a seed, the mean and its 95 % interval; the baseline's is shaded.

    final: seeds x labels, fractions. Rows far off the others stand at the edge, with their mean.
    """
    means = 100 * final[list(order)].mean()
    edge = _lower_fence(means)
    shown = 100 * final[[label for label in order if means[label] >= edge]]
    long = shown.melt(var_name="label", value_name="accuracy").dropna()
    if baseline in final:
        _, low, high = mean_interval(100 * final[baseline].dropna())
        ax.axvspan(low, high, color=GREY, alpha=0.2, linewidth=0)
    with _fixed_jitter():
        sns.stripplot(
            long, x="accuracy", y="label", order=list(order), ax=ax, color=GREY, size=3, jitter=0.18
        )
    for row, label in enumerate(order):
        mean, low, high = mean_interval(100 * final[label].dropna())
        colour = ORANGE if label == baseline else BLUE
        if mean < edge:
            _at_edge(ax, row, f"{mean:.1f}")
            continue
        ax.plot([low, high], [row, row], color=colour, linewidth=2, solid_capstyle="butt")
        ax.plot(mean, row, "o", color=colour, markersize=5)
    if np.isfinite(edge):
        ax.set_xlim(left=edge)
    ax.set(xlabel="test accuracy (%)", ylabel="", ylim=(len(order) - 0.5, -0.5))
    ax.set_yticks(range(len(order)), order)
    return ax


@contextmanager
def _fixed_jitter() -> Iterator[None]:
    """seaborn jitters with numpy's global state; a figure shall be the same each time."""
    state = np.random.get_state()  # noqa: NPY002
    np.random.seed(0)  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(state)  # noqa: NPY002


def forest(ax: Axes, table: pd.DataFrame) -> Axes:
    """A row a label: the paired difference to the baseline in points, with its 95 % interval.

    Filled marks: told apart from the baseline after Holm's correction; hollow: not. Rows far off
    the others stand at the edge, with their difference.
    """
    edge = _lower_fence(100 * table.difference.dropna())
    for row, (_, r) in enumerate(table.iterrows()):
        if 100 * r.difference < edge:
            _at_edge(ax, row, f"{100 * r.difference:+.1f}".replace("-", "\N{MINUS SIGN}"))
            continue
        told = r.verdict in ("better", "worse")
        ax.plot([100 * r.difference_low, 100 * r.difference_high], [row, row], color=BLUE)
        face = BLUE if told else "none"
        ax.plot(100 * r.difference, row, "o", color=BLUE, markerfacecolor=face, markersize=5)
    ax.axvline(0, color=ORANGE, linewidth=1.2)
    if np.isfinite(edge):
        ax.set_xlim(left=edge)
    ax.set_yticks(range(len(table)), table.index)
    ax.set_ylim(len(table) - 0.5, -0.5)
    ax.set_xlabel("difference to the baseline (points)")
    return ax


def _lower_fence(means: pd.Series) -> float:
    """The value below which a row would squeeze the others: far outside their quartiles."""
    low, high = means.quantile([0.25, 0.75])
    fence = low - 3 * max(high - low, 0.5)
    return float(fence) if (means < fence).any() else -np.inf


def _at_edge(ax: Axes, row: int, text: str) -> None:
    place = ax.get_yaxis_transform()
    ax.plot(0.015, row, marker="<", color=BLUE, markersize=5, transform=place, clip_on=False)
    ax.text(0.045, row, text, transform=place, va="center", fontsize=8)


def comparison(final: pd.DataFrame, table: pd.DataFrame, baseline: str) -> Figure:
    """Per-seed accuracies beside the differences to the baseline; both in the table's order."""
    figure = Picture(figsize=(9.5, 0.22 * len(table) + 1), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=(3, 2))
    points(left, final, list(table.index), baseline)
    forest(right, table)
    right.set_xlabel(f"difference to {baseline} (points)")
    for ax in (left, right):
        ax.tick_params(axis="y", length=0)
    return figure


def learning(
    history: pd.DataFrame, order: Sequence[str], baseline: str, columns: int = 6
) -> Figure:
    """Small multiples: mean test accuracy over the epochs, range of the seeds; baseline in grey."""
    tables = {
        label: 100 * part.pivot(index="epoch", columns="seed", values="test_accuracy")
        for label, part in history.groupby("label")
    }
    rows = -(-len(order) // columns)
    figure = Picture(figsize=(1.75 * columns, 1.5 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).flatten()
    top = max(t.max().max() for t in tables.values())
    last = min(t.iloc[-1].mean() for t in tables.values())
    for ax, label in zip(axes, order, strict=False):
        table = tables[label]
        if baseline in tables:
            ax.plot(tables[baseline].mean(axis=1), color=GREY, linewidth=1)
        ax.fill_between(
            table.index, table.min(axis=1), table.max(axis=1), color=BLUE, alpha=0.25, linewidth=0
        )
        ax.plot(table.mean(axis=1), color=BLUE)
        ax.set_title(label)
        ax.set_ylim(max(0.0, min(last, top - 5) - 5), min(100.0, top + 1))
    for ax in axes[len(order) :]:
        ax.set_axis_off()
    figure.supxlabel("epoch", fontsize=9)
    figure.supylabel("test accuracy (%)", fontsize=9)
    return figure
