"""Seeds that were added when a test of the others was possible, word for word."""

from __future__ import annotations

import pytest

from afnlab.compare.added_seeds import added_seeds
from afnlab.compare.caveats import seeds_added


def run(started: str, seeds: range, seconds: float = 60.0) -> dict:
    return {"started": f"2026-11-30T{started}+00:00", "seconds": seconds, "seeds": [*seeds]}


RUNS = {  # the runs of a row, the fewest seeds of a test, and how many were added
    "one run": ([run("10:00", range(12))], 7, 0),
    "after a test": ([run("10:00", range(8)), run("10:30", range(8, 12))], 7, 4),
    "in any order": ([run("10:30", range(8, 12)), run("10:00", range(8))], 7, 4),
    "before any test was possible": ([run("10:00", range(6)), run("10:30", range(6, 12))], 7, 0),
    "at once, by two machines": ([run("10:00", range(8)), run("10:00:30", range(8, 12))], 7, 0),
    "twice": (
        [run("10:00", range(4)), run("10:30", range(4, 8)), run("11:00", range(8, 12))],
        7,
        4,
    ),
    "the same again": ([run("10:00", range(8)), run("10:30", range(8))], 7, 0),
    "the others too": ([run("10:00", range(8)), run("10:30", range(12))], 7, 4),
    "a clock without a zone": (
        [run("10:00", range(8)), run("10:30", range(8, 12)) | {"started": "2026-11-30T10:30:00"}],
        7,
        4,
    ),
}


@pytest.mark.parametrize("case", RUNS)
def test_what_was_added_when_a_test_was_possible(case):
    runs, fewest, added = RUNS[case]
    assert added_seeds(runs, fewest) == added


def test_it_is_said_of_the_rows():
    assert seeds_added({}, 3) == []
    rest = (
        " added when the others had been trained. If that was decided after a look at their result,"
        " p is too small and the intervals are too narrow; they hold if the number of seeds was"
        " fixed before. afnlab confirm tests a row with fresh seeds alone."
    )
    assert seeds_added({"selu": 4}, 3) == [f"SELU: 4 seeds were{rest}"]
    assert seeds_added({"selu": 1}, 1) == [f"SELU: 1 seed was{rest}"]
    assert seeds_added({"selu": 1, "my.py:f": 4}, 3) == [f"SELU, my.py:f: 1 to 4 seeds were{rest}"]
    assert seeds_added({"selu": 4, "tanh": 4}, 2) == [f"Every row: 4 seeds were{rest}"]
    many = {f"row {at}": 4 for at in range(8)}
    assert seeds_added(many, 30)[0].startswith(
        "row 0, row 1, row 2, row 3, row 4, row 5 and 2 more"
    )
