"""What a report keeps of a table says the same of it, wherever that is verified."""

from __future__ import annotations

from afnlab.compare.statements import statements
from afnlab.compare.trained_apart import QUESTION
from afnlab.report.recipe import of_recipe
from afnlab.report.write_report import _recipe
from tests.compare.test_trained_apart import GRID, selected


def test_what_is_typed_stays_as_it_was_typed(tmp_path, monkeypatch):
    """The command that compares within one setting names folders from where one was."""
    place = str(tmp_path / "runs2")
    monkeypatch.chdir(tmp_path)
    one = selected(GRID, place=place)
    assert one.within.endswith(" --runs runs2")
    kept = _recipe(one, tmp_path / "t.csv", {r["id"]: "0" * 64 for r in one.records})
    monkeypatch.chdir("/")
    again = of_recipe(kept, tmp_path, one.records)
    computed = ("history", "table", "change", "edges", "fixed")
    vars(again).update({name: vars(one)[name] for name in computed})
    assert list(statements(again)) == list(statements(one))
    assert again.by_table() == one.by_table()
    assert one.within in again.by_table()[QUESTION]


def test_nothing_is_kept_where_all_rows_were_trained_alike(tmp_path):
    one = selected({("relu", 0.03): 0.8, ("gelu", 0.03): 0.9})
    kept = _recipe(one, tmp_path / "t.csv", {r["id"]: "0" * 64 for r in one.records})
    assert "within" not in kept
