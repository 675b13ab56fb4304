"""What a comparison of so many seeds can detect."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import count

import numpy as np
from scipy import stats
from scipy.optimize import brentq

from afnlab.stats.intervals import LEVEL, alpha
from afnlab.stats.paired import SAMPLED, holm, is_exact, sign_flip_interval

POWER = 0.8
SIMULATED = 1_000


def smallest_p(seeds: int, comparisons: int = 1) -> float:
    """The smallest attainable p-value of the sign-flip test, adjusted by Holm's procedure.

    Args:
        seeds: the number of paired seeds.
        comparisons: the number of comparisons with the baseline.
    """
    least = 2.0 / 2.0**seeds if is_exact(seeds) else 1.0 / (SAMPLED + 1)
    return min(1.0, comparisons * least)


def attainable_p(pairs: Iterable[int]) -> np.ndarray:
    """The smallest p-value, adjusted by Holm's procedure, that each comparison could have had.

    With unequal numbers of pairs a comparison that has few of them can be significant after others
    have been rejected, so what one can attain depends on the others.

    Args:
        pairs: the number of paired seeds of each comparison.

    Returns:
        One p-value per comparison.
    """
    return holm([smallest_p(int(n)) for n in pairs])


def seeds_needed(
    comparisons: int, level: float = LEVEL, smallest: Callable[[int], float] = smallest_p
) -> int:
    """The smallest number of seeds with which one of the comparisons can be significant.

    Args:
        comparisons: the number of comparisons with the baseline.
        level: 1 minus the significance level.
        smallest: the smallest p-value of the test by the number of seeds.
    """
    return next(n for n in count(1) if comparisons * smallest(n) < alpha(level))


def detectable_difference(
    deviation: float, seeds: int, comparisons: int = 1, power: float = POWER, level: float = LEVEL
) -> float:
    """The true difference that is detected with the given power.

    It is computed for normal differences and the sign-flip test at (1 - level) / comparisons: up to
    16 seeds by simulation, and beyond by the paired t test, from which the test hardly differs
    there.

    Args:
        deviation: the standard deviation of single paired differences.
        seeds: the number of paired seeds.
        comparisons: the number of comparisons with the baseline.
        power: the probability of a significant result.
        level: 1 minus the significance level.

    Returns:
        The difference, in the unit of `deviation`; infinite if no result can be significant.
    """
    if smallest_p(seeds, comparisons) >= alpha(level):
        return float("inf")
    return deviation * _detectable_effect(seeds, alpha(level) / comparisons, power)


def seeds_to_detect(
    difference: float, deviation: float, comparisons: int = 1, most: int = 1_000
) -> int | None:
    """The smallest number of seeds that detects a true difference with a power of 80 %.

    Args:
        difference: the true difference, of either sign.
        deviation: the standard deviation of single paired differences.
        comparisons: the number of comparisons with the baseline.
        most: the largest number of seeds that is considered.

    Returns:
        The number of seeds, or None if `most` do not suffice, or nothing is to be detected.
    """
    if not difference or not deviation > 0:
        return None
    known = range(seeds_needed(comparisons), most + 1)
    return fewest(
        known, lambda n: detectable_difference(deviation, n, comparisons) <= abs(difference)
    )


def fewest(known: range, detects: Callable[[int], bool]) -> int | None:
    """The first number of seeds that detects a difference, where all after it do; None: none does.

    Args:
        known: the numbers that are considered.
        detects: whether so many seeds do.
    """
    at = bisect_left(known, True, key=detects)
    return known[at] if at < len(known) else None


@lru_cache
def _detectable_effect(seeds: int, at: float, power: float) -> float:
    if is_exact(seeds):
        # A shift is found where it exceeds how far below 0 the interval without it reaches.
        draws = np.random.default_rng(0).normal(size=(SIMULATED, seeds))
        reach = [-sign_flip_interval(d, 1 - at).low for d in draws]
        return float(np.quantile(reach, power))
    limit = stats.t.isf(at / 2, seeds - 1)

    def lacking(effect: float) -> float:
        return power - float(stats.nct.sf(limit, seeds - 1, effect * np.sqrt(seeds)))

    return float(brentq(lacking, 0.0, 100.0))
