"""What the marks of the figure of a comparison mean, in sentences: of those that are there."""

from __future__ import annotations

import numpy as np
import pandas as pd

from afnlab.compare.baseline_differences import DIFFER, by_test, comparisons
from afnlab.compare.formatting import seed_range
from afnlab.compare.headline import compared_rows
from afnlab.figures.comparison import edges_in_words
from afnlab.measures import Measure

SET_BY_SEEDS = ", which differ in initial weights and order of batches, not in examples"


def key(
    final: pd.DataFrame,
    table: pd.DataFrame,
    base: str,
    margin: float | None,
    measure: Measure,
    seeds_set: str = "",
) -> str:
    """What the marks of `afnlab.figures.comparison.comparison` mean.

    Args:
        final: seeds x labels.
        table: of `compare_histories`.
        base: what the baseline is called.
        margin: the largest difference that does not matter, or None.
        measure: the metric.
        seeds_set: in what seeds differ, as the end of a phrase; empty: it is not known.

    Returns:
        Sentences. The panels stand beside or below each other, as the page has room.
    """
    edges = edges_in_words(table, final, measure)
    few, many = int(table.seeds.min()), int(table.seeds.max())
    seeds = seed_range(few, many)
    caption = (
        f"each grey dot is one of {seeds}{seeds_set}; below them is their mean with its 95 %"
        " interval."
    )
    if many == 1:
        caption = "each grey dot is the one seed; below it is the mean, which one seed gives no"
        caption += " interval."
    if table.difference.isna().all():
        return " ".join([f"{caption[0].upper()}{caption[1:]}", *edges])
    tests = by_test(compared_rows(table))
    within = " within the seeds" if all(test.paired for test, _ in tests) else ""
    parts = [
        f"First panel: {caption} Whether a row differs from {base} is seen in the second one alone:"
        f" the mean difference{within}, with its 95 % interval{_intervals(table)}",
        *edges,
    ]
    if margin is not None:
        parts.append("Shaded: within the margin.")
    return " ".join(parts)


def _intervals(table: pd.DataFrame) -> str:
    """What the bars of the differences are, and what a filled mark means."""
    rows, count = compared_rows(table), comparisons(table)
    if not np.isfinite(rows.adjusted_low).any():
        return ". Circles are hollow: so few seeds can show no difference."
    text = f" adjusted for {count} comparisons (ticks: unadjusted)."
    if count == 1:
        text = f" by the {_test_of(rows)}."
    if rows.verdict.isin(DIFFER).any():
        text += " Filled circles: it excludes 0, so a difference is shown."
    else:
        text += " Hollow circles: it includes 0."
    return text + (" Squares: equivalent." if (rows.verdict == "equivalent").any() else "")


def _test_of(rows: pd.DataFrame) -> str:
    """What the tests of these comparisons are called."""
    return " and the ".join(f"{test.name.replace(' ', '-')} test" for test, _ in by_test(rows))
