"""Every row against the baseline: differences that are paired by seed, their tests, verdicts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

import numpy as np
import pandas as pd

from afnlab import stats
from afnlab.measures import ACCURACY, Measure
from afnlab.runs.seed_pairs import differences as paired_differences

ALPHA = stats.alpha(stats.LEVEL)
DIFFER = ("better", "worse")  # the verdicts that say two activations differ
FURTHER = "further_comparisons"  # a column, where there were any


def differences(
    values: pd.DataFrame,
    baseline: str,
    margin: float | None = None,
    measure: Measure = ACCURACY,
    until_decided: Collection[str] = (),
    known: pd.DataFrame | None = None,
    further: Mapping[str, int] = {},
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
    """
    d = values.sub(values[baseline], axis=0) if baseline in values else values * np.nan
    d[d.columns.intersection([baseline])] = np.nan
    there = [str(label) for label in d if d[label].notna().any()]
    added = [n for n in there if n in until_decided or baseline in until_decided]
    for label in added:
        d[label] = _as_decided(values[[label, baseline]], known, measure)
    pairs = {label: d[label].dropna().to_numpy() for label in there}
    gains = {label: measure.sign * v for label, v in pairs.items()}  # above 0 is better
    tests = {label: stats.ANY_TIME if label in added else stats.SIGN_FLIP for label in there}

    def each(name: str, of: Mapping[str, np.ndarray], *more: float) -> pd.Series:
        return _each(lambda label: getattr(tests[label], name)(of[label], *more), there, d.columns)

    table = pd.DataFrame(index=d.columns)
    alone = {label: tests[label].alone(v) for label, v in pairs.items()}
    for at, name in enumerate(("difference", "difference_low", "difference_high")):
        table[name] = _each(lambda label, at=at: alone[label][at], there, d.columns)
    table = table.assign(pairs=d.notna().sum(), spread=d.std())
    table["effect"] = _each(lambda label: stats.effect_size(pairs[label]), there, d.columns)
    table["improvement"] = _each(lambda label: stats.improvement(gains[label]), there, d.columns)
    table["test"] = pd.Series({label: test.name for label, test in tests.items()}, dtype=object)
    table["p"] = each("p", pairs)
    fixed = [label for label in there if label not in added]
    table["p_wilcoxon"] = _each(lambda label: stats.wilcoxon_p(pairs[label]), fixed, d.columns)
    if any(further.values()):
        table[FURTHER] = [further.get(str(label), 0) for label in table.index]
    more = further_comparisons(table)
    table["p_holm"] = _with(more, stats.holm, table.p)
    levels = dict(zip(table.index, _with(more, stats.holm_levels, table.p), strict=True))
    adjusted = {label: tests[label].interval(v, levels[label]) for label, v in pairs.items()}
    for at, name in ((1, "adjusted_low"), (2, "adjusted_high")):
        table[name] = _each(lambda label, at=at: adjusted[label][at], there, d.columns)
    if margin is not None:
        for column, name in (("p_equivalent", "equivalence_p"), ("p_not_worse", "not_worse_p")):
            table[column] = _with(more, stats.holm, each(name, gains, margin))
    shown = {n: _shown(table.p_holm[n], gains[n]) for n in fixed}
    shown |= {n: stats.decide(gains[n], level=levels[n]).verdict for n in added}
    least = attainable(table)
    table["verdict"] = [
        _verdict(row, baseline, shown.get(str(label), ""), least[at])
        for at, (label, row) in enumerate(table.iterrows())
    ]
    return table


def _as_decided(both: pd.DataFrame, known: pd.DataFrame | None, measure: Measure) -> pd.Series:
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
    return pd.Series(measure.sign * paired_differences(pairs, measure), shared)


def attainable(table: pd.DataFrame) -> np.ndarray:
    """The smallest p-value, adjusted by Holm's procedure, that each row could have had; nan of
    those that are not compared.

    With unequal numbers of pairs a comparison that has few of them can be significant after others
    have been rejected, so what one can attain depends on the others.

    Args:
        table: of `compare_histories`, or some of its rows.
    """
    least = [
        stats.PAIRED_TESTS[test].smallest_p(int(pairs)) if np.isfinite(p) else np.nan
        for test, pairs, p in zip(table.test, table.pairs, table.p, strict=True)
    ]
    return _with(further_comparisons(table), stats.holm, pd.Series(least, dtype=float))


def further_comparisons(table: pd.DataFrame) -> int:
    """How many comparisons of these rows there were beside those that the table shows.

    They count as such with a p-value of 1, which is the largest.

    Args:
        table: of `compare_histories`, or some of its rows.
    """
    return int(table[FURTHER].sum()) if FURTHER in table else 0


def comparisons(table: pd.DataFrame) -> int:
    """For how many comparisons p-values and intervals are adjusted.

    Args:
        table: of `compare_histories`, or some of its rows.
    """
    return int(table.p.notna().sum()) + further_comparisons(table)


def _with(more: int, adjust: Callable[[np.ndarray], np.ndarray], p: pd.Series) -> np.ndarray:
    """What a procedure makes of p-values among which there are so many more, each of them 1."""
    return adjust(np.append(p.to_numpy(), np.ones(more)))[: len(p)]


def _each(function: Callable[..., float], known: Collection, labels: pd.Index) -> pd.Series:
    """The function of every label that is known; nan for the others."""
    return pd.Series([function(n) if n in known else np.nan for n in labels], labels)


def _shown(p: float, gains: np.ndarray) -> str:
    """What a test of a fixed number of seeds shows, as `stats.decide` says it."""
    if p >= ALPHA:
        return "open"
    return "better" if gains.mean() > 0 else "worse"


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
