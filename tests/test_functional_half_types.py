"""float16 and bfloat16: every number of the type, values and slopes, rounded once."""

from __future__ import annotations

from functools import partial

import pytest
import torch

from afnlab import functional
from afnlab.registry import Activation
from tests.activations.test_activations import gradients, torch_warns
from tests.conftest import ACTIVATIONS

HALF = (torch.float16, torch.bfloat16)
ELEMENTWISE = [f for f in ACTIVATIONS if f.elementwise]
# Sums whose terms cancel, between -5 and 5, are as right as the largest term: values of MAPEC, with
# two of 0.033 at 0, and slopes that change sign, which are sums of numbers near 1.
TERMS = {
    "value": {"mapec": 0.04, "xielu": 4.0},
    "slope": dict.fromkeys([f.name for f in ELEMENTWISE], 1.0),
}
DIGITS = 2.0**-23  # of float32, which they are computed in
SMALLEST = 3e-36  # exponentials below 1e-38 are 0

every_function = pytest.mark.parametrize("f", ELEMENTWISE, ids=lambda f: f.name)
every_half = pytest.mark.parametrize("dtype", HALF, ids=["float16", "bfloat16"])


def expression(f: Activation, x: torch.Tensor) -> torch.Tensor:
    """What serves where there are no kernels, and where torch compiles."""
    work = x if f.fused else x.float()
    return f.fn(work, **f.complete({})).to(x.dtype)


def every_number(dtype: torch.dtype) -> torch.Tensor:
    numbers = torch.arange(-(2**15), 2**15).to(torch.int16).view(dtype)
    return numbers[numbers.isfinite()]


def values_and_slopes(function, x: torch.Tensor) -> dict[str, torch.Tensor]:
    x = x.clone().requires_grad_()
    y = function(x)
    return {"value": y.detach(), "slope": gradients(y, [x])[0]}


def misrounded(f: Activation, function, dtype: torch.dtype) -> dict[str, str]:
    """By "value" and "slope", where the error is larger than that of rounding once."""
    x, kind, found = every_number(dtype), torch.finfo(dtype), {}
    got = values_and_slopes(function, x)
    want = values_and_slopes(partial(expression, f), x.double())
    smooth = torch.ones(len(x), dtype=torch.bool)
    for kink in f.kinks_at():
        smooth &= (x.double() - kink).abs() > kind.eps * abs(kink)
    for what in want:
        true, own = (t[what].double().clamp(-kind.max, kind.max) for t in (want, got))
        step = kind.eps * 2.0 ** true.abs().clamp(min=kind.smallest_normal).log2().floor()
        cancelled = TERMS[what].get(f.name, 0.0) * (x.double().abs() <= 5)
        bound = step / 2 + DIGITS * (16 * true.abs() + 2 * cancelled) + SMALLEST
        wrong = ~((own - true).abs() <= bound) & (smooth | (what == "value"))
        if wrong.any():
            at = int(wrong.nonzero()[0])
            found[what] = f"{int(wrong.sum())}, {what} {own[at]:g} at {x[at]:g}, not {true[at]:g}"
    return found


@every_half
@every_function
def test_kernels_and_torch_round_once(f, dtype):
    assert misrounded(f, f, dtype) == {}


@every_half
@every_function
def test_definitions_round_once(f, dtype):
    assert misrounded(f, partial(expression, f), dtype) == {}


@every_half
def test_torch_s_own_do_not(dtype):
    """So the test can fail."""
    for f, torchs in ((functional.tanh, torch.tanh), (functional.sigmoid, torch.sigmoid)):
        assert misrounded(f, torchs, dtype).keys() == {"slope"}


@pytest.mark.slow
@torch_warns
@pytest.mark.parametrize("name", ["tanh", "sigmoid", "arctan", "hardswish", "softsign"])
def test_compiled_programs_round_once(name):
    f = getattr(functional, name)
    torch._dynamo.reset()
    program = torch.compile(f, fullgraph=True, backend="aot_eager")
    for dtype in HALF:
        assert misrounded(f, program, dtype) == {}


@pytest.mark.parametrize(
    ("name", "x", "dtype", "slope"),
    [
        ("tanh", 3.8125, torch.bfloat16, 0.00195),
        ("tanh", -9.0, torch.bfloat16, 6.1e-8),
        ("sigmoid", 12.0, torch.bfloat16, 6.14e-6),
        ("sigmoid", 9.0, torch.float16, 1.234e-4),
        ("arctan", 300.0, torch.float16, 1.11e-5),
        ("arctan", -1000.0, torch.float16, 1e-6),
    ],
)
def test_slopes_in_the_tails(name, x, dtype, slope):
    f = getattr(functional, name)
    at = torch.tensor(x, dtype=dtype)
    for function in (f, partial(expression, f)):
        got = values_and_slopes(function, at)["slope"].item()
        assert got == pytest.approx(slope, rel=5e-3, abs=6e-8)
