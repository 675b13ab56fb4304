"""Flags of what executes many runs, which all commands that do so share."""

from __future__ import annotations

from importlib import import_module

import pytest

from afnlab.cli import main
from afnlab.cli.entry import parser
from afnlab.cli.executor_flags import executor_of
from afnlab.runs.sweeps import local_executor

GIVEN = ("--jobs", "2", "--threads", "3", "--timeout", "5")


@pytest.mark.parametrize("words", [("sweep", "default"), ("tune", "small"), ("confirm", "s", "r")])
def test_what_executes_many_runs_has_one_set_of_flags(words):
    executor = executor_of(parser(words[0]).parse_args([*words, *GIVEN]))
    assert isinstance(executor, local_executor.Local)
    assert (executor.jobs, executor.threads, executor.timeout) == (2, 3, 5.0)


def test_where_runs_are_executed_is_said_once():
    both = parser("confirm").parse_args(["confirm", "s", "r", "--scheduler", "local", "--slurm"])
    with pytest.raises(ValueError, match="--scheduler and --slurm exclude each other"):
        executor_of(both)


def test_a_confirmation_is_trained_as_its_flags_say(monkeypatch, capsys):
    asked = []

    def confirm(*_: object, executor: local_executor.Local, **__: object) -> None:
        asked.append((executor.jobs, executor.threads, executor.timeout))
        raise ValueError("enough")

    monkeypatch.setattr(import_module("afnlab.compare.train_confirmation"), "confirm", confirm)
    assert main(["confirm", "default", "gelu", *GIVEN]) == 2
    assert asked == [(2, 3, 5.0)]
    assert capsys.readouterr().err == "afnlab: enough\n"


def test_one_run_has_so_many_threads(monkeypatch, tmp_path):
    asked = []

    class Asked(local_executor.Local):
        def results(self, *_: object) -> local_executor.Ending:
            asked.append((self.jobs, self.threads))
            yield from ()
            raise ValueError("enough")

    monkeypatch.setattr(local_executor, "Local", Asked)
    assert main(["run", "train", "--threads", "3", "--runs", str(tmp_path / "runs")]) == 2
    assert asked == [(1, 3)]
