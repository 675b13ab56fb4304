"""The table of a comparison on a page."""

from __future__ import annotations

import pytest

from afnlab.compare import select
from afnlab.measures import ACCURACY
from afnlab.report import sections
from afnlab.report.sections.tables import comparison_table
from tests.compare.test_headline import EVEN, made
from tests.runs.test_runs import small_runs


@pytest.mark.parametrize("several", [False, True])
def test_one_comparison_has_one_interval_and_nothing_adjusted(several):
    table = made(selu=EVEN, **({"tanh": EVEN[::-1]} if several else {}))
    shown = comparison_table(table, "relu", {n: [] for n in table.index}, "", ACCURACY)
    for text in ("adjusted confidence interval", 'data-column="adjusted"', "p (Holm)"):
        assert (text in shown) == several
    for column in ("difference", "interval", "p", "verdict"):  # which another baseline changes
        assert f'data-column="{column}"' in shown


def test_one_row_has_nothing_of_comparisons():
    (alone,) = select(small_runs(), only={"activation": ["relu"]})
    (both,) = select(small_runs())
    for words in ("difference to", "verdict<", "Holm"):
        assert words not in sections.table(alone).data
    assert "difference to ReLU" in sections.table(both).data
    assert "Holm" in sections.how_to_read([alone, both]).data
    text = sections.how_to_read([alone]).data
    assert ("Holm" in text, "paired" in text, "The numbers" in text) == (False, False, True)
