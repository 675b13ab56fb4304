"""Parameters that the activations learned, over the epochs."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from afnlab.compare.proper_names import proper_name
from afnlab.figures.style import BLUE, GREY, panels

LINES = {"solid": "-", "dashed": "--", "dotted": ":", "dash-dotted": "-."}  # of the sites, in order


def trajectories(learned: pd.DataFrame, columns: int = 4) -> Figure:
    """Learned parameters over the epochs: thin lines are seeds and sites, thick ones means of a
    site; a panel for each activation's parameter.

    learned: label, seed, epoch, site, parameter, index, value.
    """
    groups = list(learned.groupby(["label", "parameter"], sort=False))
    names = [f"{proper_name(label)}: {parameter}" for (label, parameter), _ in groups]
    figure, axes = panels(names, columns, 1.5, sharey=False)
    styles = tuple(LINES.values())
    for ax, (_, part) in zip(axes, groups, strict=True):
        for at, (_, site) in enumerate(part.groupby("site", sort=True)):
            wide = site.pivot_table(index="epoch", columns=["seed", "index"], values="value")
            ax.plot(wide, color=GREY, alpha=0.6, linewidth=0.6)
            ax.plot(wide.mean(axis=1), color=BLUE, linestyle=styles[at % len(styles)])
        ax.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    figure.supxlabel("epoch", fontsize=9)
    return figure
