"""How rows are compared with the baseline: in pairs of one seed each, or without pairs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from afnlab import stats
from afnlab.stats import unpaired


@dataclass(frozen=True)
class Design:
    """The statistics of a comparison; those of values take differences, or two groups of values.

    Attributes:
        test: the test's name in a sentence.
        seeds: what its seeds are called, for `counted`.
        p, p_wilcoxon: two-sided p-values.
        shown: the interval of the difference.
        interval: the same by the test alone, also of other levels, and without bounds below it.
        effect: the difference in standard deviations.
        improvement: the share of seeds that are better.
        spread: the standard deviation that decides what can be detected.
        equivalent, not_worse: p-values for a margin.
    """

    test: str
    seeds: str
    p: Callable[..., float]
    p_wilcoxon: Callable[..., float]
    shown: Callable[..., stats.Interval]
    interval: Callable[..., stats.Interval]
    effect: Callable[..., float]
    improvement: Callable[..., float]
    spread: Callable[..., float]
    equivalent: Callable[..., float]
    not_worse: Callable[..., float]


def _deviation(differences: np.ndarray) -> float:
    return float(np.std(differences, ddof=1)) if len(differences) > 1 else float("nan")


def _effect(one: np.ndarray, other: np.ndarray) -> float:
    gap, deviation = one.mean() - other.mean(), unpaired.pooled_deviation(one, other)
    if deviation == 0:
        return float(np.copysign(np.inf, gap)) if gap else 0.0
    return float(gap / deviation)


PAIRED = Design(
    test="sign-flip",
    seeds="paired seed",
    p=stats.sign_flip_p,
    p_wilcoxon=stats.wilcoxon_p,
    shown=stats.difference_interval,
    interval=stats.sign_flip_interval,
    effect=stats.effect_size,
    improvement=stats.improvement,
    spread=_deviation,
    equivalent=stats.equivalence_p,
    not_worse=stats.not_worse_p,
)
UNPAIRED = Design(
    test="permutation",
    seeds="seed",
    p=unpaired.permutation_p,
    p_wilcoxon=unpaired.rank_sum_p,
    shown=unpaired.mean_difference_interval,
    interval=unpaired.permutation_interval,
    effect=_effect,
    improvement=unpaired.superiority,
    spread=unpaired.pooled_deviation,
    equivalent=unpaired.unpaired_equivalence_p,
    not_worse=unpaired.unpaired_not_worse_p,
)
OTHERS = "baseline_seeds"  # a column of tables without pairs alone: how many the baseline has


def of_table(table: pd.DataFrame) -> Design:
    """How the rows of a table are compared.

    Args:
        table: of `compare_histories`, or some of its rows.
    """
    return UNPAIRED if OTHERS in table else PAIRED


def attainable_p(compared: pd.DataFrame) -> np.ndarray:
    """The smallest p-value, adjusted by Holm's procedure, that each row could have had.

    Args:
        compared: rows of `compare_histories`, all that are compared with the baseline.
    """
    if of_table(compared) is PAIRED:
        return stats.attainable_p(compared.pairs)
    sizes = zip(compared.seeds, compared[OTHERS], strict=True)
    return stats.holm([unpaired.smallest_permutation_p(int(n), int(m)) for n, m in sizes])


def smallest_p(compared: pd.DataFrame) -> float:
    """The smallest adjusted p-value that any row could have had.

    Args:
        compared: as of `attainable_p`.
    """
    return float(np.min(attainable_p(compared)))


def is_exact(compared: pd.DataFrame) -> bool:
    """Whether the test of every row has tried all signs, or splits.

    Args:
        compared: as of `attainable_p`.
    """
    if of_table(compared) is PAIRED:
        return int(compared.pairs.max()) <= stats.EXACT_UP_TO
    sizes = zip(compared.seeds, compared[OTHERS], strict=True)
    return all(unpaired.is_exact(int(n), int(m)) for n, m in sizes)


def seeds_needed(compared: pd.DataFrame, comparisons: int | None = None) -> int:
    """With how many seeds of every row a comparison can be significant.

    Args:
        compared: as of `attainable_p`.
        comparisons: how many there are; None: as many as rows.
    """
    enough = stats.seeds_needed if of_table(compared) is PAIRED else unpaired.unpaired_seeds_needed
    return enough(len(compared) if comparisons is None else comparisons)


def detectable(compared: pd.DataFrame, spread: float, seeds: int | None = None) -> float:
    """The true difference that is found with a power of 80 %, infinite if none is.

    Args:
        compared: as of `attainable_p`.
        spread: the row's; of several rows, their median.
        seeds: of every row; None: as many as there are, of the row that has fewest.
    """
    count = len(compared)
    if of_table(compared) is PAIRED:
        return stats.detectable_difference(spread, seeds or int(compared.pairs.min()), count)
    n, m = (seeds or int(compared[name].min()) for name in ("seeds", OTHERS))
    return unpaired.unpaired_detectable(spread, n, m, count)


def seeds_to_detect(compared: pd.DataFrame, difference: float, spread: float) -> int | None:
    """How many seeds of every row find a true difference with a power of 80 %; None: too many.

    Args:
        compared: as of `attainable_p`.
        difference: the true one.
        spread: the row's.
    """
    enough = (
        stats.seeds_to_detect if of_table(compared) is PAIRED else unpaired.unpaired_seeds_to_detect
    )
    return enough(difference, spread, len(compared))
