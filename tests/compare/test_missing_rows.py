"""Rows that are missing count as comparisons."""

from __future__ import annotations

import pandas as pd

from afnlab.compare import compare_histories
from afnlab.compare.missing_rows import counted_too, no_baseline_at
from tests.compare.test_summary_table import rows

BASE = [0.5 + 0.01 * seed for seed in range(6)]
BETTER = [value + 0.1 for value in BASE]


def test_a_verdict_takes_account_of_rows_that_are_missing():
    """One row that was removed after a look cannot make another one significant."""
    history = pd.concat([rows("relu", BASE), rows("gelu", BETTER)])
    alone, beside = (compare_histories(history, further=of) for of in ({}, {"my.py:f": 1}))
    assert (alone.verdict["gelu"], alone.p_holm["gelu"]) == ("better", 2 / 64)
    assert (beside.verdict["gelu"], beside.p_holm["gelu"]) == ("too few seeds", 4 / 64)
    assert counted_too(alone, []) == []
    assert counted_too(beside, ["my.py:f"]) == [
        "p-values, adjusted intervals and verdicts are corrected for 2 comparisons, 1 of them of a"
        " row that is missing here (my.py:f) and counts with p = 1: what a sweep lists counts"
        " whether its result is there or not."
    ]
    three = compare_histories(history, further={"a": 1, "b": 1})
    assert (
        "3 comparisons, 2 of rows that are missing here (a and b) and count"
        in (counted_too(three, ["a", "b"])[0])
    )
    assert counted_too(compare_histories(history, "tanh"), ["a"]) == []  # nothing is compared


def test_a_setting_without_the_baseline_is_named():
    its = {"lr": "0.05", "init": "gain"}
    said = "relu has no run at lr=0.05 and init=gain, so nothing is compared there."
    assert no_baseline_at("relu", ["tanh"], its) == said
    assert no_baseline_at("relu", ["tanh", "relu"], its) == ""
    assert no_baseline_at("relu", ["tanh"], {}) == ""  # of another sentence
