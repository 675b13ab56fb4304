"""Differences at shared seeds: what is not finite counts as the worst."""

from __future__ import annotations

import numpy as np
import pytest

from afnlab.measures import ACCURACY
from afnlab.runs.seed_pairs import differences
from tests.judging.test_judging import LOSS


def pair(idea, against, lost=None):
    return {"idea": idea, "against": against, "lost": lost}


LOST = {
    "as chance": (ACCURACY, [pair(None, 0.9, 0.1)], [-0.8]),
    "as the worst bound": (LOSS, [pair(None, 0.5, 2.3), pair(0.5, None, 2.3)], [-1.8, 1.8]),
    "both": (LOSS, [pair(None, None, 2.3)], [0]),
    "as the worst so far": (
        LOSS,
        [pair(0.5, 0.4), pair(None, 0.3), pair(0.2, None), pair(None, 0.9), pair(9.0, 0.1)],
        [-0.1, -0.2, 0.3, 0, -8.9],
    ),
    "too far apart": (
        LOSS,
        [pair(1.5e308, -1.5e308), pair(-1.5e308, 1.5e308)],
        [-np.finfo(float).max, np.finfo(float).max],
    ),
    "both, before anything is known": (LOSS, [pair(None, None), pair(0.2, 0.3)], [0, 0.1]),
}


@pytest.mark.parametrize("case", LOST)
def test_what_is_not_finite_counts_as_worst_without_later_seeds(case):
    measure, given, expected = LOST[case]
    assert differences(given, measure) == pytest.approx(expected)
    for n in range(1, len(given)):
        assert differences(given[:n], measure) == pytest.approx(expected[:n])
    swapped = [pair(p["against"], p["idea"], p["lost"]) for p in given]
    assert differences(swapped, measure) == pytest.approx(-np.array(expected))
