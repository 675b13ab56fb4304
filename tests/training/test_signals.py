"""What goes on inside networks: against hand-made ones with known answers, and in trainings."""

from __future__ import annotations

from math import exp, log, sqrt

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import afnlab
from afnlab.nn import ActivationModule, make
from afnlab.signal import MeanField
from afnlab.studies import rotation, trainable_depth
from afnlab.training import history_columns, signals
from afnlab.training.noise import activation_modules

SMALL = {"seeds": 2, "epochs": 2, "limit_train": 100, "limit_test": 60, "progress": False}


def entropy_rank(*values: float) -> float:
    shares = [v / sum(values) for v in values]
    return exp(-sum(p * log(p) for p in shares))


@pytest.mark.parametrize(
    ("rows", "rank"),
    [
        (torch.eye(7), 7.0),
        (torch.ones(5, 3), 1.0),
        (torch.diag(torch.tensor([3.0, 1.0, 0.0])), entropy_rank(3, 1)),
        (torch.tensor([[2.0, 0.0], [0.0, -1.0], [0.0, 0.0]]), entropy_rank(2, 1)),
        (torch.zeros(4, 2), 0.0),
        (torch.tensor([[1.0, torch.nan]]), torch.nan),
        (torch.tensor([[1.0, torch.inf]]), torch.nan),
    ],
)
def test_the_effective_rank(rows, rank):
    assert signals.effective_rank(rows) == pytest.approx(rank, nan_ok=True)
    assert signals.effective_rank(rows.T) == pytest.approx(rank, nan_ok=True)
    assert signals.effective_rank(1e3 * rows) == pytest.approx(rank, nan_ok=True)


def inside(network: nn.Module, x: torch.Tensor) -> pd.DataFrame:
    """Of a network whose loss is the mean of its outputs."""
    sites = dict(activation_modules(network.eval()))
    return signals.measured(network, sites, lambda: network(x).mean(), len(x))


def linear(weight: list[list[float]], bias: list[float]) -> nn.Linear:
    layer = nn.Linear(len(weight[0]), len(weight))
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(weight))
        layer.bias.copy_(torch.tensor(bias))
    return layer


def test_every_number_of_a_network_by_hand():
    first, last = linear([[1, 0], [0, 1]], [0, -10]), linear([[2, 5]], [0])
    found = inside(nn.Sequential(first, make("relu"), last), torch.tensor([[1.0, 2], [-3, 4]]))
    # Pre-activations (1, -8) and (-3, -6): one value of four is let through, in the first unit.
    row = {"layer": 1, "site": "1", "call": 0, "dead": 0.5, "saturated": 0.75, "rank": 1.0}
    row |= {"q": (1 + 64 + 9 + 36) / 4, "gradient": sqrt(2), "chi": 1 / (2 * 0.5**2)}
    assert found.to_dict("records") == [pytest.approx(row)]


@pytest.mark.parametrize(
    ("name", "params", "x", "dead", "saturated"),
    [
        ("relu", {}, [[-1.0, 1.0, -2.0, 3.0]], 0.5, 0.5),
        ("leaky_relu", {"negative_slope": 0.01}, [[-1.0, 1.0]], 0.0, 0.5),
        ("leaky_relu", {"negative_slope": 0.2}, [[-1.0, 1.0]], 0.0, 0.0),
        ("tanh", {}, [[0.0, 2.0, 2.5, 5.0]], 0.25, 0.5),  # slopes 1, 0.071, 0.027, 0.0002
        ("tanh", {}, [[5.0, 5.0], [0.0, -5.0]], 0.5, 0.75),  # a unit is dead at all examples
        ("sigmoid", {}, [[0.0, 4.0, 5.0, 9.0]], 0.25, 0.5),  # of 0.25: 1, 0.071, 0.027, 0.0005
        ("gelu", {}, [[-6.0, -3.0, 0.0, 1.0]], 0.25, 0.5),
        ("hardtanh", {}, [[-1.5, 1.5, 0.5]], 2 / 3, 2 / 3),
        ("softmax", {}, [[1.0, 2.0]], torch.nan, torch.nan),  # not elementwise
    ],
)
def test_dead_and_saturated(name, params, x, dead, saturated):
    found = inside(make(name, params), torch.tensor(x)).iloc[0]
    assert found[["dead", "saturated"]].tolist() == pytest.approx([dead, saturated], nan_ok=True)


def test_a_parameter_of_each_unit_has_its_own_largest_slope():
    module = make("leaky_relu", trainable=True, num_features=2)
    with torch.no_grad():
        module.negative_slope.copy_(torch.tensor([0.01, 100.0]))
    found = inside(module, torch.tensor([[1.0, 1.0]])).iloc[0]
    assert found.saturated == 0.5  # a slope of 1, beside at most 1 and at most 100


def test_the_units_of_a_picture_are_its_channels():
    x = torch.stack([torch.full((4, 4), v) for v in (-1.0, 2.0, -3.0)]).expand(2, 3, 4, 4).clone()
    x[1, 0, 0, 0] = 1.0  # one place of one picture keeps the first channel alive
    found = inside(make("relu"), x).iloc[0]
    assert found.dead == pytest.approx(1 / 3)
    assert found.saturated == pytest.approx(63 / 96)


@pytest.mark.parametrize("factor", [0.5, 1.0, 1.5])
def test_chi_of_orthogonal_layers_is_the_square_of_their_factor(factor):
    layers: list[nn.Module] = []
    for _ in range(4):
        layer = nn.Linear(6, 6, bias=False)
        nn.init.orthogonal_(layer.weight, factor)
        layers += [layer, make("leaky_relu", {"negative_slope": 1.0})]
    found = inside(nn.Sequential(*layers, nn.Linear(6, 2)), torch.randn(5, 6))
    assert found.layer.tolist() == [1, 2, 3, 4]
    assert found.chi[:3].tolist() == pytest.approx([factor**2] * 3, rel=1e-4)
    assert (found.q / found.q[0]).tolist() == pytest.approx(
        [factor ** (2 * i) for i in range(4)], rel=1e-4
    )


@pytest.mark.parametrize(("name", "sigma_w"), [("tanh", 1.5), ("relu", 1.2), ("selu", 0.9)])
def test_wide_random_networks_are_as_the_theory_says(name, sigma_w):
    torch.manual_seed(0)
    with torch.random.fork_rng():
        network = trainable_depth.task(6, width=500).model(lambda: make(name), sigma_w=sigma_w)
    found = inside(network, torch.randn(128, 64))
    field, q = MeanField(name, sigma_w, trainable_depth.SIGMA_B), float(found.q[0])
    for at in range(5):
        assert found.chi[at] == pytest.approx(float(field.chi(q)), rel=0.12)
        q = float(field.variance(q))
        assert found.q[at + 1] == pytest.approx(q, rel=0.12)


def test_what_is_not_finite_or_has_no_gradient_is_missing():
    broken = inside(nn.Sequential(linear([[torch.nan]], [0]), make("relu")), torch.ones(3, 1))
    assert np.isnan(broken.iloc[0][["rank", "q"]].to_numpy(float)).all()

    class Apart(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.watched = nn.Linear(2, 1), make("tanh")

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.watched(x.detach())
            return self.used(x)

    apart = inside(Apart(), torch.ones(3, 2)).iloc[0]
    assert np.isnan(apart.gradient) and np.isnan(apart.chi) and apart.q == 1.0
    assert len(inside(nn.Linear(2, 1), torch.ones(3, 2))) == 0


@pytest.mark.parametrize(
    ("cell", "calls"), [("rnn", 8), ("gru", 8), ("lstm", 16)]
)  # twice a step in an LSTM
def test_a_recurrent_layer_over_its_steps(cell, calls):
    params = {"cell": cell, "auto_rot": True}
    result = afnlab.train("digits-rnn", "tanh", params=params, record=["signals"], **SMALL)
    own = result.signals[(result.signals.seed == 0) & (result.signals.epoch == 0)]
    assert own.call.tolist() == list(range(calls))
    assert set(own.site) == {"0.activation"} and (own.gradient > 0).all()


def test_plain_and_rotated_networks_beside_each_other():
    figure = rotation.inside("digits-arp", "tanh", seeds=1, epochs=1)
    labels = [ax.get_ylabel() for ax in figure.axes if ax.get_ylabel()]
    assert labels == ["tanh, plain", "tanh, rotated"]


TASKS = [
    ("digits-mlp", {"sites": "shared"}, ["0", "1"]),
    ("digits-convnet", {}, None),
    ("digits-arp", {}, None),
    ("names-gpt", {}, None),
    ("poisson-pinn", {}, None),  # its loss takes derivatives of the network
    ("digits-airbench", {}, None),
]


@pytest.mark.parametrize(("task", "params", "calls"), TASKS, ids=[t[0] for t in TASKS])
def test_every_kind_of_network_is_recorded(task, params, calls):
    given = SMALL | {"params": params}
    plain = afnlab.train(task, "srelu", **given)
    result = afnlab.train(task, "srelu", record=["signals"], **given)
    pd.testing.assert_frame_equal(  # nothing of it changes the training
        plain.history.drop(columns="seconds"), result.history.drop(columns="seconds")
    )
    found = result.signals
    assert tuple(found.columns) == ("seed", "epoch", *history_columns.SIGNAL_COLUMNS)
    assert found.groupby("seed").epoch.unique().map(list).tolist() == [[0, 1, 2]] * 2
    last = found.layer == found.layer.max()
    if task == "poisson-pinn":  # what its loss depends on are derivatives, not the outputs
        assert found[last].chi.isna().all()
        found.loc[last, "chi"] = 1.0
    assert np.isfinite(found.drop(columns="site").to_numpy(float)).all()
    assert (found.q > 0).all() and (found["rank"] >= 1).all()
    one = found[(found.seed == 0) & (found.epoch == 2)]
    assert one.layer.tolist() == list(range(1, len(one) + 1))
    if calls is not None:
        assert one.call.tolist() == [int(c) for c in calls]


def test_members_of_a_stack_have_the_numbers_that_they_have_alone():
    given = SMALL | {"dtype": "float64", "record": ["signals"], "params": {"trainable": True}}
    together = afnlab.train("digits-mlp", "srelu", **(given | {"seeds": 3})).signals
    alone = [afnlab.train("digits-mlp", "srelu", **(given | {"seeds": [s]})) for s in range(3)]
    by = ["seed", "epoch", "layer"]
    both = [
        t.sort_values(by).reset_index(drop=True)
        for t in (together, pd.concat(a.signals for a in alone if a.signals is not None))
    ]
    pd.testing.assert_frame_equal(*both, rtol=1e-8)
    assert together.groupby(["epoch", "layer"]).q.nunique().eq(3).all()


def test_mixed_precision_is_measured_as_it_is_computed():
    given = SMALL | {"dtype": "bfloat16", "record": ["signals"]}
    found = afnlab.train("digits-mlp", "tanh", **given).signals
    exact = afnlab.train("digits-mlp", "tanh", **(given | {"dtype": "float32"})).signals
    assert (found.q / exact.q).between(0.9, 1.1).all()


def test_the_sample_is_spread_over_all_examples():
    assert signals.sample(3).tolist() == [0, 1, 2]
    many = signals.sample(10_000)
    assert len(many) == signals.SAMPLE and many[0] == 0 and many[-1] == 9_999
    assert len(set(many.tolist())) == signals.SAMPLE


def test_an_activation_is_called_but_once():
    """Measuring calls no hook of its own again, and leaves none behind."""
    network = nn.Sequential(nn.Linear(2, 2), make("gelu"), nn.Linear(2, 1))
    inside(network, torch.randn(4, 2))
    assert len(inside(network, torch.randn(4, 2))) == 1
    module = network[1]
    assert isinstance(module, ActivationModule) and not module._forward_hooks
    assert not network._forward_hooks
