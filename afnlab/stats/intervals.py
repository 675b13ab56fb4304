"""Confidence intervals of a mean, chosen for their coverage: docs/statistics.md."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

LEVEL = 0.95
DRAWS = 4_000
BOOTSTRAP_FROM = 6  # seeds; with fewer, resamples of too few distinct values decide the quantiles
_ROWS = 500  # a block of rows times DRAWS fits the cache better than all at once
_TINY = 1e-12
ROUNDING = 8 * float(np.finfo(float).eps)  # of values, by which their mean may be off


def alpha(level: float) -> float:
    """The significance level that belongs to a confidence level.

    Args:
        level: the confidence level, between 0 and 1.

    Returns:
        1 - level, without the rounding error in its last digits, so that p-values can equal it.
    """
    return round(1 - level, 12)


class Interval(NamedTuple):
    """A mean with its confidence interval."""

    mean: float
    low: float
    high: float

    def __repr__(self) -> str:
        return f"Interval(mean={self.mean:.4g}, low={self.low:.4g}, high={self.high:.4g})"


def mean_interval(
    values: ArrayLike, level: float = LEVEL, rng: np.random.Generator | None = None
) -> Interval:
    """Mean of values with its confidence interval, see `mean_intervals`.

    Args:
        values: (n,) numbers.
        level: the confidence level.
        rng: draws the resamples; None: a generator with seed 0.

    Returns:
        The mean and the limits of its interval.

    Raises:
        ValueError: if the values are not one-dimensional, or there are none.
    """
    x = np.asarray(values, dtype=float)
    if x.ndim != 1 or len(x) == 0:
        raise ValueError(f"values must be one-dimensional and not empty, got shape {x.shape}")
    return Interval(*map(float, mean_intervals(x[None], level, rng)[0]))


def bounded_interval(
    values: ArrayLike, low: float | None = None, high: float | None = None
) -> Interval:
    """Mean of values with its 95 % confidence interval, which is clipped to their bounds.

    Args:
        values: (n,) values, such as accuracies in percent.
        low, high: the bounds, such as 0 and 100; None: there is none.

    Returns:
        The mean and the limits of its interval.

    Raises:
        ValueError: as `mean_interval`.
    """
    mean, *ends = mean_interval(values)
    least, most = -np.inf if low is None else low, np.inf if high is None else high
    return Interval(mean, *map(float, np.clip(ends, least, most)))


def mean_intervals(
    rows: ArrayLike, level: float = LEVEL, rng: np.random.Generator | None = None
) -> np.ndarray:
    """Means of rows of values with their confidence intervals.

    The intervals are those of the studentized bootstrap, with 4,000 resamples that all rows share.
    Below 6 values, and for a limit that ties leave undefined, they are those of Student's t.

    Args:
        rows: (rows, n) numbers.
        level: the confidence level.
        rng: draws the resamples; None: a generator with seed 0.

    Returns:
        (rows, 3): mean, low, high. A single value has no interval (nan), equal values have one of
        width 0, and a nan gives nan throughout its row.

    Raises:
        ValueError: if the rows are not two-dimensional, or have no values.
    """
    x = np.asarray(rows, dtype=float)
    if x.ndim != 2 or x.shape[1] == 0:
        raise ValueError(f"rows must be two-dimensional and not empty, got shape {x.shape}")
    n = x.shape[1]
    mean = x.mean(axis=1)
    if n == 1:
        return np.column_stack([mean, np.full((len(x), 2), np.nan)])
    deviation = x.std(axis=1, ddof=1)
    equal = x.max(axis=1) == x.min(axis=1)
    deviation[equal | (deviation <= ROUNDING * np.abs(x).max(axis=1, initial=0))] = 0.0
    quantile = stats.t.ppf((1 + level) / 2, n - 1)
    limits = np.tile([-quantile, quantile], (len(x), 1))
    spread = np.flatnonzero(deviation > 0)  # nan is not
    if n >= BOOTSTRAP_FROM and len(spread):
        counts = _usual_counts(n) if rng is None else _counts(n, rng)
        standard = (x[spread] - mean[spread, None]) / deviation[spread, None]
        for at in range(0, len(spread), _ROWS):
            block = slice(at, at + _ROWS)
            ends = _studentized(standard[block], counts, level)
            limits[spread[block]] = np.where(np.isfinite(ends), ends, limits[spread[block]])
    error = deviation / np.sqrt(n)
    return np.column_stack([mean, mean - limits[:, 1] * error, mean - limits[:, 0] * error])


def _counts(n: int, rng: np.random.Generator) -> np.ndarray:
    """(n, draws): the share of each of n values in a resample."""
    return rng.multinomial(n, np.full(n, 1 / n), size=DRAWS).T / n


@lru_cache(maxsize=4)
def _usual_counts(n: int) -> np.ndarray:
    return _counts(n, np.random.default_rng(0))


def _studentized(standard: np.ndarray, counts: np.ndarray, level: float) -> np.ndarray:
    """Quantiles of the t statistic of resamples: (rows, 2); infinite where ties leave no spread.

    standard: (rows, n), mean 0; counts: (n, draws), the share of each value in a resample.
    """
    n = len(counts)
    means = standard @ counts
    variances = np.square(standard) @ counts - np.square(means)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(np.abs(means) < _TINY, 0.0, means / np.sqrt(variances / (n - 1)))
    flat = (variances < _TINY) & (np.abs(means) >= _TINY)
    t[flat] = np.copysign(np.inf, means[flat])
    tail = (1 - level) / 2
    low = np.quantile(t, tail, axis=1, method="lower", overwrite_input=True)
    high = np.quantile(t, 1 - tail, axis=1, method="higher", overwrite_input=True)
    return np.column_stack([low, high])


def interquartile_mean(values: ArrayLike) -> float:
    """Mean of the middle half of the values: a quarter of them is left out at each end.

    Args:
        values: (n,) values.

    Returns:
        The mean.
    """
    return float(stats.trim_mean(np.asarray(values, dtype=float), 0.25))


def welch_interval(
    one: tuple[float, float, int], other: tuple[float, float, int], level: float = LEVEL
) -> Interval:
    """Welch's confidence interval of the difference of two means, one minus other.

    Args:
        one, other: (mean, standard deviation of single values with n - 1 in its denominator, n).
        level: the confidence level.

    Returns:
        The difference and the limits of its interval.

    Raises:
        ValueError: if an n is below 2.
    """
    if min(one[2], other[2]) < 2:
        raise ValueError(f"n must be 2 or more on both sides, got {one[2]} and {other[2]}")
    difference = one[0] - other[0]
    errors = [deviation**2 / n for _, deviation, n in (one, other)]
    if sum(errors) == 0:
        return Interval(difference, difference, difference)
    freedom = sum(errors) ** 2 / sum(
        e**2 / (n - 1) for e, (_, _, n) in zip(errors, (one, other), strict=True)
    )
    half = float(stats.t.ppf((1 + level) / 2, freedom) * np.sqrt(sum(errors)))
    return Interval(difference, difference - half, difference + half)


def prediction_interval(values: ArrayLike, level: float = LEVEL) -> Interval:
    """Prediction interval of one further value from a normal distribution.

    Args:
        values: (n,) values from it.
        level: the probability that the interval contains the further value.

    Returns:
        The mean of the values and the limits of the interval.

    Raises:
        ValueError: if n is below 2, or the values are not one-dimensional.
    """
    x = np.asarray(values, dtype=float)
    if x.ndim != 1 or len(x) < 2:
        raise ValueError(f"values must be two or more, got shape {x.shape}")
    mean, n = float(x.mean()), len(x)
    half = float(stats.t.ppf((1 + level) / 2, n - 1) * x.std(ddof=1) * np.sqrt(1 + 1 / n))
    return Interval(mean, mean - half, mean + half)
