"""Runs: how they are executed, and what they leave."""

from __future__ import annotations

import atexit
import json
import re
import shutil
import tempfile
from functools import cache
from pathlib import Path

import nbformat
import pandas as pd
import pytest

import afnlab
from afnlab.measures import ACCURACY
from afnlab.runs import (
    RunFailed,
    RunSpec,
    execute,
    load,
    records,
)
from afnlab.runs.kernel.execute_cells import Means
from afnlab.runs.kernel.fork_client import KernelServer, available
from afnlab.runs.storage import runs_folder
from afnlab.runs.storage.atomic_write import Attempt
from afnlab.training.history_columns import history_columns
from tests.runs.test_run_spec import spec

HISTORY = history_columns([ACCURACY])
SMALL = {"seeds": 2, "epochs": 2}


@cache
def kernels() -> KernelServer | None:
    """What the tests fork their kernels from: one server a session, since a new one takes 8 s."""
    if not available():
        return None
    server = KernelServer(1)
    atexit.register(server.close)
    return server


def means() -> Means:
    """What the tests execute notebooks with, where these are not what is tested."""
    return Means(threads=1, server=kernels())


def execute_small(runs: Path, notebook: str | Path = "train", **given) -> Path:
    """A run in a forked kernel: `train.ipynb` with few seeds and epochs unless told otherwise."""
    return execute(RunSpec.make(notebook, SMALL | given), runs, means())


@cache
def small_runs() -> Path:
    """A folder with runs of relu and srelu, two seeds each; for reading only."""
    folder = Path(tempfile.mkdtemp(prefix="afnlab-tests-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for activation in ("relu", "srelu"):
        execute_small(folder, activation=activation)
    return folder


def rewrite(run: Path, **changes) -> dict:
    """Have a run's record say something else, as if it had been written so."""
    path = run / runs_folder.RECORD
    record = json.loads(path.read_text()) | changes
    facts = {name: value for name, value in record.items() if name not in ("files", "sum")}
    runs_folder.write_record(run, facts, [p for p in run.iterdir() if p != path])
    return record


def notebook(path: Path, *cells: str, tag: str = "parameters") -> Path:
    """A notebook whose first cell is tagged."""
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
    made.cells[0].metadata["tags"] = [tag]
    made.metadata["kernelspec"] = {"name": "python3", "display_name": "", "language": "python"}
    nbformat.write(made, path)
    return path


TRAINS = "import afnlab\nafnlab.runs.parameters(globals())"  # of a notebook that is a training
CELL = {"task": "digits-mlp", "activation": "srelu", "seeds": 10, "epochs": 0, "device": "auto"}
CELL |= {"dtype": "float32", "limit_train": 0, "limit_test": 0, "record": [], "out": ""}
CELL |= {"keep_weights": False, "params": {}}


def test_a_run(tmp_path):
    asked = RunSpec.make("train", SMALL | {"activation": "srelu", "t": 1.5, "record": ["steps"]})
    folder = execute(asked, tmp_path / "new" / "runs", threads=1, server=kernels())
    assert folder == tmp_path / "new" / "runs" / asked.id
    assert {p.name for p in folder.iterdir()} == {
        *("history.parquet", "steps.parquet", "notebook.ipynb", "record.json")
    }
    assert [p.name for p in folder.parent.iterdir()] == [asked.id]
    history = pd.read_parquet(folder / "history.parquet")
    alone = afnlab.train("digits-mlp", "srelu", params={"t": 1.5}, **SMALL).history
    assert tuple(history.columns) == HISTORY
    pd.testing.assert_frame_equal(
        history.drop(columns="seconds"), alone.drop(columns="seconds"), rtol=1e-5
    )
    record = json.loads((folder / "record.json").read_text())
    assert record["id"] == asked.id
    assert record["group"] == asked.group
    assert record["seeds"] == [0, 1]
    assert record["label"] == "digits-mlp srelu(t=1.5)"
    assert record["parameters"]["parameters"] == {"t": 1.5}
    assert record["parameters"]["options"]["lr"] == 1e-3
    accuracy = history[history.epoch == 2].test_accuracy.mean()
    assert record["metrics"]["test_accuracy"] == pytest.approx(accuracy)
    assert record["environment"]["data"] == afnlab.training.data.digits().fingerprint
    assert record["environment"]["threads"] == 1
    assert {"torch", "numpy", "python", "device_name", "platform"} <= set(record["environment"])
    assert {"afnlab", "papermill", "pandas"} <= set(record["versions"])
    assert record["versions"]["afnlab"] == afnlab.__version__
    assert record["seconds"] > 0
    assert "git" in record
    ran = nbformat.read(folder / "notebook.ipynb", 4)
    (drawn,) = [c for c in ran.cells if c.source.startswith("afnlab.figures.training")]
    assert "image/png" in drawn.outputs[0].data


def test_a_diverged_run_is_kept_as_such(tmp_path):
    folder = execute_small(tmp_path, activation="relu", lr=1e30)
    record = (folder / "record.json").read_text()
    assert json.loads(record)["metrics"]["diverged"] == 2
    assert load(tmp_path).diverged.all()

    def not_json(word):
        raise AssertionError(f"{word} is not JSON")

    json.loads(record, parse_constant=not_json)


def test_a_run_of_an_activation_in_a_users_package(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "own_run").mkdir()
    (tmp_path / "own_run" / "__init__.py").write_text("")
    (tmp_path / "own_run" / "helper.py").write_text("def double(x):\n    return 2 * x\n")
    (tmp_path / "own_run" / "fns.py").write_text(
        "from afnlab import activation\nfrom .helper import double\n\n"
        "@activation()\ndef twice(x):\n    return double(x)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    folder = execute_small(tmp_path / "runs", activation="own_run.fns:twice")
    assert runs_folder.read_record(folder / "record.json")["label"].startswith("digits-mlp")


def test_a_run_that_fails_leaves_nothing_in_the_store(tmp_path):
    source = "task: str = 'digits-mlp'\nactivation: str = 'relu'\nout: str = ''"
    broken = notebook(tmp_path / "broken.ipynb", source, "print('so far')", "1 / 0", TRAINS)
    asked = RunSpec.make(broken, {})
    for _ in range(2):  # the second takes the place of the first
        with pytest.raises(RunFailed, match="ZeroDivisionError: division by zero") as failed:
            execute(asked, tmp_path / "runs", threads=1, server=kernels())
    kept = failed.value.folder
    assert kept == tmp_path / "runs" / ".failed" / asked.id
    assert (
        runs_folder.failures(tmp_path / "runs")[0]["message"]
        == "ZeroDivisionError: division by zero"
    )
    assert "so far" in (kept / "notebook.ipynb").read_text()
    assert [p.name for p in (tmp_path / "runs").iterdir()] == [".failed"]
    assert records(tmp_path / "runs") == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "result.json is not JSON"),
        ("[1]", 'result.json must be {"metrics": {name: number}}'),
        ('{"metrics": {"a": "high"}}', "the metric 'a' must be a number, got 'high'"),
    ],
)
def test_metrics_are_numbers_by_name(tmp_path, text, message):
    source = "import pathlib\n(pathlib.Path(out) / 'result.json').write_text(text)"
    own = notebook(tmp_path / "own.ipynb", "out: str = ''\ntext: str = ''", source)
    asked = RunSpec.make(own, {"text": text})
    with pytest.raises(RunFailed, match=re.escape(message)):
        execute(asked, tmp_path / "runs", threads=1, server=kernels())


def test_a_folder_that_cannot_hold_runs(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="file: cannot hold runs"):
        execute(spec(**SMALL), tmp_path / "file")


ID = "ab" * 8
RECORD = {
    **{"id": ID, "group": "cd" * 8, "notebook": "my.ipynb", "label": "mine", "parameters": {}},
    **{"given": {}, "seeds": [], "started": "2026-01-01T00:00:00+00:00", "seconds": 1},
}


def test_the_second_of_two_writers_leaves_the_first_ones_run(tmp_path):
    first, second = (Attempt(tmp_path, ID) for _ in range(2))
    assert first.folder != second.folder
    assert first.finish(RECORD) == tmp_path / ID
    assert second.finish(RECORD | {"seconds": 2}) == tmp_path / ID
    assert runs_folder.read_record(tmp_path / ID / "record.json").items() >= RECORD.items()
    assert [p.name for p in tmp_path.iterdir()] == [ID]


def test_load(runs):
    table = load(runs)
    assert table.columns.tolist() == ["run", "group", "task", "activation", "label", *HISTORY]
    assert len(table) == 2 * 2 * 2
    assert set(table.activation) == {"relu", "srelu"}
    assert set(table.task) == {"digits-mlp"}
    assert table.groupby("activation").run.nunique().tolist() == [1, 1]
    with pytest.raises(ValueError, match="nowhere: no such folder"):
        load(runs / "nowhere")


def test_an_empty_folder_loads_as_an_empty_table(tmp_path):
    table = load(tmp_path)
    assert table.empty
    assert {"run", "group", "task", "activation", "label", "seed", "epoch"} <= set(table.columns)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"schema": 1, "id', "is not a readable record"),
        ("", "is not a readable record"),
        ("[]", "is not a readable record"),
        ("3", "is not a readable record"),
        ("[" * 100_000, "is not a readable record"),
        ('{"schema": 1, "id": "x"}', "lacks group, notebook, label, given, seeds"),
    ],
)
def test_an_unreadable_record_is_named_and_left_out(runs, content, message):
    bad = sorted(runs.glob("*/record.json"))[0]
    bad.write_text(content)
    with pytest.warns(UserWarning, match=rf"left out {bad}: {message}"):
        found = records(runs)
    assert [r["id"] for r in found] == [p.name for p in runs.iterdir() if p != bad.parent]
    with pytest.warns(UserWarning, match="left out"):
        assert load(runs).run.unique().tolist() == [found[0]["id"]]


def test_records_of_another_run_or_a_newer_afnlab_are_left_out(runs):
    first, second = sorted(runs.glob("*/record.json"))
    first.parent.rename(runs / ("0" * 16))
    record = json.loads(second.read_text())
    second.write_text(json.dumps(record | {"schema": runs_folder.SCHEMA + 1}))
    with pytest.warns(UserWarning) as warned:
        assert records(runs) == []
    said = " ".join(str(w.message) for w in warned)
    assert "is the record of another run" in said
    assert "newer than this afnlab" in said


def test_runs_of_more_seeds_merge_without_duplicates(runs):
    execute_small(runs, activation="srelu", seeds=[1, 2])
    table = load(runs)
    srelu = table[table.activation == "srelu"]
    assert len(srelu.group.unique()) == 1
    assert srelu.run.nunique() == 2
    assert sorted(srelu.seed) == [0, 0, 1, 1, 2, 2]
    first = records(small_runs())
    older = next(r["id"] for r in first if r["parameters"]["activation"] == "srelu")
    assert set(srelu[srelu.seed == 1].run) == {older}
    started = [r["started"] for r in records(runs)]
    assert started == sorted(started)
