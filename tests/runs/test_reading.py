"""Notebooks that read runs: another run, another sweep file, and they are stale."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import afnlab
from afnlab.cli import main
from afnlab.runs import RunSpec, staleness
from afnlab.runs.execution import note_failure
from afnlab.runs.fingerprint import check
from afnlab.runs.fingerprint.syntax import read
from afnlab.runs.kernel.read_audit import EXECUTED
from afnlab.runs.reading import READ
from afnlab.runs.storage import runs_folder
from tests.runs.test_runs import notebook, rewrite

READING = ["compare", "report", "explore"]


def keep(seed: int) -> str:
    """Train here, without a kernel, and keep that as a run of the folder runs."""
    run = afnlab.runs.parameters({"activation": "relu", "seeds": [seed], "epochs": 1})
    return run.save(run.train())


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AFNLAB_RUNS", str(tmp_path / "runs"))
    Path("two.yaml").write_text("grid: {activation: [relu]}\nparameters: {epochs: 1}\nseeds: 2\n")
    keep(0)
    return tmp_path


@pytest.mark.parametrize("name", READING)
def test_one_of_afnlabs_that_reads_runs_is_another_run_when_these_are_others(here, name):
    given = {} if name == "explore" else {"sweep": "two.yaml"}

    def group() -> str:
        return RunSpec.make(name, given).group

    seen = [group()]
    assert group() == seen[0]
    keep(1)
    seen.append(group())
    if given:
        Path("two.yaml").write_text(Path("two.yaml").read_text() + "title: Two\n")
        seen.append(group())
    shutil.rmtree(here / "runs")
    seen.append(group())
    assert len(set(seen)) == len(seen)


OWN = """parameters: {task: "own/task.py:mine"}
grid: {activation: [relu, {"acts.py:dead": {}}]}
"""


@pytest.mark.parametrize("name", ["compare", "own.ipynb"])
def test_the_code_that_a_sweep_file_names_counts_and_may_be_executed(here, name):
    notebook(here / "own.ipynb", 'runs: str = ""\nplan = ""', "print(plan)")
    named = ["sweeps/own/task.py", "sweeps/own/data.py", "acts.py"]  # beside it, or here
    for file in ("sweeps/two.yaml", *named):
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        Path(file).write_text("from data import x" if file.endswith("task.py") else "1")
    Path("sweeps/two.yaml").write_text(OWN)
    given = {"sweep" if name == "compare" else "plan": "sweeps/two.yaml"}
    made = RunSpec.make(name, given)
    check(made.code, [(str(here / f), read(here / f).bytes, EXECUTED) for f in named])
    for file in named:
        before, text = RunSpec.make(name, given).id, Path(file).read_text()
        Path(file).write_text(f"{text}\n2")
        assert RunSpec.make(name, given).id != before
        Path(file).write_text(text)
    assert RunSpec.make(name, given).id == made.id


def test_a_sweep_over_a_notebook_of_ones_own_reaches_that(here):
    notebook(here / "own.ipynb", "rate = 1", "import acts")
    Path("acts.py").write_text("1")
    Path("two.yaml").write_text("notebook: own.ipynb\ngrid: {rate: [1, 2]}\n")
    units = RunSpec.make("compare", {"sweep": "two.yaml"}).code.units
    assert {str(here / "own.ipynb"), str(here / "acts.py")} <= set(units)


def test_what_is_no_sweep_file_names_nothing(here):
    for text in ("{", "- 1: [", "relu", ""):
        Path("two.yaml").write_text(text)
        assert not [
            n
            for n in RunSpec.make("compare", {"sweep": "two.yaml"}).code.units
            if n.startswith("/")
        ]


def test_a_training_that_failed_counts_and_the_notebooks_own_failure_does_not(here):
    asked = RunSpec.make("compare", {})
    note_failure(asked, here / "runs", "no runs")
    assert RunSpec.make("compare", {}).id == asked.id
    note_failure(RunSpec.make("train", {"activation": "gelu"}), here / "runs", "killed")
    assert RunSpec.make("compare", {}).id != asked.id


def test_what_a_run_of_another_notebook_leaves_changes_nothing(here):
    before = RunSpec.make("compare", {}).group
    rewrite(shutil.copytree(here / "runs" / run(), here / "runs" / ("0" * 16)), id="0" * 16)
    assert RunSpec.make("compare", {}).group != before
    rewrite(here / "runs" / ("0" * 16), parameters={}, environment={}, files={})
    assert RunSpec.make("compare", {}).group == before


def run() -> str:
    return runs_folder.records("runs")[0]["id"]


def test_notebooks_that_read_none_do_not_depend_on_any(here):
    own = notebook(here / "own.ipynb", "runs = 3")
    specs = [RunSpec.make(own, {}), RunSpec.make("feed-forward", {}), RunSpec.make("train", {})]
    assert not any(READ in spec.normal for spec in specs)
    assert READ in RunSpec.make("feed-forward", {"runs": "runs"}).normal


def test_a_run_that_read_runs_is_stale_when_more_were_made(here, capsys):
    own = notebook(here / "own.ipynb", 'runs: str = ""\nsweep = "two.yaml"', "print(runs)")
    made = RunSpec.make(own, {})
    folder = here / "runs" / made.id
    folder.mkdir()
    facts = afnlab.runs.execution.facts_of(made)
    runs_folder.write_record(folder, {**facts, "seconds": 1.0}, [])
    record = runs_folder.read_record(folder / "record.json")
    assert staleness.state(record) == "current"
    assert main(["run", "own.ipynb"]) == 0
    assert "exists already" in capsys.readouterr().out
    keep(1)
    assert staleness.state(record) == "changed"
    assert "the runs that it reads" in staleness.what_changed(record)
    assert RunSpec.make(own, {}).id != made.id
    main(["runs", "list"])
    assert "stale" in capsys.readouterr().out
