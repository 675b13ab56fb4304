"""Mean ranks over tasks or seeds: the critical-difference diagram."""

from __future__ import annotations

import matplotlib as mpl
from matplotlib.figure import Figure

from afnlab.compare.proper_names import proper_name
from afnlab.figures.style import BLUE, Picture
from afnlab.stats import Ranking


def ranks(ranking: Ranking) -> Figure:
    """Critical-difference diagram: mean ranks, the best left; bars join equals."""
    from scikit_posthocs import critical_difference_diagram  # noqa: PLC0415

    figure = Picture(figsize=(9.5, 0.2 * len(ranking.ranks) / 2 + 1.3), layout="constrained")
    ax = figure.subplots()
    names = list(map(proper_name, ranking.ranks.index))
    post_hoc = ranking.post_hoc.rename(index=proper_name, columns=proper_name)
    ink = {"color": mpl.rcParams["text.color"]}
    critical_difference_diagram(
        ranking.ranks.set_axis(names),
        post_hoc,
        ax=ax,
        label_props={"fontsize": 8},
        label_fmt_left="{label} ({rank:.1f}) ",
        label_fmt_right=" ({rank:.1f}) {label}",
        marker_props=ink | {"s": 12},
        elbow_props=ink | {"linewidth": 0.7},
        crossbar_props={"color": BLUE, "linewidth": 2.5},
        color_palette=[],
        text_h_margin=len(ranking.ranks) / 150,
    )
    ax.grid(False)
    return figure
