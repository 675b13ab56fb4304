"""The chance of a number of hits, where each turn has a probability of its own."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np


def at_least_p(hits: int, chances: Iterable[float]) -> float:
    """The probability of so many hits or more, exactly: the tail of a Poisson binomial law.

    Args:
        hits: how many there were.
        chances: the probability of a hit at every turn; turns are independent.

    Returns:
        The probability, between 0 and 1.
    """
    law = np.ones(1)
    for chance in chances:
        law = np.convolve(law, [1 - chance, chance])
    return float(min(law[max(hits, 0) :].sum(), 1.0))
