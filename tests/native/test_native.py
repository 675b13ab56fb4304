"""Compiled kernels give the values and derivatives of the definitions, whoever asks for them."""

from __future__ import annotations

import copy
import os
import pickle
import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from math import inf, nan
from pathlib import Path
from shutil import which

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.autograd import forward_ad
from torch.func import functional_call, functionalize, grad, hessian, jacfwd, jacrev, jvp, vjp, vmap
from torch.fx.experimental.proxy_tensor import make_fx
from torch.testing import assert_close
from torch.utils.checkpoint import checkpoint
from torch.utils.flop_counter import FlopCounterMode

from afnlab import Param, activation, functional, get_activation, nn
from afnlab.native import kernels, library, ops, toolchain
from tests.activations.test_activations import (
    EXTREMES,
    SQUARES,
    gradients,
    ordinary,
    spread,
    tensors,
    torch_warns,
)
from tests.conftest import crossed, each_of, free, settings
from tests.over import over


def why_not() -> str:
    """Why there are no kernels to test here; empty if there have to be."""
    try:
        toolchain.cpu_compiler()
    except toolchain.Unavailable as reason:
        return str(reason)
    return f"{kernels.SWITCH} is 0" if os.environ.get(kernels.SWITCH) == "0" else ""


pytestmark = [pytest.mark.skipif(bool(why_not()), reason=why_not()), torch_warns]

COMPILED = [get_activation(name) for name in kernels.names()]
KINDS = [
    get_activation(name) for name in ("gelu", "srelu", "apec", "pilu")
]  # 0, 1, 4, 3 parameters
HALF = (torch.float16, torch.bfloat16)
DTYPES = (torch.float32, torch.float64, *HALF)


every_kernel, every_kind = each_of(COMPILED), each_of(KINDS)
every_dtype = pytest.mark.parametrize("dtype", DTYPES, ids=lambda d: str(d).removeprefix("torch."))


def counted(count: Counter, word: str, real):
    def call(*args, **options):
        count[word] += 1
        return real(*args, **options)

    return call


@pytest.fixture
def calls(monkeypatch) -> Counter:
    """How often the kernels, forward and backward, and the expression were called."""
    for f in COMPILED:
        f(torch.zeros(1))  # built, and compared with its definition
    count: Counter = Counter()
    for owner, word in ((kernels, "forward"), (kernels, "backward"), (ops.Call, "expression")):
        monkeypatch.setattr(owner, word, counted(count, word, getattr(owner, word)))
    return count


@pytest.fixture
def threads():
    """Sets the number of torch's threads, and puts it back."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


def draw(*shape: int, dtype=torch.float64, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (3 * torch.randn(shape, generator=generator, dtype=torch.float64)).to(dtype)


# The comparison. Errors are in units of the last place of the type that is computed in: relative to
# the value and relative to 1. Curves and lines are sums whose terms may cancel. At beta = 10 swish
# takes an exponential of 10 x, whose rounding alone makes 40 units at x = -8.
FEW = ("mish", "gish", "logish", "smish", "softsign", "tanh", "sigmoid", "arctan", "hardswish")
VALUE = dict.fromkeys(FEW, (4, 0))
VALUE |= {
    "srelu": (6, 0),
    "gelu": (10, 0),
    "swish": (45, 0),
    "apec": (6, 6),
    "mapec": (6, 6),
    "tanhshrink": (4, 0),
}
VALUE |= {"plu": (2, 0), "pilu": (2, 2), "frelu": (1, 0), "double_relu": (1, 0)}
VALUE |= {"relu_squared": (4, 0), "xielu": (4, 8), "gelu_tanh": (10, 0), "logsigmoid": (4, 0)}
VALUE |= {"sine": (4, 1)}
IN_FLOAT64 = {"gelu_tanh": (900, 0)}  # its exponent, up to 700, is rounded in float64
LINES = ("plu", "pilu", "frelu", "double_relu")  # their slopes are parameters, 0 or 1


def definition(f, x: torch.Tensor, **params) -> torch.Tensor:
    """The torch expression, never the kernel."""
    return f.fn(x, **f.complete(params))


def truth(f, x, grad_y, params: dict) -> tuple[torch.Tensor, torch.Tensor, dict]:
    """By the definition in float64: y, grad_x, and for each tensor p among the parameters
    grad_y dy/dp of every element."""
    x = x.detach().double().requires_grad_()
    own = {
        n: v.detach().double().expand(x.shape).clone().requires_grad_()
        for n, v in params.items()
        if isinstance(v, torch.Tensor)
    }
    y = definition(f, x, **params | own)
    in_graph = y + 0 * sum(own.values(), x)  # even where it has no slope
    grad_x, *terms = torch.autograd.grad(in_graph, [x, *own.values()], grad_y.double())
    return y.detach(), grad_x, dict(zip(own, terms, strict=True))


def assert_near(got, want, bound, what: str) -> None:
    """|got - want| within the bound, and half types rounded once more."""
    kind = torch.finfo(got.dtype)
    if got.dtype in HALF:
        bound = bound + 0.501 * kind.eps * want.abs().clamp(min=kind.smallest_normal)
    assert got.shape == want.shape, what
    got, want = (t.detach().double().clamp(-kind.max, kind.max) for t in (got, want))
    error = (got - want).abs()
    worst = torch.where(error <= bound, 0.0, error)  # NaN is among the worst
    assert not worst.any(), f"{what}: off by {worst.nan_to_num(inf).max() / kind.eps:.3g} eps"


def check(f, x: torch.Tensor, grad_y: torch.Tensor, params: dict, what: str = "") -> None:
    """Value and gradients of f at x against the definition in float64."""
    x = x.detach().requires_grad_()
    given = {n: v for n, v in params.items() if isinstance(v, torch.Tensor)}
    y = f(x, **params)
    assert type(y.grad_fn).__name__ == "_EagerBackward", what
    grad_x, *sums = torch.autograd.grad(y, [x, *given.values()], grad_y)
    assert y.dtype == grad_x.dtype == x.dtype
    want_y, want_x, terms = truth(f, x, grad_y, params)
    eps = torch.finfo(kernels.accumulation(x.dtype)).eps
    pushed = grad_y.detach().double().abs()

    relative, absolute = VALUE[f.name]
    if x.dtype == torch.float64:
        relative, absolute = IN_FLOAT64.get(f.name, VALUE[f.name])
    least = 1e-305 if x.dtype == torch.float64 else 3e-36  # exponentials below 1e-307, 1e-38 are 0
    assert_near(y, want_y, eps * (relative * want_y.abs() + absolute) + least, f"{what} y")
    steep = 1 if f.name in LINES else 40 if x.dtype == torch.float64 else 4  # 40: autograd's own
    assert_near(grad_x, want_x, eps * steep * (want_x.abs() + pushed), f"{what} grad_x")
    for (name, p), got in zip(given.items(), sums, strict=True):
        assert got.dtype == p.dtype
        much = (terms[name].abs() + pushed).sum_to_size(p.shape)
        assert_near(got, terms[name].sum_to_size(p.shape), 20 * eps * much, f"{what} {name}")


# Every kernel is what its record says


@every_kernel
def test_a_kernel_takes_the_parameters_of_its_record(f):
    """Their order is seen in test_parameters_of_any_shape, by the gradient of each."""
    source = (library.HERE / "functors.h").read_text()
    found = re.findall(rf"struct {f.name} {{\s*static constexpr int parameters = (\d+);", source)
    assert found == [str(len(f.params))]
    assert not f.fused, "torch has one that is as good"
    assert f.elementwise


# Values and gradients

SIZES = (1, 2, 15, 16, 17, 33, 255, 257, 4095, 4096, 4097, 8193)
LAYOUTS = {
    **{f"size {n}": lambda draw, n=n: draw(n) for n in SIZES},
    "0-d": lambda draw: draw(),
    "empty": lambda draw: draw(0),
    "empty rows": lambda draw: draw(3, 0, 2),
    "unaligned": lambda draw: draw(40)[3:],
    "transposed": lambda draw: draw(37, 19).t(),
    "permuted": lambda draw: draw(5, 7, 3).permute(2, 0, 1),
    "every third": lambda draw: draw(33, 22)[:, ::3],
    "a column": lambda draw: draw(33, 22)[:, 4],
    "channels last": lambda draw: draw(2, 5, 7, 3).to(memory_format=torch.channels_last),
    "rows expanded": lambda draw: draw(1, 9).expand(5, 9),
    "a number expanded": lambda draw: draw(1).expand(4, 3),
    "overlapping": lambda draw: draw(30).unfold(0, 5, 2),
}


def turned(x: torch.Tensor) -> torch.Tensor:
    """The same elements, with the first dimension innermost in memory."""
    back = tuple(reversed(range(x.dim())))
    return x.permute(back).contiguous().permute(back)


@every_dtype
@every_kernel
def test_any_size_and_layout(f, dtype, calls):
    for label, make in LAYOUTS.items():
        x = make(partial(draw, dtype=dtype))
        grad_y = draw(*x.shape, dtype=dtype, seed=1)
        same = torch.ones((), dtype=dtype).expand(x.shape)  # as y.sum().backward() has it
        for one in (grad_y, turned(grad_y), same):
            check(f, x, one, settings(f)["default"], label)
    assert calls["forward"] == calls["backward"] == 3 * len(LAYOUTS)
    assert calls["expression"] == 0


@pytest.mark.parametrize("each", [False, True], ids=["one", "a channel's own"])
def test_layout_in_memory_is_kept(each):
    for label in ("channels last", "transposed", "permuted"):
        x = LAYOUTS[label](draw).requires_grad_()
        size = [n if dim == 1 else 1 for dim, n in enumerate(x.shape)] if each else []
        y = functional.srelu(x, draw(*size).abs() + 1)
        (slope,) = torch.autograd.grad(y, x, torch.ones(x.shape, dtype=x.dtype))
        assert y.stride() == slope.stride() == x.stride() != x.contiguous().stride()
        assert y.data_ptr() != x.data_ptr()


@over("dtype", DTYPES)
@crossed(COMPILED)
def test_every_setting_over_the_range(f, params, dtype, threads):
    """Values from 1e-6 to 30 and 100, and the kinks, on two threads."""
    threads(2)
    small = torch.logspace(-6, 2, 2000, dtype=torch.float64)
    kinks = torch.tensor(f.kinks_at(**params), dtype=torch.float64)
    line = torch.linspace(-30, 30, 30001, dtype=torch.float64)
    x = torch.cat([small, -small, line, draw(5000), kinks, torch.zeros(1)])
    check(f, x.to(dtype), draw(len(x), dtype=dtype, seed=1), params)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
def test_the_tails_of_srelu_are_exact(dtype):
    for t in torch.tensor([0.05, 0.3, 1.0, 2.21, 10.0, 1 / 3], dtype=dtype).tolist():
        right = t * torch.linspace(1, 50, 1000, dtype=dtype)
        right.requires_grad_()
        (slope,) = gradients(functional.srelu(right, t), [right])
        assert torch.equal(functional.srelu(right, t), right)
        assert (slope[right > 1.0001 * t] == 1).all()
        left = -right.detach().requires_grad_()
        (slope,) = gradients(functional.srelu(left, t), [left])
        assert not functional.srelu(left, t).any()
        assert not slope[left < -1.0001 * t].any()


@pytest.mark.parametrize("dtype", HALF, ids=["float16", "bfloat16"])
def test_every_half_number_is_read_and_rounded_right(dtype):
    every = torch.arange(-(2**15), 2**15).to(torch.int16).view(dtype)
    for k in (1.0, 1 / 3, 0.7e-3, 1e-6, 1e3, 3e4):
        want = (every.float() * torch.tensor(k)).to(dtype)
        assert_close(functional.pilu(every, k, k, 0.0), want, rtol=0, atol=0, equal_nan=True)
    x = torch.zeros_like(every).requires_grad_()
    (slope,) = torch.autograd.grad(functional.pilu(x, 1.0, 1 / 3, 0.0), x, every)
    want = (every.float() * torch.tensor(1 / 3)).to(dtype)
    assert_close(slope, want, rtol=0, atol=0, equal_nan=True)


# Parameters

SHAPES = {
    "one": (),
    "one, 4-d": (1, 1, 1, 1),
    "the last dimension": (3,),
    "channels": (5, 1, 1),
    "seeds": (6, 1, 1, 1),
    "rows": (4, 1),
}


def parameters(f, shape, dtype) -> dict[str, torch.Tensor]:
    """Tensors that take a gradient, each from one end of its range to the other."""
    work = kernels.accumulation(dtype)
    count = torch.Size(shape).numel()
    ends = spread(f, count) if count > 1 else {n: p.default + 0.1 for n, p in free(f).items()}
    return {
        n: torch.as_tensor(v, dtype=work).reshape(shape).clone().requires_grad_()
        for n, v in ends.items()
    }


PARAMETRIC = [f for f in COMPILED if f.params]


@every_dtype
@each_of(PARAMETRIC)
def test_parameters_of_any_shape(f, dtype, calls):
    x, grad_y = draw(6, 5, 4, 3, dtype=dtype), draw(6, 5, 4, 3, dtype=dtype, seed=1)
    for label, shape in SHAPES.items():
        last = x.to(memory_format=torch.channels_last)
        for at in (x, last, turned(x), x[:, :, :1].expand(x.shape)):
            check(f, at, grad_y, parameters(f, shape, dtype), label)
    assert calls["forward"] == calls["backward"] == 4 * len(SHAPES)
    assert calls["expression"] == 0


@each_of([f for f in PARAMETRIC if len(free(f)) > 1])
def test_numbers_and_tensors_side_by_side(f):
    x, grad_y = draw(4, 5, 3), draw(4, 5, 3, seed=1)
    one, many = (parameters(f, shape, x.dtype) for shape in ((), (5, 1)))
    first, *others = one
    check(f, x, grad_y, {first: many[first]})
    check(f, x, grad_y, {first: one[first]} | {n: many[n] for n in others})
    check(f, x, grad_y, {first: many[first]} | {n: one[n] for n in others})


@every_dtype
def test_gradients_only_where_they_are_wanted(dtype, calls):
    f, x = functional.apec, draw(7, 5, dtype=dtype)
    given = parameters(f, (5,), dtype)
    given["beta"].requires_grad_(False)
    y = f(x, **given)
    y.sum().backward()
    assert x.grad is None
    assert given["beta"].grad is None
    assert given["alpha"].grad.tolist() == [7.0] * 5
    assert given["gamma"].grad.isfinite().all()
    x.requires_grad_()
    f(x, **{n: p.detach() for n, p in given.items()}).sum().backward()
    assert x.grad.any()
    assert calls == {"forward": 2, "backward": 2}


@pytest.mark.parametrize("dtype", HALF, ids=["float16", "bfloat16"])
def test_parameters_of_half_types_get_gradients_of_their_own(dtype):
    t = torch.tensor([0.7, 2.0, 3.1], dtype=dtype, requires_grad=True)
    check(functional.srelu, draw(40, 3, dtype=dtype), draw(40, 3, dtype=dtype, seed=1), {"t": t})


@every_kind
def test_parameters_that_vary_over_two_dimensions_are_left_to_the_expression(f, calls):
    if not f.params:
        return
    x = draw(4, 5, 3).requires_grad_()
    each, rows, larger = (parameters(f, s, x.dtype) for s in ((5, 3), (4, 1, 1), (2, 1, 1, 1)))
    first = next(iter(each))
    split = parameters(f, (5, 1), x.dtype) | {first: rows[first]} if len(each) > 1 else each
    for given in (each, split, larger):
        inputs = [x, *given.values()]
        y, want = f(x, **given), definition(f, x, **given)
        assert_close(y, want, rtol=0, atol=0)
        assert_close(gradients(y, inputs), gradients(want, inputs), rtol=0, atol=0)
    assert not calls  # no kernel


WIDE = {
    "one channel": ((300, 411), ()),
    "channels beyond a piece": ((20, 6001), (6001,)),
    "more channels than a group": ((2, 70001), (70001,)),
    "few channels, many rows": ((40001, 3), (3,)),
    "large planes": ((2, 3, 97, 211), (3, 1, 1)),
    "small planes": ((50, 33, 8, 9), (33, 1, 1)),
    "seeds": ((3, 250, 171), (3, 1, 1)),
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["float32", "bfloat16"])
@pytest.mark.parametrize("case", WIDE)
def test_large_tensors_give_the_same_bits_on_any_number_of_threads(case, dtype, threads):
    shape, own = WIDE[case]
    x, grad_y = draw(*shape, dtype=dtype), draw(*shape, dtype=dtype, seed=1)
    for f in (functional.srelu, functional.mapec):
        given = parameters(f, own, dtype)
        check(f, x, grad_y, given)
        results = []
        for number in (1, 2, 2, 3):
            threads(number)
            inputs = [x.detach().requires_grad_(), *given.values()]
            y = f(inputs[0], **given)
            results.append([y, *torch.autograd.grad(y, inputs, grad_y)])
        for again in results[1:]:
            assert all(map(torch.equal, results[0], again))


# Derivatives of derivatives, and transforms


@pytest.mark.parametrize("shape", [None, (), (2,)], ids=["numbers", "tensors", "channels"])
@every_kernel
def test_gradcheck(f, shape):
    """First and second derivatives, forwards and backwards, one by one and batched."""
    if shape is not None and not f.params:
        return
    inside = {n: 0.6 * p.default + 0.4 * p.high for n, p in free(f).items()}
    given = {} if shape is None else tensors(inside, draw(), shape)
    x = ordinary(f, inside, shape=(3, 2)).requires_grad_()

    def call(x, *values):
        return f(x, **inside | dict(zip(given, values, strict=True)))

    inputs = (x, *given.values())
    assert torch.autograd.gradcheck(
        call,
        inputs,
        check_forward_ad=True,
        check_batched_grad=True,
        check_batched_forward_grad=True,
    )
    assert torch.autograd.gradgradcheck(
        call, inputs, check_fwd_over_rev=True, check_rev_over_rev=True, check_batched_grad=True
    )


def every(f) -> tuple[int, ...]:
    return tuple(range(1 + len(free(f))))


def loss(call):
    return lambda x, *ps: call(x, *ps).pow(2).sum()


def along(*inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
    return tuple(draw(*t.shape, seed=7 + i) for i, t in enumerate(inputs))


# Each takes a function of x and parameters, x (3, 4, 2), parameters `one` () and `many` (3,).
TRANSFORMS = {
    "grad": lambda call, x, one, many, all_: grad(loss(call), all_)(x, *one),
    "grad of grad": lambda call, x, one, many, all_: grad(
        lambda *i: sum(g.pow(2).sum() for g in grad(loss(call), all_)(*i)), all_
    )(x, *one),
    "vjp": lambda call, x, one, many, all_: vjp(call, x, *one)[1](draw(3, 4, 2, seed=3)),
    "jvp": lambda call, x, one, many, all_: jvp(call, (x, *one), along(x, *one)),
    "jvp by x": lambda call, x, one, many, all_: jvp(lambda x: call(x, *one), (x,), along(x)),
    "jvp of grad": lambda call, x, one, many, all_: jvp(
        grad(loss(call), all_), (x, *one), along(x, *one)
    ),
    "grad of jvp": lambda call, x, one, many, all_: grad(
        lambda *i: jvp(loss(call), i, along(*i))[1], all_
    )(x, *one),
    "jvp of jvp": lambda call, x, one, many, all_: jvp(
        lambda *i: jvp(call, i, along(*i))[1], (x, *one), along(x, *one)
    ),
    "jacfwd of jacfwd": lambda call, x, one, many, all_: jacfwd(jacfwd(loss(call)))(x[0, 0], *one),
    "linearize": lambda call, x, one, many, all_: torch.func.linearize(call, x, *one)[1](
        *along(x, *one)
    ),
    "jacfwd": lambda call, x, one, many, all_: jacfwd(call, all_)(x[0], *one),
    "jacrev": lambda call, x, one, many, all_: jacrev(call, all_)(x[0], *one),
    "hessian": lambda call, x, one, many, all_: hessian(loss(call), all_)(x[0], *one),
    "vmap over x": lambda call, x, one, many, all_: vmap(lambda x: call(x, *one))(x),
    "vmap over another dimension": lambda call, x, one, many, all_: vmap(
        lambda x: call(x, *one), in_dims=-1, out_dims=1
    )(x),
    "vmap over both": lambda call, x, one, many, all_: vmap(call)(x, *many),
    "vmap over both, in other dimensions": lambda call, x, one, many, all_: vmap(
        call, in_dims=(2, *[0] * len(many))
    )(x.permute(1, 2, 0), *many),
    "vmap of vmap": lambda call, x, one, many, all_: vmap(
        vmap(call, in_dims=(1, *[None] * len(many))), in_dims=0
    )(x, *many),
    "vmap over parameters inside": lambda call, x, one, many, all_: vmap(
        vmap(call, in_dims=(None, *[0] * len(many))) if many else call,
        in_dims=(0, *[None] * len(many)),
    )(x, *many),
    "vmap over channels": lambda call, x, one, many, all_: vmap(
        call, in_dims=(1, *[None] * len(many))
    )(x.movedim(0, -1), *many),
    "vmap over channels of their own": lambda call, x, one, many, all_: vmap(call)(
        x, *[torch.stack([p, p + 0.1], 1) for p in many]
    ),
    "vmap in chunks": lambda call, x, one, many, all_: vmap(call, chunk_size=2)(x, *many),
    "vmap of grad": lambda call, x, one, many, all_: vmap(grad(loss(call), all_))(x, *many),
    "vmap of grad, shared parameters": lambda call, x, one, many, all_: vmap(
        grad(loss(call), all_), in_dims=(0, *[None] * len(one))
    )(x, *one),
    "vmap of grad, shared channels": lambda call, x, one, many, all_: vmap(
        grad(loss(call), all_), in_dims=(1, *[None] * len(many))
    )(x.movedim(0, -1), *many),
    "grad of vmap": lambda call, x, one, many, all_: grad(loss(vmap(call)), all_)(x, *many),
    "vmap of jvp": lambda call, x, one, many, all_: vmap(
        lambda *i: jvp(call, i, tuple(t.cos() for t in i))
    )(x, *many),
    "jvp of vmap": lambda call, x, one, many, all_: jvp(vmap(call), (x, *many), along(x, *many)),
    "functionalize": lambda call, x, one, many, all_: functionalize(grad(loss(call), all_))(
        x, *one
    ),
}


@pytest.mark.filterwarnings("ignore:Attempted to insert a get_attr Node:UserWarning")  # linearize
@over("transform", TRANSFORMS)
@every_kind
def test_transforms_are_those_of_the_expression(f, transform):
    x = ordinary(f, shape=(3, 4, 2))
    many = [0.5 * (v + f.params[n].default) for n, v in spread(f, 3).items()]
    one = [v[0] for v in many]

    def run(function):
        def call(x, *ps):
            return function(x, **dict(zip(free(f), ps, strict=True)))

        return TRANSFORMS[transform](call, x, one, many, every(f))

    got, want = run(f), run(partial(definition, f))
    assert_close(got, want, rtol=1e-11, atol=1e-12)
    assert any(t.any() for t in torch.utils._pytree.tree_leaves(got))


def test_transforms_use_the_kernel(calls):
    vmap(grad(loss(functional.srelu)))(draw(3, 4), torch.linspace(1, 2, 3).double())
    assert calls == {"forward": 1, "backward": 1}


@every_kind
def test_forward_mode(f):
    """Tangents go through values, and through gradients whether or not their graph is made."""
    x, given = ordinary(f).requires_grad_(), parameters(f, (), torch.float64)
    ways = along(x, *given.values())

    def tangents(function, graph: bool):
        with forward_ad.dual_level():
            pairs = zip([x, *given.values()], ways, strict=True)
            dual, *ps = (forward_ad.make_dual(*pair) for pair in pairs)
            y = function(dual, **dict(zip(given, ps, strict=True)))
            results = [y, *torch.autograd.grad(y.sum(), [x, *given.values()], create_graph=graph)]
            found = [forward_ad.unpack_dual(r).tangent for r in results]
            return [
                torch.zeros_like(r) if t is None else t for t, r in zip(found, results, strict=True)
            ]

    want = tangents(partial(definition, f), False)
    assert want[0].any()
    for graph in (False, True):
        assert_close(tangents(f, graph), want)


@every_kind
def test_batched_gradients(f):
    x, given = ordinary(f).requires_grad_(), parameters(f, (5,), torch.float64)
    inputs, many = [x, *given.values()], draw(4, *x.shape)
    got, want = (
        torch.autograd.grad(y, inputs, many, is_grads_batched=True)
        for y in (f(x, **given), definition(f, x, **given))
    )
    assert_close(got, want)


# Where the expression serves


def test_compiled_before_anything_has_been_called():
    kernels.names.cache_clear()
    torch._dynamo.reset()
    compiled = torch.compile(functional.srelu, fullgraph=True, backend="eager")
    assert_close(compiled(draw(7)), definition(functional.srelu, draw(7)))


def test_what_torch_looks_into_is_the_expression(calls):
    f, x = functional.srelu, draw(4, 3)
    with FakeTensorMode() as mode:
        fake = mode.from_tensor(x)
        assert f(fake).shape == f(fake, t=fake[0]).shape == (4, 3)
        assert f(torch.empty(2)).shape == (2,)
    assert functional.frelu(fake).shape == (4, 3)  # outside its mode
    assert f(x.to("meta")).shape == f(x.to("meta"), t=torch.empty(3, device="meta")).shape == (4, 3)
    for mode in ("real", "fake", "symbolic"):
        graph = make_fx(f, tracing_mode=mode)(x)
        assert "sin" in graph.code
        assert_close(graph(2 * x), definition(f, 2 * x))
    with FlopCounterMode(display=False):
        f(x)
    assert_close(functionalize(f)(x), definition(f, x))
    assert not calls


@pytest.mark.filterwarnings("ignore:.*torch.jit.trace.*:DeprecationWarning")
def test_traced_and_exported_for_any_shape(calls):
    module, x = nn.SReLU(t=1.5, trainable=True), draw(4, 3, dtype=torch.float32)
    traced = torch.jit.trace(module, x, check_trace=False)
    dim = torch.export.Dim("n", min=2)
    exported = torch.export.export(module, (x,), dynamic_shapes=({0: dim},)).module()
    assert not calls
    other = draw(9, 3, dtype=torch.float32)
    for program in (traced, exported):
        assert_close(program(other), definition(functional.srelu, other, t=module.t))


def compiled_and_eager(function, inputs, **options):
    torch._dynamo.reset()
    program = torch.compile(function, fullgraph=True, **options)
    return [[y, *gradients(y, inputs)] for y in (program(*inputs), function(*inputs))]


def test_compiles_in_one_graph(calls):
    x, t = draw(8, 3).requires_grad_(), torch.tensor(1.2, dtype=torch.float64, requires_grad=True)
    got, want = compiled_and_eager(functional.srelu, [x, t], backend="aot_eager")
    assert calls == {"forward": 1, "backward": 1}  # those of the eager call
    assert_close(got, want)
    per_sample = vmap(grad(loss(functional.srelu)), in_dims=(0, None))
    program = torch.compile(per_sample, fullgraph=True, backend="aot_eager")
    x, t = x.detach(), t.detach()
    assert_close(program(x, t), per_sample(x, t))


@pytest.mark.slow
@pytest.mark.skipif(not which("g++"), reason="inductor needs a C++ compiler, g++")
def test_compiles_with_inductor():
    x, t = draw(65, 33).requires_grad_(), torch.tensor(1.2, dtype=torch.float64, requires_grad=True)
    model = nn.make("srelu", trainable=True)
    got, want = compiled_and_eager(lambda x, t: model(functional.srelu(x, t)), [x, t])
    assert_close(got, want)


class Tagged(torch.Tensor):
    """A subclass, as libraries make them."""


def test_other_kinds_of_tensors(calls):
    f, x = functional.srelu, draw(4, 3)
    assert isinstance(f(x.as_subclass(Tagged)), Tagged)
    assert isinstance(f(x, t=torch.ones(()).as_subclass(Tagged)), Tagged)
    assert not calls
    assert_close(f(torch.nn.Parameter(x)).detach(), definition(f, x))
    ragged = torch.nested.nested_tensor([x[0, :2], x[1]], layout=torch.jagged)
    assert_close(functional.swish(ragged).values(), functional.swish(ragged.values()))


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors:UserWarning")
def test_strided_nested_tensors():
    first, second = draw(2), draw(3)
    nested = torch.nested.nested_tensor([first, second])
    assert_close(
        [*functional.frelu(nested).unbind()], [functional.frelu(t) for t in (first, second)]
    )


def test_lazily_negated_and_zero_tensors():
    """Tensors whose memory does not hold their values, from conjugation and forward mode."""
    f, x = functional.srelu, draw(5).requires_grad_()
    lazy = torch.view_as_complex(draw(5, 2)).conj().imag
    assert lazy.is_neg()
    for negated in (lazy, torch._neg_view(draw(5))):
        assert_close(f(negated), definition(f, negated.resolve_neg()))
        assert_close(f(x, t=1.5 - negated[:1]), definition(f, x, t=1.5 - negated[:1].resolve_neg()))
        got, want = (
            torch.autograd.grad(y, x, way)[0]
            for y, way in ((f(x), negated), (definition(f, x), negated.resolve_neg()))
        )
        assert_close(got, want)
    zero = torch._efficientzerotensor(5, dtype=torch.float64)
    assert_close(f(zero), torch.zeros(5, dtype=torch.float64))
    assert not torch.autograd.grad(f(x), x, zero)[0].any()


def offloaded(f, x):
    with torch.autograd.graph.save_on_cpu():
        return f(x)


FIRST = {
    "checkpoint": lambda f, x: checkpoint(f, x, use_reentrant=False),
    "offloading": offloaded,
    "inference": lambda f, x: torch.inference_mode()(f)(x),
    "autocast": lambda f, x: torch.autocast("cpu", dtype=torch.bfloat16)(f)(x),
    "vmap of grad": lambda f, x: vmap(grad(f))(x.detach()),
    "jvp": lambda f, x: jvp(f, (x,), (x,))[1],
    "functionalize": lambda f, x: functionalize(f)(x),
}


@pytest.mark.parametrize("place", FIRST)
def test_the_first_call_may_be_anywhere(place):
    """There the kernel is compared with its definition."""
    ops._agreeing.clear()
    f, x = functional.gelu, draw(5).requires_grad_()
    assert_close(FIRST[place](f, x), FIRST[place](partial(definition, f), x))


def test_a_kernel_that_computes_something_else_is_not_used(monkeypatch):
    """As after an edit of the definition."""
    other = kernels.look_up("mish", "cpu")
    monkeypatch.setitem(kernels._known, ("gish", "cpu"), other)
    with pytest.warns(RuntimeWarning, match="kernel of gish does not compute what its definition"):
        y = functional.gish(draw(9))
    assert_close(y, definition(functional.gish, draw(9)))
    assert_close(functional.gish(draw(9)), y)  # and no further warning


def test_a_kernel_that_does_not_run_is_not_used(monkeypatch):
    """As one that was built for another GPU."""
    names = {209: b"no kernel image is available"}
    other = library.CompiledFunction(Path("elsewhere"), lambda _: 209, names.__getitem__)
    monkeypatch.setitem(kernels._known, ("gish", "cpu"), other)
    with pytest.warns(RuntimeWarning, match="does not run .*no kernel image is available"):
        y = functional.gish(draw(9))
    assert_close(y, definition(functional.gish, draw(9)))


def test_while_a_graph_is_captured_a_kernel_counts_as_it_did_before(monkeypatch):
    gish, other = get_activation("gish"), kernels.look_up("mish", "cpu")
    monkeypatch.setitem(kernels._known, ("gish", "cuda"), other)
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: True)
    for before, counts in ((None, False), (False, False), (True, True)):
        known = {} if before is None else {(gish, other): before}
        monkeypatch.setattr(ops, "_agreeing", known)
        assert ops._usable(gish, "cuda") is (other if counts else None)


def test_a_user_s_own_of_the_same_name_is_its_own():
    @activation(t=Param(1.0, low=0.5, high=2.0))
    def srelu(x, t):
        return x * t

    assert_close(srelu(draw(5), t=2.0), 2 * draw(5))


# States of torch


def test_only_the_inputs_are_kept():
    x, t = draw(50).requires_grad_(), torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
    y = functional.srelu(x, t=t)
    kept = y.grad_fn.saved_tensors
    assert [s.data_ptr() for s in kept] == [x.data_ptr(), t.data_ptr()]


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_no_graph_where_none_is_wanted(mode, calls):
    x = draw(50).requires_grad_()
    with mode():
        y = functional.srelu(x, t=torch.ones((), dtype=x.dtype, requires_grad=True))
        assert_close(functional.srelu(y), definition(functional.srelu, y))
    assert calls == {"forward": 2}
    assert not y.requires_grad
    assert y.is_inference() == (mode is torch.inference_mode)
    assert not functional.srelu(draw(3)).requires_grad


def test_changing_an_input_in_place_before_backward_is_an_error():
    for changed in range(2):
        leaves = [draw(5).requires_grad_(), torch.ones((), dtype=torch.float64, requires_grad=True)]
        inputs = [leaf * 1 for leaf in leaves]
        y = functional.srelu(inputs[0], t=inputs[1])
        inputs[changed].mul_(2)
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            y.sum().backward()


def test_autocast_checkpoints_and_offloading(calls):
    x = draw(40, 3, dtype=torch.float32).requires_grad_()
    want = torch.autograd.grad(functional.gelu(x).sum(), x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = functional.gelu(x @ torch.eye(3))
        assert y.dtype == torch.bfloat16
        assert_close(functional.gelu(x), functional.gelu(x.detach()), check_dtype=True)
    y.float().sum().backward()
    assert_close(x.grad, want[0], rtol=0.02, atol=0.02)
    y = checkpoint(functional.gelu, x, use_reentrant=False)
    assert_close(torch.autograd.grad(y.sum(), x), want, rtol=0, atol=0)
    y = offloaded(functional.gelu, x)
    assert_close(torch.autograd.grad(y.sum(), x), want, rtol=0, atol=0)
    assert calls["expression"] == 0


def test_modules(calls):
    module = nn.MAPEC(num_features=3, generator=torch.Generator().manual_seed(0))
    x = draw(7, 3, dtype=torch.float32)
    want = module(x)
    for twin in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        assert torch.equal(twin(x), want)
    state = {name: p.detach() + 0.5 for name, p in module.named_parameters()}
    moved = functional_call(module, state, (x,))
    assert_close(moved, definition(functional.mapec, x, **state), rtol=1e-5, atol=1e-5)
    want.sum().backward()
    assert all(p.grad.any() for p in module.parameters())
    module.load_state_dict(state)
    assert torch.equal(module(x), moved)
    stacked = {name: torch.stack([p, p + 0.1]) for name, p in state.items()}
    both = vmap(partial(functional_call, module), in_dims=(0, None))(stacked, (x,))
    assert_close(both[0], moved)
    assert calls["expression"] == 1  # two sets of three channels vary over two dimensions
    kept = x.clone()
    nn.MAPEC(inplace=True)(x)  # a hint
    assert torch.equal(x, kept)


def test_threads_of_python_may_call_at_once(threads):
    threads(2)
    inputs = [draw(70, 601, dtype=torch.float32, seed=i) for i in range(12)]

    def work(x):
        x, t = x.detach().requires_grad_(), torch.tensor(1.5, requires_grad=True)
        y = functional.srelu(x, t=t)
        return [y.detach(), *torch.autograd.grad(y.sum(), [x, t])]

    alone = [work(x) for x in inputs]
    with ThreadPoolExecutor(6) as pool:
        for got, want in zip(pool.map(work, inputs), alone, strict=True):
            assert all(map(torch.equal, got, want))


# Extremes


@over("dtype", DTYPES)
@crossed(COMPILED)
def test_finite_up_to_ten_thousand(f, params, dtype):
    """With tensors, one or one a channel; test_activations has the numbers."""
    for shape in ((), (2,)):
        found = []
        for kind in (dtype, torch.float64):
            x = EXTREMES.to(dtype).to(kind).requires_grad_()
            given = tensors(params, x, shape)
            y = (f if kind == dtype else partial(definition, f))(x, **given)
            found.append([y, *gradients(y, [x, *given.values()])])
        for got, true in zip(*found, strict=True):
            assert true.isfinite().all()
            assert got[true.abs() <= torch.finfo(dtype).max].isfinite().all()


@over("dtype", DTYPES)
@every_kernel
def test_infinite_inputs_have_the_limits(f, dtype):
    ends = torch.tensor([-inf, inf, -1e29, 1e29], dtype=torch.float64).to(dtype).requires_grad_()
    y = f(ends)
    (slope,) = gradients(y, [ends])
    far = y[2:].double().abs() > 1e4
    assert_close(y[:2], torch.where(far, y[2:].sign() * inf, y[2:]).to(dtype))
    if dtype != torch.float16:  # which has no number far enough
        steep = slope[2:].abs() > 1e4
        assert_close(slope[:2], torch.where(steep, slope[2:].sign() * inf, slope[2:]))
    assert not slope.isnan().any()
    assert f.name in SQUARES or slope.isfinite().all()


@over("dtype", DTYPES)
@every_kernel
def test_a_nan_stays_where_it_is(f, dtype):
    x = draw(67, dtype=dtype).requires_grad_()
    hole = x.detach().clone()
    hole[33] = nan
    hole.requires_grad_()
    y, want = f(hole), f(x)
    rest = torch.arange(67) != 33
    assert y[33].isnan()
    assert torch.equal(y[rest], want[rest])
    assert torch.equal(gradients(y, [hole])[0][rest], gradients(want, [x])[0][rest])


@over("dtype", DTYPES)
@every_kernel
def test_subnormal_inputs(f, dtype):
    kind = torch.finfo(dtype)
    steps = torch.tensor([1, 2, 3, 100, 2**10 - 1], dtype=torch.float64)
    steps = steps * (kind.smallest_normal * kind.eps)
    x = torch.cat([steps, -steps]).to(dtype)
    assert (x * torch.ones((), dtype=dtype)).all(), "loading a kernel made subnormals 0"
    want = definition(f, x.double())
    relative, absolute = VALUE[f.name]
    bound = kind.eps * (relative * want.abs() + absolute + 2 * kind.smallest_normal)
    assert_near(f(x), want, bound, "y")
