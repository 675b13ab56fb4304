"""Mixed precision: what is in bfloat16, what is not, and what it changes."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.testing import assert_close

import afnlab
from afnlab import Recipe, Task, get_activation, get_task
from afnlab.errors import ParameterError
from afnlab.runs.run_spec import RunSpec
from afnlab.training import data, mixed
from afnlab.training.initial import build
from afnlab.training.members import Member
from afnlab.training.plan import configure, plan
from afnlab.training.recorder import Recorder
from afnlab.training.stack import Stack

SHORT = {"seeds": 2, "epochs": 1, "limit_train": 256, "limit_test": 128, "progress": False}
TASKS = ("digits-convnet", "digits-airbench", "digits-mlp")


def normed(activation):
    """Neither a chain nor with convolutions: it runs under vmap."""
    layers = (nn.Linear(64, 24), nn.LayerNorm(24), activation(), nn.Linear(24, 24))
    return nn.Sequential(*layers, nn.BatchNorm1d(24), activation(), nn.Linear(24, 10))


NORMED = Task("normed", data.digits, normed, Recipe(epochs=2, batch_size=64))


def name_of(task) -> str:
    return getattr(task, "name", task)


def train(task, activation="gelu", **options):
    return afnlab.train(task, activation, **SHORT | options)


@pytest.mark.parametrize("task", [*TASKS, NORMED], ids=name_of)
def test_the_types(task):
    task = get_task(task)
    seen: dict[str, set] = {}

    class Watched(nn.Module):
        def __init__(self, model):
            super().__init__()
            self.model = model
            for name, module in model.named_modules():
                module.register_forward_hook(
                    lambda m, x, y, n=name: seen.setdefault(type(m).__name__, set()).add(
                        (x[0].dtype, y.dtype)
                    )
                )

        def forward(self, x):
            return self.model(x)

    watched = Task("watched", task.data, lambda a: Watched(task.model(a)), task.recipe)
    record = get_activation("gelu")
    config = configure(watched, record, dtype="bfloat16", limit_train=64)
    how, options = plan(config), config.options
    stack = Stack.build(replace(how, epochs=1), [Member(0, options)])
    stack.epoch(Recorder([0], stack, set()))
    narrow = {(torch.bfloat16, torch.bfloat16)}
    assert seen["Linear"] == seen.get("Conv2d", narrow) == narrow
    assert task is NORMED or seen["GELU"] == narrow  # vmap's normalization gives float32
    kinds = {
        t.dtype for t in (*stack.params.values(), *stack.buffers.values()) if t.is_floating_point()
    }
    assert kinds == {torch.float32}
    assert {p.grad.dtype for p in stack.params.values() if p.requires_grad} == {torch.float32}
    logits = stack.logits(stack._inputs(stack.train.x[:8]), each=False)
    assert logits.dtype == torch.float32


@pytest.mark.parametrize("task", [*TASKS, NORMED], ids=name_of)
def test_the_same_bits_twice(task):
    first, again = (train(task, dtype="bfloat16", keep_weights=True) for _ in range(2))
    pd.testing.assert_frame_equal(
        *(r.history.drop(columns="seconds") for r in (first, again)), check_exact=True
    )
    assert all(torch.equal(first.weights[n], again.weights[n]) for n in first.weights)


@pytest.mark.parametrize("activation", ["relu", "apec", "rrelu", "prelu", "srelu"])
@pytest.mark.parametrize("task", [*TASKS, NORMED], ids=name_of)
def test_it_is_near_float32_and_not_the_same(task, activation):
    one, other = (train(task, activation, dtype=d).final for d in ("float32", "bfloat16"))
    assert_close(*(torch.tensor(f.train_loss.to_numpy()) for f in (one, other)), rtol=0.05, atol=0)
    assert (one.train_loss != other.train_loss).all()


def test_the_trained_network_is_of_float32():
    result = train("digits-convnet", dtype="bfloat16", keep_weights=True)
    assert result.info["dtype"] == "bfloat16"
    assert {p.dtype for p in result.model(1).parameters()} == {torch.float32}
    test = get_task("digits-convnet").data().limited(None, 128)
    right = (result.model(1)(test.test_x).argmax(1) == test.test_y).float().mean()
    assert abs(float(right) - result.final.test_accuracy[1]) < 0.05


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_other_types_are_computed_in_themselves(dtype):
    record, task = get_activation("gelu"), get_task("digits-convnet")
    config = configure(task, record, dtype=dtype, limit_train=64)
    how, options = plan(config), config.options
    stack = Stack.build(replace(how, epochs=1), [Member(0, options)])
    x = stack._inputs(stack.train.x[:8])
    assert not stack.narrow
    network = build(task, record, options, 0, how.data.inputs).to(how.dtype).eval()
    stack.network.eval()
    assert_close(stack.logits(x, each=False)[0], network(x))


class Free(nn.Module):
    """A product of its own."""

    def __init__(self, activation):
        super().__init__()
        self.matrix, self.activation = nn.Parameter(torch.zeros(64, 10)), activation()

    def forward(self, x):
        return self.activation(x) @ self.matrix


class Recurrent(nn.Module):
    def __init__(self, activation):
        super().__init__()
        self.rnn, self.activation = nn.GRU(8, 10, batch_first=True), activation()

    def forward(self, x):
        return self.activation(self.rnn(x.view(-1, 8, 8))[0][:, -1])


REFUSED = {
    "an Auto-Rotating layer": (get_task("digits-arp"), "AutoRotLinear"),
    "a recurrent layer": (Task("rnn", data.digits, Recurrent, Recipe(1, 64)), "GRU"),
    "a parameter of its own": (Task("free", data.digits, Free, Recipe(1, 64)), "Free"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_is_refused(case):
    task, layer = REFUSED[case]
    with pytest.raises(ParameterError, match=f"dtype .* {task.name}, got 'bfloat16'.* {layer}$"):
        train(task, dtype="bfloat16")
    train(task, dtype="float32")


def test_a_run_says_so_before_it_starts():
    with pytest.raises(ParameterError, match="for digits-arp, got 'bfloat16'") as refused:
        RunSpec.make("train", {"task": "digits-arp", "dtype": "bfloat16"}).id  # noqa: B018
    assert refused.value.name == "dtype"


def test_it_is_off_by_default_and_part_of_the_id_and_the_label():
    given = {"task": "digits-convnet", "activation": "gelu"}
    plain, told, narrow = (
        RunSpec.make("train", given | own)
        for own in ({}, {"dtype": "float32"}, {"dtype": "bfloat16"})
    )
    assert plain.training.dtype == "float32"
    assert plain.id == told.id != narrow.id
    assert [s.training.label for s in (plain, narrow)] == ["gelu", "gelu(dtype=bfloat16)"]
    assert narrow.training.facts()["settings"] == {"dtype": "bfloat16"}


CAPABILITIES = {
    "a processor without": ({"avx512_f": True, "avx512_bf16": False, "amx_bf16": False}, False),
    "one with": ({"avx512_bf16": True, "amx_bf16": False}, True),
    "one of ARM": ({"bf16": True, "sve": False}, True),
    "one that is not known": ({}, True),
}


@pytest.mark.parametrize("case", CAPABILITIES)
def test_whether_a_processor_has_instructions(case, monkeypatch):
    has, expected = CAPABILITIES[case]
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: has, raising=False)
    assert mixed.has_instructions(torch.device("cpu")) is expected
    assert mixed.has_instructions(torch.device("cuda"))


SHAPES = {
    F.linear: [(4, 30), (5, 30), (5,)],
    torch.baddbmm: [(2, 1, 5), (2, 4, 30), (2, 30, 5)],
    torch.matmul: [(4, 30), (30, 5)],
    F.conv1d: [(2, 3, 9), (4, 3, 3), (4,)],
    F.conv2d: [(2, 3, 9, 9), (4, 3, 3, 3), (4,)],
    F.conv_transpose2d: [(2, 3, 5, 5), (3, 4, 3, 3), (4,)],
}


@pytest.mark.parametrize("function", SHAPES, ids=lambda f: f.__name__)
def test_a_product_without_instructions_is_that_of_float32_rounded_once(function, monkeypatch):
    monkeypatch.setattr(mixed, "has_instructions", lambda device: False)
    torch.manual_seed(0)
    factors = [torch.randn(shape).bfloat16() for shape in SHAPES[function]]
    mine = [f.clone().requires_grad_() for f in factors]
    wide = [f.float().requires_grad_() for f in factors]
    with mixed.product_type(torch.device("cpu")):
        product = function(*mine)
    exact = function(*wide)
    assert product.dtype == torch.bfloat16 and torch.equal(product, exact.bfloat16())
    up = torch.randn_like(product)
    product.backward(up)
    exact.backward(up.float())
    assert all(torch.equal(m.grad, w.grad.bfloat16()) for m, w in zip(mine, wide, strict=True))


@pytest.mark.parametrize("task", [*TASKS, NORMED], ids=name_of)
def test_training_without_instructions_is_near_that_with_them(task, monkeypatch):
    losses, asked = [], set()
    for has in (True, False):
        monkeypatch.setattr(mixed, "has_instructions", lambda device: asked.add(device) or has)  # noqa: B023
        run = train(task, dtype="bfloat16", record=["signals"])
        losses.append(torch.tensor(run.history.train_loss.to_numpy()))
    assert_close(*losses, rtol=0.05, atol=0)
    assert asked == {torch.device("cpu")}
