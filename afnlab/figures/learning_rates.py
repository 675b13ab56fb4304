"""A metric over the learning rate."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from afnlab.compare.proper_names import proper_name
from afnlab.compare.summary_table import printed_interval
from afnlab.figures import metric_axis
from afnlab.figures.style import BLUE, panels
from afnlab.measures import ACCURACY, Measure


def sensitivity(
    final: pd.DataFrame, rates: pd.DataFrame, columns: int = 4, measure: Measure = ACCURACY
) -> Figure:
    """The metric after the last epoch over the learning rate, a panel per activation, with 95 %
    intervals. Rates at which it is far behind stand at the edge, with their mean.

    final: seeds x labels; rates: by label, columns activation and lr.
    """
    groups = [(n, g.sort_values("lr")) for n, g in rates.groupby("activation", sort=False)]
    names = [proper_name(name) for name, _ in groups]
    of = metric_axis.label(measure)
    figure, axes = panels(names, columns, 1.5, sharey=True, of=of)
    rows = intervals(final, rates, measure)
    shown = metric_axis.shown(rows, measure)
    near = rows[~shown.far]
    held = near.clip(*metric_axis.limits(shown.end, np.nan, measure))
    metric_axis.hold(axes[0], held, measure, more=len(near) < len(rows))
    for ax, (_, group) in zip(axes, groups, strict=True):
        of_group = rows.loc[group.index]
        ax.fill_between(group.lr, of_group.low, of_group.high, color=BLUE, alpha=0.25, linewidth=0)
        ax.plot(group.lr, of_group.middle, color=BLUE, marker="o", markersize=3)
        ax.set(xscale="log")
        tried = group.lr.tolist()
        named = sorted({tried[0], tried[len(tried) // 2], tried[-1]})
        ax.set_xticks(named, [f"{rate:g}" for rate in named])
        ax.set_xticks([rate for rate in tried if rate not in named], minor=True)
        ax.xaxis.set_minor_formatter(NullFormatter())
        for label in group.index[shown.far[group.index]]:
            text = metric_axis.short(rows.middle[label], measure)
            metric_axis.at_edge(ax, group.lr[label], text, BLUE, measure, upright=True)
    figure.supxlabel("learning rate", fontsize=9)
    return figure


def intervals(final: pd.DataFrame, rates: pd.DataFrame, measure: Measure) -> pd.DataFrame:
    """What `sensitivity` draws of every row: the printed mean, and the ends of its interval."""
    of_rows = [printed_interval(final[label].dropna(), measure) for label in rates.index]
    return pd.DataFrame(of_rows, rates.index, ["middle", "low", "high"], dtype=float)
