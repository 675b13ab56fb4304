"""What a comparison says, in sentences made from its numbers by rules."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from afnlab.compare.baseline_differences import (
    ALPHA,
    DIFFER,
    attainable,
    by_test,
    comparisons,
    sizes,
)
from afnlab.compare.formatting import (
    amount,
    bound,
    difference,
    exact_p,
    interval,
    reached,
    reading,
    seconds,
    seed_range,
    three_digits,
    unrounded,
)
from afnlab.compare.formatting import margin as shown_margin
from afnlab.compare.summary_table import FAILURES, as_good
from afnlab.measures import ACCURACY, Measure
from afnlab.messages import LISTED, counted, enumerated, some
from afnlab.registry import canonical_name
from afnlab.stats import ANY_TIME, TESTS, ComparisonTest

if TYPE_CHECKING:
    from afnlab.compare.costs import Cost

QUESTIONS = ("Which?", "By how much?", "How sure?", "At what cost?")
USUAL = ("gelu", "relu")  # baselines


def answers(
    table: pd.DataFrame,
    baseline: str,
    examples: int,
    margin: float | None = None,
    cost: Cost | None = None,
    measure: Measure = ACCURACY,
    without_pairs: str = "",
) -> dict[str, str]:
    """What the data can and cannot distinguish, by question.

    table: as `compare_histories` makes it, with the same baseline, margin and metric; cost: see
    `afnlab.compare.costs`; without_pairs: how rows are compared that share no seed, if at all.
    """
    compared = table[table.p.notna()]
    texts = [
        _which(table, compared, baseline, margin, measure, without_pairs),
        [*_size(table, compared, baseline, examples, measure)],
        [*_certainty(compared, baseline, measure), *_failures(table, measure)],
        [*_cost(cost, baseline)],
    ]
    return {q: " ".join(t) for q, t in zip(QUESTIONS, texts, strict=True) if t}


def _which(
    table: pd.DataFrame,
    compared: pd.DataFrame,
    baseline: str,
    margin: float | None,
    measure: Measure,
    without_pairs: str,
) -> list[str]:
    best = table.iloc[0]
    value = reading(measure, best[measure.key])
    first = leaders(table, measure)
    leads = f"{led(first, len(table), measure)}, {value}"
    if len(table) == 1:
        return [f"{best.name} alone; there is nothing to compare it with."]
    if baseline not in table.index:
        other = _proposed(list(map(str, table.index)))
        flag = f"--baseline {shlex.quote(other)}"
        choice = f"choose one with {flag}, or in a notebook with the parameter baseline"
        return [f"{leads}; {baseline} is not among these runs to compare it with; {choice}."]
    if compared.empty:
        nothing = f"{leads}, but no row shares a seed with {baseline}, so nothing is compared"
        return [f"{nothing}; {without_pairs}." if without_pairs else f"{nothing}."]
    explained = list(_why_turned(table, baseline, measure))
    if not explained:  # which says it too
        leads += of_seeds(table, baseline)
    if decidable(compared) or compared.verdict.isin(["equivalent", "not worse"]).any():
        beside = "beside" if len(compared) == len(table) - 1 else "that share seeds with"
        others, stated = f"{counted(len(compared), 'row')} {beside} {baseline}", ""
        if len(first) == 1:
            leads, stated = f"{leads}{_standing(best, baseline, measure)}", str(best.name)
        rest = _distinguishable(compared, others, baseline, margin, stated, measure)
        return [f"{leads}.", *rest, *explained]
    count = comparisons(compared)
    needed = max(TESTS[test].seeds_needed(count) for test in compared.test)
    return [
        f"Undecided. With {counted(_pairs(compared), 'seed')} and {counted(count, 'comparison')} no"
        f" difference to {baseline} could pass a test at 5 %; that takes {needed}"
        f" seeds. Until then the intervals only describe: {leads}.",
        *explained,
    ]


def _proposed(labels: Sequence[str]) -> str:
    """The row to compare others with, where none was named: one of the field's, not a new idea."""
    known = {label: canonical_name(label.partition("(")[0]) for label in labels}
    wanted = [label for name in USUAL for label in labels if known[label] == name]
    return next(iter([*wanted, *(label for label in labels if known[label]), *labels]))


def leaders(table: pd.DataFrame, measure: Measure) -> list[str]:
    """The labels with the best mean; several where they are equal.

    Args:
        table: of `compare_histories`.
        measure: the metric.
    """
    means = table[measure.key]
    return list(map(str, table.index[as_good(means, means.iloc[0])]))


def led(names: Sequence[str], rows: int, measure: Measure) -> str:
    """Who has the best mean, as the beginning of a sentence.

    Args:
        names: those that have it.
        rows: how many rows the table has.
        measure: the metric.
    """
    if len(names) == 1:
        return f"{names[0]} has the {measure.best} {measure.mean}"
    if len(names) == rows:
        return f"{'Both' if rows == 2 else f'All {rows}'} rows have the same {measure.mean}"
    if len(names) <= LISTED:
        return f"{enumerated(names)} have the {measure.best} {measure.mean}"
    return f"{len(names)} of {rows} rows have the {measure.best} {measure.mean}"


def of_seeds(table: pd.DataFrame, baseline: str) -> str:
    """That the means which are ranked are of different seeds, where they are, as the end of a
    sentence about the best of them.

    Args:
        table: of `compare_histories`.
        baseline: the label with which the others are compared.
    """
    few, many = int(table.seeds.min()), int(table.seeds.max())
    others = table.drop(index=baseline, errors="ignore")
    if few == many and (others.pairs.isin([0, many])).all():
        return ""
    return f", among means of {seed_range(few, many)}, which are not the same in every row"


def _standing(best: pd.Series, baseline: str, measure: Measure) -> str:
    """What the best mean is worth, as the end of a sentence about it."""
    gap = difference(measure, best.difference)
    return {
        "better": f", and is better than {baseline}",
        "worse": f", but is worse than {baseline} with the seeds that both have ({gap})",
        "equivalent": f", and is equivalent to {baseline} within the margin",
        "not worse": f", and is no worse than {baseline} by more than the margin",
        "not distinguishable": f", but is not distinguishable from {baseline}",
        "too few seeds": f", but shares too few seeds with {baseline} to be distinguished from it",
        "baseline": ", and is the baseline",
        "no pairs": f", and shares no seed with {baseline}",
    }[best.verdict]


def turned(table: pd.DataFrame, baseline: str, measure: Measure) -> list[str]:
    """The labels whose difference has another sign than that of the means, which are of different
    seeds.

    Args:
        table: of `compare_histories`.
        baseline: the label with which the others are compared.
        measure: the metric.
    """
    alike = (table.pairs == table.seeds) & (table.seeds == table.seeds[baseline])
    apart = table[measure.key] - table[measure.key][baseline]
    return list(map(str, table.index[~alike & (apart * table.difference < 0)]))


def _why_turned(table: pd.DataFrame, baseline: str, measure: Measure) -> Iterable[str]:
    """Why the table's means and its differences seem to contradict each other."""
    if named := turned(table, baseline, measure):
        yield (
            f"Mean and difference of {some(named, LISTED)} point in opposite"
            " directions: a mean is over all seeds of its row, difference and verdict are over"
            f" those that {baseline} has too."
        )


def decidable(compared: pd.DataFrame) -> bool:
    """Whether a test could have distinguished any row, whatever the numbers."""
    return bool((attainable(compared) < ALPHA).any())


def _pairs(compared: pd.DataFrame) -> int:
    return int(compared.pairs.min())


def _distinguishable(
    compared: pd.DataFrame,
    others: str,
    baseline: str,
    margin: float | None,
    stated: str,
    measure: Measure,
) -> Iterable[str]:
    """Which rows are distinguishable.

    others: what these rows are, counted; stated: the row whose standing has been stated.
    """
    by = dict(iter(compared.groupby("verdict", sort=False)))
    within = f"within {shown_margin(measure, margin)}" if margin is not None else ""
    limit = f"by more than {shown_margin(measure, margin)}" if margin is not None else ""
    phrases = {
        "better": ("is better than {}", "are better than {}"),
        "worse": ("is worse than {}", "are worse than {}"),
        "equivalent": (f"is equivalent to {{}} {within}", f"are equivalent to {{}} {within}"),
        "not worse": (f"is no worse than {{}} {limit}", f"are no worse than {{}} {limit}"),
    }
    parts = []
    for verdict, (one, many) in phrases.items():
        if verdict in by:
            chosen = by[verdict]
            which = (one if len(chosen) == 1 else many).format(baseline)
            parts.append(f"{len(chosen)} {which}: {_listed(chosen, measure)}")
    open_rows = int((~compared.verdict.isin(phrases)).sum())
    if len(compared) == 1:
        row = compared.iloc[0]
        is_so, _ = phrases.get(row.verdict, ("is not distinguishable from {}", ""))
        if row.name != stated or row.verdict in ("equivalent", "not worse"):
            yield f"{row.name} {is_so.format(baseline)} ({difference(measure, row.difference)})."
    elif not parts:
        none = "Neither" if len(compared) == 2 else "None"
        yield f"{none} of the {others} is distinguishable from {baseline}."
    elif len(parts) == 1 and not open_rows:  # all are of one kind
        _, is_so = phrases[str(compared.verdict.iloc[0])]
        every = f"Both {others.partition(' ')[2]}" if len(compared) == 2 else f"All {others}"
        yield f"{every} {is_so.format(baseline)}: {_listed(compared, measure)}."
    else:
        if open_rows:
            are = "is" if open_rows == 1 else "are"
            parts.append(f"{open_rows} {are} not distinguishable from {baseline}")
        yield f"Of the {others}, {'; '.join(parts)}."
    small = compared[compared.verdict.isin(DIFFER)]
    if margin is not None and len(small):
        small = small[small.p_equivalent < ALPHA]
        if len(small):
            size = shown_margin(measure, margin)
            yield f"Distinguishable, but by less than {size}: {', '.join(small.index)}."


def _listed(rows: pd.DataFrame, measure: Measure) -> str:
    shown = rows[:LISTED].difference
    named = [f"{label} ({difference(measure, gap)})" for label, gap in shown.items()]
    more = f" and {len(rows) - LISTED} more" if len(rows) > LISTED else ""
    return ", ".join(named) + more


def _size(
    table: pd.DataFrame, compared: pd.DataFrame, baseline: str, examples: int, measure: Measure
) -> Iterable[str]:
    best, worst = table.iloc[0], table.iloc[-1]
    most, least = (reading(measure, row[measure.key]) for row in (best, worst))
    one = ""
    if measure.key == ACCURACY.key:  # a share of the examples
        one = f"; one example is {amount(measure, 1 / examples)}"
    if len(table) == 1:
        ends = [best[f"{measure.key}_{end}"] for end in ("low", "high")]
        limits = " to ".join(reading(measure, end) for end in ends)
        bounds = f", 95 % interval {limits}" if ends[0] < ends[1] else ""
        yield f"{best.name} reaches {reached(measure, best[measure.key])}{bounds}{one}."
        return
    tied = len(leaders(table, measure)) == len(table)
    if tied:
        yield f"{measure.mean_title} is {most} in every row{one}."
    else:
        yield f"{measure.mean_title} runs from {least} ({worst.name}) to {most} ({best.name}){one}."
    if compared.empty:
        return
    lead = compared.iloc[0]
    text = f"{lead.name} against {baseline}: {difference(measure, lead.difference)}"
    text += f" {measure.points}".rstrip()
    if not tied and {lead.name, baseline} == {best.name, worst.name}:  # whose means it has told
        text += unrounded(measure, lead, table.loc[[baseline]].iloc[0])
    low, high = lead.difference_low, lead.difference_high
    if low == high:
        text += " in every seed"
    elif np.isfinite(low):
        text += f", 95 % interval {interval(measure, low, high)}"
    if (count := comparisons(compared)) > 1:
        if not np.isfinite(lead.adjusted_low) or lead.adjusted_low < lead.adjusted_high:
            adjusted = interval(measure, lead.adjusted_low, lead.adjusted_high)
            limits = (
                f"which is the one to cite, {adjusted}" if adjusted else "these seeds set no bounds"
            )
            text += f"; adjusted for {count} comparisons, {limits}"
        if not tied and len(compared) > 1:
            text += f". The {measure.best} of several means is optimistic, because it is the best"
            text += " of them"
    yield f"{text}."


def _certainty(compared: pd.DataFrame, baseline: str, measure: Measure) -> Iterable[str]:
    if compared.empty:
        return
    count, least = comparisons(compared), pd.Series(attainable(compared), compared.index)
    for test, rows in by_test(compared):
        yield _tested(test, dict(zip(sizes(rows), least[rows.index], strict=True)), count)
    if not decidable(compared):
        return
    could = least < ALPHA
    if not could.all():
        few = f"Rows with {counted(int(compared.pairs[~could].max()), 'seed')} or fewer"
        yield f"{few} could not have been distinguished from {baseline}."
        return
    for test, rows in by_test(compared):
        if test.power is None:
            continue
        needed = test.power.detectable(float(rows.spread.median()), *min(sizes(rows)), count)
        if 0 < needed < np.inf:
            of_rows = " (median over the rows)" if len(rows) > 1 else ""
            yield (
                f"A true difference of {amount(measure, needed)} would be detected with a power of"
                f" 80 %{of_rows}; a smaller one would mostly be missed."
            )


def _tested(test: ComparisonTest, least: Mapping[tuple[int, ...], float], count: int) -> str:
    """What test some rows had, and how small a p-value their numbers of seeds allow.

    least: the p-value that a row of each of their sizes can attain, see `sizes` and `attainable`;
    count: of all comparisons of the table.
    """
    few, many = min(least), max(least)
    correction = f"Holm's correction over {count} comparisons" if count > 1 else "one comparison"
    name = "test that may be looked at after every seed,"
    if test is not ANY_TIME:
        name = (
            "exact " if all(test.is_exact(*size) for size in least) else ""
        ) + f"{test.name} test"
    seeds, floor = (
        counted(many[0], "paired seed" if test.paired else "seed"),
        f"is {exact_p(least[many])}",
    )
    if few < many:
        floor += f" with {many[0]} seeds and {exact_p(least[few])} with {few[0]}"
        seeds = f"{few[0]} to {seeds}"
    if not test.paired:
        seeds += f" against {many[1]}, without pairs"
    return (
        f"{name[0].upper()}{name[1:]} on {seeds}, {correction}: the smallest attainable p-value"
        f" {floor}."
    )


def _failures(table: pd.DataFrame, measure: Measure) -> Iterable[str]:
    """Seeds that did not learn: they count in the means, and are named."""
    for column, meaning in FAILURES.items():
        bad = table[table[column] > 0]
        if len(bad):
            listed = ", ".join(
                f"{label} ({int(row[column])} of {counted(int(row.seeds), 'seed')})"
                for label, row in bad.iterrows()
            )
            yield f"{column.capitalize()} ({meaning}), and counted in the means: {listed}."
    if table.diverged.any() and measure.worst is not None:
        worst = bound(measure, measure.worst)
        moved = table[table.verdict != table.verdict_worst]
        changes = ", ".join(f"{n} ({r.verdict} -> {r.verdict_worst})" for n, r in moved.iterrows())
        yield (
            f"If a diverged seed counted as {worst}, these verdicts would change: {changes}."
            if changes
            else f"No verdict changes if a diverged seed counts as {worst}."
        )


def _cost(cost: Cost | None, baseline: str) -> Iterable[str]:
    if cost is None or not (cost.seconds > 0).all():
        return
    times = cost.seconds
    if baseline not in times or len(times) == 1:
        yield f"{seconds(times.iloc[0])} for {cost.of} ({times.index[0]})."
        return
    ratio = (times / times[baseline]).drop(baseline).sort_values()
    ratio = ratio.drop([n for n in cost.apart if n in ratio])
    if cost.under_load or baseline in cost.once or ratio.empty:
        yield f"{baseline} takes {seconds(times[baseline])} for {cost.of}, {cost.by}."
        yield from _unordered(cost, baseline)
        if cost.under_load:
            yield (
                f"The machine was busy: {cost.under_load}, so what the others take beside that"
                " would say little."
            )
        return
    low, high = (f"{three_digits(ratio.iloc[at])} ({ratio.index[at]})" for at in (0, -1))
    others = len(times) - 1 + len(cost.missing)
    if len(ratio) == 1:
        said = f"{ratio.index[0]} takes {three_digits(ratio.iloc[0])}"
    elif len(ratio) < others:
        said = f"{len(ratio)} of {others} others take {low} to {high}"
    else:
        said = f"the others take {low} to {high}"
    yield f"{baseline} takes {seconds(times[baseline])} for {cost.of}; {said} times that,"
    yield f"{cost.by}."
    if ways := cost.ways(ratio.index, baseline):
        yield ways
    yield from _unordered(cost, baseline)


def _unordered(cost: Cost, baseline: str) -> Iterable[str]:
    """Why the times do not tell what is quicker."""
    if cost.once:
        few = len(cost.once) < len(cost.seconds)
        which = some(cost.once, LISTED) if few else "Each"
        were = "were" if few and len(cost.once) > 1 else "was"
        yield f"{which} {were} timed once, so the noise of these times, and which is quicker, is"
        yield "not known."
    if cost.apart:
        were = "were" if len(cost.apart) > 1 else "was"
        yield f"{some(cost.apart, LISTED)} {were} not timed on the occasion on which {baseline}"
        yield "was: the load of the machine may have been another."
