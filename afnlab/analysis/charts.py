"""Figures of a comparison. The small functions draw on an axes and return it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator, ScalarFormatter

from afnlab.analysis import curves
from afnlab.analysis.stats import Ranking, mean_interval
from afnlab.analysis.style import BLUE, GREY, ORANGE, Picture
from afnlab.analysis.tables import TOLD

MINUS = "\N{MINUS SIGN}"


def points(ax: Axes, final: pd.DataFrame, table: pd.DataFrame, baseline: str) -> Axes:
    """A row a label: one dot a seed, the mean and its 95 % interval; the baseline's is shaded.

    final: seeds x labels, fractions; table: of `tables.compare`, whose order is kept. Rows far off
    the others stand at the edge, with their mean.
    """
    order = list(table.index)
    columns = 100 * table[["accuracy", "accuracy_low", "accuracy_high"]]
    edge = _lower_fence(columns.accuracy)
    shown = 100 * final[[label for label in order if columns.accuracy[label] >= edge]]
    long = shown.melt(var_name="label", value_name="accuracy").dropna()
    if baseline in columns.index:
        low, high = (float(columns[f"accuracy_{end}"][baseline]) for end in ("low", "high"))
        ax.axvspan(low, high, color=GREY, alpha=0.2, linewidth=0)
    with _fixed_jitter():
        sns.stripplot(
            long, x="accuracy", y="label", order=order, ax=ax, color=GREY, size=3, jitter=0.18
        )
    for row, (label, (mean, low, high)) in enumerate(columns.iterrows()):
        base = label == baseline
        if mean < edge:
            _at_edge(ax, row, f"{mean:.1f}")
            continue
        colour, mark = (ORANGE, "D") if base else (BLUE, "o")
        ax.plot([low, high], [row, row], color=colour, linewidth=2, solid_capstyle="butt")
        ax.plot(mean, row, mark, color=colour, markersize=5)
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


def forest(ax: Axes, table: pd.DataFrame, margin: float | None = None) -> Axes:
    """A row a label: the paired difference to the baseline in points, with its 95 % interval.

    The thin line is the interval adjusted for the number of comparisons. Filled marks: told apart
    from the baseline; hollow: not; squares: equivalent within the margin, which is shaded. Rows far
    off the others stand at the edge, with their difference.
    """
    edge = _lower_fence(100 * table.difference.dropna())
    if margin is not None:
        ax.axvspan(-100 * margin, 100 * margin, color=GREY, alpha=0.2, linewidth=0)
    for row, (_, r) in enumerate(table.iterrows()):
        if 100 * r.difference < edge:
            _at_edge(ax, row, f"{100 * r.difference:+.1f}".replace("-", MINUS))
            continue
        adjusted = 100 * np.array([r.adjusted_low, r.adjusted_high])
        if np.isfinite(adjusted).all():
            ax.plot(adjusted, [row, row], color=BLUE, linewidth=0.7)
        ax.plot(
            [100 * r.difference_low, 100 * r.difference_high], [row, row], color=BLUE, linewidth=2
        )
        face = BLUE if r.verdict in TOLD else "none"
        mark = "s" if r.verdict == "equivalent" else "o"
        ax.plot(100 * r.difference, row, mark, color=BLUE, markerfacecolor=face, markersize=5)
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


def comparison(
    final: pd.DataFrame, table: pd.DataFrame, baseline: str, margin: float | None = None
) -> Figure:
    """Per-seed accuracies beside the differences to the baseline; both in the table's order."""
    figure = Picture(figsize=(9.5, 0.22 * len(table) + 1), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=(3, 2))
    points(left, final, table, baseline)
    forest(right, table, margin)
    right.set_xlabel(f"difference to {baseline} (points)")
    for ax in (left, right):
        ax.tick_params(axis="y", length=0)
    return figure


def learning(
    history: pd.DataFrame, order: Sequence[str], baseline: str, columns: int = 6
) -> Figure:
    """Small multiples: mean test accuracy over the epochs with its 95 % band; baseline dashed."""
    found = curves.bands(history)
    found[["mean", "low", "high"]] = 100 * found[["mean", "low", "high"]].clip(0, 1)
    tables = {label: part.set_index("epoch") for label, part in found.groupby("label")}
    figure, axes = _panels(len(order), columns, sharey=True)
    top = found["mean"].max()
    last = min(t["mean"].iloc[-1] for t in tables.values())
    for ax, label in zip(axes, order, strict=False):
        table = tables[label]
        if baseline in tables:
            ax.plot(tables[baseline]["mean"], color=GREY, linewidth=1, linestyle="--")
        ax.fill_between(table.index, table.low, table.high, color=BLUE, alpha=0.25, linewidth=0)
        ax.plot(table["mean"], color=BLUE)
        ax.set_title(label)
        ax.set_ylim(max(0.0, min(last, top - 5) - 5), min(100.0, top + 1))
    figure.supxlabel("epoch", fontsize=9)
    figure.supylabel("test accuracy (%)", fontsize=9)
    return figure


def _panels(count: int, columns: int, sharey: bool) -> tuple[Figure, Sequence[Axes]]:
    rows = -(-count // columns)
    figure = Picture(figsize=(1.75 * columns, 1.5 * rows + 0.2), layout="constrained")
    axes = figure.subplots(rows, columns, sharex=True, sharey=sharey, squeeze=False).flatten()
    for ax in axes[count:]:
        ax.set_axis_off()
    return figure, list(axes)


def frontier(
    ax: Axes, table: pd.DataFrame, cost: pd.Series, baseline: str, of: str = "an epoch"
) -> Axes:
    """Mean accuracy against the time `of` something; the line joins what nothing beats in both.

    cost: seconds by label. Named: the most accurate, and the baseline. Labels far below the
    others are left out.
    """
    unit = cost.get(baseline, 1.0)
    rows = table.assign(accuracy=100 * table.accuracy, cost=cost / unit)
    rows = rows[rows.accuracy >= _lower_fence(rows.accuracy)]
    best = curves.frontier(rows.accuracy, rows.cost)
    for label, r in rows.iterrows():
        base = label == baseline
        colour = ORANGE if base else BLUE if label in best else GREY
        ax.plot(
            [r.cost] * 2, [100 * r.accuracy_low, 100 * r.accuracy_high], color=colour, linewidth=0.7
        )
        mark = "D" if base else "o" if label in best else "."
        ax.plot(r.cost, r.accuracy, mark, color=colour, markersize=5, zorder=3)
    line = rows.loc[best]
    ax.step(line.cost, line.accuracy, where="post", color=BLUE, linewidth=1, zorder=1)
    for label in dict.fromkeys((best[-1], baseline)):
        if label in rows.index:
            at = (rows.cost[label], rows.accuracy[label])
            ax.annotate(str(label), at, (6, 3), textcoords="offset points", fontsize=8)
    ax.set(
        xscale="log",
        xlabel=f"time of {of}" + (f" ({baseline} = 1)" if baseline in cost else " (s)"),
        ylabel="test accuracy (%)",
    )
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 5, 7)))
    ax.xaxis.set_major_formatter(ScalarFormatter())
    ax.xaxis.set_minor_locator(NullLocator())
    ax.margins(x=0.15)
    return ax


def ranks(found: Ranking) -> Figure:
    """Critical-difference diagram: mean ranks, the best left; bars join what is not told apart."""
    from scikit_posthocs import critical_difference_diagram  # noqa: PLC0415

    figure = Picture(figsize=(9.5, 0.2 * len(found.ranks) / 2 + 1.3), layout="constrained")
    ax = figure.subplots()
    ink = {"color": mpl.rcParams["text.color"]}
    critical_difference_diagram(
        found.ranks,
        found.post_hoc,
        ax=ax,
        label_props={"fontsize": 8},
        marker_props=ink | {"s": 12},
        elbow_props=ink | {"linewidth": 0.7},
        crossbar_props={"color": BLUE, "linewidth": 2.5},
        color_palette=[],
        text_h_margin=0.02,
    )
    ax.grid(False)
    return figure


def trajectories(learned: pd.DataFrame, columns: int = 4) -> Figure:
    """Learned parameters over the epochs: thin lines are seeds and sites, thick ones means of a
    site; a panel for each activation's parameter.

    learned: label, seed, epoch, site, parameter, index, value.
    """
    groups = list(learned.groupby(["label", "parameter"], sort=False))
    figure, axes = _panels(len(groups), min(columns, max(len(groups), 1)), sharey=False)
    styles = ("-", "--", ":", "-.")
    for ax, ((label, parameter), part) in zip(axes, groups, strict=False):
        for at, (_, site) in enumerate(part.groupby("site", sort=True)):
            wide = site.pivot_table(index="epoch", columns=["seed", "index"], values="value")
            ax.plot(wide, color=GREY, alpha=0.35, linewidth=0.5)
            ax.plot(wide.mean(axis=1), color=BLUE, linestyle=styles[at % len(styles)])
        ax.set_title(f"{label}: {parameter}")
        ax.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    figure.supxlabel("epoch", fontsize=9)
    return figure


def sensitivity(final: pd.DataFrame, rates: pd.DataFrame, columns: int = 4) -> Figure:
    """Final test accuracy over the learning rate, a panel an activation, with 95 % intervals.

    final: seeds x labels; rates: by label, columns activation and lr.
    """
    groups = [(n, g.sort_values("lr")) for n, g in rates.groupby("activation", sort=False)]
    figure, axes = _panels(len(groups), min(columns, len(groups)), sharey=True)
    for ax, (name, group) in zip(axes, groups, strict=False):
        found = [mean_interval(100 * final[label].dropna()) for label in group.index]
        mean, low, high = np.array(found).T
        ax.fill_between(group.lr, low, high, color=BLUE, alpha=0.25, linewidth=0)
        ax.plot(group.lr, mean, color=BLUE, marker="o", markersize=3)
        ax.set(title=str(name), xscale="log")
    figure.supxlabel("learning rate", fontsize=9)
    figure.supylabel("test accuracy (%)", fontsize=9)
    return figure
