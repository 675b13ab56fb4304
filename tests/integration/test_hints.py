"""A command that a message names is whole: typed as it stands it does what the message says."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

from afnlab.cli import main
from afnlab.cli.entry import parser
from afnlab.runs.notebook_parameters.parsing import command
from afnlab.runs.sweeps import sweep_file
from tests.runs.test_runs import small_runs

SWEEP = """\
parameters: {epochs: 3}
tune: {lr: {from: 0.001, to: 0.03, log: true}, budget: 2}
grid: {activation: [relu, gelu]}
seeds: 2
"""
# What was typed, by the sweep and what it was given in place of its own settings.
MAKE = {
    "compare t.yaml --budget 3": ("t.yaml", {"budget": 3}),
    "compare t.yaml --budget 3 --runs there": ("t.yaml", {"budget": 3}),
    "compare 'a b.yaml' --epochs 1 --limit-train 100 --runs 'my runs'": (
        "a b.yaml",
        {"epochs": 1, "limit_train": 100},
    ),
    "report t.yaml --limit-test 50 --baseline gelu": ("t.yaml", {"limit_test": 50}),
    "report it\\'s.yaml --runs \\$HOME": ("it's.yaml", {}),
    "compare": (sweep_file.DEFAULT, {}),
    "compare --runs nowhere": (sweep_file.DEFAULT, {}),
    "runs list --runs 'no where'": (sweep_file.DEFAULT, {}),
}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AFNLAB_RUNS", raising=False)
    for name in ("t", "a b", "it's"):
        (tmp_path / f"{name}.yaml").write_text(SWEEP)
    shutil.copytree(small_runs(), tmp_path / "there")  # of other settings
    return tmp_path


def named(text: str) -> list[str]:
    """The words of the command in a message, as a shell reads them."""
    (line,) = re.findall("`afnlab (.*)`", text)
    return shlex.split(line)


@pytest.mark.parametrize("typed", MAKE)
def test_where_runs_are_missing_the_command_makes_these(typed, capsys):
    (sweep, overrides), given = MAKE[typed], parser().parse_args(shlex.split(typed))
    assert main(shlex.split(typed)) == 2
    words = named(capsys.readouterr().err)
    assert parser().parse_args(words).runs == given.runs
    assert main([*words, "--dry-run"]) == 0
    planned = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert planned == [spec.id for spec in sweep_file.read(sweep).specs(**overrides)]


def test_after_a_tuning_the_command_reports_its_runs(capsys, monkeypatch):
    monkeypatch.setattr("afnlab.cli.sweep._make", lambda *_: 0)
    cases = {
        "tune 'a b.yaml'": {"sweep": "a b.yaml"},
        "tune t.yaml --runs 'my runs' --epochs 2": {"runs": "my runs", "epochs": 2},
        "tune small --seeds 3": {"sweep": "small", "budget": 8},
    }
    for typed, expected in cases.items():
        assert main(shlex.split(typed)) == 0
        line = capsys.readouterr().out.partition(" writes the page")[0]
        read = vars(parser().parse_args(shlex.split(line)[1:]))
        assert read.items() >= expected.items()


def test_files_that_are_missing_are_made_where_they_were_looked_for(capsys, tmp_path):
    (tmp_path / "a page").mkdir()
    cases = {
        "compare --runs there --speed 'my speed.json'": {
            "name": "activations",
            "json": "my speed.json",
        },
        "verify 'a page'": {"out": "a page", "sweep": None},
    }
    for typed, expected in cases.items():
        assert main(shlex.split(typed)) == 2
        read = vars(parser().parse_args(named(capsys.readouterr().err)))
        assert read.items() >= expected.items()


def test_a_command_leaves_out_what_was_not_given():
    made = command("sweep", Path("a b"), epochs=None, runs="", limit_train=0, seeds=[1, 2])
    assert made == "afnlab sweep 'a b' --limit-train 0 --seeds '[1, 2]'"
