"""`init: critical`: weights and biases of a network as the theory asks for."""

from __future__ import annotations

from math import sqrt

import pytest
import torch
from torch import nn

import afnlab
from afnlab.signal import critical
from afnlab.training.initial import draw_critical
from afnlab.training.streams import generator


def deep(record, depth=12, width=300):
    layers = [nn.Linear(40, width), afnlab.nn.make(record)]
    for _ in range(depth - 2):
        layers += [nn.Linear(width, width), afnlab.nn.make(record)]
    return nn.Sequential(*layers, nn.Linear(width, 10))


@pytest.mark.parametrize("name", ["gelu", "tanh", "swish", "relu"])
def test_every_layer_has_the_critical_variance(name):
    record, found = afnlab.get_activation(name), critical(name)
    torch.manual_seed(0)
    inputs = 3 * torch.rand(200, 40)
    model = deep(record)
    draw_critical(model, record, {}, inputs, generator(0, "network"))
    linear = [m for m in model if isinstance(m, nn.Linear)]
    inner = linear[1:-1]
    assert float(inner[0].weight.detach().std()) == pytest.approx(
        found.sigma_w / sqrt(300), rel=0.02
    )
    biases = torch.cat([layer.bias.detach() for layer in inner])
    assert float(biases.std()) == pytest.approx(found.sigma_b, rel=0.05)
    x, squares = inputs, []
    with torch.no_grad():
        for module in model:
            x = module(x)
            if isinstance(module, nn.Linear):
                squares.append(float(x.square().mean()))
    assert not linear[-1].bias.any()
    assert squares[0] == pytest.approx(found.q, rel=0.35)
    assert all(0.4 < square / found.q < 2.5 for square in squares[:-1])
    assert 0.2 < squares[-1] < 5  # of the outputs, 1 on average over the weights


def test_a_training_begins_with_it_and_pairs_by_seed():
    one, other = (
        afnlab.train(
            "digits-mlp",
            name,
            seeds=[3],
            params={"init": "critical"},
            epochs=1,
            limit_train=64,
            limit_test=32,
        )
        for name in ("tanh", "relu")
    )
    assert one.options.init == "critical"
    assert one.history.train_loss.notna().all() and other.history.train_loss.notna().all()


def test_where_there_is_none_the_training_says_why():
    with pytest.raises(ValueError, match="tanhshrink: has no critical initialization"):
        afnlab.train("digits-mlp", "tanhshrink", seeds=1, params={"init": "critical"}, epochs=1)


def test_tokens_are_embedded_before_the_first_layer():
    found = afnlab.train(
        "names-gpt",
        "gelu",
        seeds=1,
        params={"init": "critical"},
        epochs=1,
        limit_train=64,
        limit_test=32,
    )
    assert found.history.train_loss.notna().all()
