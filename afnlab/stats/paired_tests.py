"""The two tests of paired differences, by what is known of the number of seeds."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from numpy.typing import ArrayLike

from afnlab.stats import anytime, paired, power
from afnlab.stats.intervals import Interval


class PairedTest(NamedTuple):
    """A test of paired differences, with all that a comparison takes from it.

    Attributes:
        name: what tables call it.
        p: the two-sided p-value of no difference.
        interval: mean and limits, by a confidence level; it excludes 0 exactly where p is smaller
            than 1 - level.
        alone: the interval of a single comparison.
        equivalence_p, not_worse_p: p-values by the margin, of differences above 0 for better.
        smallest_p: the smallest p-value that so many differences can have.
    """

    name: str
    p: Callable[[ArrayLike], float]
    interval: Callable[[ArrayLike, float], Interval]
    alone: Callable[[ArrayLike], Interval]
    equivalence_p: Callable[[ArrayLike, float], float]
    not_worse_p: Callable[[ArrayLike, float], float]
    smallest_p: Callable[[int], float]

    def seeds_needed(self, comparisons: int) -> int:
        """The smallest number of seeds with which one of so many comparisons can be significant.

        Args:
            comparisons: with the baseline.
        """
        return power.seeds_needed(comparisons, smallest=self.smallest_p)


SIGN_FLIP = PairedTest(  # of a number of seeds that did not follow from their results
    "sign-flip",
    paired.sign_flip_p,
    paired.sign_flip_interval,
    paired.difference_interval,
    paired.equivalence_p,
    paired.not_worse_p,
    power.smallest_p,
)
ANY_TIME = PairedTest(  # of seeds that were added until the evidence decided
    "any time",
    anytime.any_time_p,
    anytime.any_time_interval,
    anytime.any_time_interval,
    anytime.any_time_equivalence_p,
    anytime.any_time_not_worse_p,
    anytime.any_time_smallest_p,
)
PAIRED_TESTS = {test.name: test for test in (SIGN_FLIP, ANY_TIME)}
