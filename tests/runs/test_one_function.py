"""Runs whose function or network was changed by what no id covers: their seeds are not pooled."""

from __future__ import annotations

import re
from math import inf
from pathlib import Path

import pandas as pd
import pytest

import afnlab
from afnlab.cli import main
from afnlab.compare import select
from afnlab.runs import RunSpec, session
from afnlab.runs.one_function import TrainedRun, require_alike
from afnlab.runs.seed_pairs import seed_pairs
from afnlab.runs.storage import runs_folder
from afnlab.runs.storage.function_values import FILE

MINE = """
import torch
from pathlib import Path
from afnlab import Data, Recipe, Task, activation
from afnlab.training.models import mlp

def number(name):
    return float(Path(__file__).with_name(name + ".txt").read_text())

def points():
    x, y = torch.arange(16.0).view(8, 2), torch.arange(8) % 2
    return Data(train_x=x, train_y=y, test_x=x, test_y=y)

def network(activation):
    return mlp(2, int(number("width")), 2)(activation)

@activation()
def rat(x):
    return torch.tanh(x) * number("coef")

mine = Task("mine", points, network, Recipe(epochs=1, batch_size=4))
"""


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AFNLAB_RUNS", str(tmp_path / "runs"))
    monkeypatch.setattr(session, "BEGAN", inf)
    Path("mine.py").write_text(MINE)
    Path("coef.txt").write_text("1")
    Path("width.txt").write_text("4")
    return tmp_path


def keep(activation: str, *seeds: int, **given: object) -> None:
    asked = {"task": "mine.py:mine", "activation": activation, "seeds": [*seeds]}
    run = afnlab.runs.parameters(asked | given)
    assert run.save(run.train()).startswith("kept as run")


def refused(text: str) -> None:
    """Every command that pools these seeds says so, and by which runs."""
    specs = [
        RunSpec.make("train", {"task": "mine.py:mine", "activation": name})
        for name in ("mine.py:rat", "relu")
    ]
    for compare in (lambda: select("runs"), lambda: seed_pairs(Path("runs"), *specs)):
        with pytest.raises(ValueError, match="did not train the same") as error:
            compare()
        assert re.search(text, str(error.value))


def test_seeds_of_different_functions_are_not_pooled(here, capsys):
    keep("relu", 0, 1, 2)
    keep("mine.py:rat", 0, 1)
    keep("mine.py:rat", 2)
    select("runs")
    Path("coef.txt").write_text("0.01")
    keep("mine.py:rat", 3)
    run = r"\w{8}"
    refused(rf"value is -0\.999\d+: runs {run}\W.*{run}; at -8 its value is -0\.0099\d+: run {run}")
    assert main(["compare", "--runs", "runs"]) == 2
    assert "so their seeds are not pooled" in capsys.readouterr().err


def test_seeds_of_what_draws_numbers_without_saying_so_are_pooled(here):
    noisy = "torch.where(x > 0, x, x * torch.empty_like(x).uniform_(0.1, 0.3))"
    Path("mine.py").write_text(MINE.replace('torch.tanh(x) * number("coef")', noisy))
    keep("relu", 0, 1)
    keep("mine.py:rat", 0)
    keep("mine.py:rat", 1)
    (made,) = select("runs")
    assert made.table.seeds["mine.py:rat"] == 2


def test_seeds_of_different_networks_are_not_pooled(here):
    keep("mine.py:rat", 0)
    keep("relu", 0)
    Path("width.txt").write_text("5")
    keep("relu", 1)
    refused("relu: .*a network of 22 parameters: run .*; a network of 27 parameters: run ")


def test_last_bits_make_no_other_function(here):
    """Those of another machine, say."""
    keep("mine.py:rat", 0)
    keep("mine.py:rat", 1)
    records = runs_folder.records("runs")
    path = Path("runs", records[1]["id"], FILE)
    table = pd.read_parquet(path)
    for shift, alike in ((1 + 1e-14, True), (1.01, False)):
        table.assign(value=table.value * shift).to_parquet(path)
        changed = {
            "bytes": path.stat().st_size,
            "sha256": runs_folder.safe_files.summed(path)["sha256"],
        }
        both = [records[0], {**records[1], "files": {FILE: changed}}]
        runs = [TrainedRun("rat", Path("runs"), r) for r in both]
        if alike:
            require_alike(runs)
        else:
            with pytest.raises(ValueError, match="rat: these runs have the same code and did not"):
                require_alike(runs)


def test_a_tuning_may_choose_networks_of_several_sizes(here):
    keep("relu", 0)
    keep("relu", 1)
    one, other = runs_folder.records("runs")
    other["environment"]["parameters"] += 1
    runs = [TrainedRun("relu", Path("runs"), record) for record in (one, other)]
    with pytest.raises(ValueError, match="a network of 22 parameters"):
        require_alike(runs)
    for record in (one, other):
        record["parameters"]["tune"] = {"lr": [0.1, 0.2]}
    require_alike(runs)
