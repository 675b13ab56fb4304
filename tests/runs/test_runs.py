"""Runs: what names them, what they are given, what they leave."""

from __future__ import annotations

import atexit
import json
import os
import re
import shutil
import tempfile
import time
from dataclasses import replace
from functools import cache
from pathlib import Path

import nbformat
import pandas as pd
import pytest

import afnlab
from afnlab import compare
from afnlab.measures import ACCURACY
from afnlab.runs import (
    RunFailed,
    RunSpec,
    execute,
    load,
    parameters,
    records,
    session,
    staleness,
)
from afnlab.runs.kernel.execute_cells import Means
from afnlab.runs.kernel.fork_client import KernelServer, available
from afnlab.runs.storage import runs_folder
from afnlab.runs.storage.atomic_write import Attempt
from afnlab.runs.sweeps.pending import standings
from afnlab.training import engine, plan, tune
from afnlab.training.history_columns import history_columns
from afnlab.training.options import resolve

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


@pytest.fixture
def runs(tmp_path) -> Path:
    """A copy of the small runs, to do anything with."""
    return shutil.copytree(small_runs(), tmp_path / "runs")


def spec(**given) -> RunSpec:
    return RunSpec.make("train", given)


SAME = [
    ({"activation": "srelu"}, {}),
    ({"t": 2.21}, {}),
    ({"params": {"t": 2.21}}, {}),
    ({"activation.t": 2.21}, {}),
    ({"t": 2}, {"t": 2.0}),
    ({"activation": "silu"}, {"activation": "swish"}),
    ({"activation": "silu", "beta": 1}, {"activation": "swish"}),
    (
        {"activation": "softshrink", "lambda": 0.3},
        {"activation": "softshrink", "lambd": 0.3},
    ),
    ({"task": "digits-mlp"}, {}),
    ({"lr": 0.001}, {}),
    ({"task.lr": 0.01}, {"lr": 0.01}),
    ({"weight_decay": 0}, {"weight_decay": 0.0}),
    ({"batch_size": 64}, {}),
    ({"epochs": 40}, {}),
    ({"epochs": 0}, {}),
    ({"limit_train": 0}, {}),
    ({"init": "source"}, {}),
    ({"trainable": False}, {}),
    ({"trainable": True}, {"trainable": ["t"]}),
    ({"activation": "prelu"}, {"activation": "prelu", "trainable": True}),
    ({"dtype": "float32"}, {}),
    ({"device": "auto"}, {"device": afnlab.training.plan.pick_device(None).type}),
    ({"record": ["steps", "gradients"]}, {"record": ["gradients", "steps"]}),
    ({"seeds": 3}, {"seeds": [2, 0, 1]}),
]


@pytest.mark.parametrize(("one", "other"), SAME, ids=[str(a) for a, _ in SAME])
def test_two_ways_to_say_the_same_are_one_run(one, other):
    assert spec(**one).id == spec(**other).id
    assert spec(**one).group == spec(**other).group


DIFFERENT = [
    {"activation": "relu"},
    {"activation": "softshrink", "lambd": 0.3},
    {"t": 2.2},
    {"trainable": True},
    {"trainable": True, "t": 2.21},
    {"task": "mnist-mlp"},
    {"epochs": 39},
    {"lr": 0.002},
    {"weight_decay": 0.0},
    {"batch_size": 63},
    {"init": "gain"},
    {"sites": "shared"},
    {"split": "validation"},
    {"dtype": "float64"},
    {"limit_train": 100},
    {"limit_test": 100},
    {"record": ["steps"]},
    {"keep_weights": True},
]


def test_what_differs_is_another_run():
    made = [spec(), *(spec(**given) for given in DIFFERENT)]
    assert len({s.group for s in made}) == len(made)
    assert len({s.id for s in made}) == len(made)
    assert all(len(s.id) == 16 and int(s.id, 16) >= 0 for s in made)


def test_a_random_start_is_not_its_middle_given():
    given = {"alpha": 0.0, "beta": 0.0, "gamma": -1.375}
    assert spec(activation="apec").group != spec(activation="apec", **given).group


def test_a_group_is_all_seeds():
    one, more = spec(seeds=2), spec(seeds=[5, 7])
    assert one.group == more.group
    assert one.id != more.id
    assert one.with_seeds((5, 7)).id == more.id
    assert one.with_seeds((5, 7)).seeds == (5, 7)


def test_the_callers_parameters_stay_as_they_were():
    params = {"t": 1.5}
    RunSpec.make("train", {"params": params, "task.lr": 0.1})
    assert params == {"t": 1.5}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"epochs": "5"}, r"parameter 'epochs' must be a whole number, got '5' \(str\)"),
        ({"epochs": 5.0}, "parameter 'epochs' must be a whole number, got 5.0"),
        ({"epochs": True}, "parameter 'epochs' must be a whole number, got True"),
        ({"epochs": -1}, "parameter 'epochs' must be 0 or more, got -1"),
        ({"task": 3}, "parameter 'task' must be a text, got 3"),
        ({"record": "steps"}, "parameter 'record' must be a list, got 'steps'"),
        ({"record": ["step"]}, "unknown record 'step'; did you mean 'steps'"),
        ({"keep_weights": 1}, "parameter 'keep_weights' must be true or false, got 1"),
        ({"params": [1]}, "parameter 'params' must be a mapping"),
        ({"t": "1.5"}, "t must be a number"),
        ({"t": -1}, "t must be > 0, got -1"),
        ({"activatoin": "srelu"}, "unknown parameter 'activatoin'; did you mean 'activation'"),
        ({"seed": 3}, "unknown parameter 'seed'; did you mean 'seeds'"),
        ({"epoch": 3}, "unknown parameter 'epoch'; did you mean 'epochs'"),
        ({"alpha": 1}, "unknown parameter 'alpha'"),
        ({"activation": "elu", "t": 1}, "unknown parameter 't'"),
        ({"params": {"tt": 1}}, "unknown parameter 'tt'; did you mean 't'"),
        ({"t": 1, "params": {"t": 2}}, "parameter 't' is given twice"),
        ({"t": 1, "activation.t": 2}, "'t' is given twice"),
        ({"activation": "sreluu"}, "unknown activation 'sreluu'; did you mean 'srelu'"),
        ({"task": "digit-mlp"}, "unknown task 'digit-mlp'; did you mean 'digits-mlp'"),
        ({"dtype": "float46"}, "dtype must be one of float32, float64, bfloat16"),
        ({"device": "gpu"}, "device 'gpu' is not available"),
        ({"device": "meta"}, "device 'meta' is not available: it must be auto or one of cpu, cuda"),
        ({"seeds": "3"}, "seeds must be"),
        ({"seeds": 0}, "seeds must be"),
        ({"out": "x"}, "parameter 'out' is set by afnlab"),
    ],
)
def test_parameters_that_are_not_allowed(given, message):
    with pytest.raises(ValueError, match=message):
        spec(**given)


def test_notebooks_that_are_not_allowed(tmp_path):
    with pytest.raises(ValueError, match="unknown notebook 'trian'; did you mean 'train'"):
        RunSpec.make("trian", {})
    with pytest.raises(ValueError, match=r"absent\.ipynb: no such file"):
        RunSpec.make(tmp_path / "absent.ipynb", {})
    with pytest.raises(ValueError, match=r"unknown parameter 'spam'; did you mean 'span'"):
        RunSpec.make("plot", {"spam": 1.0})
    with pytest.raises(ValueError, match="parameter 'span' must be a number, got 'wide'"):
        RunSpec.make("plot", {"span": "wide"})


def notebook(path: Path, *cells: str, tag: str = "parameters") -> Path:
    """A notebook whose first cell is tagged."""
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
    made.cells[0].metadata["tags"] = [tag]
    made.metadata["kernelspec"] = {"name": "python3", "display_name": "", "language": "python"}
    nbformat.write(made, path)
    return path


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("import os\nx = os.cpu_count()", r"such as .*, not x = os\.cpu_count\(\)$"),
        ("x: int = 1 + y", "may hold only lines such as"),
        ("x, y = 1, 2", "may hold only lines such as"),
        ("print(1)", "may hold only lines such as"),
        ("x: int", "may hold only lines such as"),
        ("x: int = = 1", "may hold only lines such as"),
    ],
)
def test_a_parameters_cell_holds_literals(tmp_path, cell, message):
    with pytest.raises(ValueError, match=rf"my\.ipynb: .*{message}"):
        RunSpec.make(notebook(tmp_path / "my.ipynb", cell), {})


def test_a_notebook_needs_one_parameters_cell(tmp_path):
    with pytest.raises(ValueError, match="has 0 cells tagged 'parameters', must have one"):
        RunSpec.make(notebook(tmp_path / "my.ipynb", "x = 1", tag="other"), {})
    (tmp_path / "broken.ipynb").write_text("{}")
    with pytest.raises(ValueError, match=r"broken\.ipynb: is not a readable notebook"):
        RunSpec.make(tmp_path / "broken.ipynb", {})


CELL = {"task": "digits-mlp", "activation": "srelu", "seeds": 10, "epochs": 0, "device": "auto"}
CELL |= {"dtype": "float32", "limit_train": 0, "limit_test": 0, "record": [], "out": ""}
CELL |= {"keep_weights": False, "params": {}}


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
    run = parameters(CELL | SMALL)
    assert "not saved" in run.save(run.train())
    assert not list(tmp_path.iterdir())


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
    assert again.left is None


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
    broken = notebook(tmp_path / "broken.ipynb", source, "print('so far')", "1 / 0")
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
