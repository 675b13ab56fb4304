"""Which of several paired columns may have the highest mean, whichever was picked."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from afnlab.stats.intervals import LEVEL, alpha
from afnlab.stats.paired import above_p


def may_be_best(values: ArrayLike, level: float = LEVEL) -> np.ndarray:
    """A confidence set of the column with the highest mean.

    A column is left out if another one is better by the one-sided sign-flip test, of which each
    column has one with every other, so that its p-values are multiplied by their number. Unless a
    column is the best, that it is left out is no mistake: the set contains the best one with the
    level's probability, whatever the data made one pick. (Gupta's subset selection, with
    Bonferroni's bound in place of normal quantiles.)

    Args:
        values: (seeds, columns) numbers; higher is better.
        level: the probability with which the best column is in the set.

    Returns:
        (columns,) booleans. A column that is not finite at some seed stays.

    Raises:
        ValueError: if the values are not two-dimensional, or there are none.
    """
    x = np.asarray(values, dtype=float)
    if x.ndim != 2 or 0 in x.shape:
        raise ValueError(f"values must be two-dimensional and not empty, got shape {x.shape}")
    others = x.shape[1] - 1
    return np.array(
        [
            not any(
                others * above_p(x[:, other] - x[:, one]) < alpha(level)
                for other in range(x.shape[1])
                if other != one
            )
            for one in range(x.shape[1])
        ]
    )
