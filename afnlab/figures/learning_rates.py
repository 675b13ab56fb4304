"""A metric over the learning rate."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from afnlab.compare.proper_names import proper_name
from afnlab.compare.summary_table import printed_interval
from afnlab.figures import metric_axis
from afnlab.figures.style import BLUE, panels, wrapped
from afnlab.measures import ACCURACY, Measure


def sensitivity(
    final: pd.DataFrame, rates: pd.DataFrame, columns: int = 4, measure: Measure = ACCURACY
) -> Figure:
    """The metric after the last epoch over the learning rate, a panel per activation, with 95 %
    intervals.

    final: seeds x labels; rates: by label, columns activation and lr.
    """
    groups = [(n, g.sort_values("lr")) for n, g in rates.groupby("activation", sort=False)]
    figure, axes = panels(len(groups), min(columns, len(groups)), 1.5, sharey=True)
    for ax, (name, group) in zip(axes, groups, strict=True):
        intervals = [printed_interval(final[label].dropna(), measure) for label in group.index]
        mean, low, high = np.array(intervals).T
        ax.fill_between(group.lr, low, high, color=BLUE, alpha=0.25, linewidth=0)
        ax.plot(group.lr, mean, color=BLUE, marker="o", markersize=3)
        ax.set(title=wrapped(proper_name(name)), xscale="log")
        tried = group.lr.tolist()
        named = sorted({tried[0], tried[len(tried) // 2], tried[-1]})
        ax.set_xticks(named, [f"{rate:g}" for rate in named])
        ax.set_xticks([rate for rate in tried if rate not in named], minor=True)
        ax.xaxis.set_minor_formatter(NullFormatter())
    figure.supxlabel("learning rate", fontsize=9)
    figure.supylabel(metric_axis.label(measure), fontsize=9)
    return figure
