"""What would decide a comparison: how many seeds, for which difference."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from afnlab.compare.baseline_differences import DIFFER, comparisons
from afnlab.compare.formatting import amount, difference
from afnlab.compare.formatting import margin as shown_margin
from afnlab.compare.next_step import SPARE
from afnlab.measures import Measure
from afnlab.messages import counted
from afnlab.stats import TESTS, ComparisonTest
from afnlab.stats.comparison_tests import Power

MANY = 1_000  # seeds, beyond which no number is named
QUESTION = "What next?"


ANEW = (
    "Fix the number first and make all results anew, with other seeds: seeds that are added after a"
    " look at a result make p too small."
)


def would_decide(
    table: pd.DataFrame,
    margin: float | None,
    measure: Measure,
    in_all: Callable[[int], str] | None = None,
) -> str:
    """What the seeds of the best compared row can show, and how many would show its difference.

    Args:
        table: of `compare_histories`.
        margin: the largest difference that does not matter, or None.
        measure: the metric.
        in_all: the command that makes what every row lacks of so many seeds; None: there is none.

    Returns:
        Sentences; none if nothing is compared, or the differences do not vary, unless a command
        makes as many seeds as a test takes.
    """
    compared = table[table.p.notna()]
    if compared.empty or (test := TESTS[compared.test.iloc[0]]).power is None:
        return ""  # or seeds are added until it decides
    varies, lead = bool(compared.spread.iloc[0] > 0), compared.iloc[0]
    said = [*_sentences(compared, test, test.power, margin, measure)] if varies else []
    if in_all is not None and lead.verdict == "too few seeds":
        said.append(_kept(test.seeds_needed(comparisons(compared)) + SPARE, in_all))
    elif varies and lead.verdict not in DIFFER:
        said.append(ANEW)
    return " ".join(said)


def _kept(number: int, in_all: Callable[[int], str]) -> str:
    """How seeds are added to those of which no test was possible, so that nothing could be picked:
    a few more than a test takes, which does not follow from what they have shown."""
    return (
        "With so few no test was possible, so these may be kept, and others added up to a number"
        f" that does not follow from what they have shown: `{in_all(number)}` makes {number} of"
        " every row in all, which leave room for some that do not agree."
    )


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
        yield "That is by how much these seeds vary."
