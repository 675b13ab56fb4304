"""What a notebook of training calls: its parameters, its saving, and in a lab its keeping."""

from __future__ import annotations

import json
import os
import shutil
import time
from dataclasses import replace

import pandas as pd
import pytest

import afnlab
from afnlab import compare
from afnlab.runs import (
    RunSpec,
    parameters,
    session,
    staleness,
)
from afnlab.runs.storage import runs_folder
from afnlab.runs.sweeps.pending import standings
from afnlab.training import engine, plan, tune
from afnlab.training.options import resolve
from tests.runs.test_runs import CELL, SMALL


def test_parameters_of_a_notebooks_globals():
    around = {"__name__": "__main__", "_": 3, "_i1": "x", "In": [""], "Out": {}, "afnlab": afnlab}
    run = parameters(CELL | around | {"t": 1.5, "lr": 0.01, "print_it": print})
    assert run.training.options.activation == {"t": 1.5}
    assert run.training.options.lr == 0.01
    assert (run.training.epochs, run.training.seeds) == (40, tuple(range(10)))
    assert "srelu" in run._repr_html_()
    for name, hint in (("activatoin", "activation"), ("learning_rate", ""), ("sites_", "sites")):
        message = f"unknown parameter '{name}'" + (f"; did you mean '{hint}'" if hint else "")
        with pytest.raises(ValueError, match=message):
            parameters(CELL | around | {name: "srelu"})
    with pytest.raises(ValueError, match="parameter 'epochs' must be a whole number"):
        parameters(CELL | {"epochs": "3"})


@pytest.mark.parametrize(
    ("given", "given_keys"),
    [
        ({"t": 1.5}, [["t"]]),
        ({"params": {"lr": 0.01}, "limit_train": 100}, [["lr"]]),
        ({"tune": {"lr": [0.1, 0.2]}}, [[], ["lr"], ["lr"], ["lr"], ["lr"]]),  # checked, tried
    ],
)
def test_a_notebook_resolves_its_options_once(given, given_keys, monkeypatch):
    """From the parameters cell to the engine: what has been checked is what is trained."""
    resolved = []

    def counted(task, record, params, base=None):
        resolved.append(list(params))
        return resolve(task, record, params, base)

    for module in (engine, plan, tune):
        monkeypatch.setattr(module, "resolve", counted, raising=False)
    result = parameters(CELL | given | {"epochs": 1, "seeds": 1, "out": ""}).train()
    assert result.options.batch_size == 64
    assert resolved == given_keys


def test_without_out_a_notebook_only_shows(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AFNLAB_RUNS", raising=False)
    run = parameters(CELL | SMALL)
    assert "not saved" in (said := run.save(run.train()))
    assert "with AFNLAB_RUNS=runs in its environment this training is kept as a run" in said
    assert not list(tmp_path.iterdir())


def test_a_result_that_is_there_already_is_not_lost(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "notes.txt").write_text("mine")
    first, other = (parameters(CELL | SMALL | {"out": str(out), "seeds": n}) for n in (1, 2))
    result = first.train()
    assert [first.save(result), first.save(result)] == ["saved in out"] * 2  # the same files
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    said = other.save(other.train())
    assert said.startswith("saved in out; moved aside what was there: ")
    assert str(out / "kept" / "result.json") in said
    for path in (out / "kept").iterdir():
        assert path.read_bytes() == before[path.name]
    assert {path.name for path in out.iterdir()} == {*before, "kept"}
    assert len(json.loads((out / "result.json").read_text())["seeds"]) == 2


def test_the_same_training_again_takes_the_place_of_what_it_left(tmp_path):
    """Its times are others each time, and so are its files."""
    run = parameters(CELL | SMALL | {"out": str(tmp_path), "seeds": 1})
    kinds = [(run.save(run.train()), (tmp_path / "history.parquet").read_bytes()) for _ in "abc"]
    assert [said for said, _ in kinds] == ["saved in " + tmp_path.name] * 3
    assert len({history for _, history in kinds}) > 1
    assert not (tmp_path / "kept").exists()
    for name in ("history.parquet", "result.json"):  # but what was changed since is the user's
        (tmp_path / name).write_text('{"metrics": {}}')
        assert f"moved aside what was there: {tmp_path / 'kept'}" in run.save(run.train())
        assert (tmp_path / "kept" / name).read_text() == '{"metrics": {}}'
        shutil.rmtree(tmp_path / "kept")
    noted = json.loads((tmp_path / "result.json").read_text())
    (tmp_path / "result.json").write_text(json.dumps(noted | {"my note": "keep"}))
    kept = str(tmp_path / "kept" / "result.json")
    assert run.save(run.train()).endswith(f"moved aside what was there: {kept}")


@pytest.fixture
def lab_runs(tmp_path, monkeypatch):
    """The folder of runs that `afnlab lab` gives its notebooks."""
    monkeypatch.setenv("AFNLAB_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


def test_in_a_lab_it_is_kept_as_a_run(lab_runs):
    """The same run as that of the command line, which a sweep would not make again."""
    run = parameters(CELL | SMALL | {"t": 1.5, "record": ["parameters"], "trainable": True})
    result = run.train()
    said = run.save(result)
    asked = {"activation": "SReLU", "t": 1.5, "record": ["parameters"], "trainable": True}
    spec = RunSpec.make("train", SMALL | asked)
    assert said == f"kept as run {spec.id[:8]} of {lab_runs}; compare.ipynb compares it"
    (record,) = runs_folder.records(lab_runs, entire=True)
    assert (record["id"], record["group"]) == (spec.id, spec.group)
    assert record["session"] is True
    assert staleness.is_current(record)
    assert set(record["files"]) == {"history.parquet", "parameters.parquet", "notebook.ipynb"}
    (one,) = compare.select(lab_runs)
    assert one.table.accuracy.iloc[0] == pytest.approx(result.summary().test_accuracy)
    assert run.save(result) == f"kept already, as run {spec.id[:8]} of {lab_runs}"
    (again,) = standings([spec], lab_runs)
    assert again.missing is None


def test_in_a_lab_only_what_was_trained_is_kept(lab_runs, tmp_path, monkeypatch):
    mine = tmp_path / "mine.py"
    mine.write_text(
        "from afnlab import activation\n\n\n@activation\ndef half(x):\n    return x / 2\n"
    )
    run = parameters(CELL | SMALL | {"activation": f"{mine}:half"})
    result = run.train()
    assert run.save(replace(result, history=result.history * 2)).startswith(
        "not saved: this is not"
    )
    later = time.time() + 10
    os.utime(mine, (later, later))
    assert run.save(result) == "not saved: mine.py has been edited since; train again"
    os.utime(mine, (1e9, 1e9))
    monkeypatch.setattr(session, "BEGAN", 0.0)
    assert run.save(result).endswith("edited since; restart the kernel")
    assert not lab_runs.exists()


def test_with_out_it_saves(tmp_path):
    given = {"out": str(tmp_path / "a" / "b"), "record": ["steps", "parameters", "signals"]}
    run = parameters(CELL | SMALL | given | {"trainable": True, "keep_weights": True})
    result = run.train()
    run.save(result)
    folder = tmp_path / "a" / "b"
    names = {"history.parquet", "steps.parquet", "parameters.parquet", "weights.safetensors"}
    names |= {"signals.parquet"}
    assert {p.name for p in folder.iterdir()} == names | {"result.json"}
    pd.testing.assert_frame_equal(pd.read_parquet(folder / "history.parquet"), result.history)
    pd.testing.assert_frame_equal(pd.read_parquet(folder / "steps.parquet"), result.steps)
