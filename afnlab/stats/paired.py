"""Tests of differences that are paired by seed.

All follow from one idea. Under the null hypothesis that a difference is as likely to be positive as
negative, all choices of the signs of the n observed differences are equally likely. The p-value is
the share of these sign patterns whose sum is at least as far from 0 as the observed one; an
interval contains the shifts that this test does not reject.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import lru_cache
from math import ceil

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from afnlab.errors import shown
from afnlab.stats.intervals import LEVEL, Interval, alpha, mean_interval

EXACT_UP_TO = 16  # seeds: all sign patterns are tried, beyond they are sampled
SAMPLED = 99_999
_TIE = 1e-9  # sums are compared in units of the largest difference


def is_exact(seeds: int) -> bool:
    """Whether all sign patterns of so many differences are tried.

    Args:
        seeds: the number of differences.
    """
    return seeds <= EXACT_UP_TO


@lru_cache(maxsize=4)
def _all_signs(n: int) -> np.ndarray:
    """(2^(n-1), n) signs, the first row all 1; a pattern and its negative stand once."""
    bits = (np.arange(2 ** (n - 1))[:, None] >> np.arange(n)) & 1
    return 1.0 - 2.0 * bits


def _signs(n: int, rng: np.random.Generator | None) -> np.ndarray:
    if is_exact(n):
        return _all_signs(n)
    return _usual_signs(n) if rng is None else _sampled_signs(n, rng)


@lru_cache(maxsize=2)
def _usual_signs(n: int) -> np.ndarray:
    return _sampled_signs(n, np.random.default_rng(0))


def _sampled_signs(n: int, rng: np.random.Generator) -> np.ndarray:
    signs = rng.choice([-1.0, 1.0], size=(SAMPLED + 1, n))
    signs[0] = 1.0  # the observed one
    return signs


def _scaled(differences: ArrayLike) -> tuple[np.ndarray, float]:
    """Differences in units of the largest, rounded so that equal sums compare as equal."""
    d = np.asarray(differences, dtype=float)
    if d.ndim != 1 or len(d) == 0:
        raise ValueError(f"differences must be one-dimensional and not empty, got shape {d.shape}")
    scale = float(np.abs(d).max())
    return (np.round(d / scale, 12) if 0 < scale < np.inf else d), scale


def sign_flip_p(differences: ArrayLike, rng: np.random.Generator | None = None) -> float:
    """Two-sided p-value of the sign-flip test that paired differences are symmetric about 0.

    The test is exact up to n = 16. Beyond, it uses 99,999 sampled sign patterns and the
    observed one.

    Args:
        differences: (n,) differences, one per seed.
        rng: draws the sign patterns; None: a generator with seed 0.

    Returns:
        The p-value: 1 if all differences are 0, nan if one is not finite.

    Raises:
        ValueError: if the differences are not one-dimensional, or there are none.
    """
    return _sign_flip_p(differences, rng, two_sided=True)


def _sign_flip_p(differences: ArrayLike, rng: np.random.Generator | None, two_sided: bool) -> float:
    """The share of sign patterns with a sum as far from 0 as the observed one, or as large."""
    d, scale = _scaled(differences)
    if not np.isfinite(scale):
        return float("nan")
    sums, observed = _signs(len(d), rng) @ d, d.sum()
    if two_sided:
        return float(np.mean(np.abs(sums) >= abs(observed) - _TIE))
    # Each pattern also stands for its negative.
    both = np.mean(sums >= observed - _TIE) + np.mean(-sums >= observed - _TIE)
    return float(both) / 2


def sign_flip_interval(
    differences: ArrayLike, level: float = LEVEL, rng: np.random.Generator | None = None
) -> Interval:
    """Mean of paired differences, and the shifts that the sign-flip test does not reject.

    It contains 0 exactly if `sign_flip_p` is 1 - level or more.

    Args:
        differences: (n,) differences, one per seed.
        level: the confidence level.
        rng: draws the sign patterns; None: a generator with seed 0.

    Returns:
        The mean and the limits, which are infinite if n is too small for the level; nan throughout
        if a difference is not finite.

    Raises:
        ValueError: if the differences are not one-dimensional, or there are none.
    """
    d, scale = _scaled(differences)
    if not np.isfinite(scale):
        return Interval(np.nan, np.nan, np.nan)
    mean = float(np.mean(np.asarray(differences, dtype=float)))
    if scale == 0:
        return Interval(0.0, 0.0, 0.0)
    signs = _signs(len(d), rng)
    # A pattern flips a subset; shifted by less than the subset's mean, it is the lesser sum.
    flipped, count = (d.sum() - signs @ d) / 2, (len(d) - signs.sum(axis=1)) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        means = np.stack([flipped / count, (d.sum() - flipped) / (len(d) - count)])
    none = ~np.isfinite(means).all(axis=0)  # nothing or everything flipped
    lowest = np.where(none, -np.inf, np.round(means, 10).min(axis=0))
    highest = np.where(none, np.inf, np.round(means, 10).max(axis=0))
    at = max(0, ceil(alpha(level) * len(signs) - _TIE) - 1)
    low = np.partition(lowest, at)[at]
    high = -np.partition(-highest, at)[at]
    return Interval(mean, float(low * scale) + 0.0, float(high * scale) + 0.0)


def difference_interval(differences: ArrayLike, level: float = LEVEL) -> Interval:
    """Mean of paired differences with its confidence interval, by the test that gives its p-value.

    Args:
        differences: (n,) differences, one per seed.
        level: the confidence level.

    Returns:
        What `sign_flip_interval` returns, so that an interval of a higher level contains it; where
        n is too small for that to have bounds, Student's t interval, which no p-value belongs to.

    Raises:
        ValueError: as `sign_flip_interval`.
    """
    exact = sign_flip_interval(differences, level)
    if not np.isinf(exact.low):
        return exact
    d, _ = _scaled(differences)
    if len(d) > 1 and (d == d[0]).all():  # a difference is rounded by more than its own last digits
        return Interval(exact.mean, exact.mean, exact.mean)
    return mean_interval(differences, level)


def above_p(differences: ArrayLike, rng: np.random.Generator | None = None) -> float:
    """One-sided p-value of the sign-flip test that the mean difference is 0 or less.

    Args:
        differences: (n,) differences, one per seed.
        rng: draws the sign patterns; None: a generator with seed 0.

    Returns:
        The p-value: 1 if all differences are 0, nan if one is not finite.

    Raises:
        ValueError: as `sign_flip_p`.
    """
    return _sign_flip_p(differences, rng, two_sided=False)


def not_worse_p(
    differences: ArrayLike, margin: float, rng: np.random.Generator | None = None
) -> float:
    """One-sided p-value of the sign-flip test that the mean difference is -margin or less.

    If it is small, the mean difference is no worse than the baseline by more than the margin.

    Args:
        differences: (n,) differences, one per seed.
        margin: the largest difference that does not matter, above 0.
        rng: draws the sign patterns; None: a generator with seed 0.

    Raises:
        ValueError: if the margin is not above 0, or as `sign_flip_p`.
    """
    if not margin > 0:
        raise ValueError(f"margin must be above 0, got {shown(margin)}")
    return above_p(np.asarray(differences, dtype=float) + margin, rng)


def equivalence_p(
    differences: ArrayLike, margin: float, rng: np.random.Generator | None = None
) -> float:
    """p-value of a mean difference outside [-margin, margin], the larger of two one-sided ones.

    Args:
        differences: (n,) differences, one per seed.
        margin: the largest difference that does not matter, above 0.
        rng: draws the sign patterns; None: a generator with seed 0.

    Raises:
        ValueError: if the margin is not above 0, or as `sign_flip_p`.
    """
    d = np.asarray(differences, dtype=float)
    return max(not_worse_p(d, margin, rng), not_worse_p(-d, margin, rng))


def wilcoxon_p(differences: ArrayLike) -> float:
    """Two-sided p-value of Wilcoxon's signed-rank test, approximate if there are ties.

    Args:
        differences: (n,) differences, one per seed.

    Returns:
        The p-value: 1 if all differences are 0, nan if one is not finite.

    Raises:
        ValueError: if the differences are not one-dimensional, or there are none.
    """
    d, scale = _scaled(differences)
    if not np.isfinite(scale):
        return float("nan")
    if scale == 0:
        return 1.0
    ties = len(np.unique(np.abs(d))) < len(d) or (d == 0).any()
    method = "approx" if ties else "exact"
    return float(stats.wilcoxon(d, zero_method="pratt", method=method).pvalue)


def effect_size(differences: ArrayLike) -> float:
    """Mean of paired differences divided by their standard deviation.

    Args:
        differences: (n,) differences, one per seed.

    Returns:
        The effect size: 0 if all differences are 0, infinite if they are equal, nan below n = 2.
    """
    d = np.asarray(differences, dtype=float)
    if len(d) < 2:
        return float("nan")
    mean, deviation = float(d.mean()), float(d.std(ddof=1))
    if deviation <= 1e-12 * np.abs(d).max():
        return float(np.copysign(np.inf, mean)) if mean else 0.0
    return mean / deviation


def pairing(values: pd.DataFrame, baseline: Hashable) -> pd.DataFrame:
    """The share by which the pairing of seeds reduces the variance of differences to a baseline.

    Args:
        values: seeds x labels, nan where a label lacks a seed.
        baseline: the label with which the others are compared.

    Returns:
        One row per other label, over the seeds that both have: the standard deviation of a
        difference between two different seeds (`unpaired`) and within a seed (`paired`), and the
        share of the variance by which the second is smaller (`variance removed`; negative: it is
        larger; nan below two seeds, or where nothing varies).
    """
    rows = {}
    for label in values.columns.drop([baseline]):
        both = values[[label, baseline]].dropna()
        unpaired, paired = both.var().sum(), (both[label] - both[baseline]).var()
        removed = 1 - paired / unpaired if unpaired > 0 else float("nan")
        rows[label] = {
            "unpaired": unpaired**0.5,
            "paired": paired**0.5,
            "variance removed": removed,
        }
    columns = ["unpaired", "paired", "variance removed"]
    return pd.DataFrame.from_dict(rows, "index", columns=columns)


def improvement(differences: ArrayLike) -> float:
    """Share of the seeds whose difference is above 0; a tie counts half.

    Args:
        differences: (n,) differences, one per seed.

    Returns:
        The share, between 0 and 1.
    """
    d = np.asarray(differences, dtype=float)
    return float(np.mean((d > 0) + 0.5 * (d == 0)))


def holm(p: Sequence[float] | np.ndarray) -> np.ndarray:
    """p-values adjusted for the number of comparisons by Holm's procedure.

    Args:
        p: one p-value per comparison; nan is no comparison.

    Returns:
        The adjusted p-values, nan where p is nan.
    """
    values = np.asarray(p, dtype=float)
    adjusted = np.full(values.shape, np.nan)
    order = _ascending(values)
    raised = np.minimum(1.0, values[order] * np.arange(len(order), 0, -1))
    adjusted[order] = np.maximum.accumulate(raised)
    return adjusted


def holm_levels(p: Sequence[float] | np.ndarray, level: float = LEVEL) -> np.ndarray:
    """The confidence levels of the intervals that go with Holm-adjusted p-values.

    The k-th smallest of m p-values is tested at (1 - level) / (m - k + 1), and those after the
    first that is not rejected are tested at its level too. So an interval of that level excludes 0
    exactly if Holm's procedure rejects.

    Args:
        p: one p-value per comparison; nan is no comparison.
        level: 1 minus the familywise significance level.

    Returns:
        The levels, nan where p is nan.
    """
    values = np.asarray(p, dtype=float)
    levels = np.full(values.shape, np.nan)
    order = _ascending(values)
    remaining = len(order)
    for i in order:
        levels[i] = 1 - alpha(level) / remaining
        if values[i] * remaining < alpha(level):
            remaining -= 1
    return levels


def _ascending(values: np.ndarray) -> np.ndarray:
    """Positions of the finite values, the smallest first."""
    order = np.argsort(values, kind="stable")
    return order[np.isfinite(values[order])]
