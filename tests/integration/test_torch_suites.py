"""torch's own samples of its functions and modules, given to those that afnlab shares with it."""

from __future__ import annotations

import copy
import pickle
import sys
import unittest
import warnings
from collections import Counter
from collections.abc import Iterator
from functools import partial
from types import ModuleType
from typing import Any

import pytest
import torch
from torch.testing import assert_close

from afnlab import functional, nn

pytestmark = pytest.mark.slow

DTYPES = (torch.float64, torch.float32, torch.bfloat16, torch.float16)
# torch's names of functions that are ours under another one, or not in torch.nn.functional.
OTHERS = {"atan": "arctan", "tanh": "tanh", "sigmoid": "sigmoid"}
OTHERS |= {"softmax": "softmax", "log_softmax": "log_softmax"}
# Samples that afnlab answers otherwise, on purpose: (function, of which of its samples, why).
DIFFERENCES = [
    ("gelu", lambda x, p: p.get("approximate") == "tanh", "afnlab has the exact form alone"),
    ("rrelu", lambda x, p: p.get("training"), "afnlab's noise is an argument"),
    ("hardshrink", lambda x, p: p.get("lambd", 0) < 0, "a negative threshold is refused"),
    (
        "hardtanh",
        lambda x, p: p.get("min_val") == p.get("max_val", 1.0),
        "an empty range is refused",
    ),
    ("softmin", lambda x, p: "dtype" in p, "the result has the dtype of x"),
    ("softmax", lambda x, p: "dtype" in p, "the result has the dtype of x"),
    ("log_softmax", lambda x, p: "dtype" in p, "the result has the dtype of x"),
]
# Where torch's own value or slope is NaN at infinity.
NAN_AT_INFINITY = ("gelu", "hardswish", "mish", "silu", "softsign", "tanhshrink")
# torch's hardsigmoid has 1/6 as a float32.
COARSE = {"hardsigmoid": 1e-7}
LARGEST = 2_000  # elements of a sample; larger ones are the same numbers again


@pytest.fixture(scope="module")
def suites() -> Iterator[dict[str, Any]]:
    """torch's lists; they import a package for tests of printed output, not needed here."""
    stand_in = ModuleType("expecttest")
    stand_in.TestCase = unittest.TestCase  # type: ignore[attr-defined]
    had = sys.modules.get("expecttest")
    sys.modules.setdefault("expecttest", stand_in)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torch.testing._internal import common_utils  # noqa: PLC0415
        from torch.testing._internal.common_methods_invocations import op_db  # noqa: PLC0415
        from torch.testing._internal.common_modules import module_db  # noqa: PLC0415
        from torch.testing._internal.opinfo import core  # noqa: PLC0415

    with pytest.MonkeyPatch.context() as patched:
        # For each sample it would look for a test of unittest's in the whole stack, and find none.
        for module in (common_utils, core):
            patched.setattr(module, "extract_test_fn", lambda: None)
        yield {"functions": op_db, "modules": module_db}
    if had is None:
        del sys.modules["expecttest"]


def own_name(op) -> str | None:
    if op.name.startswith("nn.functional."):
        name = op.name.removeprefix("nn.functional.")
        return name if hasattr(functional, name) else None
    return OTHERS.get(op.name)


def difference(name: str, x: torch.Tensor, given: dict) -> str:
    return next((why for n, of, why in DIFFERENCES if n == name and of(x, given)), "")


def named(name: str, sample) -> dict[str, Any]:
    """The parameters of a sample by name."""
    f = getattr(functional, name)
    given = dict(zip(f.params, sample.args, strict=False)) | dict(sample.kwargs)
    same = {"inplace": (True, False), "training": (False,), "approximate": ("none",)}
    return {n: v for n, v in given.items() if n not in same or v not in same[n]}


def leaf(v: Any) -> Any:
    if not isinstance(v, torch.Tensor):
        return v
    return v.detach().clone(memory_format=torch.preserve_format).requires_grad_()


def exact(v: Any) -> Any:
    return leaf(v.double()) if isinstance(v, torch.Tensor) else v


def results(function, x: torch.Tensor, params: dict) -> list[torch.Tensor]:
    """Value and gradients by x and the tensors among the parameters, with different weights."""
    inputs = [x, *(v for v in params.values() if isinstance(v, torch.Tensor))]
    y = function(x, **params)
    weights = torch.linspace(0.5, 1.5, y.numel(), dtype=torch.float64).view(y.shape)
    return [y, *torch.autograd.grad((y.double() * weights).sum(), inputs)]


def compare(name: str, x: torch.Tensor, params: dict, torchs, ours=None) -> None:
    """Values and gradients by ours in x's dtype and by torch's in float64; the slopes where there
    is one, and where torch's is no accident."""
    ours = ours or getattr(functional, name)
    got = results(ours, leaf(x), {n: leaf(v) for n, v in params.items()})
    want = results(torchs, exact(x), {n: exact(v) for n, v in params.items()})
    assert (got[0].shape, got[0].dtype) == (x.shape, x.dtype)
    kind, at = torch.finfo(x.dtype), x.detach().double()
    numbers = {n: v for n, v in params.items() if not isinstance(v, torch.Tensor)}
    kinks = getattr(functional, name).kinks_at(**numbers)
    plain = ~(at.isinf() & (name in NAN_AT_INFINITY))
    smooth = plain & ~at.isnan()
    for kink in kinks:
        smooth &= (at - kink).abs() > kind.eps
    tolerance = max(8 * kind.eps, COARSE.get(name, 0.0))
    for pair, where in zip(zip(got, want, strict=True), (plain, smooth, ...), strict=False):
        a, b = (t.detach().double().clamp(-kind.max, kind.max)[where] for t in pair)
        assert_close(a, b, rtol=tolerance, atol=tolerance, equal_nan=True)


def cases(op) -> Iterator[tuple[torch.Tensor, dict]]:
    for dtype in DTYPES:
        once = {"requires_grad": True, "set_seed": False}  # a seed for each sample costs more
        with torch.random.fork_rng(devices=[]):
            torch.random.default_generator.manual_seed(0)
            samples = list(op.sample_inputs("cpu", dtype, **once))
            if dtype == torch.float32:
                samples += op.reference_inputs("cpu", dtype, **once)
        for sample in samples:
            if sample.input.numel() <= LARGEST:
                for one in (sample, sample.noncontiguous()):
                    yield one.input, named(own_name(op), one)


def channels(x: torch.Tensor, params: dict) -> dict:
    """PReLU's weight as ours takes it: along the dimension 1 of x, as torch's is."""
    weight = params.get("weight")
    if weight is None or not weight.dim() or x.dim() == 1:
        return params
    return params | {"weight": weight.view(-1, *[1] * (x.dim() - 2)) if x.dim() else weight[0]}


def by_channels(name: str, x: torch.Tensor, **params: Any) -> torch.Tensor:
    return getattr(functional, name)(x, **channels(x, params))


def test_functions(suites):
    met, compared = set(), Counter()
    for op in suites["functions"]:
        name = own_name(op)
        if name is None:
            continue
        for x, params in cases(op):
            why = difference(name, x, params)
            if why:
                met.add((name, why))
                continue
            compared[name] += 1
            try:
                compare(name, x, params, op.op, partial(by_channels, name))
            except Exception as error:
                error.add_note(f"{name} of {tuple(x.shape)}, {x.dtype}, with {params}")
                raise
    assert met == {(name, why) for name, _, why in DIFFERENCES}
    assert len(compared) == 27
    assert sum(compared.values()) > 1500


def test_what_torch_refuses_is_refused(suites):
    for op in suites["functions"]:
        name = own_name(op)
        for error in op.error_inputs("cpu") if name and op.error_inputs_func else ():
            sample = error.sample_input
            if name == "prelu":  # a weight broadcasts against x, or does not
                continue
            with pytest.raises((TypeError, ValueError, RuntimeError)):
                getattr(functional, name)(sample.input, *sample.args, **sample.kwargs)


def test_modules(suites):
    compared = set()
    for info in suites["modules"]:
        name = info.module_cls.__name__
        ours = getattr(nn, name, None)
        if ours is None or not issubclass(ours, nn.ActivationModule):
            continue
        for dtype in DTYPES:
            for given in info.module_inputs_func(
                info, device="cpu", dtype=dtype, requires_grad=True, training=True
            ):
                args, options = given.constructor_input.args, given.constructor_input.kwargs
                theirs = info.module_cls(*args, **options).to(dtype)
                module = ours(*args, **options).to(dtype)
                compared.add(name)
                assert set(module.state_dict()) == set(theirs.state_dict())
                for one in (module, copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
                    x = given.forward_input.args[0]
                    compare(module.activation.name, x, {}, theirs.double(), one)
    assert len(compared) == 24
