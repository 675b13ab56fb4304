"""The selection of a table, from its recipe and its runs."""

from __future__ import annotations

from afnlab.compare.statements import statements
from afnlab.compare.trained_apart import QUESTION
from afnlab.report.recipe import of_recipe
from afnlab.report.write_report import _recipe
from tests.compare.test_trained_apart import GRID, selected


def test_what_is_said_of_rows_trained_apart_follows_from_the_runs(tmp_path):
    one = selected(GRID)
    kept = _recipe(one, tmp_path / "t.csv", {r["id"]: "0" * 64 for r in one.records})
    again = of_recipe(kept, tmp_path, one.records)
    computed = ("history", "table", "change", "edges", "fixed")
    vars(again).update({name: vars(one)[name] for name in computed})
    assert list(statements(again)) == list(statements(one))
    assert again.by_table() == one.by_table()
    assert "--baseline relu" in again.by_table()[QUESTION]
