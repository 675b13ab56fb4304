"""Intervals and tests, as pure functions of arrays with one value a seed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats
from statsmodels.stats.multitest import multipletests

LEVEL = 0.95
EXACT_UP_TO = 16  # seeds: 2^16 sign patterns are all tried, beyond they are sampled
SAMPLED = 99_999


class Interval(NamedTuple):
    """A mean with its confidence interval."""

    mean: float
    low: float
    high: float


def mean_interval(values: ArrayLike, level: float = LEVEL) -> Interval:
    """Mean of (n,) values with Student's t interval; no interval (nan) for n = 1.

    Equal values give an interval of no width. A nan among the values gives nan throughout.
    """
    x = np.asarray(values, dtype=float)
    if x.ndim != 1 or len(x) == 0:
        raise ValueError(f"values must be one-dimensional and not empty, got shape {x.shape}")
    mean = float(x.mean())
    if len(x) == 1:
        return Interval(mean, np.nan, np.nan)
    half = stats.t.ppf((1 + level) / 2, len(x) - 1) * x.std(ddof=1) / np.sqrt(len(x))
    return Interval(mean, mean - float(half), mean + float(half))


def sign_flip_p(differences: ArrayLike, rng: np.random.Generator | None = None) -> float:
    """Two-sided p of the sign-flip test that (n,) paired differences are symmetric about 0.

    Exact (all 2^n sign patterns) up to n = 16, sampled with `rng` beyond. All zero: 1.
    """
    d = np.asarray(differences, dtype=float)
    if not np.isfinite(d).all():
        return float("nan")
    # In units of the last digit that matters, so that equal sums compare as equal.
    scale = np.abs(d).max()
    if scale == 0:
        return 1.0
    d = np.round(d / scale, 12)
    if len(d) <= EXACT_UP_TO:
        bits = (np.arange(2 ** len(d))[:, None] >> np.arange(len(d))) & 1
        signs = 1.0 - 2.0 * bits
        extra = 0
    else:
        rng = np.random.default_rng(0) if rng is None else rng
        signs = rng.choice([-1.0, 1.0], size=(SAMPLED, len(d)))
        extra = 1
    sums = np.abs(signs @ d)
    reached = np.count_nonzero(sums >= abs(d.sum()) - 1e-9)
    return (reached + extra) / (len(signs) + extra)


def holm(p: Sequence[float]) -> np.ndarray:
    """p values adjusted for their number by Holm's method; nan stays nan and does not count."""
    values = np.asarray(p, dtype=float)
    known = np.isfinite(values)
    adjusted = np.full(values.shape, np.nan)
    if known.any():
        adjusted[known] = multipletests(values[known], method="holm")[1]
    return adjusted


def smallest_p(seeds: int, comparisons: int = 1) -> float:
    """The smallest Holm-adjusted p that so many paired seeds and comparisons can ever reach."""
    least = 2.0 / 2.0**seeds if seeds <= EXACT_UP_TO else 1.0 / (SAMPLED + 1)
    return min(1.0, comparisons * least)


def seeds_needed(comparisons: int, level: float = 1 - LEVEL) -> int:
    """The least number of seeds with which one of so many comparisons could pass."""
    return next(n for n in count(1) if comparisons * 2.0 / 2.0**n < level)
