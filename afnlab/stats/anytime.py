r"""Evidence from paired differences that may be looked at after every seed.

The null hypothesis is that of the sign-flip test: given the earlier differences and its own size, a
difference d is as likely to be positive as negative. For any l that is fixed before d is seen,

    E[exp(l d) / cosh(l d)] = 1,

since given abs(d) it is (exp(l abs(d)) + exp(-l abs(d))) / 2 over cosh(l d). So the product of
these factors over the seeds is a nonnegative martingale that begins at 1, whatever the
distribution: ties (a factor of 1), heavy tails and changing variances included. A mean of such
products, with several l, is one too. By Ville's inequality it ever reaches 1 / alpha with
probability alpha at most, so one may look after every seed and stop at any. Such a process is
called an e-process, its value at the time of stopping an e-value (Ramdas, Gruenwald, Vovk and
Shafer, Statistical Science 38, 2023). Factors with exp(l^2 d^2 / 2) in place of cosh(l d), which
are smaller, are de la Pena's (Annals of Probability 27, 1999).

What l is good depends on how large differences are, which is learned from *earlier* seeds alone: l
is one of `BETS` over the median size of the earlier differences that are not 0. The first such
difference is not bet on.

For l > 0 a factor grows with d. So the product is a supermartingale also where a difference is
negative more often than positive: it is evidence for "better" against "not better", and the
same of -d is evidence for "worse". The l do not depend on the center that differences are compared
with. So the centers that are not rejected form an interval, and the intervals after each seed are a
confidence sequence for the center of symmetry: with probability `level` all of them contain it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq

from afnlab.errors import ParameterError
from afnlab.stats.intervals import LEVEL, Interval, alpha
from afnlab.stats.paired import holm_levels

BETS = (0.5, 1.0, 2.0)  # l times the typical size of a difference; their products are averaged
_CERTAIN = 50.0  # l d from which on a factor is 2 in every digit


class Decision(NamedTuple):
    """A verdict of the evidence, and the number of seeds after which it holds.

    Attributes:
        verdict: "better", "worse", "equivalent", or "open".
        seeds: the number of differences that were looked at.
    """

    verdict: str
    seeds: int


def log_evidence(differences: ArrayLike, center: float = 0.0) -> np.ndarray:
    """The logarithm of the e-process that differences lie above a center, after each seed.

    It tests that a difference minus the center is no more likely to be positive than negative.
    Evidence that they lie below is `log_evidence(-differences, -center)`.

    Args:
        differences: (..., n) finite paired differences, in the order of the seeds.
        center: the value that they are compared with.

    Returns:
        (..., n) logarithms; entry i uses the differences up to i alone.

    Raises:
        ParameterError: if a difference is not finite.
    """
    d = _checked(differences)
    return _log_evidence(d, bets(d), center)


def bets(differences: ArrayLike) -> np.ndarray:
    """The l of the test at each seed, from the differences before it.

    Args:
        differences: (..., n) finite paired differences, in the order of the seeds.

    Returns:
        (len(BETS), ..., n) numbers; 0 where no earlier difference is other than 0.
    """
    d = np.abs(_checked(differences))
    sizes = np.full(d.shape, np.inf)
    for at in range(1, d.shape[-1]):
        earlier = np.sort(np.where(d[..., :at] > 0, d[..., :at], np.inf), axis=-1)
        count = (d[..., :at] > 0).sum(axis=-1, keepdims=True)
        middle = [np.maximum((count - step) // 2, 0) for step in (1, 0)]
        low, high = (np.take_along_axis(earlier, np.minimum(m, at - 1), -1)[..., 0] for m in middle)
        sizes[..., at] = np.where(count[..., 0] > 0, low / 2 + high / 2, np.inf)
    least = np.finfo(float).tiny  # so that no l is infinite
    return np.stack([bet / np.maximum(sizes, least) for bet in BETS])


def _checked(differences: ArrayLike) -> np.ndarray:
    d = np.asarray(differences, dtype=float)
    if d.ndim == 0:
        raise ParameterError("differences", differences, "one for each seed")
    if not np.isfinite(d).all():
        raise ParameterError("differences", d[~np.isfinite(d)][0], "finite numbers")
    return d


def _log_evidence(d: np.ndarray, l: np.ndarray, center: float) -> np.ndarray:  # noqa: E741
    # exp(y) / cosh(y) = 2 / (1 + exp(-2 y)), which neither overflows nor loses digits
    with np.errstate(over="ignore"):
        y = np.clip(l * (d - center), -1e300, _CERTAIN)
    products = np.cumsum(np.log(2) - np.logaddexp(0, -2 * y), axis=-1)
    return np.logaddexp.reduce(products, axis=0) - np.log(len(BETS))


def confidence_sequence(differences: ArrayLike, level: float = LEVEL) -> np.ndarray:
    """Intervals for the center of the differences that hold at all seeds together.

    The assumption is that, given the earlier ones, every difference is distributed symmetrically
    about one center. With the probability `level` all the intervals contain it.

    Args:
        differences: (n,) finite paired differences, in the order of the seeds.
        level: the confidence level.

    Returns:
        (n, 2) lower and upper limits after each seed, infinite as long as there are too few; each
        interval lies within the earlier ones.

    Raises:
        ParameterError: if a difference is not finite.
    """
    d = _checked(differences)
    l = bets(d)  # noqa: E741
    needed = np.log(2 / alpha(level))
    low = [_lower_limit(d[:n], l[:, :n], needed) for n in range(1, len(d) + 1)]
    high = [-_lower_limit(-d[:n], l[:, :n], needed) for n in range(1, len(d) + 1)]
    limits = [np.maximum.accumulate(low), np.minimum.accumulate(high)]
    return np.stack(limits, axis=-1).reshape(-1, 2)


def _lower_limit(
    d: np.ndarray,
    l: np.ndarray,  # noqa: E741
    needed: float,
    ever: bool = False,
) -> float:
    """The center up to which "no higher than this" is rejected; evidence falls as it rises.

    ever: after any of the seeds, and not after the last of them.
    """
    used = l[0] > 0
    if not used.any():
        return -np.inf

    def surplus(center: float) -> float:
        process = _log_evidence(d, l, center)
        return float(process.max() if ever else process[-1]) - needed

    high = float(d.max())
    low = float(d.min()) - _CERTAIN / float(l[0][used].min())
    if not (np.isfinite(low) and surplus(low) >= 0):
        return -np.inf
    return float(brentq(surplus, low, high, xtol=1e-12 * max(1e-300, high - low), rtol=1e-14))


def any_time_p(differences: ArrayLike) -> float:
    """Two-sided p-value that holds at whatever seed one has stopped, with a look after each.

    It is 2 over the greatest e-value so far, of "better" or of "worse", so that it is at most
    1 - level exactly where `decide` finds either.

    Args:
        differences: (n,) finite paired differences, in the order of the seeds.

    Returns:
        The p-value; 1 where there are no differences.

    Raises:
        ParameterError: if a difference is not finite.
    """
    return _over(2, max(map(_greatest, (log_evidence(differences), _evidence_below(differences)))))


def any_time_not_worse_p(differences: ArrayLike, margin: float) -> float:
    """A p-value, as of `any_time_p`, that the center of the differences is -margin or less.

    It is at most 1 - level where the lower limit of `confidence_sequence` has risen to -margin.

    Args:
        differences: as of `any_time_p`; above 0 is better.
        margin: the largest difference that does not matter, above 0.

    Raises:
        ParameterError: as `any_time_p`.
    """
    return _over(2, _greatest(log_evidence(differences, -margin)))


def any_time_equivalence_p(differences: ArrayLike, margin: float) -> float:
    """A p-value, as of `any_time_p`, of a center outside [-margin, margin], the larger of both.

    Args:
        differences: as of `any_time_p`.
        margin: as of `any_time_not_worse_p`.

    Raises:
        ParameterError: as `any_time_p`.
    """
    d = np.asarray(differences, dtype=float)
    return max(any_time_not_worse_p(d, margin), any_time_not_worse_p(-d, margin))


def any_time_interval(differences: ArrayLike, level: float = LEVEL) -> Interval:
    """Mean of the differences, and the interval of `confidence_sequence` after the last of them.

    Args:
        differences: as of `any_time_p`.
        level: the confidence level.

    Returns:
        The mean and the limits, which are infinite as long as there are too few. Where differences
        that changed sides have left no center, the last interval that had one.

    Raises:
        ParameterError: as `any_time_p`.
    """
    d = _checked(differences)
    l, needed = bets(d), np.log(2 / alpha(level))  # noqa: E741
    low, high = (s * _lower_limit(s * d, l, needed, ever=True) for s in (1, -1))
    if low > high:
        limits = confidence_sequence(d, level)
        low, high = limits[limits[:, 0] <= limits[:, 1]][-1]
    return Interval(float(d.mean()), float(low), float(high))


def any_time_smallest_p(seeds: int) -> float:
    """The smallest value of `any_time_p` that so many differences can have.

    The first is not bet on, and each of the others at most doubles the evidence.

    Args:
        seeds: the number of differences.
    """
    return min(1.0, 4.0 / 2.0**seeds)


def _evidence_below(differences: ArrayLike) -> np.ndarray:
    return log_evidence(-np.asarray(differences, dtype=float))


def _greatest(process: np.ndarray) -> float:
    """Of the logarithms of an e-process, which begins at 1."""
    return float(np.max(process, initial=0.0))


def _over(count: int, log_e: float) -> float:
    return float(min(1.0, count * np.exp(-log_e)))


def decide_together(differences: Sequence[ArrayLike], level: float = LEVEL) -> list[Decision]:
    """Decide about several comparisons, with an error of 1 - level at most for all together.

    Each is decided at the level that Holm's procedure gives it among the p-values of
    `any_time_p`. These only fall as seeds are added, so what is decided once stays so, and what is
    decided leaves the others its part of the error.

    Args:
        differences: of each comparison (n,) finite paired differences, in the order of the seeds.
        level: the confidence level of all decisions together.

    Returns:
        The decisions, see `decide`.

    Raises:
        ParameterError: if a difference is not finite.
    """
    levels = holm_levels([any_time_p(d) for d in differences], level)
    return [decide(d, level=at) for d, at in zip(differences, levels, strict=True)]


def decide(
    differences: ArrayLike,
    *,
    margin: float | None = None,
    level: float = LEVEL,
    better_at: float | None = None,
) -> Decision:
    """Go through the differences in the order of their seeds, and stop where they decide.

    All verdicts follow from one confidence sequence: "better" where it lies above 0, "worse" where
    it lies below, "equivalent" where it lies within the margin. So the probability of a wrong one
    is 1 - level at most.

    Args:
        differences: (n,) finite paired differences, in the order of the seeds; above 0 is better.
        margin: the largest difference that does not matter; None: nothing is called equivalent.
        level: the confidence level.
        better_at: the significance level of "better", where it must be stricter than half of
            1 - level; None: that half.

    Returns:
        The decision. It does not depend on differences after those that it used.

    Raises:
        ParameterError: for a difference that is not finite, or a margin or a level of significance
            that is not above 0.
    """
    half = alpha(level) / 2
    better_at = half if better_at is None else min(better_at, half)
    for name, value in (("margin", margin), ("better_at", better_at)):
        if value is not None and not 0 < value < np.inf:
            raise ParameterError(name, value, "a finite number above 0")
    d = _checked(differences)
    l = bets(d)  # noqa: E741
    reached = {
        "better": _log_evidence(d, l, 0) >= -np.log(better_at),
        "worse": _log_evidence(-d, l, 0) >= -np.log(half),
    }
    if margin is not None:
        above, below = (np.maximum.accumulate(_log_evidence(s * d, l, -margin)) for s in (1, -1))
        reached["equivalent"] = np.minimum(above, below) >= -np.log(half)
    first = {name: int(np.argmax(hit)) + 1 for name, hit in reached.items() if hit.any()}
    if not first:
        return Decision("open", len(d))
    name = min(first, key=lambda known: first[known])  # of two at once the one that is named first
    return Decision(name, first[name])


def seeds_to_decide(level: float = LEVEL) -> int:
    """The smallest number of seeds with which differences that are all equal decide.

    Every difference but the first multiplies the evidence by less than 2, so n of them stay below
    2 ** (n - 1). Only differences that grow without end come near that bound: with less than this
    many seeds such as differ little seldom decide.

    Args:
        level: the confidence level.
    """
    return next(n for n in count(1) if decide(np.ones(n), level=level).verdict != "open")
