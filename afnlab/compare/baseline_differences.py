"""Every row against the baseline: differences, paired by seed or not, their tests, verdicts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterator, Mapping

import numpy as np
import pandas as pd

from afnlab import stats
from afnlab.measures import ACCURACY, Measure
from afnlab.runs.seed_pairs import differences as paired_differences

ALPHA = stats.alpha(stats.LEVEL)
DIFFER = ("better", "worse")  # the verdicts that say two activations differ
OTHERS = "baseline_seeds"  # a column of tables without pairs alone: how many the baseline has
Values = tuple[np.ndarray, ...]  # of a test: the differences, or the row's and the baseline's
FURTHER = "further_comparisons"  # a column, where there were any
BESIDE = "comparisons_beside"  # the same of rows that are not in the table, alike in every row


def differences(
    values: pd.DataFrame,
    baseline: str,
    margin: float | None = None,
    measure: Measure = ACCURACY,
    until_decided: Collection[str] = (),
    known: pd.DataFrame | None = None,
    further: Mapping[str, int] = {},
    unpaired: bool = False,
) -> pd.DataFrame:
    """Every label against the baseline: the columns of `compare_histories` from `difference` on.

    Args:
        values: seeds x labels, nan where a label lacks a seed.
        baseline: the label with which the others are compared.
        margin: the largest difference that does not matter, in the unit of the values.
        measure: what the values are of.
        until_decided: as of `compare_histories`.
        known: the values where they are finite, nan where training diverged; None: all are.
        further: as of `compare_histories`.
        unpaired: as of `compare_histories`.
    """
    if unpaired:
        compared = _groups(values, baseline)
        tests = dict.fromkeys(compared, stats.PERMUTATION)
    else:
        compared = _pairs(values, baseline)
        tests = dict.fromkeys(compared, stats.SIGN_FLIP)
        for label in compared:
            if label in until_decided or baseline in until_decided:
                tests[label] = stats.ANY_TIME
                compared[label] = (_as_decided(values[[label, baseline]], known, measure),)
    # Above 0 is better; of groups, the higher one is.
    gains = {label: tuple(measure.sign * v for v in of) for label, of in compared.items()}
    table = pd.DataFrame(index=values.columns)

    def each(name: str, of: Mapping[Hashable, Values], *more: float) -> pd.Series:
        made = {label: getattr(tests[label], name)(*v, *more) for label, v in of.items()}
        return pd.Series(made, table.index, dtype=float)

    alone = {label: tests[label].alone(*v) for label, v in compared.items()}
    most = largest_difference(measure)
    for at, name in enumerate(("difference", "difference_low", "difference_high")):
        ends = pd.Series({n: ends[at] for n, ends in alone.items()}, table.index, float)
        table[name] = ends.clip(-most, most).where(np.isfinite(ends), ends)  # else it has no bounds
    seeds = {label: min(map(len, v)) for label, v in compared.items()}
    table["pairs"] = [seeds.get(label, 0) for label in table.index]
    table["spread"] = each("spread", compared)
    table["effect"] = each("effect", compared)
    table["improvement"] = each("improvement", gains)
    table["test"] = pd.Series({label: test.name for label, test in tests.items()}, dtype=object)
    table["p"] = each("p", compared)
    table["p_wilcoxon"] = each("wilcoxon_p", compared)
    _count_too(table, further)
    more = further_comparisons(table)
    table["p_holm"] = _with(more, stats.holm, table.p)
    levels = dict(zip(table.index, _with(more, stats.holm_levels, table.p), strict=True))
    adjusted = {label: tests[label].interval(*v, levels[label]) for label, v in compared.items()}
    for at, name in ((1, "adjusted_low"), (2, "adjusted_high")):
        table[name] = pd.Series({n: ends[at] for n, ends in adjusted.items()}, table.index, float)
    if margin is not None:
        for column, name in (("p_equivalent", "equivalence_p"), ("p_not_worse", "not_worse_p")):
            table[column] = _with(more, stats.holm, each(name, gains, margin))
    there = values.notna().sum()
    if unpaired:
        table[OTHERS] = int(there.get(baseline, 0))
    results = zip(table.index, table.p_holm, measure.sign * table.difference, strict=True)
    shown = {label: _shown(p, gain) for label, p, gain in results if label in compared}
    for label, test in tests.items():
        if test is stats.ANY_TIME:
            shown[label] = stats.decide(*gains[label], level=levels[label]).verdict
    least = attainable(table.assign(seeds=there))
    table["verdict"] = [
        _verdict(row, baseline, shown.get(label, ""), least[at])
        for at, (label, row) in enumerate(table.iterrows())
    ]
    return table


def _count_too(table: pd.DataFrame, further: Mapping[str, int]) -> None:
    """Add the columns that say how many comparisons count beside those of a table."""
    rows = list(map(str, table.index))
    if any(further.values()):
        table[FURTHER] = [further.get(label, 0) for label in rows]
    if beside := sum(n for label, n in further.items() if label not in rows):
        table[BESIDE] = beside


def largest_difference(measure: Measure) -> float:
    """The largest difference of two values; infinite where the metric lacks a bound."""
    if measure.low is None or measure.high is None:
        return np.inf
    return measure.high - measure.low


def difference_interval(paired: np.ndarray, measure: Measure) -> stats.Interval:
    """What `stats.difference_interval` returns, within the differences that there can be.

    Args:
        paired: differences of stored values, one per seed.
        measure: what the values are of.
    """
    most = largest_difference(measure)
    return stats.Interval(*np.clip(stats.difference_interval(paired), -most, most).tolist())


def _pairs(values: pd.DataFrame, baseline: str) -> dict[Hashable, Values]:
    """Every label's differences to the baseline, over the seeds that both have."""
    d = values.sub(values[baseline], axis=0) if baseline in values else values * np.nan
    d[d.columns.intersection([baseline])] = np.nan
    return {n: (d[n].dropna().to_numpy(),) for n in d if d[n].notna().any()}


def _groups(values: pd.DataFrame, baseline: str) -> dict[Hashable, Values]:
    """Every label's values, and the baseline's."""
    known = {label: values[label].dropna().to_numpy() for label in values}
    base = known.pop(baseline, np.empty(0))
    return {label: (v, base) for label, v in known.items() if len(v) and len(base)}


def _as_decided(both: pd.DataFrame, known: pd.DataFrame | None, measure: Measure) -> np.ndarray:
    """The differences by which a sweep decides, of a row and its baseline: what is not finite
    counts as it does there."""
    finite = both if known is None else known[both.columns]
    level = measure.worst if measure.chance is None else measure.chance
    shared = both.dropna().sort_index().index
    pairs = [
        {
            name: float(value) if np.isfinite(value) else None
            for name, value in zip(("idea", "against"), row, strict=True)
        }
        | {"lost": level}
        for row in finite.loc[shared].to_numpy()
    ]
    return measure.sign * paired_differences(pairs, measure)


def by_test(compared: pd.DataFrame) -> Iterator[tuple[stats.ComparisonTest, pd.DataFrame]]:
    """The tests of a table's rows, each with its rows.

    Args:
        compared: rows of `compare_histories` that are compared with the baseline.
    """
    for test in stats.TESTS.values():
        rows = compared[compared.test == test.name]
        if len(rows):
            yield test, rows


def sizes(compared: pd.DataFrame) -> list[tuple[int, ...]]:
    """How many values each row was tested on: its pairs, or its seeds and those of the baseline.

    Args:
        compared: as of `by_test`.
    """
    return [
        (int(row.pairs),) if stats.TESTS[row.test].paired else (int(row.seeds), int(row[OTHERS]))
        for _, row in compared.iterrows()
    ]


def attainable(table: pd.DataFrame) -> np.ndarray:
    """The smallest p-value, adjusted by Holm's procedure, that each row could have had; nan of
    those that are not compared.

    With unequal numbers of seeds a comparison that has few of them can be significant after others
    have been rejected, so what one can attain depends on the others.

    Args:
        table: of `compare_histories`, or some of its rows.
    """
    compared = table[np.isfinite(table.p)]
    tested = zip(compared.test, sizes(compared), strict=True)
    least = [stats.TESTS[test].smallest_p(*of) for test, of in tested]
    known = pd.Series(least, compared.index, dtype=float).reindex(table.index)
    return _with(further_comparisons(table), stats.holm, known)


def further_comparisons(table: pd.DataFrame) -> int:
    """How many comparisons there were beside those that the table shows: of these rows, and of
    any that are not in it.

    They count as such with a p-value of 1, which is the largest.

    Args:
        table: of `compare_histories`, or some of its rows.
    """
    of_rows = table[FURTHER].sum() if FURTHER in table else 0
    return int(of_rows) + (int(table[BESIDE].max()) if BESIDE in table and len(table) else 0)


def comparisons(table: pd.DataFrame) -> int:
    """For how many comparisons p-values and intervals are adjusted.

    Args:
        table: of `compare_histories`, or some of its rows.
    """
    return int(table.p.notna().sum()) + further_comparisons(table)


def _with(more: int, adjust: Callable[[np.ndarray], np.ndarray], p: pd.Series) -> np.ndarray:
    """What a procedure makes of p-values among which there are so many more, each of them 1."""
    return adjust(np.append(p.to_numpy(), np.ones(more)))[: len(p)]


def _shown(p: float, gain: float) -> str:
    """What a test of a fixed number of seeds shows, as `stats.decide` says it."""
    if p >= ALPHA:
        return "open"
    return "better" if gain > 0 else "worse"


def _verdict(row: pd.Series, baseline: str, shown: str, least: float) -> str:
    """shown: what the test for a difference says; least: the smallest p-value that was possible."""
    if row.name == baseline:
        return "baseline"
    if not np.isfinite(row.p_holm):
        return "no pairs"
    if shown in DIFFER:
        return shown
    if row.get("p_equivalent", 1.0) < ALPHA:
        return "equivalent"
    if row.get("p_not_worse", 1.0) < ALPHA:
        return "not worse"
    return "too few seeds" if least >= ALPHA else "not distinguishable"
