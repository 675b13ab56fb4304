"""What would decide a comparison: how many seeds, for which difference."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from afnlab.compare.baseline_differences import DIFFER, comparisons
from afnlab.compare.formatting import amount, difference
from afnlab.compare.formatting import margin as shown_margin
from afnlab.measures import Measure
from afnlab.messages import counted
from afnlab.stats import TESTS, ComparisonTest
from afnlab.stats.comparison_tests import Power

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
    test = TESTS[compared.test.iloc[0]]
    if test.power is None:  # seeds are added until it decides
        return ""
    return " ".join(_sentences(compared, test, test.power, margin, measure))


def _sentences(
    compared: pd.DataFrame,
    test: ComparisonTest,
    power: Power,
    margin: float | None,
    measure: Measure,
) -> Iterator[str]:
    lead, count, often = compared.iloc[0], comparisons(compared), "with a power of 80 %"
    spread, pairs = float(lead.spread), int(lead.pairs)
    seeds, least = counted(pairs, "seed"), test.seeds_needed(count)
    among = f" among {counted(count, 'comparison')}" * (count > 1)
    detectable = power.detectable(spread, *test.sizes(pairs), count)
    if not np.isfinite(detectable):
        first = amount(measure, power.detectable(spread, *test.sizes(least), count))
        yield (
            f"{seeds} detect no true difference{among}, however large; {least}, the fewest that"
            f" can, detect one of {first} {often}."
        )
    elif among:  # of one comparison it has been said
        size = amount(measure, detectable)
        yield f"{lead.name}: {seeds} detect a true difference of {size} {often}{among}."
    seen = f"the observed difference of {lead.name} ({difference(measure, lead.difference)})"
    decided = lead.verdict in DIFFER
    asked = [] if decided else [(seen, float(lead.difference))]  # which these seeds have shown
    if margin:
        asked.append((f"a difference of {shown_margin(measure, margin)}", margin))
    for what, true in asked:
        if true:
            takes = power.seeds_to_detect(true, spread, count)
            number = counted(takes, "seed") if takes else f"more than {MANY:,} seeds"
            yield f"To detect {what} {often} takes {number} of every row."
    if not decided:
        yield (
            "That is by how much these seeds vary. Fix the number first and train all of them"
            " anew: seeds that are added after a look at a result make p too small."
        )
