"""A comparison at a glance: one sentence, four facts, and what to do next, by rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from afnlab import stats
from afnlab.compare.answers import decidable, leaders, led
from afnlab.compare.formatting import (
    amount,
    interval,
    p_value,
    reading,
    signed,
    three_digits,
)
from afnlab.compare.proper_names import named, proper_name
from afnlab.compare.summary_table import ALPHA
from afnlab.measures import ACCURACY, Measure
from afnlab.messages import counted

if TYPE_CHECKING:
    from afnlab.compare.costs import Cost

MANY = 200  # seeds, beyond which a difference is too small to be worth them
OPEN = ("not distinguishable", "too few seeds")
_CLAUSES = {  # of a verdict: about one row, about several
    "better": ("{} is better than {}", "{} are better than {}"),
    "equivalent": ("{} is equivalent to {}", "{} are equivalent to {}"),
    "not worse": ("{} is no worse than {} by more than the margin",) * 2,
    "open": ("{} cannot be distinguished from {}",) * 2,
    "worse": ("{} is worse", "{} are worse"),
}

_ALL = {  # of all other rows
    "equivalent": "all {} are equivalent to it",
    "not worse": "all {} are no worse by more than the margin",
    "open": "none of {} can be distinguished from it",
    "worse": "all {} are worse",
}


@dataclass(frozen=True)
class Fact:
    """One tile: what it is about, the value in large type, and what has to be known of it."""

    about: str
    value: str
    note: str


def _compared(table: pd.DataFrame) -> pd.DataFrame:
    return table[table.p.notna()]


def _noun(table: pd.DataFrame) -> str:
    """What the rows are: activations, or several settings of some."""
    names = [str(label).partition("(")[0] for label in table.index]
    return "activation" if len(set(names)) == len(names) else "setting"


def sentence(table: pd.DataFrame, baseline: str, measure: Measure = ACCURACY) -> str:
    """What the tests say, in one sentence.

    Args:
        table: of `compare_histories`, with the same baseline and metric.
        baseline: the label with which the others are compared.
        measure: the metric.

    Returns:
        The sentence, in which activations have their proper names.
    """
    rows, base = named(_compared(table)), proper_name(baseline)
    best = proper_name(table.index[0])
    leads = led(list(map(proper_name, leaders(table, measure))), len(table), measure)
    if len(table) == 1:
        return f"{best} reaches {reading(measure, table[measure.key].iloc[0])} {measure.mean}."
    if baseline not in table.index:
        return f"{leads}; {base} is not among these runs."
    if rows.empty:
        return f"{leads}; no other row shares a seed with {base}, so nothing is compared."
    closed = rows.verdict.isin(["equivalent", "not worse"]).any()
    if not decidable(rows) and not closed:
        few = counted(int(rows.pairs.max()), "seed")
        return f"Undecided: {few} cannot distinguish any {_noun(table)} from {base}."
    return _decided(rows, base, _noun(table), measure)


def _decided(rows: pd.DataFrame, base: str, noun: str, measure: Measure) -> str:
    kinds = rows.verdict.where(~rows.verdict.isin(OPEN), "open")
    if len(rows) == 1:
        (label, row), kind = next(rows.iterrows()), kinds.iloc[0]
        clause = _CLAUSES[kind][0].format(label, base)
        if kind == "worse":
            clause = f"{clause} than {base}"
        by = f" by {amount(measure, abs(row.difference))}" if kind in ("better", "worse") else ""
        return f"{clause}{by}."
    counts = kinds.value_counts()
    first = f"No {noun} is better than {base}"
    if better := int(counts.get("better", 0)):
        names = list(rows.index[kinds == "better"])
        told = names[0] if better == 1 else f"{better} of {len(rows)} {noun}s"
        first = _CLAUSES["better"][better > 1].format(told, base)
        if better > 1:
            first += f", led by {names[0]}"
    of = "" if better > 1 else f" of {len(rows)}"  # said once
    rest = []
    for kind in ("equivalent", "not worse", "open", "worse"):
        if number := int(counts.get(kind, 0)):
            if number == len(rows):
                return f"{first}: {_ALL[kind].format(number)}."
            rest.append(_CLAUSES[kind][number > 1].format(f"{number}{of}", "it"))
            of = ""
    return f"{first}{';' if better else ':'} {', '.join(rest)}." if rest else f"{first}."


def facts(
    table: pd.DataFrame,
    baseline: str,
    margin: float | None = None,
    measure: Measure = ACCURACY,
) -> list[Fact]:
    """The best row with its difference, and what so many seeds can detect.

    Args:
        table: of `compare_histories`, with the same baseline, margin and metric.
        baseline: the label with which the others are compared.
        margin: the largest difference that does not matter.
        measure: the metric.
    """
    return [_best(table, baseline, measure), _reach(table, baseline, margin, measure)]


def _best(table: pd.DataFrame, baseline: str, measure: Measure) -> Fact:
    best, rows = table.iloc[0], _compared(table)
    about = f"{measure.best} {measure.mean}" if len(table) > 1 else measure.mean
    value = f"{proper_name(best.name)} {reading(measure, best[measure.key])}"
    if (ties := len(leaders(table, measure))) > 1:
        among = "every row" if ties == len(table) else f"{ties} of {len(table)} rows"
        about = measure.mean if ties == len(table) else about
        value = f"{reading(measure, best[measure.key])} in {among}"
    if rows.empty:
        ends = [reading(measure, best[f"{measure.key}_{end}"]) for end in ("low", "high")]
        finite = np.isfinite(best[f"{measure.key}_low"])
        return Fact(about, value, f"95 % interval {' to '.join(ends)}" if finite else "")
    lead = rows.iloc[0]
    who = "" if lead.name == best.name else f"The next, {proper_name(lead.name)}: "
    who = f"{proper_name(lead.name)}: " if ties > 1 else who
    note = f"{who}{signed(measure, lead.difference)} {measure.points}".rstrip()
    note += f" against {proper_name(baseline)}"
    if lead.difference_low == lead.difference_high:
        note += " in every seed"
    elif limits := interval(measure, lead.difference_low, lead.difference_high):
        note += f", 95 % interval {limits}"
    p = p_value(lead.p_holm)
    count = len(rows)
    note += f"; p {'' if p.startswith('<') else '= '}{p}"
    return Fact(about, value, note + f" adjusted for {count} comparisons" * (count > 1))


def _reach(table: pd.DataFrame, baseline: str, margin: float | None, measure: Measure) -> Fact:
    rows = _compared(table)
    few, many = int(table.seeds.min()), int(table.seeds.max())
    value = f"{few} to " * (few < many) + counted(many, "seed")
    if rows.empty:
        return Fact("how sure", value, "")
    pairs, count = int(rows.pairs.min()), len(rows)
    if not decidable(rows):
        least = counted(stats.seeds_needed(count), "seed")
        return Fact("how sure", value, f"No test can decide with so few; it takes {least}")
    size = stats.detectable_difference(float(rows.spread.median()), pairs, count)
    within = f"; the margin is {amount(measure, margin)}" if margin is not None else ""
    if (stats.attainable_p(rows.pairs) >= ALPHA).any():
        return Fact("how sure", value, f"Some rows have too few{within}")
    if not np.isfinite(size):
        told = "The row with the fewest can only be decided after others"
        return Fact("how sure", value, f"{told}{within}")
    if size == 0:  # or nearly all differences are
        return Fact("how sure", value, f"Differences do not vary between the seeds{within}")
    told = f"They detect a true difference of {amount(measure, size)} four times in five"
    return Fact("how sure", value, f"{told}; smaller ones are mostly missed{within}")


def cost_fact(table: pd.DataFrame, baseline: str, cost: Cost) -> Fact | None:
    """What the named row costs against the baseline; None where it was not measured.

    Args:
        table: of `compare_histories`.
        baseline: the label with which the others are compared.
        cost: of the rows.
    """
    rows = _compared(table)
    known = [label for label in rows.index if label in cost.seconds]
    if baseline not in cost.seconds or not known or not (cost.seconds > 0).all():
        return None
    label, base = str(known[0]), proper_name(baseline)
    ratio = cost.seconds[label] / cost.seconds[baseline]
    value = f"{three_digits(ratio)} \N{MULTIPLICATION SIGN} {base}"
    low, high = cost.ratio_range(label, baseline)
    note = f"{proper_name(label)}, {cost.of}, {cost.by_in_short}"
    if low < 1 < high:
        note += ": within the noise of timing"
    return Fact("cost", value, note)


def next_step(
    table: pd.DataFrame, baseline: str, measure: Measure = ACCURACY
) -> tuple[str, int | None]:
    """What would settle what is open, and how many seeds that takes.

    The row is the best of the table, if the test leaves it open, else the open one with the largest
    effect; the number is that with which its observed
    difference would be detected four times in five, given the standard deviation of its paired
    differences.

    Args:
        table: of `compare_histories`, with the same baseline and metric.
        baseline: the label with which the others are compared.
        measure: the metric.

    Returns:
        A sentence, empty where nothing is compared, and the number of seeds, if there is one.
    """
    rows = _compared(table)
    if rows.empty:
        return "", None
    base, left = proper_name(baseline), rows[rows.verdict.isin(OPEN)]
    if left.empty:
        return f"Nothing is left open against {base} on this task; try another one.", None
    widest = str((left.difference / left.spread).abs().fillna(0.0).idxmax())
    label = str(left.index[0]) if left.index[0] == rows.index[0] else widest
    row: Any = left.loc[label]
    name, count = proper_name(label), len(rows)
    needed = stats.seeds_to_detect(row.difference, row.spread, count, MANY)
    seen = f"{signed(measure, row.difference)} {measure.points}".rstrip()
    if needed is None:
        if not row.spread > 0:
            least = stats.seeds_needed(count)
            if least <= row.pairs and row.difference == 0:
                return f"{name} equals {base} in every seed; more seeds would show the same.", None
            return f"{counted(least, 'seed')} are the fewest that can decide anything.", least
        told = f"{name} would take more than {MANY} seeds to settle: its difference to {base}"
        return f"{told}, {seen}, is small beside its spread over the seeds.", None
    needed = max(needed, int(row.pairs) + 1)
    return (
        f"{needed} seeds would settle {name}, four times in five, if its difference to {base} is"
        f" the {seen} seen here."
    ), needed
