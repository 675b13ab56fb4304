"""Activations by tasks: a heat map of differences to the baseline."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.colors import LinearSegmentedColormap, to_rgba
from matplotlib.figure import Figure

from afnlab.compare.formatting import MINUS
from afnlab.figures.style import BLUE, ORANGE, Picture, inches_of, of_cells, row_name, wrapped
from afnlab.printing import printed

FULL = 3.0  # standard deviations from which on a cell has the full colour
MARKS = {  # what follows a number
    "better": " \N{BLACK UP-POINTING TRIANGLE}",
    "worse": " \N{BLACK DOWN-POINTING TRIANGLE}",
    "equivalent": " =",
    "not worse": " \N{GREATER-THAN OR EQUAL TO}",
    "too few seeds": " ?",
}
_STOPS = ((0.0, ORANGE, 0.6), (0.5, ORANGE, 0.0), (0.5, BLUE, 0.0), (1.0, BLUE, 0.6))
COLOURS = LinearSegmentedColormap.from_list(
    "worse to better", [(at, to_rgba(colour, opaque)) for at, colour, opaque in _STOPS]
)


def over_tasks(effects: pd.DataFrame, verdicts: pd.DataFrame) -> Figure:
    """One row per activation, one column per task.

    A cell has the difference to the baseline in standard deviations, and a mark for the verdict.

    Args:
        effects: labels x tasks, above 0 is better; nan stays empty.
        verdicts: labels x tasks.
    """
    labels, tasks = effects.shape
    names = list(map(row_name, effects.index))
    width = max(1.6, 0.2 + inches_of(names)) + 0.85 * tasks
    figure = Picture(figsize=(width, 0.24 * labels + 1.0), layout="constrained")
    ax = figure.subplots()
    paper, ink = of_cells()
    ax.set_facecolor(paper)
    known = effects.replace([np.inf, -np.inf], [FULL, -FULL])
    ax.imshow(
        known.to_numpy(float).clip(-FULL, FULL),
        cmap=COLOURS,
        vmin=-FULL,
        vmax=FULL,
        aspect="auto",
        interpolation="nearest",
    )
    rows = zip(effects.to_numpy(), verdicts.to_numpy(), strict=True)
    for row, (values, row_verdicts) in enumerate(rows):
        for column, text in enumerate(map(cell, values, row_verdicts)):
            ax.text(column, row, text, ha="center", va="center", fontsize=7, color=ink)
    ax.set_xticks(range(tasks), [_in_lines(str(task)) for task in effects], fontsize=7)
    ax.set_yticks(range(labels), names)
    ax.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
    ax.spines[:].set_visible(False)
    ax.grid(False)
    return figure


def _in_lines(task: str) -> str:
    """The name of a task above its narrow column."""
    return "-\n".join(wrapped(part, 12) for part in task.split("-"))


def cell(effect: float, verdict: str) -> str:
    """The text of a cell: "+1.2" and a mark; a dot for the baseline, nothing where none is."""
    if verdict == "baseline":
        return "\N{MIDDLE DOT}"
    if np.isnan(effect):
        return ""
    if np.isinf(effect):
        number = f"{'+' if effect > 0 else MINUS}\N{INFINITY}"
    else:
        number = printed("{:+.1f}", effect).replace("-", MINUS)
    return number + MARKS.get(verdict, "")
