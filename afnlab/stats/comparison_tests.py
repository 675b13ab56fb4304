"""The tests by which a row is compared with the baseline: of pairs, or of two groups of values."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from afnlab.stats import anytime, paired, power, unpaired
from afnlab.stats.intervals import Interval


class Power(NamedTuple):
    """What a test of a fixed number of seeds finds with a power of 80 %.

    Attributes:
        detectable: the true difference, by the spread, the numbers of values and the number of
            comparisons; infinite if none is found.
        seeds_to_detect: how many seeds of every row find a true difference, by it, the spread and
            the number of comparisons; None: too many.
    """

    detectable: Callable[..., float]
    seeds_to_detect: Callable[[float, float, int], int | None]


class ComparisonTest(NamedTuple):
    """A test, with all that a comparison takes from it.

    Values are the differences of pairs, or those of the row and those of the baseline. Sizes are
    how many they are: one number, or two.

    Attributes:
        name: what tables call it.
        paired: whether values are differences of pairs.
        fallback: whose interval `alone` is with too few seeds for the test; empty: of none.
        p: the two-sided p-value of no difference, by the values.
        wilcoxon_p: that of Wilcoxon's test; nan where the number of seeds followed from results.
        interval: difference and limits, by the values and a confidence level; it excludes 0 exactly
            where p is smaller than 1 - level.
        alone: the interval of a single comparison.
        equivalence_p, not_worse_p: p-values by values of which higher ones are better, and margin.
        effect: the difference in standard deviations.
        improvement: the share of values that are better, by values of which higher ones are.
        spread: the standard deviation that decides what can be detected.
        smallest_p: the smallest p-value that values of such sizes can have.
        is_exact: whether all signs or splits are tried with such sizes.
        power: what it finds; None where the number of seeds follows from what it has found.
    """

    name: str
    paired: bool
    fallback: str
    p: Callable[..., float]
    wilcoxon_p: Callable[..., float]
    interval: Callable[..., Interval]
    alone: Callable[..., Interval]
    equivalence_p: Callable[..., float]
    not_worse_p: Callable[..., float]
    effect: Callable[..., float]
    improvement: Callable[..., float]
    spread: Callable[..., float]
    smallest_p: Callable[..., float]
    is_exact: Callable[..., bool]
    power: Power | None

    def sizes(self, seeds: int) -> tuple[int, ...]:
        """The sizes of a comparison of which both rows have as many seeds.

        Args:
            seeds: of either row.
        """
        return (seeds,) if self.paired else (seeds, seeds)

    def seeds_needed(self, comparisons: int) -> int:
        """The smallest number of seeds with which one of so many comparisons can be significant.

        Args:
            comparisons: with the baseline.
        """
        return power.seeds_needed(comparisons, smallest=lambda n: self.smallest_p(*self.sizes(n)))


def _deviation(differences: ArrayLike) -> float:
    d = np.asarray(differences, dtype=float)
    return float(d.std(ddof=1)) if len(d) > 1 else float("nan")


SIGN_FLIP = ComparisonTest(  # of a number of seeds that did not follow from their results
    name="sign-flip",
    paired=True,
    fallback="Student's t",
    p=paired.sign_flip_p,
    wilcoxon_p=paired.wilcoxon_p,
    interval=paired.sign_flip_interval,
    alone=paired.difference_interval,
    equivalence_p=paired.equivalence_p,
    not_worse_p=paired.not_worse_p,
    effect=paired.effect_size,
    improvement=paired.improvement,
    spread=_deviation,
    smallest_p=power.smallest_p,
    is_exact=paired.is_exact,
    power=Power(power.detectable_difference, power.seeds_to_detect),
)
ANY_TIME = SIGN_FLIP._replace(  # of seeds that were added until the evidence decided
    name="any time",
    fallback="",
    p=anytime.any_time_p,
    wilcoxon_p=lambda _: float("nan"),
    interval=anytime.any_time_interval,
    alone=anytime.any_time_interval,
    equivalence_p=anytime.any_time_equivalence_p,
    not_worse_p=anytime.any_time_not_worse_p,
    smallest_p=anytime.any_time_smallest_p,
    is_exact=lambda _: False,
    power=None,
)
PERMUTATION = ComparisonTest(  # of values without pairs
    name="permutation",
    paired=False,
    fallback="Welch's t",
    p=unpaired.permutation_p,
    wilcoxon_p=unpaired.rank_sum_p,
    interval=unpaired.permutation_interval,
    alone=unpaired.mean_difference_interval,
    equivalence_p=unpaired.unpaired_equivalence_p,
    not_worse_p=unpaired.unpaired_not_worse_p,
    effect=unpaired.unpaired_effect_size,
    improvement=unpaired.superiority,
    spread=unpaired.pooled_deviation,
    smallest_p=unpaired.smallest_permutation_p,
    is_exact=unpaired.is_exact,
    power=Power(unpaired.unpaired_detectable, unpaired.unpaired_seeds_to_detect),
)
TESTS = {test.name: test for test in (SIGN_FLIP, ANY_TIME, PERMUTATION)}
