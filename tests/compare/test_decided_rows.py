"""Which comparisons rest on seeds that were added until the evidence decided."""

from __future__ import annotations

import pytest

from afnlab.compare.decided_rows import decided_rows

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
