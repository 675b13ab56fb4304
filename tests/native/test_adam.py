"""Compiled Adam with a rate for each network, against torch's for each network alone."""

from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close

from afnlab.native import adam, library
from afnlab.native.toolchain import Unavailable
from afnlab.runs.run_spec import RunSpec
from afnlab.training.optimizers import OptimizerSettings, PerMember, optimizer
from tests.native.test_native import why_not

needs_compiler = pytest.mark.skipif(bool(why_not()), reason=why_not())
RATES = [(1e-3, 0.0), (0.1, 0.5), (0.0, 0.1)]
TORCHS = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
CLOSE = {torch.float32: {"rtol": 1e-5, "atol": 1e-6}, torch.float64: {"rtol": 1e-12, "atol": 1e-15}}


def settings(dtype=torch.float64, momentum=None, size=37):
    draws = torch.Generator().manual_seed(0)
    shapes = {"weight": (3, 5, size), "bias": (3, 5), "number": (3,), "unused": (3, 2)}
    params = {n: torch.randn(shape, generator=draws).to(dtype) for n, shape in shapes.items()}
    params = {n: p.requires_grad_() for n, p in params.items()}
    return OptimizerSettings(params, {}, 1.0, 1.0, 8, 10, 10, momentum=momentum)


def grads(setting, at):
    draws = torch.Generator().manual_seed(at)
    for name, p in setting.params.items():
        if name != "unused":
            p.grad = torch.randn(p.shape, generator=draws).to(p.dtype)


@needs_compiler
@pytest.mark.parametrize("momentum", [None, 0.0, 0.5])
@pytest.mark.parametrize("dtype", CLOSE)
@pytest.mark.parametrize("name", TORCHS)
def test_every_member_takes_torchs_steps(name, dtype, momentum):
    setting = settings(dtype, momentum, size=37 if momentum is None else 20_000)  # threads, too
    made = optimizer(name, setting, [RATES])
    assert isinstance(made, adam.StackedAdam)
    others = []
    for i, (lr, decay) in enumerate(RATES):
        copies = {n: p[i].detach().clone().requires_grad_() for n, p in setting.params.items()}
        betas = (0.9 if momentum is None else momentum, 0.999)
        rates = {"lr": lr, "weight_decay": decay, "betas": betas}
        others.append((copies, TORCHS[name](copies.values(), **rates)))
    for at in range(5):
        grads(setting, at)
        weight = setting.params["weight"]
        weight.grad = weight.grad.mT.contiguous().mT  # in another order of memory
        made.step()
        for i, (copies, other) in enumerate(others):
            for n, p in copies.items():
                p.grad = None if n == "unused" else setting.params[n].grad[i].clone()
            other.step()
    for i, (copies, _) in enumerate(others):
        for n, p in copies.items():
            assert_close(setting.params[n][i], p, **CLOSE[dtype])


@pytest.mark.parametrize("name", TORCHS)
def test_without_compiled_loops_torch_serves(name, monkeypatch):
    compiled, plain = settings(), settings()
    made = [optimizer(name, compiled, [RATES])]
    monkeypatch.setenv("AFNLAB_NATIVE", "0")
    made.append(optimizer(name, plain, [RATES]))
    assert isinstance(made[1], PerMember)
    for at in range(5):
        for setting, one in zip((compiled, plain), made, strict=True):
            grads(setting, at)
            one.step()
    assert_close(compiled.params, plain.params, rtol=1e-12, atol=1e-12)


def test_where_they_cannot_be_built_it_is_said_once(monkeypatch):
    def absent(*_):
        raise Unavailable("there is no C++ compiler")

    monkeypatch.setattr(library, "load", absent)
    adam._library.cache_clear()
    try:
        with pytest.warns(RuntimeWarning, match="no compiled Adam: there is no C"):
            assert isinstance(optimizer("adamw", settings(), [RATES]), PerMember)
        assert isinstance(optimizer("adamw", settings(), [RATES]), PerMember)
    finally:
        adam._library.cache_clear()


@needs_compiler
def test_the_record_of_a_tuning_says_that_they_were_used():
    asked = {"task": "digits-mlp", "activation": "relu"}
    plain, tuned = (
        RunSpec.make("train", asked | further) for further in ({}, {"tune": {"lr": [0.01, 0.1]}})
    )
    assert (plain.training.native, tuned.training.native) == (False, True)
    assert "afnlab/native/adam.h" not in plain.code.units
    assert "afnlab/native/adam.h" in tuned.code.units


def test_what_it_serves():
    x = torch.zeros(3, 4, 5)
    assert not adam.serves([x, x.mT])
    assert not adam.serves([x.half()])
    assert not adam.serves([x.to("meta")])
