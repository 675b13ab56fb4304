"""What a page knows of the confirmations of the row that it proposes to confirm."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from afnlab.compare import confirmed_row, statements
from afnlab.compare.confirmed_row import with_confirmed
from afnlab.compare.headline import Fact
from afnlab.compare.next_step import NextStep
from afnlab.measures import ACCURACY
from afnlab.runs.storage import runs_folder
from tests.compare.test_headline import UP, made
from tests.compare.test_train_confirmation import attempt, picking_of

MINE, GELU, RELU = "mine.py:f", "gelu.py:f", "relu.py:f"
TABLE = made(**{MINE: UP}).rename(index={"relu": RELU})
SAID = "mine.py:f is better than relu.py:f by 5.35 points (p = 0.008)."
KNOWN = {  # what was confirmed, the row that is proposed, and what is known of it
    "nothing": ([], MINE, None),
    "it": (attempt("mine relu", [*range(8)], ""), MINE, (1, 8, SAID)),
    "it, but for a run": (attempt("mine relu", [*range(8)], "")[1:], MINE, (1, 8, "")),
    "another": (attempt("mine relu", [*range(8)], ""), GELU, (2, 0, "")),
    "its code before": (attempt("mine-old relu", [*range(8)], ""), MINE, (2, 0, "")),
    "nothing is proposed": (attempt("mine relu", [*range(8)], ""), "", None),
}


@pytest.mark.parametrize("case", KNOWN)
def test_what_is_known_of_the_row_to_confirm(case, monkeypatch):
    there, label, expected = KNOWN[case]
    confirmations = confirmed_row.confirmations

    def with_a_table(*given):
        parts = confirmations(*given)
        facts = {"table": TABLE, "baseline": RELU, "measure": ACCURACY}
        return [SimpleNamespace(rows=part.rows, **facts) for part in parts]

    step = NextStep(Fact("what next", "Test it again", "A note."), 17, label)
    monkeypatch.setattr(statements, "what_next", lambda _: step)
    monkeypatch.setattr(confirmed_row, "confirmations", with_a_table)
    monkeypatch.setattr(runs_folder, "records", lambda *_: there)
    monkeypatch.setattr(runs_folder, "failures", lambda *_: [])
    (one,) = with_confirmed([picking_of("relu", "gelu", "mine")])
    names = ("comparisons", "seeds", "said")
    assert one.confirmed == ({label: dict(zip(names, expected, strict=True))} if expected else {})


def test_a_folder_that_is_called_as_that_of_confirmations_is_has_none():
    one = replace(picking_of("relu", "gelu"), place="/a/confirm")
    (same,) = with_confirmed([one])
    assert same is one
