"""What the tables of other settings say; no run is needed for it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from afnlab.compare import statements
from afnlab.compare.other_tables import with_other_tables
from afnlab.compare.select_runs import _one_task
from afnlab.compare.training_facts import Trained
from tests.compare.test_headline import UP, made
from tests.compare.test_trained_apart import record

OPEN = [0.001 * (-1) ** n for n in range(len(UP))]


def split(**gelu: list[float]) -> list:
    """Selections of relu and gelu within each rate, with these differences of gelu."""
    chosen = []
    for rate, values in gelu.items():
        lr = float(rate[1:]) / 1000
        records = [record(name, lr=lr) | {"files": {}} for name in ("relu", "gelu")]
        rows = [Trained.of_record(r) for r in records]
        rows = [replace(row, within=row.configured.under(["lr"])) for row in rows]
        one = _one_task(Path(), rows, records, "relu")
        vars(one)["table"] = made(gelu=values)
        chosen.append(one)
    return chosen


def test_settings_whose_tables_leave_something_open_are_named():
    one, other, last = with_other_tables(split(_1=UP, _3=OPEN, _9=UP))
    assert one.others == {"count": 2, "undecided": ["lr=0.003"], "best": ""}
    assert other.others == {"count": 2, "undecided": [], "best": "lr=0.001"}
    assert last.others == one.others  # the best mean is here too
    vars(one).update(table=made(gelu=UP), change=None, edges=[])
    said = statements.what_next(one).fact
    assert said.value == "Another setting"
    assert "at lr=0.003 something is" in said.note


def test_of_a_table_alone_nothing_is_said():
    (one,) = with_other_tables(split(_1=UP))
    assert one.others is None
    apart = [replace(other, picking=other) for other in split(_1=UP, _3=OPEN)]  # confirmations
    for other in apart:
        vars(other)["table"] = made(gelu=UP)
    assert [other.others for other in with_other_tables(apart)] == [None, None]
