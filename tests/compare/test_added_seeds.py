"""Seeds that were added when a test of the others was possible, word for word."""

from __future__ import annotations

import pytest

from afnlab.compare.added_seeds import added_by_row, added_seeds
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
    assert len(added_seeds(runs, lambda *_: fewest)) == added


def rows(**runs: list[tuple[str, range]]) -> dict[str, list[dict]]:
    """The runs of rows by label, each as when it began and its seeds."""
    return {
        label: [run(at, seeds) | {"parameters": {"label": label}} for at, seeds in its]
        for label, its in runs.items()
    }


FIRST, MORE = ("10:00", range(6)), ("10:30", range(6, 12))
FOUR = rows(**{label: [FIRST, MORE] for label in ("relu", "gelu", "selu", "tanh")})
TWO = {label: FOUR[label] for label in ("selu", "tanh")}
EIGHT = ("10:00", range(8))
SIXTEEN = {label: [EIGHT, ("10:30", range(8, 16))] for label in ("relu", "gelu")}
TWENTY = {f"row {at}": [("10:10", range(16))] for at in range(20)}
BY_ROW = {  # the rows, runs that are not compared, and how many seeds were added
    "the baseline alone": (
        rows(relu=[EIGHT, ("10:30", range(8, 14))], gelu=[("10:00", range(14))]),
        {},
        {"relu": 6},
    ),
    "the baseline alone, and no pair": (
        rows(relu=[EIGHT, ("10:30", range(8, 14))], gelu=[EIGHT]),
        {},
        {},
    ),
    "the baseline before a test was possible": (
        rows(relu=[("10:00", range(4)), ("10:30", range(4, 14))], gelu=[("10:00", range(14))]),
        {},
        {},
    ),
    "all, when six seeds could pass no test of three": (FOUR, {}, {}),
    "one of them is stale since": (rows(relu=[FIRST, MORE], gelu=[FIRST, MORE]), TWO, {}),
    "one of them ran anew since it was edited": (
        FOUR | rows(tanh=[("11:00", range(12))]),
        rows(tanh=[FIRST, MORE]),
        {},
    ),
    "there were no others": (
        rows(relu=[FIRST, MORE], gelu=[FIRST, MORE]),
        {},
        {"relu": 6, "gelu": 6},
    ),
    "the others got none": (
        rows(relu=[FIRST, MORE], gelu=[FIRST, MORE]),
        rows(selu=[FIRST], tanh=[FIRST]),
        {"relu": 6, "gelu": 6},
    ),
    "all, when a test of the few that there were was possible": (
        rows(**SIXTEEN, **TWENTY),
        {},
        {"relu": 8, "gelu": 8},
    ),
    "one after the other": (
        rows(**{n: [FIRST, (f"10:{30 + at}", MORE[1])] for at, n in enumerate(FOUR)}),
        {},
        {},
    ),
}


@pytest.mark.parametrize("case", BY_ROW)
def test_what_was_added_to_the_rows_of_a_comparison(case):
    compared, beside, added = BY_ROW[case]
    listed = [one for runs in beside.values() for one in runs]
    assert added_by_row(compared, "relu", len(compared) - 1, listed) == added


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
