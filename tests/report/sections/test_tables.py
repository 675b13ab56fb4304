"""The table of a comparison on a page."""

from __future__ import annotations

import pytest

from afnlab.measures import ACCURACY
from afnlab.report.sections.tables import comparison_table
from tests.compare.test_headline import EVEN, made


@pytest.mark.parametrize("several", [False, True])
def test_one_comparison_has_one_interval_and_nothing_adjusted(several):
    table = made(selu=EVEN, **({"tanh": EVEN[::-1]} if several else {}))
    shown = comparison_table(table, "relu", {n: [] for n in table.index}, "", ACCURACY)
    for text in ("adjusted confidence interval", 'data-column="adjusted"', "p (Holm)"):
        assert (text in shown) == several
    for column in ("difference", "interval", "p", "verdict"):  # which another baseline changes
        assert f'data-column="{column}"' in shown
