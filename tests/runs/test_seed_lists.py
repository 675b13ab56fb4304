"""Seeds as `--seeds` takes them."""

from __future__ import annotations

import pytest

from afnlab.runs.notebook_parameters.parsing import seeds
from afnlab.runs.seed_lists import filled, typed
from afnlab.training.options import seed_list


@pytest.mark.parametrize(
    ("listed", "text"), [(3, "3"), ([0, 1], "2"), ([1, 0], "2"), ([100, 200], "[100, 200]")]
)
def test_they_are_typed_as_they_are_read(listed, text):
    assert typed(listed) == text
    assert seed_list(seeds(text)) == seed_list(listed)


@pytest.mark.parametrize(
    ("number", "rows", "made"),
    [
        (4, [], [0, 1, 2, 3]),
        (4, [[0, 1], [0, 1]], [0, 1, 2, 3]),
        (4, [[100, 200]], [0, 1, 100, 200]),
        (4, [[1, 3]], [0, 1, 2, 3]),
        (3, [[5, 6], [6, 7]], [5, 6, 7]),  # those that more rows have come first
        (2, [[5, 6], [6, 7], [7]], [6, 7]),
        (2, [[4, 5, 6]], [4, 5]),
    ],
)
def test_as_many_are_kept_as_can_be(number, rows, made):
    assert filled(number, rows) == made
