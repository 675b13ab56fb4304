"""From runs to the comparison table."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial
from itertools import starmap
from math import log

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from afnlab import stats
from afnlab.compare.baseline_differences import (
    by_test,
    comparisons,
    difference_interval,
    differences,
    largest_difference,
    sizes,
)
from afnlab.compare.formatting import limits, number, p_value, seed_range, sided
from afnlab.errors import ParameterError
from afnlab.measures import ACCURACY, Measure, accuracy_of
from afnlab.messages import plain
from afnlab.printing import label_of
from afnlab.runs.conventions import DEFAULT_BASELINE
from afnlab.stats.intervals import ROUNDING

AT_THE_END, SAME_EXAMPLES = "after the last epoch", " on the same examples"  # of afnlab's runs
# Columns with numbers of seeds that did not learn, or not as others did, and what they mean.
FAILURES = {
    "stuck": "hardly better than chance at the end",
    "collapsed": "far behind the other seeds of the same row at the end",
    "diverged": "not finite in a loss or a metric",
}
# How far behind the median a seed may have collapsed: so much of the metric's range; of a metric
# with no worst value, so many times as far from the best one.
COLLAPSE, TIMES = 0.03, 1.5
FEWEST = 8  # seeds of which one can be said to be far from the others


def final_values(history: pd.DataFrame, column: str = ACCURACY.column) -> pd.DataFrame:
    """Seeds x labels: the value of a column after each label's last epoch.

    Args:
        history: columns label, seed, epoch, and the named one.
        column: the name of the column.

    Returns:
        The values. A seed whose training diverged is included with its last value; one that is
        not finite becomes nan.
    """
    last = history[history.epoch == history.groupby("label").epoch.transform("max")]
    return last.pivot(index="seed", columns="label", values=column)


def as_history(history: pd.DataFrame, measure: Measure) -> pd.DataFrame:
    """A table as `compare_histories` uses it: with the columns that a foreign one may lack, and
    `finite` values of what diverged.

    Raises:
        ValueError: if it lacks a column that is needed, or the metric's is not of numbers.
    """
    history = as_columns(history, measure)
    values = history[measure.column]
    counted = finite(values, history.diverged, measure)
    return history if counted is values else history.assign(**{measure.column: counted})


def as_columns(history: pd.DataFrame, measure: Measure) -> pd.DataFrame:
    """A table as `as_history` returns it, with values as they are, finite or not."""
    if measure.column not in history and measure.key in history:
        history = history.rename(columns={measure.key: measure.column})
    if absent := [name for name in ("label", "seed", measure.column) if name not in history]:
        raise ValueError(f"the history has no column {', '.join(absent)}, for {measure.name}")
    missing = {"epoch": 1, "test_loss": np.nan, "diverged": False}
    history = history.assign(**{n: v for n, v in missing.items() if n not in history})
    values = history[measure.column]
    if not pd.api.types.is_numeric_dtype(values):
        raise ValueError(f"the history's {measure.column} must be numbers, got {values.dtype}")
    return history


def finite(values: pd.Series, diverged: pd.Series, measure: Measure) -> pd.Series:
    """Values in which those that diverged and are not finite count as chance; where a metric has
    none, as its worst bound; where it has neither, as the worst of these values."""
    known = np.isfinite(values)
    lost = diverged.eq(True) & ~known
    if not lost.any():
        return values
    level = measure.chance if measure.chance is not None else measure.worst
    if level is None:
        level = values[known].min() if measure.better == "higher" else values[known].max()
    return values.mask(lost, level)


def compare_histories(
    history: pd.DataFrame,
    baseline: str = DEFAULT_BASELINE,
    classes: int | None = None,
    margin: float | None = None,
    metric: Measure | None = None,
    until_decided: Collection[str] = (),
    further: Mapping[str, int] = {},
    unpaired: bool = False,
) -> pd.DataFrame:
    """The comparison table: one row per label, the best mean first, of equal ones that with the
    smallest p.

    Args:
        history: columns label, seed, epoch, test_accuracy or that of the metric (`test_<key>`, or
            `<key>`), test_loss, diverged. A table of yours may lack epoch, test_loss and diverged.
        baseline: the label with which the others are compared.
        classes: the number of classes of the task, for the chance level of accuracy.
        margin: the largest difference that does not matter, as the column has it (a fraction of
            accuracy).
        metric: what is compared; None: accuracy.
        until_decided: the labels whose seeds were added until the evidence decided. Comparisons
            with one of them are by the test that may be looked at after every seed.
        further: by label how many comparisons of it there were beside these, which count as such,
            whether it is among these labels or not.
        unpaired: compare means without pairs, for labels that share no seed: a permutation test of
            their values, which takes them to be exchangeable if the labels do not differ.

    Returns:
        A table by label, in which values are as in the history (accuracies are fractions) and
        confidence intervals have a level of 95 %.

        seeds, how many; diverged, stuck and collapsed, how many of them (stuck: hardly better than
        chance, for accuracy below 1.5 / classes; collapsed: neither, and far behind the others, see
        `_collapsed`); failed, how many are any of these; accuracy or the metric's key, with _low
        and _high, median, iqm (interquartile mean), deviation (the standard deviation); loss, with
        _low and _high.

        difference to the baseline, paired by seed, with _low and _high (the interval that excludes
        0 exactly if p is below 0.05; of fewer than 6 pairs Student's t interval); pairs, how many;
        spread, the standard deviation of the differences; effect (difference / spread);
        improvement (share of the seeds that are better than the baseline); test ("sign-flip", or
        "any time" of what was added until decided: p is 2 over the greatest e-value, intervals are
        of the confidence sequence); p; p_wilcoxon (of a fixed number of seeds alone); p_holm
        (adjusted for the number of comparisons), adjusted_low and _high (the interval that excludes
        0 exactly if p_holm is below 0.05); further_comparisons, if there were any, and
        comparisons_beside, if any of them were of labels that are not among these.

        p_equivalent and p_not_worse, Holm-adjusted, if there is a margin. verdict: "better",
        "worse", else "equivalent" or "not worse" (by more than the margin), "not distinguishable",
        or "too few seeds" if no result could be significant; "baseline"; "no pairs".
        Of an unpaired comparison, difference is that of the means, test is "permutation",
        p_wilcoxon of the rank sum, spread the standard deviation within the two rows, improvement
        the share of better values among all pairs of values, pairs the seeds of the row that has
        fewer, and baseline_seeds those of the baseline.

        verdict_worst: the verdict if a diverged seed counted as the worst value that there can be
        (accuracy 0).

    Raises:
        ValueError: if the history is empty, holds two tasks or two metrics, lacks a column, or has
            a value that is not a number or out of the metric's bounds, or if the margin is not
            above 0 and below the metric's range.
    """
    if not isinstance(metric, Measure | None):
        raise ParameterError("metric", metric, "an afnlab.Measure, or an afnlab.Metric")
    measure = accuracy_of(classes) if metric is None else Measure.read(metric.described())
    if "task" in history and len(history.task.unique()) > 1:
        raise ValueError(f"compare one task at a time, got {sorted(history.task.unique())}")
    check_margin(margin, measure)
    if unpaired and until_decided:
        raise ParameterError("unpaired", unpaired, "False for seeds that were added until decided")
    if history.empty:
        raise ValueError("there is no history to compare: no seed finished an epoch")
    raw, history = history, as_history(history, measure)
    values = final_values(history, measure.column)
    _check_numbers(history, values, measure)
    bad = history.groupby(["seed", "label"]).diverged.any().unstack().reindex_like(values)
    bad = bad.eq(True)
    table = _described(values, final_values(history, "test_loss"), bad, measure)
    known = final_values(as_columns(raw, measure), measure.column)
    against = partial(
        differences,
        baseline=baseline,
        margin=margin,
        measure=measure,
        until_decided=until_decided,
        further=further,
        unpaired=unpaired,
    )
    table = table.join(against(values, known=known))
    table["verdict_worst"] = table.verdict
    if bad.any(axis=None) and measure.worst is not None:
        worst = against(values.mask(bad, measure.worst))
        table["verdict_worst"] = worst.verdict
    return _best_first(table, measure)


def as_good(means: ArrayLike, others: ArrayLike) -> np.ndarray:
    """Which means are equal to others, but for how sums are rounded."""
    return np.isclose(means, others, rtol=ROUNDING, atol=0)


def _best_first(table: pd.DataFrame, measure: Measure) -> pd.DataFrame:
    """The rows in the order of their means; of equal ones that with the clearest difference to the
    baseline is first, as whatever is said of the best row is said of the first."""
    ordered = table.sort_values(measure.key, ascending=measure.better == "lower", kind="stable")
    means = ordered[measure.key].to_numpy(float)
    place = np.cumsum([True, *~as_good(means[1:], means[:-1])])[: len(means)]
    return ordered.iloc[np.lexsort((ordered.p.fillna(np.inf), place))]


def check_margin(margin: float | None, measure: Measure = ACCURACY, scale: float = 1.0) -> None:
    """ParameterError for a margin that is not above 0 and below the metric's range.

    Args:
        margin: the largest difference that does not matter, or None.
        measure: the metric.
        scale: what a stored difference is multiplied with for the margin's unit.
    """
    limit = scale * largest_difference(measure)
    number = isinstance(margin, (int, float)) and not isinstance(margin, bool)
    if margin is None or (number and 0 < margin < limit):
        return
    below = f" and below {limit:g}" if np.isfinite(limit) else ", and finite"
    unit = f" {measure.points}".rstrip() if scale == measure.scale else ""
    raise ParameterError("margin", margin, f"above 0{below}{unit}, for {measure.name}")


def _check_numbers(history: pd.DataFrame, values: pd.DataFrame, measure: Measure) -> None:
    """Refuse a seed that was trained and has no value, since it would be left out unnoticed."""
    ran = history.groupby(["seed", "label"]).size().unstack().reindex_like(values).notna()
    lacking = ran & ~np.isfinite(values)
    for label in values.columns[lacking.any()]:
        if values[label].isna().all() and not values.isna().all(axis=None):
            raise ValueError(
                f"{label}: has no {measure.name}; compare runs of one metric at a time"
            )
        seeds = values.index[lacking[label]].tolist()
        raise ValueError(
            f"{label}: no test {measure.name} after the last epoch for seeds {seeds}; the history"
            " of its run is incomplete: delete that run's folder and rerun it"
        )
    inside = values.clip(measure.low, measure.high)
    for label in values.columns[(values.notna() & (values != inside)).any()]:
        value = values[label][values[label] != inside[label]].iloc[0]
        raise ValueError(f"{label}: {measure.name} of {value:g} is out of the metric's bounds")


def _described(
    values: pd.DataFrame, loss: pd.DataFrame, bad: pd.DataFrame, measure: Measure
) -> pd.DataFrame:
    there, key = values.notna(), measure.key
    stuck = _stuck(values, measure)
    lost = bad | stuck
    columns = {label: values[label].dropna() for label in values}
    table = pd.DataFrame({"seeds": there.sum(), "diverged": bad.sum(), "stuck": stuck.sum()})
    collapsed = _collapsed(values, measure, lost) & ~lost
    table["collapsed"] = collapsed.sum()
    table["failed"] = (lost | collapsed).sum()
    table = table.join(_intervals(values, there, key))
    ends = [f"{key}_low", f"{key}_high"]
    table[ends] = table[ends].clip(measure.low, measure.high)
    table["median"] = values.median()
    table["iqm"] = pd.Series({n: stats.interquartile_mean(v) for n, v in columns.items()})
    table["deviation"] = values.std()
    return table.join(_intervals(loss.replace([np.inf, -np.inf], np.nan), there, "loss"))


def _stuck(values: pd.DataFrame, measure: Measure) -> pd.DataFrame:
    """Which seeds are worse than 1.5 times as good as chance; none where there is no chance."""
    if measure.stuck is None:
        return values.isna() & False
    limit = measure.sign * measure.stuck
    return measure.sign * values < limit - 1e-12 * abs(limit)  # equal but for rounding is not worse


def _collapsed(
    values: pd.DataFrame, measure: Measure = ACCURACY, lost: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Which seeds are far behind the others of their column, and behind most of the table.

    Far behind the column's median is: by COLLAPSE of the metric's range (of the median where there
    is no bound at all), or TIMES as far from the best value that there can be where there is no
    worst; and by six standard deviations. These are of the better half of the seeds, which the
    collapsed ones do not change; a column that varies less than the median column is taken to vary
    as much, since so few seeds may lie close together by chance. A seed that is at least as good as
    the median of the table's seeds that learned is none that collapsed.

    In columns of fewer than FEWEST seeds, which say little of how seeds vary, none is.

    Args:
        values: seeds x labels, nan where a label lacks a seed.
        measure: what the values are of.
        lost: which of them did not learn: they are stuck or diverged; None: none is.
    """
    good, least = _by_distance(values, measure)
    seeds = good.notna().sum()
    many = seeds >= FEWEST
    middle = good.median()
    above = (((good - middle).clip(lower=0) ** 2).sum() / (seeds // 2)).where(many) ** 0.5
    far = np.maximum(6 * above.clip(lower=above.median()), least)
    learned = good if lost is None else good.mask(lost)
    usual = pd.Series(learned.loc[:, many].to_numpy().ravel()).median()
    return (good < middle - far) & (good < usual)


def _by_distance(values: pd.DataFrame, measure: Measure) -> tuple[pd.DataFrame, pd.Series | float]:
    """Values on a scale on which higher is better and a step means the same everywhere, and how
    large a step is far.

    Errors and losses, which have a best value and no worst, lie orders of magnitude apart, so
    theirs is the logarithm of the distance to it.
    """
    best = measure.high if measure.better == "higher" else measure.low
    if best is None or measure.worst is not None:
        good = measure.sign * values
        return good, measure.part(COLLAPSE, good.median())
    distance = (values - best).abs()
    numbers = distance.to_numpy()
    nearest = numbers[numbers > 0].min(initial=1.0)  # a distance of 0 has no logarithm
    return distance.clip(lower=float(nearest)).map(np.log) * -1, log(TIMES)


def printed_interval(values: pd.Series, measure: Measure) -> stats.Interval:
    """Mean of stored values with its 95 % interval, in the unit in which they are printed."""
    low, high = (None if v is None else measure.scale * v for v in (measure.low, measure.high))
    return stats.bounded_interval(measure.scale * values, low, high)


def printed_gap(paired: pd.Series, measure: Measure) -> stats.Interval:
    """Mean of paired differences of stored values with its 95 % interval, as they are printed."""
    return stats.Interval(
        *(measure.scale * v for v in difference_interval(paired.to_numpy(), measure))
    )


def _intervals(values: pd.DataFrame, there: pd.DataFrame, name: str) -> pd.DataFrame:
    """Mean, _low and _high of every column's values where `there` is true."""
    intervals = np.full((values.shape[1], 3), np.nan)
    masks: dict[bytes, list[int]] = {}
    for at, label in enumerate(values):
        masks.setdefault(there[label].to_numpy().tobytes(), []).append(at)
    for columns in masks.values():  # columns with the same seeds share the bootstrap's draws
        rows = values.to_numpy()[there.iloc[:, columns[0]].to_numpy()][:, columns].T
        if rows.shape[1]:
            intervals[columns] = stats.mean_intervals(rows)
    return pd.DataFrame(intervals, values.columns, [name, f"{name}_low", f"{name}_high"])


def is_adjusted(table: pd.DataFrame) -> bool:
    """Whether anything is adjusted for the number of comparisons; of one there is nothing to."""
    return comparisons(table) > 1


def formatted(table: pd.DataFrame, measure: Measure = ACCURACY) -> pd.DataFrame:
    """The table as strings, for terminals and papers: accuracies in percent, differences in points.

    Columns without values are left out, and so is what is adjusted where there is one comparison.
    """
    several = is_adjusted(table)
    head = label_of(measure).replace("(", "").replace(")", "")
    shown = pd.DataFrame(index=table.index)
    for name, title, between, form, text in (
        (measure.key, head, "95 % CI", measure.form, number),
        ("difference", "difference", "95 % CI of the difference", measure.signed_form, sided),
        *([("adjusted", "", "adjusted CI", measure.signed_form, sided)] if several else []),
    ):
        if title:
            shown[title] = [text(value, form, measure.scale, "-") for value in table[name]]
        ends = zip(table[f"{name}_low"], table[f"{name}_high"], strict=True)
        shown[between] = [limits(low, high, form, measure.scale, "-") for low, high in ends]
    shown["p (Holm)" if several else "p"] = [p_value(p) for p in table.p_holm]
    if (table.test == stats.ANY_TIME.name).any():
        shown["test"] = table.test.fillna("")
    shown["verdict"] = table.verdict
    shown["seeds"] = table.seeds.astype(str)
    for name in FAILURES:
        shown[name] = [str(count or "") for count in table[name]]
    return shown.replace("nan", "").loc[:, (shown != "").any()]


def unsigned_zeros(table: pd.DataFrame) -> pd.DataFrame:
    """A table of numbers with every digit, whose zeros have no sign."""
    return table.map(lambda value: value + 0.0 if isinstance(value, float) else value)


def legend(
    table: pd.DataFrame,
    baseline: str,
    measure: Measure = ACCURACY,
    when: str = AT_THE_END,
    on: str = SAME_EXAMPLES,
) -> str:
    """What `formatted` shows, for readers who find the table elsewhere.

    when: of what moment the values are; on: with what the seeds share; both may be unknown.
    """
    few, many = int(table.seeds.min()), int(table.seeds.max())
    seeds = seed_range(few, many)
    text = (
        f"{' '.join(filter(None, [measure.mean_title, when]))} over {seeds}, with its 95 %"
        f" confidence interval (CI){'; lower is better' if measure.better == 'lower' else ''}"
    )
    compared = table[table.p.notna()]
    if compared.empty:
        return f"{text}."
    tests = list(by_test(compared))
    pairs = ", paired by seed" if tests[0][0].paired else " of two means, without pairs"
    unit = f" in {measure.points}" if measure.points else ""
    several, bounded = is_adjusted(table), np.isfinite(compared.adjusted_low).any()
    intervals = "its 95 % CI"
    for test, rows in tests:
        if test.fallback and rows.pairs.max() < test.seeds_needed(1):
            intervals += f" ({test.fallback}: the test takes more seeds)"
    if several and bounded:
        intervals += (
            f" and with the CI adjusted for {comparisons(table)} comparisons, the one to cite"
        )
    intervals += ", which misses 0 where p is below 0.05" if bounded else ""
    return (
        f"{text}. Difference to {baseline}{unit}, of unrounded values{pairs}, with"
        f" {intervals}; p from {' and '.join(starmap(_named, tests)).rstrip(',')}"
        f"{', after Holm' if several else ''}. All of it is about other seeds{on}."
    )


def _named(test: stats.ComparisonTest, rows: pd.DataFrame) -> str:
    """The test of these rows, in a sentence."""
    if test is stats.ANY_TIME:
        return (
            "the test that holds at any time, of rows to which seeds were added until the evidence"
            " decided,"
        )
    return (
        f"the {'exact ' if all(test.is_exact(*of) for of in sizes(rows)) else ''}{test.name} test"
    )


def as_text(table: pd.DataFrame, measure: Measure = ACCURACY, without: Collection[str] = ()) -> str:
    """The table for a terminal, but for these of its columns."""
    shown = formatted(table, measure).rename(index=plain)
    shown = shown.drop(columns=list(without), errors="ignore")
    apart = {
        column: len(str(column)) + 1 for column in shown
    }  # and a space that pandas puts before
    return shown.to_string(index_names=False, col_space=apart)
