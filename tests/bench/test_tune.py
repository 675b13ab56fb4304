"""The benchmark of tuning compares what it says."""

from __future__ import annotations

import pytest
import torch

from afnlab import get_task
from afnlab.bench import tune
from afnlab.cli import main

DIGITS = get_task("digits-mlp")


def test_all_ways_learn_the_same_task():
    usual = tune.usual_loop(DIGITS, tune.USUAL["relu"], "cpu")
    one, _ = tune.stacked(DIGITS, "relu", 1, "cpu")
    every, stack = tune.stacked(DIGITS, "relu", 2, "cpu")
    assert stack.size == 2 * tune.SEEDS
    for _ in range(6):
        losses = usual(), one(), every()
    assert losses[1].shape == (tune.SEEDS,)
    assert float(losses[1].mean()) == pytest.approx(losses[0], rel=0.2)
    torch.testing.assert_close(losses[2][::2], losses[1], rtol=1e-3, atol=1e-3)


def test_whole_trainings_are_of_the_same_networks(monkeypatch):
    trained = []

    def note(how, members, seeds, progress):
        assert not how.curves  # a tuning evaluates its trials once
        trained.append((how.epochs, [(member.seed, member.options.lr) for member in members]))

    monkeypatch.setattr(tune, "train_members", note)
    for train in tune.trainings(DIGITS, "relu", 3, "cpu").values():
        train()
    *apart, together = trained
    assert len(apart) == 3
    assert [members for _, members in apart] == [
        together[1][at : at + tune.SEEDS] for at in (0, tune.SEEDS, 2 * tune.SEEDS)
    ]
    assert (
        {epochs for epochs, _ in trained} == {DIGITS.recipe.epochs} == {tune.EPOCHS["digits-mlp"]}
    )


def test_the_products_are_those_of_the_network(monkeypatch):
    _, stack = tune.stacked(DIGITS, "relu", 1, "cpu")
    epoch, shapes = tune.products(stack), []
    monkeypatch.setattr(tune.torch, "bmm", lambda a, b: shapes.append((a.shape[1:], b.shape[1:])))
    epoch()
    forward = [(b[1], b[0]) for a, b in shapes if a[0] == stack.batch_size]
    assert {(64, 64), (32, 64), (10, 32)} <= {*forward}
    assert len(shapes) == stack.steps_per_epoch * (3 * 3 - 1)  # the data needs no gradient


def test_the_command_prints_the_ratios_and_names_the_machine(monkeypatch, capsys):
    monkeypatch.setitem(tune.CANDIDATES, "digits-mlp", 2)
    monkeypatch.setitem(tune.EPOCHS, "digits-mlp", 1)
    monkeypatch.delitem(tune.USUAL, "srelu")
    measured, measure = [], tune.measure
    monkeypatch.setattr(
        tune, "measure", lambda *a, **k: measured.append(measure(*a, **k)) or measured[0]
    )
    assert main(["bench", "train", "--tuned", "--task", "digits-mlp", "--rounds", "1"]) == 0
    row = measured[0].iloc[0]
    ratio = row["usual loop, ms per model"] / row["12 seeds of all candidates, ms"]
    assert row[tune.TIMES] == pytest.approx(ratio)
    ratio = row["12 seeds of all candidates, ms"] / row["matrix products alone, ms"]
    assert row[tune.OF_PRODUCTS] == pytest.approx(ratio)
    one, together = (
        row[f"whole trainings {way}, ms per model"]
        for way in ("one candidate at a time", "together")
    )
    assert row[tune.OF_TRAININGS] == pytest.approx(one / together)
    out = capsys.readouterr().out
    assert tune.TIMES in out
    assert tune.OF_TRAININGS in out
    assert tune.OF_PRODUCTS in out
    assert " threads, torch " in out.splitlines()[-1]
