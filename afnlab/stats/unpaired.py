"""Tests of the difference of two means without pairs: values of two methods that share no seed.

Under the null hypothesis the values are exchangeable: any of them could as well have been one of
the other method, so all splits into groups of these sizes are equally likely. The p-value is the
share of the splits whose means are at least as far apart as the observed ones; an interval contains
the shifts of one method's values that this test does not reject.

E. J. G. Pitman, Significance tests which may be applied to samples from any populations, Supplement
to the Journal of the Royal Statistical Society 4 (1937) 119-130.
M. D. Ernst, Permutation methods: a basis for exact inference, Statistical Science 19 (2004)
676-685, doi 10.1214/088342304000000396.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import combinations
from math import ceil, comb

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats
from scipy.optimize import brentq

from afnlab.errors import shown
from afnlab.stats.intervals import LEVEL, Interval, alpha, welch_interval
from afnlab.stats.paired import SAMPLED
from afnlab.stats.power import fewest, seeds_needed

ALL_UP_TO = 200_000  # splits: all are tried, beyond they are sampled; 10 and 10 have 184,756
SIMULATED, SIMULATED_UP_TO = 1_000, 4_000  # draws for the power; splits up to which it is simulated
_ROUNDING = 1e-14
_TIE = 1e-9  # differences are compared in units of the largest deviation


def is_exact(n: int, m: int) -> bool:
    """Whether all splits of so many values are tried.

    Args:
        n, m: the numbers of values.
    """
    return comb(n + m, n) <= ALL_UP_TO


@lru_cache(maxsize=4)
def _splits(n: int, m: int) -> np.ndarray:
    """(splits, n + m): whether a value is in the first group; the first row is the observed one."""
    if is_exact(n, m):
        chosen = np.array(list(combinations(range(n + m), n)))
    else:
        rng = np.random.default_rng(0)
        order = rng.permuted(np.tile(np.arange(n + m), (SAMPLED + 1, 1)), axis=1)
        order[0] = np.arange(n + m)
        chosen = order[:, :n]
    splits = np.zeros((len(chosen), n + m))
    np.put_along_axis(splits, chosen, 1.0, axis=1)
    return splits


def _pooled(one: ArrayLike, other: ArrayLike) -> tuple[np.ndarray, int, float]:
    """All values in units of their largest distance to their mean, rounded so that equal sums
    compare as equal; how many are of the first group; and the unit."""
    groups = [np.asarray(values, dtype=float) for values in (one, other)]
    for name, values in zip(("one", "other"), groups, strict=True):
        if values.ndim != 1 or len(values) == 0:
            raise ValueError(
                f"{name} must be one-dimensional and not empty, got shape {values.shape}"
            )
    pooled, n = np.concatenate(groups), len(groups[0])
    if not np.isfinite(pooled).all():
        return pooled, n, np.inf
    size = float(np.abs(pooled).max())
    pooled = pooled - pooled.mean()
    scale = float(np.abs(pooled).max())
    if scale <= _ROUNDING * size:  # the mean of equal values may differ from them in its last digit
        return np.zeros_like(pooled), n, 0.0
    return np.round(pooled / scale, 12), n, scale


def _gaps(pooled: np.ndarray, n: int) -> np.ndarray:
    """The difference of means of every split."""
    m = len(pooled) - n
    return (_splits(n, m) @ pooled) * (1 / n + 1 / m) - pooled.sum() / m


def permutation_p(one: ArrayLike, other: ArrayLike) -> float:
    """Two-sided p-value of the permutation test that two groups of values are exchangeable.

    All splits are tried up to 200,000 (10 and 10 values have 184,756); beyond, 99,999 are sampled
    with a fixed seed, and the observed one counts too.

    Args:
        one, other: (n,) and (m,) values.

    Returns:
        The p-value: 1 if all values are equal, nan if one is not finite.

    Raises:
        ValueError: if values are not one-dimensional, or there are none.
    """
    pooled, n, scale = _pooled(one, other)
    if not np.isfinite(scale):
        return float("nan")
    gaps = np.abs(_gaps(pooled, n))
    return float(np.mean(gaps >= gaps[0] - _TIE))


def permutation_interval(one: ArrayLike, other: ArrayLike, level: float = LEVEL) -> Interval:
    """Difference of two means, one minus other, and the shifts that the test does not reject.

    It contains 0 exactly if `permutation_p` is 1 - level or more.

    Args:
        one, other: (n,) and (m,) values.
        level: the confidence level.

    Returns:
        The difference and the limits, which are infinite if there are too few values for the level;
        nan throughout if a value is not finite.

    Raises:
        ValueError: if values are not one-dimensional, or there are none.
    """
    pooled, n, scale = _pooled(one, other)
    if not np.isfinite(scale):
        return Interval(np.nan, np.nan, np.nan)
    m = len(pooled) - n
    gaps, splits = _gaps(pooled, n), _splits(n, m)
    # By a shift s of the first group, a split that moves k values of it to the other one has its
    # difference changed by -c s, and the observed one by -s. So it is as far from 0 as the observed
    # one for s between these two, among which the observed difference is.
    kept = 1 - (n - splits[:, :n].sum(axis=1)) * (1 / n + 1 / m)
    with np.errstate(divide="ignore", invalid="ignore"):
        ends = np.stack([(gaps[0] - gaps) / (1 - kept), (gaps[0] + gaps) / (1 + kept)])
    always = (np.abs(kept) > 1 - _TIE) | ~np.isfinite(ends).all(axis=0)  # nothing or all moved
    lowest = np.where(always, -np.inf, np.round(ends, 10).min(axis=0))
    highest = np.where(always, np.inf, np.round(ends, 10).max(axis=0))
    at = max(0, ceil(alpha(level) * len(gaps) - _TIE) - 1)
    low, high = np.partition(lowest, at)[at], -np.partition(-highest, at)[at]
    if not scale:
        return Interval(0.0, 0.0, 0.0)
    mean = float(gaps[0] * scale)
    return Interval(mean, float(low * scale) + 0.0, float(high * scale) + 0.0)


def mean_difference_interval(one: ArrayLike, other: ArrayLike, level: float = LEVEL) -> Interval:
    """Difference of two means with its confidence interval, by the test that gives its p-value.

    Args:
        one, other: (n,) and (m,) values.
        level: the confidence level.

    Returns:
        What `permutation_interval` returns; where there are too few values for that to have bounds,
        Welch's interval, which no p-value belongs to, or none (nan) if a group has one value.

    Raises:
        ValueError: as `permutation_interval`.
    """
    exact = permutation_interval(one, other, level)
    if not np.isinf(exact.low):
        return exact
    groups = [np.asarray(values, dtype=float) for values in (one, other)]
    if min(map(len, groups)) < 2:
        return Interval(exact.mean, np.nan, np.nan)
    first, second = ((float(v.mean()), float(v.std(ddof=1)), len(v)) for v in groups)
    return welch_interval(first, second, level)


def unpaired_not_worse_p(one: ArrayLike, other: ArrayLike, margin: float) -> float:
    """One-sided p-value of the permutation test that the difference of means is -margin or less.

    Args:
        one, other: (n,) and (m,) values; higher ones are better.
        margin: the largest difference that does not matter, above 0.

    Raises:
        ValueError: if the margin is not above 0, or as `permutation_p`.
    """
    if not margin > 0:
        raise ValueError(f"margin must be above 0, got {shown(margin)}")
    pooled, n, scale = _pooled(np.asarray(one, dtype=float) + margin, other)
    if not np.isfinite(scale):
        return float("nan")
    gaps = _gaps(pooled, n)
    return float(np.mean(gaps >= gaps[0] - _TIE))


def unpaired_equivalence_p(one: ArrayLike, other: ArrayLike, margin: float) -> float:
    """p-value of a difference of means outside [-margin, margin], the larger of two one-sided ones.

    Args:
        one, other: (n,) and (m,) values.
        margin: the largest difference that does not matter, above 0.

    Raises:
        ValueError: if the margin is not above 0, or as `permutation_p`.
    """
    return max(unpaired_not_worse_p(one, other, margin), unpaired_not_worse_p(other, one, margin))


def superiority(one: ArrayLike, other: ArrayLike) -> float:
    """Share of the pairs, one value of each group, in which the first is larger; a tie counts half.

    Args:
        one, other: (n,) and (m,) values.
    """
    gaps = np.subtract.outer(np.asarray(one, dtype=float), np.asarray(other, dtype=float))
    return float(np.mean((gaps > 0) + 0.5 * (gaps == 0)))


def rank_sum_p(one: ArrayLike, other: ArrayLike) -> float:
    """Two-sided p-value of Wilcoxon's rank-sum test, approximate if there are ties.

    Args:
        one, other: (n,) and (m,) values.
    """
    return float(stats.mannwhitneyu(one, other).pvalue)


def pooled_deviation(one: ArrayLike, other: ArrayLike) -> float:
    """Standard deviation within two groups; nan if neither has two values.

    Args:
        one, other: (n,) and (m,) values.
    """
    groups = [np.asarray(values, dtype=float) for values in (one, other)]
    freedom = sum(len(v) - 1 for v in groups)
    if freedom < 1:
        return float("nan")
    return float(np.sqrt(sum(((v - v.mean()) ** 2).sum() for v in groups) / freedom))


def unpaired_effect_size(one: ArrayLike, other: ArrayLike) -> float:
    """Difference of two means, one minus other, divided by the standard deviation within groups.

    Args:
        one, other: (n,) and (m,) values.

    Returns:
        The effect size: 0 if all values are equal, infinite if those of each group are, nan if
        neither group has two values.
    """
    first, second = (np.asarray(values, dtype=float).mean() for values in (one, other))
    gap, deviation = float(first - second), pooled_deviation(one, other)
    if deviation == 0:
        return float(np.copysign(np.inf, gap)) if gap else 0.0
    return gap / deviation


def smallest_permutation_p(n: int, m: int) -> float:
    """The smallest attainable p-value of the two-sided permutation test.

    Args:
        n, m: the numbers of values.
    """
    if not is_exact(n, m):
        return 1 / (SAMPLED + 1)
    return min(1.0, (2 if n == m else 1) / comb(n + m, n))  # of equal groups, both swapped count


def unpaired_seeds_needed(comparisons: int = 1, level: float = LEVEL) -> int:
    """The smallest number of seeds of every row with which one comparison can be significant.

    Args:
        comparisons: the number of comparisons with the baseline.
        level: 1 minus the significance level.
    """
    return seeds_needed(comparisons, level, lambda n: smallest_permutation_p(n, n))


def unpaired_detectable(
    deviation: float,
    n: int,
    m: int,
    comparisons: int = 1,
    power: float = 0.8,
    level: float = LEVEL,
) -> float:
    """The true difference of means that is detected with the given power, without pairs.

    It is computed for normal values and the permutation test at (1 - level) / comparisons: by
    simulation up to 4,000 splits, and beyond by the t test, from which the test hardly differs.

    Args:
        deviation: the standard deviation of values within a group.
        n, m: the numbers of values.
        comparisons: the number of comparisons with the baseline.
        power: the probability of a significant result.
        level: 1 minus the significance level.

    Returns:
        The difference, in the unit of `deviation`; infinite if no result can be significant.
    """
    if comparisons * smallest_permutation_p(n, m) >= alpha(level):
        return float("inf")
    return deviation * _detectable_effect(n, m, alpha(level) / comparisons, power)


@lru_cache
def _detectable_effect(n: int, m: int, at: float, power: float) -> float:
    if comb(n + m, n) <= SIMULATED_UP_TO:
        # A shift is found where it exceeds how far below 0 the interval without it reaches.
        draws = np.random.default_rng(0).normal(size=(SIMULATED, n + m))
        reach = [-permutation_interval(d[:n], d[n:], 1 - at).low for d in draws]
        return float(np.quantile(reach, power))
    freedom = n + m - 2
    limit, root = stats.t.isf(at / 2, freedom), np.sqrt(n * m / (n + m))

    def lacking(effect: float) -> float:
        return power - float(stats.nct.sf(limit, freedom, effect * root))

    return float(brentq(lacking, 0.0, 100.0))


def unpaired_seeds_to_detect(
    difference: float, deviation: float, comparisons: int = 1, most: int = 1_000
) -> int | None:
    """The smallest number of seeds of either row that detects a true difference with 80 % power.

    Args:
        difference: the true difference of means, of either sign.
        deviation: the standard deviation of values within a row.
        comparisons: the number of comparisons with the baseline.
        most: the largest number of seeds that is considered.

    Returns:
        The number of seeds, or None if `most` do not suffice, or nothing is to be detected.
    """
    if not difference or not deviation > 0:
        return None
    known = range(unpaired_seeds_needed(comparisons), most + 1)
    return fewest(
        known, lambda n: unpaired_detectable(deviation, n, n, comparisons) <= abs(difference)
    )
