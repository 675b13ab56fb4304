"""The benchmark of tuning compares what it says."""

from __future__ import annotations

import pytest
import torch

from afnlab import get_task
from afnlab.bench import tune


def test_all_ways_learn_the_same_task():
    data = get_task(tune.TASK).data()
    usual = tune.usual_loop(data, tune.USUAL["relu"], "cpu")
    one, _ = tune.stacked("relu", 1, "cpu")
    every, stack = tune.stacked("relu", 2, "cpu")
    assert stack.size == 2 * tune.SEEDS
    for _ in range(6):
        losses = usual(), one(), every()
    assert losses[1].shape == (tune.SEEDS,)
    assert float(losses[1].mean()) == pytest.approx(losses[0], rel=0.2)
    torch.testing.assert_close(losses[2][: tune.SEEDS], losses[1], rtol=1e-3, atol=1e-3)


def test_the_products_are_those_of_the_network():
    _, stack = tune.stacked("relu", 1, "cpu")
    assert tune.SIZES[0] == stack.params["0.weight"].shape[-1]
    shapes = [tuple(p.shape[1:]) for n, p in stack.params.items() if n.endswith("weight")]
    assert shapes == [(o, i) for i, o in zip(tune.SIZES, tune.SIZES[1:], strict=False)]
    assert tune.products(stack)() is None


def test_the_table(monkeypatch):
    monkeypatch.setattr(tune, "CANDIDATES", 2)
    monkeypatch.delitem(tune.USUAL, "srelu")
    row = tune.measure(rounds=1).iloc[0]
    ratio = row["usual loop, ms a model"] / row["12 seeds x 2 candidates, ms"]
    assert row["times the usual loop"] == pytest.approx(ratio)
