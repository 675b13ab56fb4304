"""Compiled pooling and normalization in the channels-last layout, against torch's."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.testing import assert_close

import afnlab
from afnlab.native import library, planes
from afnlab.native.planes import HalvingPool, PlaneNorm
from afnlab.native.toolchain import Unavailable
from afnlab.runs.run_spec import RunSpec

DTYPES = {torch.float32: {"rtol": 1e-4, "atol": 1e-4}, torch.bfloat16: {"rtol": 0.02, "atol": 0.02}}
SHAPES = [(3, 5, 8, 6), (2, 32, 16, 16), (1, 1, 2, 2), (4, 17, 4, 2), (2, 70, 2, 4)]


def pictures(shape, dtype, seed=0):
    x = torch.randn(shape, generator=torch.Generator().manual_seed(seed)).relu()  # with ties
    return x.to(dtype).to(memory_format=torch.channels_last).requires_grad_()


def by(y) -> str:
    return y.grad_fn.name()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_pool_is_torchs_to_the_bit(dtype, shape):
    x = pictures(shape, dtype)
    y, expected = HalvingPool()(x), F.max_pool2d(x, 2)
    assert by(y) == "_PoolBackward"
    assert torch.equal(y, expected)
    grad = torch.randn_like(expected)
    assert torch.equal(*(torch.autograd.grad(t, x, grad)[0] for t in (y, expected)))


def test_numbers_that_are_none():
    x = torch.full((1, 1, 4, 4), -torch.inf)
    x[0, 0, 0, 1] = x[0, 0, 2, 3] = x[0, 0, 3, 2] = torch.nan
    x[0, 0, 2, 0] = torch.inf
    x = x.to(memory_format=torch.channels_last).requires_grad_()
    y, expected = HalvingPool()(x), F.max_pool2d(x, 2)
    assert by(y) == "_PoolBackward"
    assert torch.equal(y.nan_to_num(7), expected.nan_to_num(7))
    grad = torch.arange(1.0, 5.0).view(1, 1, 2, 2)
    assert torch.equal(*(torch.autograd.grad(t, x, grad)[0] for t in (y, expected)))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_normalization_is_torchs_in_double_precision(dtype, shape):
    x, norm = pictures(shape, dtype), PlaneNorm(shape[2:])
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    y, grad = norm(x), pictures(shape, dtype, seed=1).detach()
    assert by(y) == "_NormaliseBackward"
    inputs = (x, norm.weight, norm.bias)
    exact = [t.detach().double().requires_grad_() for t in inputs]
    expected = F.layer_norm(exact[0], shape[2:], exact[1], exact[2], norm.eps)
    assert_close(y.double(), expected, **DTYPES[dtype])
    found = torch.autograd.grad(y, inputs, grad)
    assert [g.dtype for g in found] == [dtype, torch.float32, torch.float32]
    for got, true in zip(found, torch.autograd.grad(expected, exact, grad.double()), strict=True):
        assert_close(got.double(), true, **DTYPES[dtype])


def test_a_large_mean_keeps_the_digits():
    x = (pictures((2, 8, 4, 4), torch.float32).detach() + 1e3).requires_grad_()
    norm = PlaneNorm((4, 4))
    assert_close(norm(x).double(), F.layer_norm(x.double(), (4, 4)), rtol=0, atol=2e-3)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_threads_do_not_change_a_bit(threads):
    x, norm = pictures((5, 32, 8, 8), torch.float32), PlaneNorm((8, 8))

    def bits():
        y = HalvingPool()(norm(x))
        return torch.autograd.grad(y, (x, norm.weight, norm.bias), torch.ones_like(y))

    expected, before = bits(), torch.get_num_threads()
    try:
        torch.set_num_threads(threads)
        assert all(map(torch.equal, bits(), expected))
    finally:
        torch.set_num_threads(before)


OTHERWISE = {
    "channels first": lambda x: x.contiguous(),
    "float64": lambda x: x.double(),
    "float16": lambda x: x.half(),
    "nothing": lambda x: x[:0],
    "part of a picture": lambda x: x[:, :2],
}


@pytest.mark.parametrize("case", OTHERWISE)
def test_elsewhere_torchs_serve(case):
    x = OTHERWISE[case](pictures((3, 4, 6, 6), torch.float32).detach()).requires_grad_()
    y = HalvingPool()(x)
    assert by(y) == "MaxPool2DWithIndicesBackward0"
    assert torch.equal(y, F.max_pool2d(x, 2))
    norm = PlaneNorm((6, 6)).to(x.dtype)
    z = norm(x)
    assert "LayerNorm" in by(z)
    assert torch.equal(z, F.layer_norm(x, (6, 6), norm.weight, norm.bias, norm.eps))


def test_odd_pictures_and_transforms():
    x = pictures((2, 3, 5, 7), torch.float32)
    assert torch.equal(HalvingPool()(x), F.max_pool2d(x, 2))
    many = torch.randn(4, 2, 3, 6, 6)
    norm = PlaneNorm((6, 6))
    got = torch.vmap(lambda t: HalvingPool()(norm(t)))(many)
    assert_close(got[1], F.max_pool2d(norm(many[1]), 2))


@pytest.mark.parametrize("how", ["switch", "compiler"])
def test_without_the_loops(how, monkeypatch):
    planes._library.cache_clear()
    if how == "switch":
        monkeypatch.setenv("AFNLAB_NATIVE", "0")
    else:

        def load(*_):
            raise Unavailable("there is no C++ compiler")

        monkeypatch.setattr(library, "load", load)
    x = pictures((2, 4, 6, 6), torch.float32)
    if how == "compiler":
        with pytest.warns(RuntimeWarning, match="no compiled pooling .* no C\\+\\+ compiler"):
            HalvingPool()(x)
    assert by(HalvingPool()(x)) == "MaxPool2DWithIndicesBackward0"
    planes._library.cache_clear()


@pytest.mark.parametrize("task", ["digits-convnet", "digits-airbench"])
def test_a_training_with_and_without_them_is_the_same_to_rounding(task, monkeypatch):
    options = {"seeds": 1, "epochs": 1, "limit_train": 192, "limit_test": 64, "progress": False}
    losses = []
    for switch in ("1", "0"):
        monkeypatch.setenv("AFNLAB_NATIVE", switch)
        losses.append(afnlab.train(task, "relu", **options).history.train_loss.item())
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


def test_the_record_of_a_run_says_that_they_were_used():
    with_loops, without = (
        RunSpec.make("train", {"task": task, "activation": "relu"})
        for task in ("digits-convnet", "digits-mlp")
    )
    assert (with_loops.training.native, without.training.native) == (True, False)
    assert "afnlab/native/planes.h" in with_loops.code.units
    assert "afnlab/native/planes.h" not in without.code.units


DEFAULTS = {
    "float64": (torch.set_default_dtype, torch.float64, torch.float32),
    "bfloat16": (torch.set_default_dtype, torch.bfloat16, torch.float32),
    "another device": (torch.set_default_device, "meta", None),
}


@pytest.mark.parametrize("case", DEFAULTS)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_defaults_for_new_tensors_change_no_bit(case, dtype):
    """Memory that a loop writes is of the loop's type and place, whatever new tensors are."""
    x, norm = pictures((3, 8, 4, 4), dtype), PlaneNorm((4, 4))
    norm.weight.data.normal_()

    def bits():
        y = HalvingPool()(norm(x))
        return y, *torch.autograd.grad(y, (x, norm.weight, norm.bias), y.detach())

    expected = bits()
    change, other, back = DEFAULTS[case]
    change(other)
    try:
        got = bits()
    finally:
        change(back)
    assert by(got[0]) == "_PoolBackward"
    assert all(map(torch.equal, got, expected))
