"""Which comparisons rest on seeds that were added until the evidence decided."""

from __future__ import annotations

import pandas as pd
import pytest

from afnlab.compare.decided_rows import counted_runs, counted_seeds, counting, decided_rows

FIXED = {"seeds": [0, 1, 2, 3]}
MORE = {"seeds": [4, 5], "until_decided": True}
CASES = {  # the runs of the baseline, of one row and of another, and which are such
    "none": ([FIXED], [FIXED], [FIXED], []),
    "one row, with its baseline": ([FIXED, MORE], [FIXED, MORE], [FIXED], ["one"]),
    "a row alone": ([FIXED], [FIXED, MORE], [FIXED], ["one"]),
    "the baseline alone": ([FIXED | {"until_decided": True}], [FIXED], [FIXED], ["one", "other"]),
}


@pytest.mark.parametrize("case", CASES)
def test_which_rows_they_are(case):
    base, one, other, expected = CASES[case]
    rows = {"one": one, "relu": base, "other": other}
    assert decided_rows(rows, "relu") == expected
    assert decided_rows(rows, "relu", every=True) == ["one", "other"]
    assert decided_rows(rows, "gelu", every=True) == []


def test_the_seeds_from_0_on_that_are_all_there_count():
    runs = [{"group": "a", "seeds": [0, 1]}, {"group": "a", "seeds": [3, 2]}]
    runs += [{"group": "a", "seeds": [5]}, {"group": "b", "seeds": [0, 2]}]
    other = {"group": "c", "seeds": [7, 8]}
    assert counted_seeds([*runs, other], 40) == {"a": 4, "b": 1, "c": 0}
    assert counted_seeds(runs, 3) == {"a": 3, "b": 1}
    assert counted_runs([*runs, other], 2) == [runs[0], runs[3]]
    assert counted_runs([*runs, other], None) == [*runs, other]
    table = pd.DataFrame([(r["group"], s) for r in runs for s in r["seeds"]])
    table.columns = ["group", "seed"]
    counted = counting(table, counted_seeds(runs, 3))
    assert list(counted.itertuples(index=False, name=None)) == [
        *(("a", 0), ("a", 1), ("a", 2), ("b", 0))
    ]
    assert list(counting(table[table.group == "b"], {"a": 3, "b": 1}, "b").seed) == [0]
    assert counting(table, {}) is table
