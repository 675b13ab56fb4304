"""The number of decimals with which a metric is printed.

A metric may state them. Where it does not, they follow from the numbers that are compared: so many
that two digits are left of what seeds differ by and of a difference's interval, whose ends, if they
are far from 0, differ by ten steps or more.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from math import floor, isfinite, log10
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from afnlab.measures import ACCURACY, Measure
from afnlab.printing import printed_value

if TYPE_CHECKING:
    import pandas as pd

APART = 1e6  # times as large as others: of another size
MOST = 15  # decimals; a double has no more
_ALONE = 100  # a value by itself is printed with four digits: two of so small a part of it
# Those of afnlab's metrics that are printed with as many decimals as a metric that states none.
_USUAL = (ACCURACY.key, "psnr")


def stated(measure: Measure) -> bool:
    """Whether a metric says how many decimals are printed.

    A record does not tell the default from the same number that somebody wrote, so that is none.

    Args:
        measure: the metric.
    """
    return measure.decimals != Measure.decimals or measure.key in _USUAL


def fitting(measure: Measure, table: pd.DataFrame) -> Measure:
    """A metric with the decimals that a comparison needs, or with its own, if it states them.

    Args:
        measure: the metric.
        table: of `compare_histories`.
    """
    if stated(measure):
        return measure
    sizes = table[measure.key].abs()
    usual = table[~(sizes > APART * usual_size(sizes))]  # digits of others are none of these
    limits = usual[["difference_low", "difference_high"]]
    spreads = (*of_interval(*limits.T.to_numpy()), usual.deviation.to_numpy())
    return to_spread(measure, [_typical(each) for each in spreads], usual_size(sizes))


def usual_size(sizes: pd.Series) -> float:
    """How large the values of a table are: the largest of its rows, but for those that are of
    another size altogether, as where training diverged.

    Args:
        sizes: of the rows, none below 0.
    """
    known = sizes[sizes > 0].sort_values()
    if known.empty:
        return 0.0
    middle = known.iloc[(len(known) - 1) // 2]
    return float(known[known <= APART * middle].max())


def of_interval(low: ArrayLike, high: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """What has to have two digits so that an interval is readable: its end that is further from 0,
    and five times its width.

    Args:
        low, high: its ends, or those of several.
    """
    return np.fmax(np.abs(low), np.abs(high)), 5 * np.subtract(high, low)


def to_spread(measure: Measure, spreads: Iterable[float], largest: float) -> Measure:
    """A metric with two digits of the smallest of some spreads, unless it states its decimals.

    Args:
        measure: the metric.
        spreads: stored differences; those that are not finite, or not above 0, do not count.
        largest: the largest stored value in size, which decides where no spread counts.
    """
    if stated(measure):
        return measure
    known = [spread for spread in spreads if isfinite(spread) and spread > 0]
    least = measure.scale * min(known, default=float(largest) / (10 * _ALONE))
    return replace(measure, decimals=_decimals(least))


def printed_alone(measure: Measure, value: float) -> str:
    """A stored value with its unit and four digits, unless the metric states its decimals.

    Args:
        measure: what it is a value of.
        value: the value, beside which nothing tells what its digits are worth.
    """
    return printed_value(to_spread(measure, [abs(value) / _ALONE], abs(value)), value)


def _typical(spreads: np.ndarray) -> float:
    """The median of those above 0: rows of equal values, or of one function, need no digits."""
    known = spreads[(spreads > 0) & np.isfinite(spreads)]
    return float(np.median(known)) if len(known) else 0.0


def _decimals(spread: float) -> int:
    """So many that two digits are left of a printed spread."""
    if not (isfinite(spread) and spread > 0):
        return Measure.decimals
    return min(max(1 - floor(log10(spread)), 0), MOST)
