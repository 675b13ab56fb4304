"""What a selection is called."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pandas as pd
import pytest

from afnlab.compare import Selection, select
from afnlab.compare.selection_names import named_apart
from afnlab.measures import ACCURACY
from afnlab.report import export
from tests.runs.test_runs import small_runs

pytestmark = pytest.mark.usefixtures("one_server")


@cache
def selection() -> Selection:
    (one,) = select(small_runs())
    return one


def of_task(name: str, **changes) -> Selection:
    rows = {
        label: replace(row, task=replace(row.task, name=name), **changes)
        for label, row in selection().rows.items()
    }
    return replace(selection(), rows=rows)


def test_an_ordinary_selection_is_called_by_its_setting():
    assert selection().name == "digits-mlp-2-epochs"
    one, two = named_apart([of_task("mine of α/m.py:mine"), of_task("mine of β/m.py:mine")])
    assert [one.name, two.name] == [
        "mine-of-α-m.py-mine-2-epochs",
        "mine-of-β-m.py-mine-2-epochs",
    ]


def test_a_name_is_short_and_calls_a_metric_by_its_key():
    measure = replace(ACCURACY, name="mean absolute error", key="mae", unit="")
    other = of_task("alloy")
    vars(other)["metric"] = measure
    (one,) = named_apart([other])
    assert one.name == "alloy-2-epochs-mae"
    long = named_apart([of_task("x" * 300), of_task("x" * 300 + "y")])
    assert len({each.name for each in long}) == 2
    assert max(len(each.name) for each in long) < 75


def test_tasks_whose_names_differ_in_marks_or_case_have_tables_of_their_own(tmp_path):
    tasks = {"my task": "relu", "my-task": "srelu", "My-Task": "relu", "other": "srelu"}
    alike = named_apart([replace(of_task(name), baseline=base) for name, base in tasks.items()])
    paths = [export.tables(one, tmp_path) for one in alike]
    assert len({path.name.casefold() for path in paths}) == 4
    assert paths[3].name == "other-2-epochs.csv"
    for one, path in zip(alike, paths, strict=True):
        kept = pd.read_csv(path, index_col=0)
        pd.testing.assert_frame_equal(kept, one.table, check_names=False, check_dtype=False)


def test_tunings_of_as_many_candidates_are_called_apart():
    spaces = ('{"lr": [0.1, 0.2]}', '{"lr": [0.3, 0.4]}')
    one, two = named_apart([of_task("digits-mlp", tuned=space) for space in spaces])
    assert one.setting == two.setting
    assert one.name != two.name
