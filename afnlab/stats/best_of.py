"""The expected best of k trials, with exact confidence bands that assume no distribution.

The band of the distribution function is that of Learned-Miller and DeStefano ("A Probabilistic
Upper Bound on Differential Entropy", 2008): a confidence interval for each order statistic, from
its beta distribution, all at one level that gives them simultaneous coverage. Lourie, Cho and He
("Show Your Work with Confidence", 2024) draw tuning curves from it. Where they simulate that level,
it is computed here: the order statistics of n uniform numbers are the arrivals of a Poisson process
given that there are n, and the number that has arrived is followed from limit to limit.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, stats

from afnlab.stats.intervals import LEVEL


def order_statistics_coverage(low: np.ndarray, high: np.ndarray) -> float:
    """The probability that low[i] <= U_(i) <= high[i] for all order statistics of n uniforms.

    Args:
        low, high: (n,) limits in [0, 1], each in ascending order.
    """
    n = len(low)
    times = np.unique(np.concatenate([low, high, [1.0]]))
    arrived = np.zeros(n + 1)
    arrived[0], last = 1.0, 0.0
    counts = np.arange(n + 1)
    for time in times:
        steps = stats.poisson.pmf(counts, n * (time - last))
        arrived = np.convolve(arrived, steps)[: n + 1]
        # By this time as many have come as had to, and no more than were allowed to.
        arrived[: np.searchsorted(high, time, side="right")] = 0.0
        arrived[np.searchsorted(low, time, side="left") + 1 :] = 0.0
        last = time
    return float(arrived[n] / stats.poisson.pmf(n, n))


def beta_limits(n: int, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Equal-tailed confidence intervals for each order statistic of n uniform numbers.

    Args:
        n: how many numbers.
        level: the confidence level of each interval.

    Returns:
        (n,) lower and (n,) upper limits.
    """
    ranks = np.arange(1, n + 1)
    law = stats.beta(ranks, n + 1 - ranks)
    return law.ppf((1 - level) / 2), law.ppf((1 + level) / 2)


@lru_cache(maxsize=64)
def pointwise_level(n: int, level: float = LEVEL) -> float:
    """The level of each interval of `beta_limits` with which all contain their values at `level`.

    Args:
        n: how many numbers.
        level: the simultaneous confidence level.
    """
    return float(
        optimize.brentq(
            lambda each: order_statistics_coverage(*beta_limits(n, each)) - level,
            level - 1e-6,
            1 - (1 - level) / (2 * n),
            xtol=1e-13,
        )
    )


def tuning_curve(
    values: ArrayLike,
    trials: Sequence[int],
    level: float = LEVEL,
    support: tuple[float, float] = (0.0, 1.0),
) -> np.ndarray:
    """The expected highest value of k independent trials, with its confidence band.

    Args:
        values: (n,) results of independent trials, such as validation accuracies of settings drawn
            at random; higher is better. Ties make the band wider than necessary, not narrower.
        trials: the numbers k, 1 or more.
        level: the probability that the whole curve lies within its band.
        support: the smallest and the largest possible value.

    Returns:
        (len(trials), 3): estimate, low, high.

    Raises:
        ValueError: for no values, values that are not finite or outside the support, or k below 1.
    """
    ys = np.sort(np.asarray(values, dtype=float))
    ks = np.asarray(trials, dtype=float)
    if ys.ndim != 1 or not len(ys):
        raise ValueError(f"values must be one-dimensional and not empty, got shape {ys.shape}")
    if not (np.isfinite(ys).all() and support[0] <= ys[0] and ys[-1] <= support[1]):
        raise ValueError(f"values must be finite and within {support}, got {ys[0]} to {ys[-1]}")
    if not (ks >= 1).all():
        raise ValueError(f"trials must be 1 or more, got {list(trials)}")
    n = len(ys)
    low, high = beta_limits(n, pointwise_level(n, level))
    points = np.concatenate([[support[0]], ys, [support[1]]])
    # A distribution function that is larger everywhere has the smaller values.
    most = np.concatenate([high, [1.0, 1.0]])
    least = np.concatenate([[0.0], low, [1.0]])
    middle = np.concatenate([[0.0], np.arange(1, n + 1) / n, [1.0]])
    bands = [_expected_highest(points, cdf, ks) for cdf in (middle, most, least)]
    return np.stack(bands, axis=1)


def _expected_highest(points: np.ndarray, cdf: np.ndarray, ks: np.ndarray) -> np.ndarray:
    powers = cdf[None, :] ** ks[:, None]
    return np.diff(powers, axis=1, prepend=0.0) @ points
