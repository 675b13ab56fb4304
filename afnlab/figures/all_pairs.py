"""All activations against all: a heat map of differences that are paired by seed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from afnlab.compare.baseline_differences import ALPHA
from afnlab.figures.over_tasks import COLOURS, FULL
from afnlab.figures.style import Picture, inches_of, of_cells, row_name
from afnlab.measures import Measure
from afnlab.stats import effect_size, holm, sign_flip_p


def paired_effects(final: pd.DataFrame, order: Sequence[str], measure: Measure) -> pd.DataFrame:
    """Every pair once: the columns one, other, difference (one minus other), effect (in standard
    deviations of the differences, above 0 is better), p, p_holm (over all pairs).

    Args:
        final: seeds x labels.
        order: the labels, of which a pair has the first one first.
        measure: the metric.
    """
    rows = []
    for at, one in enumerate(order):
        for other in order[at + 1 :]:
            d = (final[one] - final[other]).dropna().to_numpy()
            if len(d):
                effect = measure.sign * effect_size(d)
                rows.append((one, other, d.mean(), effect, sign_flip_p(d)))
    table = pd.DataFrame(rows, columns=["one", "other", "difference", "effect", "p"])
    return table.assign(p_holm=holm(table.p.to_numpy()))


def full_colour(pairs: pd.DataFrame) -> float:
    """The effect from which on a cell has the full colour: the largest, but for what is extreme."""
    sizes = pairs.effect.abs()
    finite = sizes[np.isfinite(sizes)]
    return min(FULL, float(finite.max())) if len(finite) and finite.max() > 0 else FULL


def heat_map(pairs: pd.DataFrame, order: Sequence[str]) -> Figure:
    """A cell has the difference of its row to its column; a dot marks what the tests distinguish.

    The page's script finds the cell under the pointer by the picture's extent.

    Args:
        pairs: of `paired_effects`.
        order: the labels, from the top and from the left.
    """
    place = {label: at for at, label in enumerate(order)}
    cells = np.full((len(order), len(order)), np.nan)
    names = list(map(row_name, order))
    side, beside = 0.21 * len(order), inches_of(names, 7)
    size = (max(2.2, 0.3 + beside) + side, max(1.6, 0.3 + beside) + side)
    figure = Picture(figsize=size, layout="constrained")
    ax = figure.subplots()
    paper, ink = of_cells()
    ax.set_facecolor(paper)
    for one, other, effect in pairs[["one", "other", "effect"]].to_numpy():
        row, column = place[one], place[other]
        cells[row, column], cells[column, row] = effect, -effect
    apart = pairs[pairs.p_holm < ALPHA]
    rows, columns = ([place[label] for label in apart[name]] for name in ("one", "other"))
    ax.scatter(columns + rows, rows + columns, s=4, color=ink, linewidths=0)
    most = full_colour(pairs)
    bounded = np.clip(np.nan_to_num(cells, nan=0.0, posinf=most, neginf=-most), -most, most)
    ax.imshow(bounded, cmap=COLOURS, vmin=-most, vmax=most, interpolation="nearest")
    ax.set_xticks(range(len(order)), names, rotation=90, fontsize=7)
    ax.set_yticks(range(len(order)), names, fontsize=7)
    ax.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
    ax.spines[:].set_visible(False)
    ax.grid(False)
    return figure
