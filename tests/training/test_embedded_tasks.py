"""The embedded tasks: their data, their networks, and their recipes against plain torch."""

from __future__ import annotations

from dataclasses import replace
from math import log, pi, sqrt

import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.testing import assert_close

import afnlab
from afnlab import get_activation, get_task
from afnlab.autorot import AutoRotGRU, AutoRotLSTM, AutoRotRNN
from afnlab.training import embedded, layout
from afnlab.training.fields import POISSON_RESIDUAL, boundary_value_mlp, neural_field
from afnlab.training.initial import build
from afnlab.training.members import Member
from afnlab.training.options import resolve
from afnlab.training.plan import configure, plan
from afnlab.training.recorder import Recorder
from afnlab.training.recurrent import Unrolled
from afnlab.training.scan import scan
from afnlab.training.stack import Stack

TASKS = ("digits-rnn", "breast-cancer", "autoencoder", "flower-field", "poisson-pinn")
CELLS = {
    "rnn": (nn.RNN, AutoRotRNN),
    "lstm": (nn.LSTM, AutoRotLSTM),
    "gru": (nn.GRU, AutoRotGRU),
}
every_task = pytest.mark.parametrize("name", TASKS)
every_cell = pytest.mark.parametrize("cell", CELLS)


def started(name: str, activation: str, params: dict, seeds=(3, 5)) -> Stack:
    config = configure(name, activation, params=params, dtype="float64")
    how = replace(plan(config), epochs=3)
    return Stack.build(how, [Member(seed, config.options) for seed in seeds])


# The recipes, written out in plain torch


def linear(weights: dict, name: str, x: torch.Tensor) -> torch.Tensor:
    return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]


def classify(weights, x, y):
    hidden = linear(weights, "2", linear(weights, "0", x).tanh()).tanh()
    return F.nll_loss(linear(weights, "4", hidden).log_softmax(1), y)


def reconstruct(weights, x, y):
    code = linear(weights, "2", linear(weights, "0", x).tanh()).tanh()
    code = linear(weights, "4", code)
    out = linear(weights, "7", linear(weights, "5", code).tanh()).tanh()
    return ((linear(weights, "9", out) - y) ** 2).mean()


def siren(weights, x, y):
    for name in ("0", "2", "4"):
        x = torch.sin(30 * linear(weights, name, x))
    return F.mse_loss(linear(weights, "6", x), y)


def equation(weights, x, _):
    """With the derivatives by x carried along by hand."""
    value, slope, bend = x, torch.ones_like(x), torch.zeros_like(x)
    for name in ("0", "2", "4", "6"):
        weight = weights[f"network.{name}.weight"].T
        value = linear(weights, f"network.{name}", value)
        slope, bend = slope @ weight, bend @ weight
        if name != "6":
            value = value.tanh()
            rise = 1 - value**2
            slope, bend = rise * slope, rise * bend - 2 * value * rise * slope**2
    second = -2 * value + 2 * (pi - 2 * x) * slope + x * (pi - x) * bend
    source = sum(k * torch.sin(k * x) for k in (1, 2, 3, 4)) + 8 * torch.sin(8 * x)
    return ((second + source) ** 2).mean()


def recurrent(cell):
    def loss(weights, x, y):
        layer = CELLS[cell][0](8, 32, batch_first=True).double()
        own = {n: weights[f"0.layer.{n}"] for n, _ in layer.named_parameters()}
        read = torch.func.functional_call(layer, own, (x,))[0][:, -1]
        return F.cross_entropy(linear(weights, "1", read), y)

    return loss


ADAMW = (torch.optim.AdamW, {"weight_decay": 1e-4})
ADAM = (torch.optim.Adam, {})
REFERENCES = {
    # task, activation, settings: the loss of a batch, the optimizer
    ("breast-cancer", "tanh", ""): (classify, *ADAMW),
    ("autoencoder", "tanh", ""): (reconstruct, *ADAMW),
    ("flower-field", "sine", ""): (siren, *ADAM),
    ("poisson-pinn", "tanh", ""): (equation, *ADAM),
    **{("digits-rnn", "tanh", cell): (recurrent(cell), *ADAMW) for cell in CELLS},
}


@pytest.mark.parametrize("case", REFERENCES, ids="-".join)
def test_a_recipe_is_what_plain_torch_makes_of_it(case):
    """From the same weights and batches, both seeds of a stack: every loss of ten steps."""
    name, activation, cell = case
    loss, optimizer, options = REFERENCES[case]
    stack = started(name, activation, {"cell": cell} if cell else {})
    rate, x, y = stack.recipe.lr, stack.train.x.double(), stack.train.y
    y = y.double() if y.is_floating_point() else y
    models = [
        {n: p[i].detach().clone().requires_grad_() for n, p in stack.params.items()}
        for i in range(2)
    ]
    steps = [optimizer(weights.values(), lr=rate, **options) for weights in models]
    recorder = Recorder((3, 5), stack, set())
    for _, index in zip(range(10), stack.batches(), strict=False):
        found = stack.step(index, recorder)
        for i, (weights, step) in enumerate(zip(models, steps, strict=True)):
            step.zero_grad()
            want = loss(weights, x[index[i]], y[index[i]])
            want.backward()
            step.step()
            assert_close(found[i], want.detach(), rtol=1e-9, atol=1e-12)


# All of them


@every_task
def test_seeds_together_are_seeds_alone(name):
    task, options = get_task(name), {"dtype": "float64", "epochs": 1, "progress": False}
    some = {"limit_train": 200, "limit_test": 100}
    for activation in ("srelu", "rrelu"):
        both, alone = (
            afnlab.train(task, activation, seeds=seeds, **some, **options)
            for seeds in ([1, 2], [2])
        )
        assert both.info["trained_together"] == [2]
        mine = both.history[both.history.seed == 2].reset_index(drop=True)
        columns = [c for c in mine if c != "seconds"]
        pd.testing.assert_frame_equal(mine[columns], alone.history[columns], rtol=1e-8)


@every_task
def test_activations_start_from_the_same_draws(name):
    """The same weights, or the same normal draws with other factors."""
    task = get_task(name)
    relu, other = (
        build(task, get_activation(a), resolve(task, get_activation(a), {}), 4, torch.ones(2))
        for a in ("relu", "tanh")
    )
    for a, b in zip(relu.parameters(), other.parameters(), strict=True):
        if name != "flower-field":
            assert torch.equal(a, b)
        else:
            ratio = (a / b).flatten()
            assert_close(ratio, ratio[:1].expand_as(ratio), rtol=1e-5, atol=0)


FACTS = {
    # the metric, its unit, direction, bounds, chance level
    "digits-rnn": ("accuracy", "%", "higher", 0.0, 1.0, 0.1),
    "breast-cancer": ("log_loss", "nats", "lower", 0.0, None, log(2)),
    "autoencoder": ("squared_error", "", "lower", 0.0, None, 0.074),
    "flower-field": ("psnr", "dB", "higher", None, None, None),
    "poisson-pinn": ("relative_error", "", "lower", 0.0, None, 1.0),
}


@every_task
def test_what_a_task_is_judged_by(name):
    task = get_task(name)
    metric = task.metric.measure(task.data())
    key, unit, better, low, high, chance = FACTS[name]
    assert (metric.key, metric.unit, metric.better) == (key, unit, better)
    assert (metric.low, metric.high) == (low, high)
    assert metric.chance == pytest.approx(chance, abs=1e-3)
    assert [m.key for m in task.also] == (["accuracy"] if name == "breast-cancer" else [])


@every_task
def test_validation_examples_are_training_examples(name):
    data = get_task(name).data()
    held = data.validation()
    count = len(data.train_x)
    assert len(held.test_x) == pytest.approx(0.2 * count, abs=1)
    assert len(held.train_x) + len(held.test_x) == count
    rows = {tuple(row.tolist()) for row in data.train_x.flatten(1)}
    chosen = [tuple(row.tolist()) for row in torch.cat([held.train_x, held.test_x]).flatten(1)]
    assert set(chosen) == rows
    found = afnlab.train(
        name, "relu", params={"split": "validation"}, seeds=1, epochs=1, progress=False
    )
    assert found.info["evaluated"] == "validation"


@every_task
def test_a_summary_says_what_it_is(name):
    task = get_task(name)
    assert task.summary
    assert task.source


# Data


def test_the_flower_is_cut_into_two_grids():
    data = get_task("flower-field").data()
    assert len(data.train_x) == 64 * 64
    assert len(data.train_x) + len(data.test_x) == 128 * 128
    places = {tuple(p) for p in torch.cat([data.train_x, data.test_x]).tolist()}
    assert len(places) == 128 * 128
    assert data.train_x.min() == -1
    assert data.test_x.max() == 1
    for colours in (data.train_y, data.test_y):
        assert colours.shape[1] == 3
        assert 0 <= colours.min() < 0.1
        assert 0.9 < colours.max() <= 1
    near = data.test_x[:, None].sub(data.train_x[None, :200]).square().sum(-1)
    distance, at = near.min(1)
    close = distance < 0.0003  # the next pixel: it has nearly the same colour
    off = (data.test_y[close] - data.train_y[at[close]]).abs().mean()
    assert off < 0.25 * (data.test_y[close] - data.train_y[0]).abs().mean() + 0.02


def test_the_first_coordinate_goes_to_the_right():
    picture = torch.from_numpy(embedded_picture())
    data = get_task("flower-field").data()
    right = data.train_x[:, 0] > 0
    middle = picture[21:405, 128:512].double() / 255
    assert_close(
        data.train_y[right].double().mean(0), middle[:, 192:].mean((0, 1)), rtol=0.05, atol=0
    )


def embedded_picture():
    from sklearn.datasets import load_sample_image  # noqa: PLC0415

    return load_sample_image("flower.jpg").copy()


def test_tumours_are_standardized_by_the_training_examples():
    data = get_task("breast-cancer").data()
    assert (len(data.train_y), len(data.test_y)) == (426, 143)
    assert_close(data.train_x.mean(0), torch.zeros(30), rtol=0, atol=1e-5)
    assert_close(data.train_x.std(0), torch.ones(30), rtol=1e-5, atol=0)
    benign = [y.float().mean().item() for y in (data.train_y, data.test_y)]
    assert benign[0] == pytest.approx(benign[1], abs=0.01)


def test_the_source_is_that_of_the_solution():
    x = torch.linspace(0, pi, 50, dtype=torch.float64, requires_grad=True)
    u = embedded.poisson_solution(x)
    (slope,) = torch.autograd.grad(u.sum(), x, create_graph=True)
    (bend,) = torch.autograd.grad(slope.sum(), x)
    assert_close(-bend, embedded.poisson_source(x).detach())
    assert u[0] == 0
    assert u[-1].item() == pytest.approx(pi)
    zero = POISSON_RESIDUAL.of(embedded.poisson_solution, x[:, None], x)
    assert zero.abs().max() < 1e-20


def test_a_digit_is_read_row_by_row():
    rows, flat = embedded.digit_rows(), get_task("digits-mlp").data()
    assert torch.equal(rows.train_x[7, 2], flat.train_x[7, 16:24])
    assert torch.equal(rows.test_y, flat.test_y)


# Networks


@pytest.mark.parametrize("rotated", [False, True], ids=["plain", "rotated"])
@every_cell
def test_an_unrolled_layer_with_tanh_is_torch_s(cell, rotated):
    x = torch.randn(5, 7, 4, dtype=torch.float64)
    unrolled = Unrolled(cell, 4, 6, afnlab.nn.Tanh(), L=2.0, auto_rot=rotated).double()
    limits = {"xmin_lim": -1.0, "xmax_lim": 1.0}
    rotation = {"L": 2.0, **limits} if rotated else {}
    layer = CELLS[cell][rotated](4, 6, batch_first=True, **rotation).double()
    layer.load_state_dict(unrolled.layer.state_dict())
    got, want = unrolled(x), layer(x)[0][:, -1]
    assert_close(got, want, rtol=1e-12, atol=1e-14)
    inputs = list(unrolled.layer.parameters())
    slopes = torch.autograd.grad(got.square().sum(), inputs)
    wanted = torch.autograd.grad(want.square().sum(), list(layer.parameters()))
    assert_close(slopes, wanted, rtol=1e-10, atol=1e-12)


@every_cell
def test_the_activation_is_in_the_cell(cell):
    """With f = 0 nothing enters the state; with the identity what enters is not bounded."""
    x = 10 * torch.ones(1, 3, 4)
    none = Unrolled(cell, 4, 6, afnlab.nn.Threshold(1e9), auto_rot=False)
    assert not none(x).any()
    open_ = Unrolled(cell, 4, 6, afnlab.nn.LeakyReLU(1.0), auto_rot=False)
    assert open_(x).abs().max() > 1


@every_cell
def test_rotation_is_a_setting_that_changes_the_training(cell):
    finals = [
        afnlab.train(
            "digits-rnn",
            "tanh",
            params={"cell": cell, "auto_rot": on},
            seeds=1,
            epochs=1,
            limit_train=300,
            progress=False,
        )
        for on in (False, True)
    ]
    losses = [r.history.train_loss.item() for r in finals]
    assert losses[0] != losses[1]


@pytest.mark.parametrize(
    ("name", "activation", "parameter", "settings"),
    [
        ("digits-rnn", "tanh", "L", {"auto_rot": True}),
        ("digits-rnn", "tanh", "L", {"auto_rot": True, "cell": "lstm"}),
        ("flower-field", "sine", "omega", {}),
        ("poisson-pinn", "swish", "beta", {}),
    ],
)
def test_values_in_one_stack_are_values_alone(name, activation, parameter, settings):
    options = {"epochs": 1, "limit_train": 100, "dtype": "float64", "progress": False}
    values = [1.0, 3.0]
    table = scan(name, activation, parameter, values, params=settings, seeds=[4], **options)
    losses = []
    for value in values:
        params = settings | {parameter: value, "split": "validation"}
        alone = afnlab.train(name, activation, params=params, seeds=[4], **options)
        losses.append(alone.history.test_loss.item())
    assert table.test_loss.tolist() == pytest.approx(losses, rel=1e-9)
    assert losses[0] != losses[1]


def test_unrolled_layers_are_stacked_and_torch_s_are_not():
    unrolled = Unrolled("gru", 4, 6, afnlab.nn.Tanh())
    place = torch.device("cpu"), torch.float32
    assert layout.together(unrolled, *place)
    assert not layout.together(nn.Sequential(unrolled, nn.GRU(6, 6)), *place)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"cell": "mamba"}, "cell must be one of rnn, lstm, gru"),
        ({"cell": 1}, "cell must be one of"),
        ({"auto_rot": "yes"}, "auto_rot must be true or false"),
        ({"L": -1}, "L must be a number above 0"),
    ],
)
def test_bad_settings_are_named(params, message):
    with pytest.raises(ValueError, match=message):
        afnlab.train("digits-rnn", "tanh", params=params, seeds=1)


def layers_of(network: nn.Module) -> list[nn.Linear]:
    return [m for m in network.modules() if isinstance(m, nn.Linear)]


@pytest.mark.parametrize("omega", [30.0, 10.0])
def test_a_sine_field_starts_as_siren_does(omega):
    network = neural_field(2, 400, 400, 3)(lambda: afnlab.nn.Sine(omega))
    edges = [1 / 2, sqrt(6 / 400) / omega, sqrt(6 / 400) / omega]
    for layer, edge in zip(layers_of(network), edges, strict=True):
        assert 0.95 * edge < layer.weight.abs().max() <= edge
        assert layer.weight.std().item() == pytest.approx(edge / sqrt(3), rel=0.05)


@pytest.mark.parametrize(
    ("module", "variance"),
    [("ReLU", 2 / 400), ("Softplus", 2 / 400), ("Tanh", 1 / 400), ("Sigmoid", 1 / 400)],
)
def test_other_fields_start_as_in_siren_s_code(module, variance):
    network = neural_field(2, 400, 400, 3)(getattr(afnlab.nn, module))
    assert layers_of(network)[1].weight.var().item() == pytest.approx(variance, rel=0.05)


def test_a_solution_meets_its_boundary_values():
    network = boundary_value_mlp(1, 50, 50, 1)(afnlab.nn.Mish).double()
    ends = network(torch.tensor([[0.0], [pi]], dtype=torch.float64))
    assert_close(ends, torch.tensor([[0.0], [pi]], dtype=torch.float64), rtol=0, atol=1e-12)
    edge = sqrt(6 / (50 + 50))
    assert 0.9 * edge < layers_of(network)[1].weight.abs().max() <= edge
    assert not layers_of(network)[1].bias.any()


def test_an_autoencoder_s_code_is_linear():
    network = get_task("autoencoder").model(afnlab.nn.ReLU)
    kinds = [type(m).__name__ for m in network]
    part = ["Linear", "ReLU", "Linear", "ReLU", "Linear"]
    assert kinds == part * 2
    assert min(layer.out_features for layer in layers_of(network)) == 6


# What they show


def final(name, activation, **options) -> float:
    result = afnlab.train(name, activation, seeds=1, progress=False, **options)
    return result.final[result.task.metric.column].item()


def test_a_sine_draws_what_relu_does_not():
    assert final("flower-field", "sine", epochs=3) > 3 + final("flower-field", "relu", epochs=3)


@pytest.mark.slow
def test_relu_solves_no_equation_of_second_order():
    relu, tanh = (final("poisson-pinn", name, epochs=20) for name in ("relu", "tanh"))
    assert tanh < 0.1
    assert relu > 3 * tanh
