"""A comparison of another metric than the one that a task is judged by."""

from __future__ import annotations

import pytest

from afnlab.cli import main
from afnlab.compare import select
from afnlab.errors import ParameterError
from tests.runs.test_runs import execute_small


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("another-metric") / "runs"
    tune = {"lr": [0.001, 0.01]}
    for name in ("relu", "tanh"):
        execute_small(folder, task="breast-cancer", activation=name, seeds=3, tune=tune)
    return folder


@pytest.mark.parametrize("name", ["accuracy", "Accuracy", "ACCURACY"])
def test_it_is_compared_in_all_that_is_said(runs, name):
    (judged,), (other,) = select(runs), select(runs, metric=name)
    assert (judged.measure.key, other.measure.key) == ("log_loss", "accuracy")
    assert other.measure.better == "higher"
    final = other.history[other.history.epoch == 2].pivot(
        index="seed", columns="label", values="test_accuracy"
    )
    gap = (final.tanh - final.relu).mean()
    assert other.table.difference["tanh"] == pytest.approx(gap)
    assert {"fixed recipe"} < set(other.tunings)  # whose tables are of the same metric
    assert all("accuracy" in table for table in other.tunings.values())
    (note,) = [n for n in other.notes if "is judged by its log loss" in n]
    assert "not by the accuracy" in note
    assert not any("is judged by its" in n for n in judged.notes)


def test_what_is_not_recorded_is_refused(runs, capsys):
    with pytest.raises(
        ParameterError, match=r"metric must be what breast-cancer records: log loss"
    ):
        select(runs, metric="psnr")
    assert main(["compare", "--runs", str(runs), "--metric", "psnr"]) == 2
    assert capsys.readouterr().err.startswith("afnlab: metric must be what breast-cancer records")


def test_at_the_command_line(runs, capsys):
    assert main(["compare", "--runs", str(runs), "--metric", "accuracy"]) == 0
    assert "mean accuracy" in capsys.readouterr().out
