"""What a notebook has found, in its outputs and in its run's record."""

from __future__ import annotations

import json

import pytest

from afnlab.cli import main
from afnlab.runs import measured
from afnlab.runs.execution import _check_metrics
from afnlab.runs.notebook_metrics import shown_in
from tests.runs.test_runs import notebook


def test_metrics_are_those_of_the_outputs(tmp_path):
    one, other = measured({"best t": 0.188, "better": 2}), measured({"better": 3})
    assert repr(one) == "best t 0.188, better 2"
    cells = [{"outputs": [{"data": each._repr_mimebundle_()}]} for each in (one, other)]
    path = tmp_path / "executed.ipynb"
    path.write_text(json.dumps({"cells": [{"cell_type": "markdown"}, *cells]}))
    assert shown_in(path) == {"best t": 0.188, "better": 3}


def test_what_no_record_can_hold_is_named():
    with pytest.raises(ValueError, match="the metric 'best' must be a number, got 'high'"):
        _check_metrics({"best": "high"}, "notebook.ipynb", training=False)


@pytest.mark.usefixtures("one_server")
def test_a_run_prints_and_lists_what_its_notebook_has_found(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    notebook(tmp_path / "own.ipynb", "rate = 1", "import afnlab; afnlab.runs.measured({'best': 2})")
    assert main(["run", "own.ipynb"]) == 0
    assert "best 2" in capsys.readouterr().out.splitlines()
    assert main(["runs", "list"]) == 0
    assert "best 2" in capsys.readouterr().out


def test_a_run_without_a_result_says_how_one_is_kept(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    notebook(tmp_path / "own.ipynb", "rate = 1", "rate + 1")
    assert main(["run", "own.ipynb"]) == 0
    (line,) = [t for t in capsys.readouterr().out.splitlines() if "no result is kept" in t]
    assert "a cell that ends with afnlab.runs.measured({name: number}) keeps one" in line
