"""Points in the plane, and small networks that learn them step by step."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from afnlab.autorot import AutoRotLinear
from afnlab.training.learner import DEMO, Learner, Setup
from afnlab.training.plane import SHAPES, points


@pytest.mark.parametrize("shape", SHAPES)
def test_points(shape):
    x, y = points(shape, 200, noise=0.0)
    assert x.shape == (200, 2)
    assert x.dtype == torch.float32
    assert x.abs().max() <= 1
    assert y.bincount().tolist() == [100, 100]
    assert torch.equal(x, points(shape, 200, noise=0.0)[0])
    assert not torch.equal(x, points(shape, 200, noise=0.0, seed=1)[0])
    nearest = torch.cdist(x, x).fill_diagonal_(9).argmin(1)
    assert (y[nearest] == y).float().mean() > 0.95  # the classes are apart


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"shape": "moon"}, "unknown shape 'moon'; did you mean 'moons'"),
        ({"count": 1}, "count must be a whole number, 2 or more"),
        ({"count": 9999}, "count must be at most 5000"),
        ({"noise": -1}, "noise must be a number"),
    ],
)
def test_bad_points(given, message):
    with pytest.raises(ValueError, match=message):
        points(**{"shape": "moons"} | given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"activation": "nope"}, "unknown activation"),
        ({"params": {"t": -1.0}}, "srelu: t must be > 0"),
        ({"hidden": ()}, "hidden must name one layer or more"),
        ({"hidden": (0,)}, "hidden must be a whole number, 1 or more"),
        ({"lr": 0.0}, "lr must be a number above 0"),
        ({"momentum": 1.0}, "momentum must be below 1"),
        ({"l2": -0.1}, "l2 must be a number"),
        ({"batch": 0}, "batch must be a whole number"),
        ({"start": "zeros"}, "start must be one of gain, torch, convnetjs"),
        ({"auto_rot": True}, "srelu: does not saturate"),
    ],
)
def test_bad_setups(given, message):
    with pytest.raises(ValueError, match=message):
        Setup(**given)


@pytest.mark.parametrize("shape", ["moons", "circles", "xor"])
@pytest.mark.parametrize("activation", ["srelu", "tanh", "apec"])
def test_it_learns(shape, activation):
    x, y = points(shape, 200, noise=0.0)
    learner = Learner(Setup(activation, hidden=(16, 16)))
    before = learner.scores(x, y)[0]
    for _ in range(400):
        learner.step(x, y)
    assert learner.steps == len(learner.losses) == 400
    assert learner.scores(x, y)[0] > max(before, 0.97)


def test_a_setup_repeats_to_the_bit():
    x, y = points("moons", 50)
    runs = [Learner(Setup("apec", hidden=(5,))) for _ in range(2)]
    for learner in runs:
        for _ in range(20):
            learner.step(x, y)
    assert runs[0].losses == runs[1].losses


def linears(network: nn.Module) -> list[nn.Linear]:
    return [m for m in network if isinstance(m, nn.Linear)]


@pytest.mark.parametrize("start", ["torch", "convnetjs"])
def test_two_activations_start_from_the_same_weights(start):
    one, other = (linears(Setup(a, start=start).build()) for a in ("apec", "tanh"))
    for a, b in zip(one, other, strict=True):
        assert torch.equal(a.weight, b.weight)


def test_the_gain_scales_the_same_draws():
    one, other = (linears(Setup(a).build()) for a in ("relu", "tanh"))
    ratios = [(a.weight / b.weight).flatten() for a, b in zip(one, other, strict=True)]
    for ratio in ratios:
        torch.testing.assert_close(ratio, ratio[0].expand_as(ratio), rtol=1e-4, atol=0)


def test_auto_rot():
    network = Setup("tanh", hidden=(4, 3), auto_rot=True).build()
    assert [type(m) for m in linears(network)] == [AutoRotLinear, AutoRotLinear, nn.Linear]
    assert {m.L for m in linears(network)[:-1]} == {2.0}
    assert {m.L for m in linears(Setup("relu", auto_rot=True, L=3.0).build())[:-1]} == {3.0}


def test_the_demo_is_as_published():
    sizes = [m.in_features for m in linears(DEMO.build())] + [2]
    assert sizes == [2, 16, 7, 7, 7, 2]
    assert (DEMO.lr, DEMO.momentum, DEMO.batch, DEMO.l2) == (0.01, 0.1, 10, 0.001)
    assert DEMO.activation == "leaky_relu"
    biases = [m.bias.unique().tolist() for m in linears(DEMO.build())]
    assert biases[:-1] == [[pytest.approx(0.1)]] * 4
    assert biases[-1] == [0]
    wide = Setup("relu", hidden=(400, 400), start="convnetjs").build()
    assert linears(wide)[1].weight.std().item() == pytest.approx(1 / 20, rel=0.02)


def test_a_step_is_convnetjs_s():
    """Against its own rule, in plain numbers: v = momentum v - lr (l2 w + sum of gradients) / n."""
    setup = Setup("tanh", hidden=(3,), lr=0.05, momentum=0.4, batch=4, l2=0.3, start="convnetjs")
    learner, other = Learner(setup), setup.build()
    x, y = points("xor", 4)
    speed = [torch.zeros_like(p) for p in other.parameters()]
    for _ in range(3):
        loss = nn.functional.cross_entropy(other(x), y, reduction="sum")
        gradients = torch.autograd.grad(loss, list(other.parameters()))
        learner.step(x, y)
        with torch.no_grad():
            for p, v, g in zip(other.parameters(), speed, gradients, strict=True):
                decay = setup.l2 * p if p.dim() == 2 else 0.0  # biases have none
                v.mul_(setup.momentum).sub_(setup.lr * (decay + g) / setup.batch)
                p.add_(v)
    for p, q in zip(learner.network.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(p, q, rtol=1e-5, atol=1e-6)


def test_a_parameter_called_weight_has_no_penalty():
    learner = Learner(Setup("prelu", hidden=(3,), l2=1.0))
    decayed, free = (group.params for group in learner.optimizer.groups)
    assert all(p.dim() == 2 for p in decayed)
    assert any(p.shape == (1,) for p in free)


def test_rates_change_while_it_learns():
    learner = Learner(Setup("tanh", hidden=(3,), lr=0.1))
    learner.retune(Setup("relu", hidden=(9,), lr=0.5, momentum=0.2, batch=5, l2=0.1))
    assert learner.setup == Setup("tanh", hidden=(3,), lr=0.5, momentum=0.2, batch=5, l2=0.1)
    assert learner.optimizer.momentum == 0.2
    decayed, free = learner.optimizer.groups
    assert (decayed.lr, decayed.weight_decay) == (0.5, 0.02)
    assert (free.lr, free.weight_decay) == (0.5, 0.0)


def test_points_may_come_and_go():
    x, y = points("moons", 50)
    learner = Learner(Setup("tanh", hidden=(3,)))
    for count in (50, 1, 7, 50):
        for _ in range(4):
            learner.step(x[:count], y[:count])
    assert learner.steps == 16


def test_each_point_is_seen_once_an_epoch():
    x, y = points("moons", 50)
    learner, seen = Learner(Setup("tanh", hidden=(3,), batch=20)), []
    for _ in range(3):
        before = learner.order.tolist()
        learner.step(x, y)
        after = learner.order.tolist()
        seen += before[: len(before) - len(after)] or [i for i in range(50) if i not in after]
    assert sorted(seen) == list(range(50))


def test_it_stops_where_the_loss_is_no_number():
    x, y = points("moons", 50)
    learner = Learner(Setup("relu", lr=1e6, momentum=0.0))
    for _ in range(50):
        learner.step(x, y)
    assert learner.diverged
    assert learner.steps < 50


def test_what_is_looked_at():
    x, y = points("moons", 30)
    learner = Learner(Setup("tanh", hidden=(5, 4)))
    found = learner.preactivations(x)
    assert [tuple(z.shape) for z in found] == [(30, 5), (30, 4)]
    torch.testing.assert_close(found[0], linears(learner.network)[0](x))
    p = learner.surface(x)
    assert p.shape == (30,)
    assert learner.scores(x, y)[0] == pytest.approx(float(((p > 0.5) == (y == 1)).float().mean()))
    assert not any(t.requires_grad for t in (*found, p))
