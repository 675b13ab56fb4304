"""What to do next about a comparison: how many seeds would decide what it leaves open."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from afnlab import stats
from afnlab.compare import caveats
from afnlab.compare.formatting import amount
from afnlab.compare.headline import OPEN, Fact, compared_rows, difference
from afnlab.compare.proper_names import proper_name
from afnlab.measures import ACCURACY, Measure
from afnlab.messages import counted

MANY = 200  # seeds, beyond which a difference is too small to be worth them


@dataclass(frozen=True)
class NextStep:
    """What to do next.

    Attributes:
        fact: what is said.
        seeds: how many seeds that takes; None if seeds are not what is missing.
        confirm: the label of the row that is to be trained with so many fresh seeds; empty: every
            row is to have so many in all.
    """

    fact: Fact
    seeds: int | None = None
    confirm: str = ""


def next_step(table: pd.DataFrame, baseline: str, measure: Measure = ACCURACY) -> NextStep | None:
    """What would decide what is open, and how many seeds that takes.

    It is about the best row of the table, if the test leaves that open, else about the open one
    with the largest effect. Where that row was picked among several for its difference, it is to be
    trained anew beside the baseline, with fresh seeds: then it is one comparison, and the seeds
    that picked it do not flatter it. Else every row is to have more seeds.

    The number of seeds is that with which a true difference of the observed size would be detected
    with a power of 80 %, given the standard deviation of that row's paired differences: in one
    comparison, or after the correction for all of them.

    Args:
        table: of `compare_histories`, with the same baseline and metric.
        baseline: the label with which the others are compared.
        measure: the metric.

    Returns:
        What to do; None where nothing is compared.
    """
    rows = compared_rows(table)
    if rows.empty:
        return None
    base, undecided = proper_name(baseline), rows[rows.verdict.isin(OPEN)]
    if undecided.empty:
        return _said("Another task", f"On this one nothing is left open against {base}.")
    leads = undecided.index[0] == rows.index[0]
    effects = (undecided.difference / undecided.spread).abs().fillna(0.0)
    row = undecided.iloc[0 if leads else int(effects.to_numpy().argmax())]
    if not row.spread > 0:
        return _all_equal(row, base, stats.seeds_needed(len(rows)))
    among = len(rows) if leads else len(undecided)
    picked = among > 1 and not (leads and measure.sign * row.difference <= 0)
    needed = stats.seeds_to_detect(row.difference, row.spread, 1 if picked else len(rows), MANY)
    if needed is None:
        return _too_small(proper_name(row.name), "p_equivalent" in table)
    if picked:
        best = f"the {'best' if leads else 'clearest'} of {among}"
        return _fresh(row, base, needed, best, measure)
    return _more(row, needed, len(rows), measure)


def confirmation(table: pd.DataFrame, among: int) -> NextStep:
    """What a confirmation says of itself where other pages say what to do next.

    Args:
        table: of `compare_histories`, of fresh seeds.
        among: from how many comparisons its rows were picked.
    """
    seeds = counted(int(table.pairs.max()), "fresh seed")
    return NextStep(Fact("a confirmation", seeds, caveats.confirmation(table, among)))


def _all_equal(row: pd.Series, base: str, least: int) -> NextStep:
    """least: the number of seeds with which anything can be decided."""
    if int(row.pairs) < least:
        return _in_all(least, "No fewer can decide anything.")
    return _said("Another task", f"{proper_name(row.name)} equals {base} in every seed.")


def _fresh(row: pd.Series, base: str, seeds: int, best: str, measure: Measure) -> NextStep:
    """best: of what the row is the best, within a sentence."""
    name, seen = proper_name(row.name), difference(measure, row.difference)
    half = stats.seeds_to_detect(row.difference / 2, row.spread, 1, 4 * MANY)
    more = f", {half} half of it" if half not in (None, seeds) else ""
    note = (
        f"Train it and {base} alone on fresh seeds: one comparison, without correction. {seeds}"
        f" show a true difference of {seen} with 80 % power{more}; {best} is probably"
        " overestimated."
    )
    return NextStep(Fact("what next", f"Test {name} again", note), seeds, str(row.name))


def _more(row: pd.Series, seeds: int, count: int, measure: Measure) -> NextStep:
    """count: of all comparisons."""
    name, seen, pairs = proper_name(row.name), difference(measure, row.difference), int(row.pairs)
    note = f"If {name}'s true difference is {seen}, so many seeds show it with 80 % power"
    now = stats.detectable_difference(row.spread, pairs, count)
    if np.isfinite(now):
        note += f"; these {pairs} would show one of {amount(measure, now)}"
    return _in_all(max(seeds, pairs + 1), f"{note}.")


def _too_small(name: str, with_margin: bool) -> NextStep:
    note = f"{name}'s difference is so small that it takes more than {MANY} seeds to detect it with"
    if with_margin:
        return _said(
            "More seeds", f"{note} 80 % power; fewer may show that it is within the margin."
        )
    return _said("Set a margin", f"{note} 80 % power. With --margin it may prove to be equivalent.")


def _said(value: str, note: str) -> NextStep:
    return NextStep(Fact("what next", value, note))


def _in_all(number: int, note: str) -> NextStep:
    return NextStep(Fact("what next", f"{number} seeds in all", note), number)
