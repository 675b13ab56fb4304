"""What so many seeds and comparisons can show at all."""

from __future__ import annotations

from itertools import count

import numpy as np
from scipy import stats
from scipy.optimize import brentq

from afnlab.analysis.stats.intervals import LEVEL
from afnlab.analysis.stats.paired import EXACT_UP_TO, SAMPLED

POWER = 0.8


def smallest_p(seeds: int, comparisons: int = 1) -> float:
    """The smallest Holm-adjusted p that so many paired seeds and comparisons can ever reach."""
    least = 2.0 / 2.0**seeds if seeds <= EXACT_UP_TO else 1.0 / (SAMPLED + 1)
    return min(1.0, comparisons * least)


def seeds_needed(comparisons: int, level: float = LEVEL) -> int:
    """The least number of seeds with which one of so many comparisons could pass."""
    return next(n for n in count(1) if comparisons * 2.0 / 2.0**n < 1 - level)


def detectable_difference(
    deviation: float, seeds: int, comparisons: int = 1, power: float = POWER, level: float = LEVEL
) -> float:
    """The true difference that is found with this power, in the unit of `deviation`.

    deviation: that of single paired differences. After the paired t test at
    (1 - level) / comparisons, which the sign-flip test comes close to for normal differences;
    infinite where no result could pass.
    """
    if smallest_p(seeds, comparisons) >= 1 - level:
        return float("inf")
    limit = stats.t.isf((1 - level) / comparisons / 2, seeds - 1)

    def lacking(effect: float) -> float:
        shift = effect * np.sqrt(seeds)
        return power - float(stats.nct.sf(limit, seeds - 1, shift))

    return deviation * float(brentq(lacking, 0.0, 100.0))
