"""What to do next about a comparison: how many seeds would decide what it leaves open."""

from __future__ import annotations

import numpy as np
import pandas as pd

from afnlab import stats
from afnlab.compare.formatting import amount
from afnlab.compare.headline import OPEN, Fact, compared_rows, difference
from afnlab.compare.proper_names import proper_name
from afnlab.measures import ACCURACY, Measure

MANY = 200  # seeds, beyond which a difference is too small to be worth them


def next_step(
    table: pd.DataFrame, baseline: str, measure: Measure = ACCURACY
) -> tuple[Fact | None, int | None]:
    """What would decide what is open, and how many seeds that takes.

    It is about the best row of the table, if the test leaves that open, else about the open one
    with the largest effect. The number of seeds is that with which a true difference of the
    observed size would be detected with a power of 80 %, after the correction for all comparisons
    and given the standard deviation of that row's paired differences. So is the difference that
    the present seeds detect.

    Args:
        table: of `compare_histories`, with the same baseline and metric.
        baseline: the label with which the others are compared.
        measure: the metric.

    Returns:
        What to say, None where nothing is compared; and the number of seeds, if there is one.
    """
    rows = compared_rows(table)
    if rows.empty:
        return None, None
    base, left = proper_name(baseline), rows[rows.verdict.isin(OPEN)]
    if left.empty:
        return _said("Another task", f"On this one nothing is left open against {base}."), None
    leads = left.index[0] == rows.index[0]
    effects = (left.difference / left.spread).abs().fillna(0.0)
    row = left.iloc[0 if leads else int(effects.to_numpy().argmax())]
    name, count, pairs = proper_name(row.name), len(rows), int(row.pairs)
    least = stats.seeds_needed(count)
    if not row.spread > 0:
        if pairs < least:
            return _seeds(least, "No fewer can decide anything."), least
        return _said("Another task", f"{name} equals {base} in every seed."), None
    needed = stats.seeds_to_detect(row.difference, row.spread, count, MANY)
    if needed is None:
        return _too_small(name, "p_equivalent" in table), None
    needed = max(needed, pairs + 1)
    seen = difference(measure, row.difference)
    note = f"If {name}'s true difference is {seen}, so many seeds show it with 80 % power"
    now = stats.detectable_difference(row.spread, pairs, count)
    if np.isfinite(now):
        note += f"; these {pairs} would show one of {amount(measure, now)}"
    picked = _picked(row, len(rows if leads else left), leads, measure)
    return _seeds(needed, f"{note}.{picked}", at_least=bool(picked)), needed


def _too_small(name: str, with_margin: bool) -> Fact:
    note = f"{name}'s difference is so small that it takes more than {MANY} seeds to detect it with"
    if with_margin:
        return _said(
            "More seeds", f"{note} 80 % power; fewer may show that it is within the margin."
        )
    return _said("Set a margin", f"{note} 80 % power. With --margin it may prove to be equivalent.")


def _picked(row: pd.Series, among: int, leads: bool, measure: Measure) -> str:
    """That the row was picked for its difference, where that makes the difference look large."""
    if among == 1 or (leads and measure.sign * row.difference <= 0):
        return ""
    which = "best" if leads else "clearest"
    return f" The {which} of {among} is probably overestimated."


def _said(value: str, note: str) -> Fact:
    return Fact("what next", value, note)


def _seeds(number: int, note: str, *, at_least: bool = False) -> Fact:
    return _said(f"{'At least ' * at_least}{number} seeds in all", note)
