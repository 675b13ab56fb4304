"""report.json, which may be a stranger's: what is odd in it is named in a line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from afnlab.cli import main
from afnlab.report.state import SCHEMA, STATE, read_state

RUN, SUM = "0123456789abcdef", "0" * 64
RECIPE = {
    "csv": "a.csv",
    "baseline": "relu",
    "margin": None,
    "classes": 10,
    "labels": {"0": "relu"},
    "runs": {RUN: SUM},
}
WHOLE = {"schema": SCHEMA, "tables": [RECIPE], "files": {"report.html": SUM}, "runs": "runs"}
MEASURE = {"name": "a", "key": "a", "better": "sideways"}
ODD = {  # by what is said of it
    "tables cannot be 5": {"tables": 5, "files": 3},
    "tables.0 cannot be 1": {"tables": [1], "files": {"a": SUM}},
    "files.a cannot be 'b'": {"files": {"a": "b"}},
    "files.../x": {"files": {"../x": SUM}},
    "files./x": {"files": {"/x": SUM}},
    "files cannot be ['report.html']": {"files": ["report.html"]},
    "made of cannot be 1": {"made of": 1},
    "runs cannot be 1": {"runs": 1},
    "schema cannot be 'x'": {"schema": "x"},
    "tables.0.runs cannot be 5": {"tables": [RECIPE | {"runs": 5}]},
    "tables.0.runs.../../x": {"tables": [RECIPE | {"runs": {"../../x": SUM}}]},
    "tables.0.csv cannot be '../a.csv'": {"tables": [RECIPE | {"csv": "../a.csv"}]},
    "tables.0.labels cannot be []": {"tables": [RECIPE | {"labels": []}]},
    "tables.0.margin cannot be '1'": {"tables": [RECIPE | {"margin": "1"}]},
    "tables.0.measure cannot be": {"tables": [RECIPE | {"measure": MEASURE}]},
}


def in_folder(folder: Path, state: object) -> Path:
    (folder / STATE).write_text(json.dumps(state))
    return folder


def test_a_whole_one_and_none(tmp_path):
    assert read_state(in_folder(tmp_path, WHOLE)) == WHOLE
    for other in ({}, [], 1):
        assert read_state(in_folder(tmp_path, other)) == {}
    (tmp_path / STATE).write_text('{"files": {')
    assert read_state(tmp_path) == {}


@pytest.mark.parametrize("said", ODD)
def test_what_is_odd_is_named(said, tmp_path, capsys):
    in_folder(tmp_path, WHOLE | ODD[said])
    with pytest.raises(ValueError) as refused:
        read_state(tmp_path)
    assert str(refused.value).startswith(f"{tmp_path / STATE}: ")
    assert said in str(refused.value)
    for words in (["verify", str(tmp_path)], ["report", "default", "--out", str(tmp_path)]):
        assert main(words) == 2
        assert str(refused.value) in capsys.readouterr().err
