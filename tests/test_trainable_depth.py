"""How deep a network can be trained: the study beside the theory of signal propagation."""

from __future__ import annotations

from math import inf, log, sqrt

import pandas as pd
import pytest
import torch
from torch import nn

from afnlab import signal
from afnlab.studies import trainable_depth
from afnlab.training.data import digits
from afnlab.training.initial import build
from afnlab.training.members import Member
from afnlab.training.plan import configure, plan
from afnlab.training.stack import Stack

LIMITS = {"seeds": 2, "epochs": 1, "limit_train": 64, "limit_test": 64, "progress": False}


@pytest.mark.parametrize("sigma_w", [0.9, 1.6])
def test_the_networks_begin_as_the_theory_says(sigma_w):
    config = configure(trainable_depth.task(12, width=300), "tanh", params={"sigma_w": sigma_w})
    x = digits().inputs
    network = build(config.task, config.activation, config.options, 0, x)
    field = signal.MeanField("tanh", sigma_w, trainable_depth.SIGMA_B)
    q, squares = sigma_w**2 + trainable_depth.SIGMA_B**2, []
    with torch.no_grad():
        for module in network[:-1]:
            x = module(x)
            if isinstance(module, nn.Linear):
                squares.append(float(x.square().mean()))
                assert squares[-1] == pytest.approx(q, rel=0.25)
                q = float(field.variance(q))


def test_a_row_for_every_network_and_members_that_are_themselves():
    found = trainable_depth.study("tanh", (0.8, 2.0), (2, 5), **LIMITS)
    assert list(found.groupby(["depth", "sigma_w"]).size()) == [2, 2, 2, 2]
    alone = trainable_depth.study("tanh", (2.0,), (5,), **LIMITS)
    same = found[(found.depth == 5) & (found.sigma_w == 2.0)].reset_index(drop=True)
    pd.testing.assert_frame_equal(same, alone, rtol=1e-4)


def accuracies(rows: dict[float, list[float]]) -> pd.DataFrame:
    parts = [
        {"sigma_w": s, "depth": d, "seed": 0, "test_accuracy": a}
        for s, values in rows.items()
        for d, a in zip((2, 8, 32), values, strict=True)
    ]
    return pd.DataFrame(parts)


def test_the_table_names_the_deepest_and_the_depth_scale():
    found = accuracies({1.1: [0.9, 0.3, 0.8], 1.33: [0.9, 0.8, 0.7], 2.5: [0.2, 0.1, 0.1]})
    table = trainable_depth.table(found, "tanh")
    assert table.deepest.tolist() == [2, 32, 0]  # a depth counts if all smaller ones are trained
    assert table.phase.tolist() == ["ordered", "chaotic", "chaotic"]
    field = signal.MeanField("tanh", 2.5, sqrt(0.05))
    assert table["depth scale"][2.5] == pytest.approx(field.depth)
    assert table["six scales"][2.5] == pytest.approx(6 * field.depth)
    correlation, low, high = trainable_depth.rank_correlation([table], 200)
    assert low <= correlation <= high
    relu = trainable_depth.table(accuracies({1.6: [0.9, 0.8, 0.1]}), "relu")
    assert relu.phase.tolist() == ["no limit"] and relu["depth scale"].tolist() == [0.0]
    assert inf not in relu["depth scale"].tolist()


def test_the_figure_has_the_theory_over_the_measurement():
    found = accuracies({1.1: [0.9, 0.3, 0.8], 1.33: [0.9, 0.8, 0.7], 2.5: [0.2, 0.1, 0.1]})
    axes = trainable_depth.figure(found, "tanh").axes
    (line,) = axes[0].lines
    sigmas, rows = line.get_data()
    assert sigmas[0] == 1.1 and sigmas[-1] == 2.5
    assert rows[abs(sigmas - 1.32).argmin()] == 2  # the edge of chaos: deeper than all shown
    last = 6 * signal.MeanField("tanh", 2.5, sqrt(0.05)).depth
    assert rows[-1] == pytest.approx(1 + log(last / 8) / log(4))


def test_gradient_descent_is_torchs():
    config = configure("digits-mlp", "relu", params={"optimizer": "sgd", "momentum": 0.5})

    with Stack.build(plan(config), [Member(0, config.options)]) as stack:
        assert isinstance(stack.optimizer, torch.optim.SGD)
        assert stack.optimizer.param_groups[0]["momentum"] == 0.5
