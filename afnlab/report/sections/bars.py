"""Small bars within the cells of a table: a difference with its interval, all on one scale."""

from __future__ import annotations

import numpy as np
import pandas as pd
from markupsafe import Markup

WIDTH, HEIGHT, ROOM = 72, 12, 4
OUTER = 0.05  # of all ends of intervals, on either side
# The thick line is the adjusted interval, the thin one with ticks at its ends the unadjusted one.
# For another baseline `script/4-tables.js` draws the same.
BAR = (
    '<svg class="bar" viewBox="0 0 {width} {height}" aria-hidden="true">'
    '<path class="zero" d="M{zero:.1f} 0V{height}"/>{parts}</svg>'
)

LINES = {"adjusted": "M{left} 6H{right}", "difference": "M{left} 3V9M{left} 6H{right}M{right} 3V9"}


class Scale:
    """The horizontal scale of the bars of a table of `compare_histories`.

    The outermost ends do not stretch it: bars that reach beyond end at its edge.
    """

    def __init__(self, table: pd.DataFrame) -> None:
        columns = [f"{kind}_{end}" for kind in LINES for end in ("low", "high")]
        ends = table[["difference", *columns]].to_numpy(float)
        ends = ends[np.isfinite(ends)]
        low, high = np.quantile(ends, [OUTER, 1 - OUTER]) if len(ends) else (0.0, 0.0)
        self.low, self.high = min(0.0, float(low)), max(0.0, float(high))

    def at(self, value: float) -> float:
        """Where a difference stands, within the bar's ends."""
        share = (value - self.low) / (self.high - self.low)
        return ROOM + float(np.clip(share, 0, 1)) * (WIDTH - 2 * ROOM)

    def drawn(self, row: pd.Series) -> Markup:
        """The bar of a row; nothing for one that is not compared."""
        if not self.high > self.low or not np.isfinite(row.difference):
            return Markup("")
        middle, parts = HEIGHT / 2, []
        for kind, line in LINES.items():
            ends = row[f"{kind}_low"], row[f"{kind}_high"]
            if np.isfinite(ends).all():
                left, right = (f"{self.at(end):.1f}" for end in ends)
                parts.append(f'<path class="{kind}" d="{line.format(left=left, right=right)}"/>')
        parts.append(f'<circle cx="{self.at(row.difference):.1f}" cy="{middle:g}" r="2.4"/>')
        values = {"width": WIDTH, "height": HEIGHT, "zero": self.at(0.0), "parts": "".join(parts)}
        return Markup(BAR.format(**values))
