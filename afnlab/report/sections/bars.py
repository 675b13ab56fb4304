"""Small bars within the cells of a table: a difference with its interval, all on one scale."""

from __future__ import annotations

import numpy as np
import pandas as pd
from markupsafe import Markup

from afnlab.figures import metric_axis
from afnlab.figures.comparison import differences_of
from afnlab.measures import ACCURACY, Measure

WIDTH, HEIGHT, ROOM = 72, 12, 4
OUTER = 0.05  # of all ends of intervals, on either side
# The thick line is the adjusted interval, the thin one with ticks at its ends the unadjusted one.
# For another baseline `script/4-tables.js` draws the same.
BAR = (
    '<svg class="bar" viewBox="0 0 {width} {height}" aria-hidden="true">'
    '<path class="zero" d="M{zero:.1f} 0V{height}"/>{parts}</svg>'
)

ARROWS = {"higher": "M4 2L0 6L4 10Z", "lower": "M68 2L72 6L68 10Z"}  # a row far behind is there

LINES = {"adjusted": "M{left} 6H{right}", "difference": "M{left} 3V9M{left} 6H{right}M{right} 3V9"}


class Scale:
    """The horizontal scale of the bars of a table of `compare_histories`.

    The outermost ends do not stretch it, and rows far behind do not, as in the figure: bars that
    reach beyond end at its edge, and in place of such a row is an arrow.
    """

    def __init__(self, table: pd.DataFrame, measure: Measure = ACCURACY) -> None:
        of = measure.scale * table[measure.key]
        far = metric_axis.shown(differences_of(table, measure), measure, of).far
        self.far = set(map(str, table.index[far]))
        self.arrow = ARROWS[measure.better]
        columns = [f"{kind}_{end}" for kind in LINES for end in ("low", "high")]
        near = table[~far]
        ends = near[["difference", *columns]].to_numpy(float)
        ends = ends[np.isfinite(ends)]
        low, high = np.quantile(ends, [OUTER, 1 - OUTER]) if len(ends) else (0.0, 0.0)
        zero = [] if far[table.verdict == "baseline"].any() else [0.0]
        held = [float(low), float(high), *zero]
        self.low, self.high = min(held), max(held)

    def at(self, value: float) -> float:
        """Where a difference stands, within the bar's ends."""
        share = (value - self.low) / (self.high - self.low)
        return ROOM + float(np.clip(share, 0, 1)) * (WIDTH - 2 * ROOM)

    def drawn(self, row: pd.Series) -> Markup:
        """The bar of a row; nothing for one that is not compared."""
        if not self.high > self.low or not np.isfinite(row.difference):
            return Markup("")
        middle, parts = HEIGHT / 2, []
        values = {"width": WIDTH, "height": HEIGHT, "zero": self.at(0.0)}
        if str(row.name) in self.far:
            return Markup(BAR.format(**values, parts=f'<path class="far" d="{self.arrow}"/>'))
        for kind, line in LINES.items():
            ends = row[f"{kind}_low"], row[f"{kind}_high"]
            if np.isfinite(ends).all():
                left, right = (f"{self.at(end):.1f}" for end in ends)
                parts.append(f'<path class="{kind}" d="{line.format(left=left, right=right)}"/>')
        parts.append(f'<circle cx="{self.at(row.difference):.1f}" cy="{middle:g}" r="2.4"/>')
        return Markup(BAR.format(**values, parts="".join(parts)))
