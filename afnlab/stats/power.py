"""What so many seeds and comparisons can show at all."""

from __future__ import annotations

from functools import lru_cache
from itertools import count

import numpy as np
from scipy import stats
from scipy.optimize import brentq

from afnlab.stats.intervals import LEVEL, alpha
from afnlab.stats.paired import EXACT_UP_TO, SAMPLED, sign_flip_interval

POWER = 0.8
SIMULATED = 1_000


def smallest_p(seeds: int, comparisons: int = 1) -> float:
    """The smallest Holm-adjusted p that so many paired seeds and comparisons can ever reach."""
    least = 2.0 / 2.0**seeds if seeds <= EXACT_UP_TO else 1.0 / (SAMPLED + 1)
    return min(1.0, comparisons * least)


def seeds_needed(comparisons: int, level: float = LEVEL) -> int:
    """The least number of seeds with which one of so many comparisons could pass."""
    return next(n for n in count(1) if comparisons * 2.0 / 2.0**n < alpha(level))


def detectable_difference(
    deviation: float, seeds: int, comparisons: int = 1, power: float = POWER, level: float = LEVEL
) -> float:
    """The true difference that is found with this power, in the unit of `deviation`.

    deviation: that of single paired differences, taken as normal. Found: by the sign-flip test at
    (1 - level) / comparisons, simulated up to 16 seeds; beyond, where the two hardly differ, by the
    paired t test. Infinite where no result could pass.
    """
    if smallest_p(seeds, comparisons) >= alpha(level):
        return float("inf")
    return deviation * _detectable_effect(seeds, alpha(level) / comparisons, power)


@lru_cache
def _detectable_effect(seeds: int, at: float, power: float) -> float:
    if seeds <= EXACT_UP_TO:
        # A shift is found where it exceeds how far below 0 the interval without it reaches.
        draws = np.random.default_rng(0).normal(size=(SIMULATED, seeds))
        reach = [-sign_flip_interval(d, 1 - at).low for d in draws]
        return float(np.quantile(reach, power))
    limit = stats.t.isf(at / 2, seeds - 1)

    def lacking(effect: float) -> float:
        return power - float(stats.nct.sf(limit, seeds - 1, effect * np.sqrt(seeds)))

    return float(brentq(lacking, 0.0, 100.0))
