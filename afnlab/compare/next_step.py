"""What to do next about a comparison: how many seeds would decide what it leaves open."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import pandas as pd
from typing_extensions import TypedDict

from afnlab import stats
from afnlab.compare import axis_ends
from afnlab.compare.confirmation_caveat import confirmation_caveat
from afnlab.compare.headline import OPEN, Fact, compared_rows, difference
from afnlab.compare.proper_names import Naming, proper_name
from afnlab.compare.tuning_change import TuningChange
from afnlab.measures import ACCURACY, Measure
from afnlab.messages import LISTED, counted, enumerated, some
from afnlab.training.space import SELECTION_SEEDS, Space, space
from afnlab.training.tune import FAIR

MANY = 200  # seeds, beyond which a difference is too small to be worth them
MOST_SEEDS = "seeds: until decided, at most {}"
SURER = 4  # times as many trainings are to judge a candidate, which halves the noise of choosing
SPARE = 3  # seeds beyond the fewest that a test takes, with which all would have to agree


@dataclass(frozen=True)
class NextStep:
    """What to do next.

    Attributes:
        fact: what is said.
        seeds: how many seeds that takes; None if seeds are not what is missing.
        confirm: the label of the row that is to be trained with so many fresh seeds; empty: every
            row is to have so many in all.
        tune: what is to be tuned in place of what was, as a sweep file has it; empty: the same.
        budget: among how many candidates every row is to be tuned, as none was: as many as
            `afnlab.tune` takes by itself; None: no matter.
        most: after how many seeds a row may stay open, where they are added until decided; None:
            their number is fixed.
        command: what is to be typed, where it trains nothing.
        confirmed: whether the row to confirm has been, and is to be looked at.
    """

    fact: Fact
    seeds: int | None = None
    confirm: str = ""
    tune: Mapping[str, object] = field(default_factory=dict)
    budget: int | None = None
    most: int | None = None
    command: str = ""
    confirmed: bool = False


class Confirmed(TypedDict):
    """What there is of confirmations when a row is to be confirmed.

    comparisons: for how many p is corrected then; seeds: of its own, 0: it has not begun; said:
    what they say; empty: a run is missing.
    """

    comparisons: int
    seeds: int
    said: str


class OtherTables(TypedDict):
    """What the tables of other settings say, where a comparison is split by them.

    count: how many there are; undecided: the settings at which one leaves something open; best: the
    setting at which the best mean of all is; empty: it is this one.
    """

    count: int
    undecided: list[str]
    best: str


def next_step(
    table: pd.DataFrame,
    baseline: str,
    measure: Measure = ACCURACY,
    *,
    among: Space | None = None,
    edges: Sequence[tuple[str, str, list[str]]] = (),
    accepted: Callable[[str, object], bool] = lambda name, axis: True,
    most: int | None = None,
    change: TuningChange | None = None,
    tunable: bool = False,
    naming: Naming = proper_name,
    confirmed: Mapping[str, Confirmed] = {},
    others: OtherTables | None = None,
) -> NextStep | None:
    """What would decide what is open, and how many seeds that takes.

    With too few seeds for any test it is to have more of them. Where tuning has made most rows
    worse, more trainings are to judge each candidate. Where tunings chose an end of what was tried,
    it is to try more beyond that: what differs may be how well the range suits. Where nothing was
    tuned and nothing is open, it may be how well the recipe suits: so all are to be tuned. Else it
    is about the best row of the table, if the test leaves that open, else about the open one with
    the largest effect. That row is to be trained anew beside the baseline, with fresh seeds: then
    it is one comparison, and neither the seeds that picked it nor a look at their result flatters
    it. To a row whose seeds were added until the evidence decides more are to be added: its test
    may be looked at again.

    The number of seeds is that with which a true difference of the observed size would be detected
    with a power of 80 % in one comparison, given the standard deviation of that row's paired
    differences; where others were confirmed before, in as many as there are then. Where that row
    was confirmed, its confirmation is to be looked at.

    Args:
        table: of `compare_histories`, with the same baseline and metric.
        baseline: the label with which the others are compared.
        measure: the metric.
        among: what was tuned; None: nothing.
        edges: where tunings chose an end of it, see `tuning_summary.at_edges`.
        accepted: whether all rows may tune a parameter so, see `axis_ends.widened`.
        most: how many seeds the sweep file lets a row have until it is decided; None: it does not
            say so.
        change: what tuning has changed; None: nothing was tuned.
        tunable: whether these rows were not tuned and may be, see `accepted.may_be_tuned`.
        naming: what the baseline is called.
        confirmed: what there is of confirmations of rows, by label; of others nothing is known.
        others: what the tables of other settings say; None: there are none.

    Returns:
        What to do; None where nothing is compared.
    """
    rows = compared_rows(table)
    if rows.empty:
        return None
    base, undecided = naming(baseline), rows[rows.verdict.isin(OPEN)]
    if undecided.empty:
        done = _nothing_open(base, others)
        unfinished = others is not None and others["undecided"]
        if tunable and most is None and stats.ANY_TIME.name not in {*rows.test} and not unfinished:
            done = _tuned(base)
        return _surer(among, change) or _wider(among, edges, table.index, table, accepted) or done
    leads = undecided.index[0] == rows.index[0]
    effects = (undecided.difference / undecided.spread).abs().fillna(0.0)
    row = undecided.iloc[0 if leads else int(effects.to_numpy().argmax())]
    until_decided = row.test == stats.ANY_TIME.name
    if row.verdict == "too few seeds" and not until_decided:
        return _possible(rows, base)
    wider = _surer(among, change) or _wider(
        among, edges, [str(row.name), baseline], table, accepted
    )
    if until_decided and row.spread > 0:
        return wider or _goes_on(row, most or 0)
    known = confirmed.get(str(row.name), Confirmed(comparisons=1, seeds=0, said=""))
    return wider or _of_row(row, rows, base, measure, leads, len(undecided), known)


def _nothing_open(base: str, others: OtherTables | None) -> NextStep:
    """To go to another setting whose table leaves something open, else to another task."""
    if others is None:
        return _said("Another task", f"On this one nothing is left open against {base}.")
    best = f" The best mean of all settings is at {others['best']}." if others["best"] else ""
    if where := others["undecided"]:
        note = (
            f"At this setting nothing is left open against {base}; at {some(where, LISTED)}"
            f" something is, as {'its table says' if len(where) == 1 else 'their tables say'}."
        )
        return _said("Another setting", note + best)
    note = f"At none of the {others['count'] + 1} settings is anything left open against {base}."
    return _said("Another task", note + best)


def _tuned(base: str) -> NextStep:
    """To tune what was compared at one recipe."""
    note = (
        f"Nothing is left open against {base} at this recipe, but a recipe suits some rows better"
        " than others. Tuned within the same budget, the rows may differ less, or otherwise."
    )
    return NextStep(Fact("what next", "Tune every row", note), budget=space(FAIR).count)


def _of_row(
    row: pd.Series,
    rows: pd.DataFrame,
    base: str,
    measure: Measure,
    leads: bool,
    left_open: int,
    known: Confirmed,
) -> NextStep:
    """What would decide about a row that is open.

    rows: those that are compared; leads: whether it is the best of them; left_open: how many are.
    """
    if known["seeds"]:
        return _begun(row, base, known)
    if not row.spread > 0:
        return _said("Another task", f"{proper_name(row.name)} equals {base} in every seed.")
    others = len(rows) if leads else left_open
    picked = others > 1 and not (leads and measure.sign * row.difference <= 0)
    needed = stats.seeds_to_detect(row.difference, row.spread, known["comparisons"], MANY)
    if needed is None:
        return _too_small(proper_name(row.name), "p_equivalent" in rows)
    best = f"the {'best' if leads else 'clearest'} of {others}" if picked else ""
    step = _fresh(row, base, needed, best, measure, known["comparisons"])
    if leads:
        return step
    why = f"{proper_name(rows.index[0])} is {rows.verdict.iloc[0]} already; this row is open."
    return replace(step, fact=replace(step.fact, note=f"{why} {step.fact.note}"))


def _goes_on(row: pd.Series, allowed: int) -> NextStep:
    """To let more seeds be added to a row until the evidence decides: as many as are allowed, or
    twice as many as it has, where it has these."""
    pairs = int(row.pairs)
    most = allowed if pairs < allowed else 2 * pairs
    how = f'"{MOST_SEEDS.format(most)}" in the sweep file, or --most {most} of afnlab judge'
    if pairs < allowed:
        how = (
            f"the same sweep file, whose {most} seeds it has not had yet, and --retry-failed if the"
            " next of them failed"
        )
    note = (
        f"{proper_name(row.name)} is open after {counted(pairs, 'seed')}, which were added until"
        f" the evidence decides. Its test may be looked at after every seed, so go on: with {how}."
    )
    return NextStep(Fact("what next", f"Up to {most} seeds", note), most=most)


def confirmation(table: pd.DataFrame, among: int, further: Mapping[str, int]) -> NextStep:
    """What a confirmation says of itself where other pages say what to do next.

    Args:
        table: of `compare_histories`, of fresh seeds.
        among: from how many comparisons its rows were picked.
        further: with which that table was made.
    """
    pairs = compared_rows(table).pairs
    fewest, most = int(pairs.min()), int(pairs.max())
    seeds = f"{f'{fewest} to ' if fewest < most else ''}{counted(most, 'fresh seed')}"
    return NextStep(Fact("a confirmation", seeds, confirmation_caveat(table, among, further)))


def _possible(rows: pd.DataFrame, base: str) -> NextStep:
    """As many seeds as a test takes, and a few more.

    rows: those that are compared.
    """
    least = stats.seeds_needed(len(rows))
    number = max(least + SPARE, int(rows.pairs.max()))
    comparisons = f" with {len(rows)} comparisons" if len(rows) > 1 else ""
    note = (
        f"A test against {base} takes {least} seeds or more{comparisons}, and with {least} all of"
        f" them have to agree; {number} leave room for some that do not."
    )
    return _in_all(number, note)


def _surer(among: Space | None, change: TuningChange | None) -> NextStep | None:
    """To have more trainings judge each candidate; None if tuning has not made rows worse."""
    if among is None or change is None or not change.hurts:
        return None
    number = SURER * among.selection_seeds
    note = (
        f"{change.sentence} Let more trainings judge each candidate, or rely on the verdicts at the"
        " fixed recipe, which stand beside the tuned ones; a wider range chooses no better."
    )
    fact = Fact("what next", counted(number, "selection seed"), note)
    return NextStep(fact, tune=among.normal() | {SELECTION_SEEDS: number})


def _wider(
    among: Space | None,
    edges: Sequence[tuple[str, str, list[str]]],
    labels: Iterable[str],
    table: pd.DataFrame,
    accepted: Callable[[str, object], bool],
) -> NextStep | None:
    """To tune beyond what these rows chose at an end of; None if they did at none.

    edges, accepted: as of `next_step`; an end with nothing beyond, such as 0, is none of them.
    """
    if among is None:
        return None
    chose = {(name, end): rows for name, end, rows in edges if set(rows) & set(labels)}
    ends = [(name, end) for name in among.axes for end in ("low", "high") if (name, end) in chose]
    usual = among.normal()
    ends = [one for one in ends if axis_ends.widened(among, [one], accepted) != usual]
    if not ends:
        return None
    ways = {"low": "below", "high": "above"}
    beyond = [f"{n} {ways[e]} {axis_ends.end_of(among, n, e):g}" for n, e in ends]
    rows = [proper_name(n) for n in table.index if any(n in chose[one] for one in ends)]
    if len(rows) > LISTED:
        rows = [*rows[:LISTED], f"{len(rows) - LISTED} more"]
    there = "that end" if len(ends) == 1 else "one of these ends"
    note = (
        f"In more seeds than chance explains {enumerated(rows)} chose from {there} of what was"
        " tried, so the best may lie beyond it, and the comparison be one of how well the range"
        " suits."
    )
    fact = Fact("what next", f"Tune {enumerated(beyond)}", note)
    return NextStep(fact, tune=axis_ends.widened(among, ends, accepted))


def _begun(row: pd.Series, base: str, known: Confirmed) -> NextStep:
    """To look at a confirmation, or to finish it."""
    name, seeds = proper_name(row.name), counted(known["seeds"], "fresh seed")
    label = str(row.name)
    if known["said"]:
        note = f"It and {base} were trained alone on {seeds}. {known['said']}"
        return NextStep(
            Fact("what next", f"See {name}'s test", note), confirm=label, confirmed=True
        )
    note = f"It and {base} are to be trained alone on {seeds}, and one of the two runs is missing."
    return NextStep(Fact("what next", f"Finish {name}'s test", note), known["seeds"], label)


def _fresh(
    row: pd.Series, base: str, seeds: int, best: str, measure: Measure, comparisons: int
) -> NextStep:
    """best: of what the row is the best, within a sentence; empty: it was not picked."""
    name, seen = proper_name(row.name), difference(measure, row.difference)
    half = stats.seeds_to_detect(row.difference / 2, row.spread, comparisons, 4 * MANY)
    more = f", {half} half of it" if half not in (None, seeds) else ""
    which = "one comparison, without correction"
    if comparisons > 1:
        which = f"comparison number {comparisons}, and p is corrected for all of them"
    note = (
        f"Train it and {base} alone on fresh seeds: {which}. {seeds}"
        f" show a true difference of {seen} with 80 % power{more}"
    )
    if best:
        note += f"; {best} is probably overestimated."
    else:
        note += ". More seeds of afnlab sweep beside these, added because of their result, would"
        note += " make p somewhat too small."
    return NextStep(Fact("what next", f"Test {name} again", note), seeds, str(row.name))


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
