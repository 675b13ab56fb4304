"""Runs whose data were edited: they are neither added to, nor pooled, nor compared."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest
import torch

import afnlab
from afnlab.cli import main
from afnlab.compare import confirm, select
from afnlab.runs import RunSpec, one_data
from afnlab.runs.one_data import require_one_data
from afnlab.runs.seed_pairs import seed_pairs
from afnlab.runs.storage import runs_folder
from afnlab.training.plan import plan

TASK = """
from pathlib import Path
import torch
from afnlab import Data, Recipe, Task
from afnlab.training.models import mlp

THREADS = []

def read():
    THREADS.append(torch.get_num_threads())
    name = "t" + ".csv"  # a file that is named as it is called counts in the id
    rows = [line.split(",") for line in Path(__file__).with_name(name).read_text().split()]
    x = torch.tensor([[float(a), float(b)] for a, b, _ in rows])
    y = torch.tensor([int(c) for *_, c in rows])
    return Data(train_x=x, train_y=y, test_x=x, test_y=y)

mine = Task("mine", read, mlp(2, 4, 2), Recipe(epochs=1, batch_size=4))
"""
ROWS = [f"{n / 8},{n % 3},{n % 2}" for n in range(16)]
SWEEP = """
title: Mine
parameters: {task: "mine.py:mine"}
grid: {activation: [relu, tanh]}
seeds: 2
"""


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """A folder with a task that reads a table, and a sweep; runs are kept beside them."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AFNLAB_RUNS", str(tmp_path / "runs"))
    monkeypatch.delenv("AFNLAB_DATA", raising=False)
    Path("mine.py").write_text(TASK)
    Path("mine.yaml").write_text(SWEEP)
    Path("t.csv").write_text("\n".join(ROWS))
    return tmp_path


def keep(activation: str, seeds: list[int], **given: object) -> str:
    """Train here, without a kernel, and keep that as a run; what is said of it."""
    asked = {"task": "mine.py:mine", "activation": activation, "seeds": seeds, "epochs": 1}
    run = afnlab.runs.parameters(asked | given)
    return run.save(run.train())


def edit() -> None:
    Path("t.csv").write_text("\n".join([*ROWS[:-1], "9,9,0"]))


def spec(activation: str) -> RunSpec:
    return RunSpec.make("train", {"task": "mine.py:mine", "activation": activation, "epochs": 1})


def test_what_would_be_added_to_runs_with_other_data_is_refused(here, capsys):
    keep("relu", [0, 1])
    assert main(["sweep", "mine.yaml", "--dry-run"]) == 0
    assert main(["run", "train", *WORDS, "-p", "seeds", "2"]) == 0
    assert "other data" not in capsys.readouterr().err
    edit()
    (run,) = runs_folder.records("runs")
    for command in (
        ["sweep", "mine.yaml", "--seeds", "3"],
        ["sweep", "mine.yaml", "--seeds", "3", "--dry-run"],
        ["sweep", "mine.yaml"],  # nothing of it has to be added
        ["run", "train", *WORDS, "-p", "seeds", "2"],
        ["judge", "tanh", "--task", "mine.py:mine", "--runs", "runs"],
    ):
        assert main(command) == 2
        out, said = capsys.readouterr()
        (line,) = [one for one in said.splitlines() if "other data" in one]
        assert re.search(r"mine relu \(run \w{8}\)", line)
        assert f"SHA-256 {run['environment']['data'][:8]}..., now" in line
        assert f"afnlab runs rm {run['id'][:8]}" in line
        assert ("to do: seeds 2; made with other data" in out) == ("--dry-run" in command)
    assert len(runs_folder.records("runs")) == 1
    assert main(["runs", "rm", run["id"]]) == 0
    assert main(["sweep", "mine.yaml", "--dry-run"]) == 0


WORDS = ["-p", "task", "mine.py:mine", "-p", "activation", "relu", "-p", "epochs", "1"]


@pytest.mark.parametrize("only", [{}, {"activation": "gelu"}])
def test_verdicts_of_other_data_are_not_said_again(here, only, capsys):
    """Where no seeds are left to add to any row, too; of all rows that share the error."""
    Path("mine.yaml").write_text(
        SWEEP.replace("tanh", "tanh, gelu").replace("seeds: 2", "seeds: until decided, at most 2")
    )
    for name in ("relu", "tanh", "gelu"):
        keep(name, [0, 1])
    flags = [text for key, value in only.items() for text in ("--only", f"{key}={value}")]
    for command in (["sweep", "mine.yaml"], ["sweep", "mine.yaml", "--dry-run"]):
        assert main([*command, *flags]) == 0
    assert "after 2 seeds" in capsys.readouterr().out
    edit()
    for command in (
        ["sweep", "mine.yaml"],
        ["sweep", "mine.yaml", "--dry-run"],
        ["sweep", "mine.yaml", "--seeds", "2"],
    ):
        assert main([*command, *flags]) == 2
        out, said = capsys.readouterr()
        assert "after 2 seeds" not in out
        its = 1 if only and "--seeds" in command else 3  # a fixed number shares no error
        assert f"{its} run{'s' * (its > 1)} here w" in said
        assert "other data than the task reads now" in said


def test_a_training_with_other_data_is_not_taken_for_the_kept_one(here):
    assert keep("relu", [0]).startswith("kept as run")
    assert keep("relu", [0]).startswith("kept already")
    edit()
    assert "with other data" in keep("relu", [0])


def test_seeds_of_different_data_are_not_pooled(here):
    keep("relu", [0, 1])
    keep("tanh", [0, 1, 2])
    assert len(seed_pairs(Path("runs"), spec("tanh"), spec("relu"))) == 2
    select("runs")
    edit()
    keep("relu", [2])
    first, _, last = runs_folder.records("runs")
    for compare in (
        lambda: select("runs"),
        lambda: select("runs", "mine.yaml"),
        lambda: seed_pairs(Path("runs"), spec("tanh"), spec("relu")),
    ):
        with pytest.raises(ValueError, match="made with different data") as refused:
            compare()
        for record in (first, last):
            assert f"{record['environment']['data'][:8]}: " in str(refused.value)
            assert record["id"][:8] in str(refused.value)


def test_a_row_is_not_compared_with_a_baseline_of_other_data(here):
    keep("relu", [0, 1])
    edit()
    keep("tanh", [0, 1])
    with pytest.raises(ValueError, match=r"relu \(run \w{8}\); \w{8}: tanh \(run \w{8}\)"):
        select("runs")


def test_a_row_that_was_picked_by_other_data_is_not_confirmed(here):
    for name in ("relu", "tanh"):
        keep(name, [0, 1])
    edit()
    with pytest.raises(ValueError, match="made with other data than the task reads now"):
        confirm("mine.yaml", "tanh", seeds=8, runs="runs")


def test_settings_may_ask_for_other_data(here):
    keep("relu", [0])
    keep("relu", [0], split="validation")
    keep("relu", [0], lr=0.5)
    test, validation, rate = runs_folder.records("runs")
    require_one_data([("a", test), ("b", validation), ("c", rate)])
    other = {**rate, "environment": {**rate["environment"], "data": "0" * 64}}
    with pytest.raises(ValueError, match=r"a \(run \w{8}\); 00000000: c \(run"):
        require_one_data([("a", test), ("b", validation), ("c", other)])


def test_data_that_are_not_here_are_not_compared(here, monkeypatch):
    keep("relu", [0, 1])
    shutil.move("t.csv", "elsewhere.csv")
    assert main(["sweep", "mine.yaml", "--dry-run"]) == 0
    monkeypatch.setattr(one_data, "plan", lambda _: sys.exit("no data"))
    assert main(["sweep", "mine.yaml", "--dry-run"]) == 0


def test_data_are_read_by_one_thread_so_that_their_last_bits_are_the_same(here):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        asked = spec("relu").training
        plan(asked)
        assert set(asked.task.data.__globals__["THREADS"]) == {1}
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
