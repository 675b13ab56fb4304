"""Modules that bear the name of one of torch's: they take its arguments, or say what differs."""

from __future__ import annotations

import copy
import inspect
import pickle
from typing import Any

import pytest
import torch
from torch.nn.modules import activation as torchs
from torch.testing import assert_close

from afnlab import functional, nn
from afnlab.nn import make
from tests.conftest import ACTIVATIONS, every_activation, noise_for, trainable

X = torch.linspace(-4.05, 4.2, 120).reshape(4, 3, 5, 2)
SHARED = [
    name
    for name, cls in vars(torchs).items()
    if isinstance(cls, type)
    and cls.__module__ == torchs.__name__
    and hasattr(nn, name)
    and name != "GLU"  # another module than torch's, which refuses its arguments
]
IN_PLACE = [((True,), {}), ((), {"inplace": True}), ((), {"inplace": False})]
# What is given to both.
ARGUMENTS: dict[str, list[tuple[tuple, dict[str, Any]]]] = {
    "CELU": [((0.7, True), {}), ((), {"alpha": 2.0, "inplace": True})],
    "ELU": [((0.7, True), {}), ((), {"alpha": 2.0, "inplace": True})],
    "GELU": [((), {}), (("none",), {}), (("tanh",), {}), ((), {"approximate": "tanh"})],
    "Hardshrink": [((0.3,), {}), ((), {"lambd": 1.0})],
    "Hardsigmoid": IN_PLACE,
    "Hardswish": IN_PLACE,
    "Hardtanh": [
        ((-0.5, 2.0, True), {}),
        ((0, 6), {"inplace": True}),
        ((), {"min_val": -2.0, "max_val": 0.5}),
        ((), {"min_value": -2.0, "max_value": 0.5}),
    ],
    "LeakyReLU": [((0.2, True), {}), ((0.2,), {}), ((), {"negative_slope": 0.3, "inplace": True})],
    "LogSigmoid": [((), {})],
    "LogSoftmax": [((1,), {}), ((), {"dim": -2})],
    "Mish": IN_PLACE,
    "PReLU": [
        ((), {}),
        ((3,), {}),
        ((3, 0.1), {}),
        ((1, -0.5), {}),
        ((), {"num_parameters": 3, "init": 0.4}),
        ((3, 0.1, "cpu", torch.float64), {}),
        ((), {"init": 0.4, "device": "cpu", "dtype": torch.float64}),
    ],
    "RReLU": [((0.2, 0.2, True), {}), ((), {"lower": 0.3, "upper": 0.3, "inplace": True})],
    "ReLU": IN_PLACE,
    "ReLU6": IN_PLACE,
    "SELU": IN_PLACE,
    "SiLU": IN_PLACE,
    "Sigmoid": [((), {})],
    "Softmax": [((1,), {}), ((), {"dim": -2})],
    "Softmin": [((1,), {}), ((), {"dim": -2})],
    "Softplus": [((2.0, 3.0), {}), ((1, 20), {}), ((), {"beta": 0.5, "threshold": 1.0})],
    "Softshrink": [((0.3,), {}), ((), {"lambd": 1.0})],
    "Softsign": [((), {})],
    "Tanh": [((), {})],
    "Tanhshrink": [((), {})],
    "Threshold": [((0.1, 20.0, True), {}), ((), {"threshold": -1.0, "value": 0.5})],
}
# What torch takes and afnlab refuses, and what it says.
REFUSED: list[tuple[str, tuple, dict[str, Any], str]] = [
    ("GELU", ("quick",), {}, "GELU: approximate must be 'none' or 'tanh', got 'quick'"),
    ("GLU", (), {}, "nn.GLU: takes in_features and out_features.*torch.nn.GLU, which takes dim"),
    ("GLU", (1,), {}, "nn.GLU: takes in_features and out_features.*is another module"),
    ("GLU", (), {"dim": 1}, "nn.GLU: takes in_features and out_features.*is another module"),
    ("Hardtanh", (1.0, 1.0), {}, "min_val must be below max_val"),
    ("Hardshrink", (-0.5,), {}, "hardshrink: lambd must be >= 0, got -0.5"),
    ("LogSoftmax", (None,), {}, "dim must be .*None guesses from the number of dimensions"),
    ("PReLU", (0.25,), {}, "PReLU: num_parameters must be 1 or more, got 0.25"),
    ("PReLU", (0,), {}, "PReLU: num_parameters must be 1 or more, got 0"),
    ("PReLU", (True,), {}, "PReLU: num_parameters must be 1 or more, got True"),
    ("PReLU", (3,), {"num_features": 3}, "num_parameters or num_features, not both"),
    ("ReLU", ("yes",), {}, "relu: takes .*got 1 more"),
    ("ReLU", (), {"inplace": 1}, "ReLU: inplace must be True or False, got 1"),
    ("Softmin", (), {"dim": None}, "dim must be .*None guesses from the number of dimensions"),
    ("Tanh", (True,), {}, "tanh: takes .*got 1 more"),
]


def cases() -> list:
    found = []
    for name in SHARED:
        for args, options in ARGUMENTS[name]:
            label = [*map(str, args), *(f"{n}={v}" for n, v in options.items())]
            found.append(pytest.param(name, args, options, id=f"{name}-{','.join(label)}"))
    return found


def test_the_table_holds_every_argument_of_every_module():
    assert set(SHARED) <= set(ARGUMENTS)
    for name in SHARED:
        given: set[str] = set()
        takes = inspect.signature(getattr(torch.nn, name)).parameters
        takes = [n for n, p in takes.items() if p.kind == p.POSITIONAL_OR_KEYWORD]
        for args, options in ARGUMENTS[name]:
            given |= {*takes[: len(args)], *options}
        assert given == set(takes), name


@pytest.mark.filterwarnings("ignore:keyword argument `m.._value` is deprecated")
@pytest.mark.parametrize(("name", "args", "options"), cases())
def test_the_same_arguments_mean_the_same(name, args, options):
    ours, theirs = getattr(nn, name)(*args, **options), getattr(torch.nn, name)(*args, **options)
    assert {n: (p.shape, p.dtype) for n, p in ours.state_dict().items()} == {
        n: (p.shape, p.dtype) for n, p in theirs.state_dict().items()
    }
    ours.load_state_dict(theirs.state_dict())
    kept = X.double().requires_grad_()
    weights = [p for m in (ours, theirs) for p in m.double().parameters()]
    for module in (ours, copy.deepcopy(ours), pickle.loads(pickle.dumps(ours))):
        y = module(kept)
        want = theirs(kept.clone())  # torch's overwrites it
        assert_close(y, want, rtol=1e-12, atol=1e-12)
    slopes = [torch.autograd.grad(v.square().sum(), kept)[0] for v in (ours(kept), want)]
    assert_close(*slopes, rtol=1e-6, atol=1e-10)
    assert_close(kept, X.double())
    assert len(weights) in (0, 2)


@pytest.mark.parametrize(("name", "args", "options", "told"), REFUSED)
def test_what_is_refused_is_named(name, args, options, told):
    with pytest.raises((TypeError, ValueError), match=told):
        getattr(nn, name)(*args, **options)(X)


# In place


@every_activation
def test_in_place_is_a_hint_and_overwrites_nothing(f):
    module = make(f, inplace=True, trainable=trainable(f), std=0.0).eval()
    assert module.inplace is False
    x = X.clone().requires_grad_()
    middle = x * 1.0
    y = module(middle)
    assert_close(middle, X, rtol=0, atol=0)
    plain = make(f, trainable=trainable(f), std=0.0).eval()
    again = X.clone().requires_grad_()
    assert_close(y, plain(again), rtol=0, atol=0)
    assert_close(
        torch.autograd.grad(y.square().sum(), x),
        torch.autograd.grad(plain(again).square().sum(), again),
    )
    noise = noise_for(f, X)
    assert_close(f(X, inplace=True, **noise), f(X, **noise), rtol=0, atol=0)


def test_functions_take_torchs_in_place_too():
    assert_close(functional.leaky_relu(X, 0.2, True), torch.nn.functional.leaky_relu(X, 0.2))
    assert_close(functional.relu(X, inplace=True), X.relu())
    with pytest.raises(TypeError, match="inplace must be True or False, got 'yes'"):
        functional.relu(X, inplace="yes")
    with pytest.raises(TypeError, match="srelu: t must be a number or a tensor, got True"):
        functional.srelu(X, True)


# dtype


@pytest.mark.parametrize("f", [f for f in ACTIVATIONS if not f.elementwise], ids=lambda f: f.name)
def test_functions_across_a_dimension_take_a_dtype(f):
    theirs = getattr(torch.nn.functional, f.name)
    for x in (X, X.half(), X.round().long()):
        for dtype in (torch.float64, torch.float32, torch.bfloat16):
            y = f(x, dim=1, dtype=dtype)
            assert y.dtype == dtype
            assert_close(y, theirs(x, dim=1, dtype=dtype))
    for bad in (torch.int64, torch.complex64, "float32"):
        with pytest.raises(TypeError, match=f"{f.name}: dtype must be among .* got"):
            f(X, dtype=bad)
    with pytest.raises(TypeError, match="tanh: takes no dtype"):
        functional.tanh(X, dtype=torch.float64)


# Parameters have the shape (1,), as torch's PReLU


@every_activation
def test_no_parameter_is_without_dimensions(f):
    module = make(f, trainable=trainable(f), std=0.1)
    assert {p.shape for p in module.parameters()} <= {(1,)}
    for x in (X, X[0, 0, 0, 0]):  # and they add none to an x without dimensions
        assert module.eval()(x).shape == x.shape


@pytest.mark.parametrize("assign", [False, True])
def test_a_state_from_when_they_had_none_is_loaded(assign):
    model = torch.nn.Sequential(nn.PReLU(), nn.APEC(), nn.PReLU(3), torch.nn.Linear(2, 2))
    state = {
        n: torch.tensor(0.3) if p.shape == (1,) else torch.zeros_like(p)
        for n, p in model.state_dict().items()
    }
    before = {n: t.shape for n, t in state.items()}
    model.load_state_dict(state, strict=True, assign=assign)
    assert {n: t.shape for n, t in state.items()} == before
    assert model[1].alpha.shape == (1,)
    assert all((p == state[n]).all() for n, p in model.named_parameters())
    with pytest.raises(RuntimeError, match="size mismatch"):
        model.load_state_dict(state | {"2.weight": torch.tensor(0.3)})


def test_a_module_from_when_they_had_none_still_works():
    module = nn.APEC()
    for name in module.trained:
        getattr(module, name).data = getattr(module, name).data.view(())
    module = pickle.loads(pickle.dumps(module))
    module(X).sum().backward()
    assert module.alpha.grad.shape == ()
    module.load_state_dict(nn.APEC().state_dict())
