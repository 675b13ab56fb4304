"""Small multiples: a panel for each activation, or for each of its parameters."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullFormatter

from afnlab.compare import epochs
from afnlab.figures.comparison import BESIDE, lower_fence
from afnlab.figures.style import BLUE, GREY, ORANGE, panels, wrapped
from afnlab.stats import accuracy_interval

LINES = {"solid": "-", "dashed": "--", "dotted": ":", "dash-dotted": "-."}  # of the sites, in order


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


def trajectories(learned: pd.DataFrame, columns: int = 4) -> Figure:
    """Learned parameters over the epochs: thin lines are seeds and sites, thick ones means of a
    site; a panel for each activation's parameter.

    learned: label, seed, epoch, site, parameter, index, value.
    """
    groups = list(learned.groupby(["label", "parameter"], sort=False))
    figure, axes = panels(len(groups), min(columns, max(len(groups), 1)), 1.5, sharey=False)
    styles = tuple(LINES.values())
    for ax, ((label, parameter), part) in zip(axes, groups, strict=True):
        for at, (_, site) in enumerate(part.groupby("site", sort=True)):
            wide = site.pivot_table(index="epoch", columns=["seed", "index"], values="value")
            ax.plot(wide, color=GREY, alpha=0.6, linewidth=0.6)
            ax.plot(wide.mean(axis=1), color=BLUE, linestyle=styles[at % len(styles)])
        ax.set_title(wrapped(f"{label}: {parameter}"))
        ax.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    figure.supxlabel("epoch", fontsize=9)
    return figure


def sensitivity(final: pd.DataFrame, rates: pd.DataFrame, columns: int = 4) -> Figure:
    """Final test accuracy over the learning rate, a panel an activation, with 95 % intervals.

    final: seeds x labels; rates: by label, columns activation and lr.
    """
    groups = [(n, g.sort_values("lr")) for n, g in rates.groupby("activation", sort=False)]
    figure, axes = panels(len(groups), min(columns, len(groups)), 1.5, sharey=True)
    for ax, (name, group) in zip(axes, groups, strict=True):
        found = [accuracy_interval(100 * final[label].dropna()) for label in group.index]
        mean, low, high = np.array(found).T
        ax.fill_between(group.lr, low, high, color=BLUE, alpha=0.25, linewidth=0)
        ax.plot(group.lr, mean, color=BLUE, marker="o", markersize=3)
        ax.set(title=wrapped(str(name)), xscale="log")
        tried = group.lr.tolist()
        named = sorted({tried[0], tried[len(tried) // 2], tried[-1]})
        ax.set_xticks(named, [f"{rate:g}" for rate in named])
        ax.set_xticks([rate for rate in tried if rate not in named], minor=True)
        ax.xaxis.set_minor_formatter(NullFormatter())
    figure.supxlabel("learning rate", fontsize=9)
    figure.supylabel("accuracy (%)", fontsize=9)
    return figure
