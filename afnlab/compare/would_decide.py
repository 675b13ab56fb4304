"""What would decide a comparison: how many seeds, for which difference."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from afnlab.compare import designs
from afnlab.compare.formatting import amount, difference
from afnlab.compare.formatting import margin as shown_margin
from afnlab.measures import Measure
from afnlab.messages import counted

MANY = 1_000  # seeds, beyond which no number is named
QUESTION = "What next?"


def would_decide(table: pd.DataFrame, margin: float | None, measure: Measure) -> str:
    """What the seeds of the best compared row can show, and how many would show its difference.

    Args:
        table: of `compare_histories`.
        margin: the largest difference that does not matter, or None.
        measure: the metric.

    Returns:
        Sentences; none if nothing is compared, or the differences do not vary.
    """
    compared = table[table.p.notna()]
    if compared.empty or not compared.spread.iloc[0] > 0:
        return ""
    return " ".join(_sentences(compared, compared.iloc[0], margin, measure))


def _sentences(
    compared: pd.DataFrame, lead: pd.Series, margin: float | None, measure: Measure
) -> Iterator[str]:
    spread, power = float(lead.spread), "with a power of 80 %"
    seeds, least = counted(int(lead.pairs), "seed"), designs.seeds_needed(compared)
    among = f" among {counted(len(compared), 'comparison')}" * (len(compared) > 1)
    detectable = designs.detectable(compared, spread, int(lead.pairs))
    if not np.isfinite(detectable):
        first = amount(measure, designs.detectable(compared, spread, least))
        yield (
            f"{seeds} detect no true difference{among}, however large; {least}, the fewest that"
            f" can, detect one of {first} {power}."
        )
    elif among:  # of one comparison it has been said
        size = amount(measure, detectable)
        yield f"{seeds} detect a true difference of {lead.name} of {size} {power}{among}."
    seen = f"the observed difference of {lead.name} ({difference(measure, lead.difference)})"
    asked = [(f"a difference of {shown_margin(measure, margin)}", margin)] if margin else []
    for what, size in ((seen, lead.difference), *asked):
        if size:
            takes = designs.seeds_to_detect(compared, size, spread)
            number = counted(takes, "seed") if takes else f"more than {MANY:,} seeds"
            yield f"To detect {what} {power} takes {number} of every row."
    if lead.verdict not in ("better", "worse"):
        yield (
            "That is by how much these seeds vary. Fix the number first and train all of them"
            " anew: seeds that are added after a look at a result make p too small."
        )
