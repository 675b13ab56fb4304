"""Losses and metrics: what a task minimizes and is judged by, exactly, masked or not."""

from __future__ import annotations

from dataclasses import replace
from math import log, log2

import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.testing import assert_close

import afnlab
from afnlab import Data, Loss, Metric, Recipe, Task
from afnlab.errors import ParameterError
from afnlab.measures import Measure
from afnlab.training import stack
from afnlab.training.data import MASKED, DataError
from afnlab.training.metrics import (
    ACCURACY,
    BITS_PER_CHARACTER,
    LOG_LOSS,
    MEAN_SQUARED_ERROR,
    PSNR,
    RELATIVE_ERROR,
    SQUARED_ERROR,
)

CLASSES, TIME = 5, 6


def draws(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)))


class Characters(nn.Module):
    """Logits (batch, time, classes) of tokens (batch, time)."""

    def __init__(self, activation):
        super().__init__()
        self.embedding, self.one = nn.Embedding(CLASSES, 8), nn.Linear(8, 8)
        self.activation, self.two = activation(), nn.Linear(8, CLASSES)

    def forward(self, x):
        return self.two(self.activation(self.one(self.embedding(x))))


def tokens(masked: bool) -> Data:
    def part(count, seed):
        g = torch.Generator().manual_seed(seed)
        x = torch.randint(0, CLASSES, (count, TIME), generator=g)
        y = (2 * x + 1) % CLASSES
        lengths = torch.randint(1, TIME + 1, (count, 1), generator=g)
        return x, torch.where(torch.arange(TIME) < lengths, y, MASKED) if masked else y

    return Data(*part(50, 0), *part(33, 1))


def sequences(masked=True, **changes) -> Task:
    task = Task(
        "characters",
        lambda: tokens(masked),
        Characters,
        Recipe(epochs=2, batch_size=16, lr=0.01),
        metric=BITS_PER_CHARACTER,
        also=(ACCURACY, LOG_LOSS),
    )
    return replace(task, **changes)


def trained(task, **options):
    return afnlab.train(task, "relu", **{"seeds": 3, "progress": False} | options)


@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize("group", [None, 1])
def test_sequences_count_what_is_not_masked(masked, group):
    result = trained(sequences(masked), dtype="float64", keep_weights=True, group=group)
    test = tokens(masked)
    for seed in (0, 2):
        with torch.no_grad():
            logits = result.model(seed).double()(test.test_x).flatten(0, 1)
        y = test.test_y.flatten()
        loss = F.cross_entropy(logits, y, ignore_index=MASKED).item()
        right = (logits.argmax(-1) == y).sum().item() / (y != MASKED).sum().item()
        row = result.final.loc[seed]
        assert row.test_loss == pytest.approx(loss, rel=1e-12)
        assert row.test_log_loss == pytest.approx(loss, rel=1e-12)
        assert row.test_bits_per_character == pytest.approx(loss / log(2), rel=1e-12)
        assert row.test_accuracy == pytest.approx(right, rel=1e-12)
    assert tuple(result.history.columns[4:7]) == (
        "test_bits_per_character",
        "test_accuracy",
        "test_log_loss",
    )


def test_a_training_weighs_every_target_alike():
    """An epoch of one batch is the loss over all targets; of several, their weighted mean."""
    whole = sequences(recipe=Recipe(epochs=1, batch_size=50, lr=1e-30))
    parts = replace(whole, recipe=Recipe(epochs=1, batch_size=16, lr=1e-30))
    first, second = (trained(t, dtype="float64").history.train_loss for t in (whole, parts))
    assert_close(torch.tensor(first), torch.tensor(second), rtol=1e-12, atol=0)


@pytest.mark.parametrize("size", [1, 7, 40, 10_000])
def test_parts_of_the_data_add_up(size, monkeypatch):
    whole = trained(sequences(), dtype="float64").history
    monkeypatch.setattr(stack, "EVALUATION_BATCH", size)
    parts = trained(sequences(), dtype="float64").history
    pd.testing.assert_frame_equal(
        whole.drop(columns="seconds"), parts.drop(columns="seconds"), rtol=1e-12
    )


def regression(metric=SQUARED_ERROR, also=(PSNR, RELATIVE_ERROR), **changes) -> Task:
    x, test = draws(60, 3), draws(25, 3)
    data = Data(x, x.square() / 4, test, test.square() / 4)

    def model(activation):
        return nn.Sequential(nn.Linear(3, 8), activation(), nn.Linear(8, 3))

    recipe = Recipe(epochs=2, batch_size=16, lr=0.01)
    task = Task("squares", lambda: data, model, recipe, loss=MEAN_SQUARED_ERROR)
    return replace(task, metric=metric, also=also, **changes)


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
def test_regression(dtype):
    result = trained(regression(), dtype=dtype, keep_weights=True)
    data = result.task.data()
    tolerance = {"float64": 1e-6, "float32": 1e-5, "bfloat16": 0.05}[dtype]
    for seed in (0, 1):
        with torch.no_grad():
            error = result.model(seed).float()(data.test_x) - data.test_y
        mean, row = error.square().mean().item(), result.final.loc[seed]
        relative = (error.norm() / data.test_y.norm()).item()
        assert row.test_loss == pytest.approx(mean, rel=tolerance)
        assert row.test_squared_error == pytest.approx(mean, rel=tolerance)
        assert row.test_psnr == pytest.approx(-10 * log(mean, 10), rel=tolerance)
        assert row.test_relative_error == pytest.approx(relative, rel=tolerance)


def slope(network, x, targets):
    """The squared residual of u' = 2x with u(0) = 0: one value an example."""
    u = network(x)
    (du,) = torch.autograd.grad(u.sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(du.sum(), x, create_graph=True)
    return (du - 2 * x).square() + (second - 2).square() + network(0 * x).square()


class Mapped(nn.Module):
    """The same network, which is not a chain of layers: stacked it needs torch.func.vmap."""

    def __init__(self, layers):
        super().__init__()
        self.layers = layers

    def forward(self, x):
        return self.layers(x)


def equation(mapped: bool) -> Task:
    x = torch.linspace(-1, 1, 40)[:, None]

    def model(activation):
        layers = nn.Sequential(nn.Linear(1, 8), activation(), nn.Linear(8, 1))
        return Mapped(layers) if mapped else layers

    return Task(
        "equation",
        lambda: Data(x, torch.zeros_like(x), x, x.square()),
        model,
        Recipe(epochs=3, batch_size=16, lr=0.01),
        loss=Loss("residual", slope, of_network=True),
        metric=RELATIVE_ERROR,
    )


@pytest.mark.parametrize("activation", ["tanh", "srelu", "mish"])
def test_a_loss_of_the_network(activation):
    def run(mapped, group=None, **options):
        given = {"seeds": 3, "progress": False, "dtype": "float64", "group": group}
        result = afnlab.train(equation(mapped), activation, **given, keep_weights=True)
        return result, result.history.drop(columns="seconds")

    result, chain = run(mapped=False)
    for other in (run(mapped=False, group=1)[1], run(mapped=True)[1], run(True, group=1)[1]):
        pd.testing.assert_frame_equal(chain, other, rtol=1e-7)
    data = result.task.data()
    for seed in (0, 2):
        network = result.model(seed).double()
        x = data.test_x.double().requires_grad_()
        expected = slope(network, x, None).mean().item()
        assert result.final.test_loss[seed] == pytest.approx(expected, rel=1e-6)
    assert (
        chain.groupby("seed").train_loss.last() < chain.groupby("seed").train_loss.first()
    ).all()


def test_chance_levels_follow_from_the_data():
    assert ACCURACY.measure(tokens(True)).chance == 1 / CLASSES
    assert BITS_PER_CHARACTER.measure(tokens(True)).chance == log2(CLASSES)
    assert LOG_LOSS.measure(tokens(False)).chance == log(CLASSES)
    data = regression().data()
    mean = (data.test_y - data.train_y.mean(0)).square().mean().item()
    assert SQUARED_ERROR.measure(data).chance == pytest.approx(mean)
    assert PSNR.measure(data).chance is None


@pytest.mark.parametrize("metric", [ACCURACY, BITS_PER_CHARACTER, PSNR, RELATIVE_ERROR])
def test_a_measure_is_read_as_it_was_described(metric):
    measure = metric.measure(tokens(True))
    assert Measure.read(measure.described()) == measure
    assert metric.column == f"test_{metric.key}"
    assert measure.sign == (1 if metric in (ACCURACY, PSNR) else -1)


def test_values_are_printed_with_their_unit():
    assert ACCURACY.text(0.98765) == "98.77 %"
    assert PSNR.text(23.4567) == "23.46 dB"
    assert SQUARED_ERROR.text(0.0123456) == "0.01235"


def total(outputs, targets):
    return (outputs - targets).square().sum(), torch.ones_like(targets).sum()


GIVEN = {"name": "error", "key": "error", "better": "lower", "total": total}
WRONG = [
    (
        {"key": "loss"},
        "metric error: key must be a Python identifier that no other column has, got 'loss'",
    ),
    ({"key": "my error"}, "key must be a Python identifier"),
    ({"better": "up"}, "better must be one of higher, lower, got 'up'"),
    ({"name": " "}, "name must be a name to print"),
    ({"unit": None}, "unit must be printable text of 60 characters at most, got None"),
    ({"unit": "a\nb"}, "unit must be printable text"),
    ({"name": "x" * 61}, "name must be printable text"),
    ({"low": float("nan")}, "low must be a finite number, got nan"),
    ({"low": 1.0, "high": 0.0}, "high must be above low, which is 1.0, got 0.0"),
    ({"scale": 0}, "scale must be a number above 0, got 0"),
    ({"decimals": 2.5}, "decimals must be a whole number, 0 to 15, got 2.5"),
    ({"chance": -1.0, "low": 0.0}, r"chance must be a finite number within the bounds \(low 0.0"),
    ({"chance": "none"}, "chance must be a finite number"),
    ({"total": 3}, "total must be a function, got 3"),
    ({"finish": None}, "finish must be a function, got None"),
]


@pytest.mark.parametrize(("changes", "message"), WRONG)
def test_a_metric_that_cannot_be(changes, message):
    with pytest.raises(ParameterError, match=message):
        Metric(**GIVEN | changes)


def _shape(outputs, targets):
    return (outputs - targets).square().mean(0), torch.ones_like(targets).sum()


AT_WORK = [
    (
        {"total": lambda o, t: (o.sum() * torch.nan, o.sum())},
        "must give finite numbers, got nan",
    ),
    ({"total": _shape}, r"total must return two numbers, .* got a tensor \(3,\)"),
    ({"total": lambda o, t: o.sum()}, "total cannot be evaluated on outputs"),
    ({"total": lambda o, t: (o @ t, 1)}, r"outputs \(25, 3\) and targets \(25, 3\)"),
    ({"total": lambda o, t: (o.sum().item(), 1)}, "total cannot be evaluated"),
    ({"total": total, "high": 1e-9}, "metric error: must be any to 1e-09, got"),
    ({"finish": lambda v: v.mean()}, "finish must return a number for every number"),
    ({"chance": lambda data: 7.0, "high": 1.0}, "chance must be a finite number within the bounds"),
    ({"chance": lambda data: "seven"}, "chance must be a finite number"),
]


@pytest.mark.parametrize(("changes", "message"), AT_WORK)
def test_a_metric_that_fails(changes, message):
    with pytest.raises(ValueError, match=message):
        trained(regression(Metric(**GIVEN | changes), ()), epochs=1)


TASKS = [
    ({"metric": "accuracy"}, "metric must be an afnlab.Metric, got 'accuracy'"),
    ({"loss": F.cross_entropy}, "loss must be an afnlab.Loss"),
    ({"also": (BITS_PER_CHARACTER,)}, "also must be metrics with keys that differ"),
    (
        {"loss": MEAN_SQUARED_ERROR, "recipe": Recipe(1, 8, label_smoothing=0.1)},
        "label_smoothing must be 0 for the loss mean squared error, got 0.1",
    ),
]


@pytest.mark.parametrize(("changes", "message"), TASKS)
def test_a_task_that_cannot_be(changes, message):
    with pytest.raises(ParameterError, match=message):
        sequences(**changes)


@pytest.mark.parametrize(
    ("task", "message"),
    [
        (regression(ACCURACY, (), loss=MEAN_SQUARED_ERROR), "metric accuracy"),
        (sequences(loss=MEAN_SQUARED_ERROR), r"squared error: needs outputs of the shape"),
        (
            regression(loss=Loss("own", lambda o, t: (o - t).square().mean())),
            r"loss own: must return the losses of 48 examples, got \(\)",
        ),
        (
            sequences(loss=Loss("own", lambda o, t: o.square().mean((1, 2)))),
            r"must return the losses of targets \(48, 6\), got \(48,\)",
        ),
    ],
)
def test_a_loss_or_metric_of_other_outputs(task, message):
    with pytest.raises(ValueError, match=message):
        trained(task, epochs=1)


def test_validation_of_what_has_no_classes():
    for data in (tokens(True), regression().data()):
        split = data.validation()
        assert split.evaluated == "validation"
        assert len(split.test_y) == round(0.2 * len(data.train_y))
        both = torch.cat([split.train_x, split.test_x]).flatten(1)
        order = [sorted(map(tuple, x.tolist())) for x in (both, data.train_x.flatten(1))]
        assert order[0] == order[1]
        assert split.fingerprint == data.validation().fingerprint
        assert not torch.equal(split.test_x, data.train_x[-len(split.test_x) :])
    one = Data(*(t[:1] for t in (data.train_x, data.train_y, data.test_x, data.test_y)))
    with pytest.raises(DataError, match="validation needs one training example or more"):
        one.validation()


def test_a_seed_whose_metric_is_not_finite_has_diverged():
    """If the others have one; a metric that gives none at all is wrong."""

    def some(outputs, targets):
        own = outputs[0, 0]  # of one seed above 0, of another below
        return torch.where(own > 0, total(outputs, targets)[0], torch.nan), own * 0 + 1

    history = trained(regression(Metric(**GIVEN | {"total": some}), ()), seeds=12).history
    assert (history.test_error.isna() <= history.diverged).all()
    assert 0 < history[history.epoch == 1].diverged.sum() < 12
