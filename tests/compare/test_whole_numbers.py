"""Whole numbers that no double holds."""

from __future__ import annotations

import numpy as np

from afnlab.compare.whole_numbers import rounded


def test_whole_numbers_that_are_compared_as_others_are_said():
    first = 2**53 + 1
    for value in (first, str(first), f" +{first} ", np.int64(first)):
        assert rounded([1, value, first + 2])[0].startswith(
            "Whole numbers above 2**53 are compared as the nearest that a double holds:"
            f" {first} as {first - 1}."
        )
    assert rounded([2**53, -(2**60), "7", 1e300, 0.1, "0.1", None, float("nan")]) == []
