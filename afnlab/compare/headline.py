"""A comparison at a glance: one sentence and a few facts, by rules."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from afnlab import stats
from afnlab.compare import formatting
from afnlab.compare.answers import decidable, leaders, led, of_seeds, turned
from afnlab.compare.baseline_differences import comparisons
from afnlab.compare.formatting import (
    amount,
    equation,
    interval,
    reached,
    reading,
    share_of,
    three_digits,
    unrounded,
)
from afnlab.compare.proper_names import Naming, named, named_cost, proper_name
from afnlab.measures import ACCURACY, Measure
from afnlab.messages import counted, enumerated
from afnlab.runs.file_labels import parted

if TYPE_CHECKING:
    from afnlab.compare.costs import Cost

OPEN = ("not distinguishable", "too few seeds")
TO_TIME = (
    "`afnlab bench activations --beside FILE.py:NAME` times a function of yours beside others."
)
NAMED = 3  # rows, up to which a sentence names them
# What is said of one row, of several, what they are compared with, and how that is said again.
_PHRASES = {
    "better": ("is better", "are better", " than {}", ""),
    "equivalent": ("is equivalent", "are equivalent", " to {}", " to it"),
    "not worse": (
        "is not worse",
        "are not worse",
        " than {} by more than the margin",
        " by more than the margin",
    ),
    "worse": ("is worse", "are worse", " than {}", ""),
    "open": ("cannot be distinguished", "cannot be distinguished", " from {}", " from it"),
}
_ALIKE = {  # none: "None of the 30 other activations"; every: "All 30 other activations"
    "better": "{every} are better than {base}; they are not compared with one another.",
    "equivalent": "{every} are equivalent to {base} within the margin.",
    "not worse": "{none} is worse than {base} by more than the margin.",
    "worse": "{every} are worse than {base}.",
    "open": "{none} is shown to be better or worse than {base}.",
}


@dataclass(frozen=True)
class Fact:
    """One tile: what it is about, the answer in large type, and what has to be known of it."""

    about: str
    value: str
    note: str = ""


def compared_rows(table: pd.DataFrame) -> pd.DataFrame:
    """The rows that are compared with the baseline, the best first."""
    return table[table.p.notna()]


def noun(table: pd.DataFrame) -> str:
    """What the rows are: activations, or several settings of some."""
    names = [str(label).partition("(")[0] for label in table.index]
    return "activation" if len(set(names)) == len(names) else "setting"


def difference(measure: Measure, stored: float) -> str:
    """A difference of stored values with its sign and unit: "+0.44 points"; one that would round to
    0 without its sign: "less than 0.01 points"."""
    size = amount(measure, abs(stored))
    if size.startswith("less"):
        return size
    return f"{formatting.difference(measure, stored)} {measure.points}".rstrip()


def outcome(tables: Iterable[pd.DataFrame]) -> dict[str, float]:
    """What comparisons came to in numbers, for `afnlab.runs.measured`.

    Args:
        tables: of `compare_histories`.

    Returns:
        How many rows were compared, and how many are better and worse than their baseline.
    """
    verdicts = [verdict for table in tables for verdict in compared_rows(table).verdict]
    kinds = ("better", "worse")
    return {"compared": len(verdicts), **{kind: verdicts.count(kind) for kind in kinds}}


def sentence(
    table: pd.DataFrame,
    baseline: str,
    measure: Measure = ACCURACY,
    naming: Naming = proper_name,
    of_baseline: int = 0,
) -> str:
    """What the tests say, in one sentence.

    Args:
        table: of `compare_histories`, with the same baseline and metric.
        baseline: the label with which the others are compared.
        measure: the metric.
        naming: what rows are called.
        of_baseline: how many of the compared rows are of the baseline's own activation, where that
            has to be said.

    Returns:
        The sentence, in which activations have their proper names.
    """
    rows, base = named(compared_rows(table), naming), naming(baseline)
    best = naming(table.index[0])
    leads = led(list(map(naming, leaders(table, measure))), len(table), measure)
    if len(table) == 1:
        return f"{best} reaches {reached(measure, table[measure.key].iloc[0])}."
    if baseline not in table.index:
        return f"{leads}; {base} is not among these runs."
    if rows.empty:
        return f"{leads}; no other row shares a seed with {base}, so nothing is compared."
    if not decidable(rows) and set(rows.verdict) <= set(OPEN):
        few = counted(int(rows.pairs.max()), "seed")
        return f"Undecided: with {few} no test can show a difference to {base}."
    verdicts = rows.verdict.where(~rows.verdict.isin(OPEN), "open")
    if len(rows) == 1:
        return _of_one(rows.iloc[0], verdicts.iloc[0], base, measure)
    others = f"other {noun(table)}s"
    if len(rows) < len(table) - 1:
        others += f" that share seeds with {base}"
    if of_baseline:
        some = f"{of_baseline} of the {len(rows)} {'is' if of_baseline == 1 else 'are'}"
        others += f" ({some} {proper_name(parted(baseline)[0])} itself)"
    return _of_several(verdicts, base, others)


def _of_one(row: pd.Series, verdict: str, base: str, measure: Measure) -> str:
    if verdict == "open":
        return f"{row.name} is not shown to be better or worse than {base}."
    said = f"{row.name} {_clause(verdict, 1, base)}"
    if verdict in ("better", "worse"):
        said += f" by {amount(measure, abs(row.difference))}"
    return f"{said}{' within the margin' if verdict == 'equivalent' else ''}."


def _of_several(verdicts: pd.Series, base: str, others: str) -> str:
    """verdicts: by proper name, the best first; others: what the rows are."""
    count, better = len(verdicts), list(verdicts.index[verdicts == "better"])
    kinds = [kind for kind in _PHRASES if (verdicts == kind).any()]
    none = f"{'Neither' if count == 2 else 'None'} of {count} {others}"
    if len(kinds) == 1:
        every = f"{'Both' if count == 2 else f'All {count}'} {others}"
        return _ALIKE[kinds[0]].format(every=every, none=none, base=base)
    rest = [(kind, int((verdicts == kind).sum())) for kind in kinds if kind != "better"]
    if not better:
        clauses = [f"{number} {_clause(kind, number)}" for kind, number in rest]
        return f"{none} is shown to be better than {base}: {enumerated(clauses)}."
    (first, number), *more = rest
    clauses = [f"{number} {_clause(first, number, base)}"]
    clauses += [f"{number} {_clause(kind, number)}" for kind, number in more]
    if len(better) > 1:
        who = f" ({enumerated(better)})" if len(better) <= NAMED else ""
        lead = f"{len(better)} of {count} {others} are better than {base}{who}"
        return f"{lead}; {enumerated(clauses)}."
    lead = f"{better[0]} is better than {base}"
    if more:
        return f"{lead}; of {count - 1} others, {enumerated(clauses)}."
    return f"{lead}; {counted(number, 'other')} {_clause(first, number, base)}."


def _clause(verdict: str, number: int, base: str = "") -> str:
    """What is said of so many rows; base: where the baseline is to be named."""
    one, several, named_so, again = _PHRASES[verdict]
    return (one if number == 1 else several) + (named_so.format(base) if base else again)


def facts(
    table: pd.DataFrame,
    baseline: str,
    margin: float | None = None,
    measure: Measure = ACCURACY,
    examples: int | None = None,
    evaluated: str = "test",
    naming: Naming = proper_name,
) -> list[Fact]:
    """The best row with its difference to the baseline, and how sure that difference is.

    Args:
        table: of `compare_histories`, with the same baseline, margin and metric.
        baseline: the label with which the others are compared.
        margin: the largest difference that does not matter.
        measure: the metric.
        examples: how many examples the values are of, or None.
        evaluated: which examples they are: "test" or "validation".
        naming: what rows are called.

    Returns:
        Two facts; the second one has the interval and the p-value that are adjusted for the number
        of comparisons, or, where nothing is compared, the interval of the best mean.
    """
    about = f"{measure.best} {measure.mean}" if len(table) > 1 else measure.mean
    value = f"{naming(table.index[0])} {reading(measure, table[measure.key].iloc[0])}"
    if (ties := len(leaders(table, measure))) > 1:
        among = "every row" if ties == len(table) else f"{ties} of {len(table)} rows"
        about = measure.mean if ties == len(table) else about
        value = f"{reading(measure, table[measure.key].iloc[0])} in {among}"
    if compared_rows(table).empty:
        return [Fact(about, value), _certainty_of_mean(table.iloc[0], measure)]
    note = _gap(table, baseline, measure, examples, evaluated, naming)
    lead = compared_rows(table).iloc[0]
    if lead.pairs == lead.seeds == table.seeds[baseline]:  # else the note says which seeds count
        about += of_seeds(table, baseline)
    return [Fact(about, value, note), _certainty(table, baseline, margin, measure, naming)]


def _gap(
    table: pd.DataFrame,
    baseline: str,
    measure: Measure,
    examples: int | None,
    evaluated: str,
    naming: Naming,
) -> str:
    """The difference of the best compared row to the baseline, beside both their values."""
    lead: Any = compared_rows(table).iloc[0]
    base = table.loc[[baseline]].iloc[0]
    best = table.index[0]
    name = naming(lead.name)
    values = [reading(measure, row[measure.key]) for row in (lead, base)]
    if len(leaders(table, measure)) > 1:
        text = f"{name} has {values[0]}, {naming(baseline)} {values[1]}"
    elif best == lead.name:
        text = f"{naming(baseline)} has {values[1]}"
    elif best == baseline:
        text = f"{name} is next with {values[0]}"
    else:  # a row without a pair
        text = f"It shares no seed with {naming(baseline)}; of those that do, {name} leads with"
        text += f" {values[0]} against {values[1]}"
    shared = int(lead.pairs)
    all_seeds = lead.name in turned(table, baseline, measure)
    over = f" over {counted(shared, 'common seed')}" if shared < max(lead.seeds, base.seeds) else ""
    exact = unrounded(measure, lead, base)
    text += f". The difference{over}{exact}{',' if exact else ''} is"
    text += f" {difference(measure, lead.difference)}"
    if measure.key == ACCURACY.key and examples and lead.difference:  # a share of the examples
        text += f", {share_of(abs(lead.difference), examples)} {evaluated} examples, which"
        text += " all seeds share"
    return f"{text}{'; the means are over all seeds' if all_seeds else ''}."


def _certainty_of_mean(best: pd.Series, measure: Measure) -> Fact:
    seeds, ends = int(best.seeds), [best[f"{measure.key}_{end}"] for end in ("low", "high")]
    if not np.isfinite(ends).all():
        return Fact("how sure", counted(seeds, "seed"), "An interval takes two seeds or more.")
    if ends[0] == ends[1]:
        return Fact("how sure", counted(seeds, "seed"), "All have the same value.")
    value = " to ".join(reading(measure, end) for end in ends)
    return Fact("how sure", value, f"95 % interval of the mean over {counted(seeds, 'seed')}.")


def _certainty(
    table: pd.DataFrame, baseline: str, margin: float | None, measure: Measure, naming: Naming
) -> Fact:
    rows, base = compared_rows(table), naming(baseline)
    lead, count = rows.iloc[0], comparisons(rows)
    name, seeds = naming(lead.name), counted(int(lead.pairs), "seed")
    if lead.verdict == "too few seeds":
        least = stats.TESTS[lead.test].seeds_needed(count)
        note = f"A test against {base} takes {least} seeds or more"
        note += f" with {count} comparisons" if count > 1 else ""
        return Fact("how sure", f"{seeds}: too few", f"{note}.")
    adjusted = f"adjusted for {count} comparisons" if count > 1 else ""
    if lead.verdict in ("equivalent", "not worse"):
        over = ", ".join(filter(None, [f"over {seeds}", adjusted]))
        return _within_margin(lead, name, base, formatting.margin(measure, margin), over)
    side = "better" if measure.sign * lead.difference >= 0 else "worse"
    is_open, p = lead.verdict in OPEN, equation(lead.p_holm)
    limits, which = interval(measure, lead.adjusted_low, lead.adjusted_high), "p is"
    equal = " Equality is not shown either." if is_open and margin is None else ""
    if not limits:
        note, equal = f"These {seeds} set the difference no bounds", ""
    elif lead.adjusted_low == lead.adjusted_high:
        note, equal = f"The difference is the same in all {seeds}", ""
    else:
        note, which = f"95 % interval {limits} {measure.points}".rstrip() + f", {seeds}", "Both are"
    plain = f" (else {equation(lead.p)})"  # p = 1 beside a difference reads like a mistake
    if is_open and count > 1 and equation(lead.p) != p:
        adjusted += plain
    note += f", {p}" if is_open else ""
    note += f". {which} {adjusted}.{equal}" if adjusted else f".{equal}"
    if margin is not None:
        note += f" The margin is {formatting.margin(measure, margin)}."
    answer = "Not shown" if is_open else f"Yes, {p}"
    return Fact(f"is {name} {side} than {base}?", answer, note)


def _within_margin(lead: pd.Series, name: str, base: str, margin: str, over: str) -> Fact:
    if lead.verdict == "equivalent":
        about, value, p = f"does {name} differ from {base}?", "By less than", lead.p_equivalent
    else:
        about, value, p = f"is {name} worse than {base}?", "Not by more than", lead.p_not_worse
    return Fact(about, f"{value} {margin}", f"Tested with this margin: {equation(p)} {over}.")


def cost_fact(table: pd.DataFrame, baseline: str, cost: Cost) -> Fact | None:
    """What the named row costs against the baseline; None where it was not measured.

    Args:
        table: of `compare_histories`.
        baseline: the label with which the others are compared.
        cost: of the rows.
    """
    rows = compared_rows(table)
    known = [label for label in rows.index if label in cost.seconds]
    if baseline not in cost.seconds or not known or not (cost.seconds > 0).all():
        return None
    label, base = str(known[0]), proper_name(baseline)
    if cost.alike.get(label, label) == cost.alike.get(baseline, baseline):
        note = f"{proper_name(label)} differs from it in nothing that takes time."
        return Fact("cost", f"That of {base}", note)
    ratio = cost.seconds[label] / cost.seconds[baseline]
    if label in cost.once or baseline in cost.once:
        both = f"{cost.of} with {proper_name(label)} and with {base}"
        times = " and ".join(formatting.seconds(cost.seconds[n]) for n in (label, baseline))
        note = f"{both} took {times} in these runs, whose noise one timing does not tell."
        return Fact("cost", "Not known: timed once", note[:1].upper() + note[1:])
    if label in cost.apart:
        note = (
            f"{proper_name(label)} and {base} were trained on different occasions, between which"
            f" the load of the machine may have changed. {TO_TIME}"
        )
        return Fact("cost", "Not timed together", note)
    if cost.under_load:
        note = f"The machine had other work during these runs: {cost.under_load}. {TO_TIME}"
        return Fact("cost", "Not known: busy machine", note)
    low, high = cost.ratio_range(label, baseline)
    value, takes = f"{three_digits(ratio)} \N{MULTIPLICATION SIGN} {base}'s time", "that long"
    how = cost.by_in_short
    if low < 1 < high:
        value, takes = "No difference shown", f"{three_digits(ratio)} times as long"
        how = f"{three_digits(low)} to {three_digits(high)} given the noise of timing"
    note = f"{cost.of} with {proper_name(label)} takes {takes}, {how}."
    ways = named_cost(cost).ways([proper_name(label)], base)
    return Fact("cost", value, f"{note[:1].upper()}{note[1:]} {ways}".rstrip())
