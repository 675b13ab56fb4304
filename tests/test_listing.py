"""Names that messages list: where one ends and the next begins."""

from __future__ import annotations

import pandas as pd
import pytest

from afnlab.compare import compare_table
from afnlab.listing import listed
from afnlab.runs import filtering
from afnlab.runs.notebook_parameters import allowed_values
from afnlab.spellings import unknown

LABEL = "srelu(t=1, alpha=2)"


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ([], ""),
        (["relu", "gelu"], "relu, gelu"),
        (["relu", LABEL], f"'relu', '{LABEL}'"),
        (iter([LABEL]), f"'{LABEL}'"),
    ],
)
def test_where_a_name_ends(names, text):
    assert listed(names) == text


def test_labels_that_only_may_choose_are_told_apart():
    with pytest.raises(ValueError, match=r"there are: 'relu', 'srelu\(t=1, alpha=2\)'"):
        filtering.chosen(
            ["relu", LABEL], lambda label: filtering.facts("", label, {}, {}), {"label": "tanh"}
        )


def test_labels_that_are_known_are_told_apart():
    said = unknown("row", "srelu(t=1,alpha=2)", ["relu", LABEL])
    assert said.endswith(f"; did you mean '{LABEL}'? (known: 'relu', '{LABEL}')")
    assert unknown("row", "x", []).endswith("(known: none)")


def test_choices_and_columns_are_told_apart():
    assert "one of 'a, b', 'c'; got" in allowed_values.one_of(["a, b", "c"], "d")
    table = pd.DataFrame({"label": ["x"], "seed": [0], "a, b.acc": [1.0], "c.acc": [2.0]})
    with pytest.raises(ValueError, match=r"any of the columns 'a, b\.acc', 'c\.acc'"):
        compare_table(table, value="acc")
