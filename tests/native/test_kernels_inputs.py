"""Kernels read memory: a tensor that is not plain memory gets the numbers of the definition."""

from __future__ import annotations

import itertools
import random
from functools import partial, reduce

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.autograd import forward_ad
from torch.func import grad, hessian, jacfwd, jacrev, jvp, vjp, vmap
from torch.overrides import TorchFunctionMode
from torch.testing import assert_close
from torch.testing._internal.logging_tensor import LoggingTensor
from torch.testing._internal.two_tensor import TwoTensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from afnlab import functional, get_activation
from afnlab.native import kernels
from tests.activations.test_activations import torch_warns
from tests.native.test_native import definition, each_of, every_kernel, why_not

pytestmark = [pytest.mark.skipif(bool(why_not()), reason=why_not()), torch_warns]

X = torch.tensor([-1.5, -0.3, 0.2, 1.0, 2.0, 3.0])
GRAD = torch.tensor([0.5, -1.0, 2.0, 0.3, 1.1, 0.7])
T = torch.tensor(1.7)


class Tagged(torch.Tensor):
    """A subclass of which only the functions are looked at."""


class Functions(TorchFunctionMode):
    """Looks at every function, and sees sines as cosines."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        return (torch.cos if function is torch.sin else function)(*args, **kwargs or {})


class Operations(TorchDispatchMode):
    """Looks at every operation, and sees zeros where memory is asked for."""

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        y = operation(*args, **kwargs or {})
        return y.zero_() if "empty" in str(operation) else y


def two(t: torch.Tensor) -> TwoTensor:
    return TwoTensor(t.clone(), t.clone())


def leaf(t: torch.Tensor) -> torch.Tensor:
    return t.clone().requires_grad_()


def at_an_odd_byte(t: torch.Tensor) -> torch.Tensor:
    stored = bytearray(b"?" + t.numpy().tobytes())
    return torch.frombuffer(stored, dtype=t.dtype, offset=1)


def functional_one(t: torch.Tensor) -> torch.Tensor:
    """A tensor of torch's own type that keeps its values in another one."""
    return torch._to_functional_tensor(t.detach().clone())


def by(f, x, grad_y, t=T) -> list[torch.Tensor]:
    """The value and the gradients by x and t, which are leaves or made into them."""
    x, t = (v if v.requires_grad else leaf(v) for v in (x, t))
    y = f(x, t=t)
    return [y, *torch.autograd.grad(y, [x, t], grad_y)]


def in_mode(mode, f) -> list[torch.Tensor]:
    x = leaf(X)
    with mode:
        y = f(x)
        return [y, *torch.autograd.grad(y, x, GRAD)]


def backward_in(mode, f) -> tuple:
    x = leaf(X)
    y = f(x)
    with mode:
        return torch.autograd.grad(y, x, GRAD)


def packed(pack, unpack, f) -> tuple:
    x, t = leaf(X), leaf(T)
    with torch.autograd.graph.saved_tensors_hooks(pack, unpack):
        y = f(x, t=t)
    return torch.autograd.grad(y, [x, t], GRAD)


def twice(f, first, second) -> tuple:
    """The gradient, and that of the gradient."""
    x = leaf(X)
    (slope,) = torch.autograd.grad(f(x), x, first, create_graph=True)
    return slope, *torch.autograd.grad(slope, x, second)


def leaked(f) -> torch.Tensor:
    """A value that has left the transform that it was computed in."""
    kept = []
    grad(lambda x: kept.append(f(x)) or kept[0].sum())(X)
    return 1 * kept[0]


def dual(f, tangent) -> torch.Tensor:
    with forward_ad.dual_level():
        return forward_ad.unpack_dual(f(forward_ad.make_dual(X, tangent))).tangent


def without_grad(pull) -> tuple:
    with torch.no_grad():
        return pull(GRAD)


def one_by_one(f, y_of) -> torch.Tensor:
    """Gradients of several vectors by vmap over torch.autograd."""
    x = leaf(X)
    y = y_of(f, x)
    pull = partial(torch.autograd.grad, y, x, retain_graph=True)
    return vmap(lambda v: pull(v)[0])(torch.stack([GRAD, 2 * GRAD]))


def slope_of(f, x) -> torch.Tensor:
    return torch.autograd.grad(f(x), x, GRAD, create_graph=True)[0]


CASES = {
    "gradient: two tensors": lambda f: by(f, X, two(GRAD)),
    "gradient: Python's": lambda f: by(f, X, GRAD.as_subclass(Tagged)),
    "gradient: logged": lambda f: by(f, X, LoggingTensor(GRAD)),
    "gradient: float64": lambda f: by(f, X, GRAD.double()),
    "gradient: float16": lambda f: by(f, X, GRAD.half().float().half()),
    "gradient: at an odd byte": lambda f: by(f, X, at_an_odd_byte(GRAD)),
    "gradient: negated lazily": lambda f: by(f, X, torch.complex(GRAD, GRAD).conj().imag),
    "gradient: functional": lambda f: by(f, X, functional_one(GRAD)),
    "gradient: expanded": lambda f: by(f, X, torch.ones(()).expand(6)),
    "x: two tensors": lambda f: by(f, two(X).requires_grad_(), two(GRAD)),
    "x: two tensors, gradient plain": lambda f: by(f, two(X).requires_grad_(), GRAD),
    "x: Python's": lambda f: by(f, leaf(X).as_subclass(Tagged), GRAD),
    "x: at an odd byte": lambda f: by(f, at_an_odd_byte(X).requires_grad_(), GRAD),
    "x: functional": lambda f: f(functional_one(X)),
    "t: functional": lambda f: f(X, t=functional_one(T)),
    "t: two tensors": lambda f: by(f, X, two(GRAD), two(T).requires_grad_()),
    "t: a zero without memory": lambda f: f(X, t=1.5 + torch._efficientzerotensor(())),
    "second gradient of two tensors": lambda f: twice(f, GRAD, two(GRAD)),
    "both gradients of two tensors": lambda f: twice(f, two(GRAD), two(GRAD)),
    "grad of two tensors": lambda f: grad(lambda x: f(x).sum())(two(X)),
    "vjp with two tensors": lambda f: vjp(f, X)[1](two(GRAD)),
    "vjp by t with two tensors": lambda f: vjp(lambda x, t: f(x, t=t), X, T)[1](two(GRAD)),
    "vjp without gradients": lambda f: without_grad(vjp(f, X)[1]),
    "vmap of two tensors": lambda f: vmap(f)(two(X)),
    "a value after its transform": leaked,
    "forward mode": lambda f: dual(f, GRAD),
    "gradients at once": lambda f: torch.autograd.grad(
        f(x := leaf(X)), x, torch.stack([GRAD, 2 * GRAD]), is_grads_batched=True
    ),
    "second gradients at once": lambda f: torch.autograd.grad(
        slope_of(f, x := leaf(X)), x, torch.stack([GRAD, 2 * GRAD]), is_grads_batched=True
    ),
    "vmap over gradients": lambda f: one_by_one(f, lambda f, x: f(x)),
    "vmap over second gradients": lambda f: one_by_one(f, slope_of),
    "a mode of functions": lambda f: in_mode(Functions(), f),
    "a mode of operations": lambda f: in_mode(Operations(), f),
    "a mode of functions, backwards": lambda f: backward_in(Functions(), f),
    "a mode of operations, backwards": lambda f: backward_in(Operations(), f),
    "another default device": lambda f: in_mode(torch.device("meta"), f),
    "kept as it is": lambda f: packed(lambda t: t, lambda t: t, f),
    "kept as functional ones": lambda f: packed(lambda t: t, functional_one, f),
    "kept as two tensors": lambda f: packed(lambda t: t, two, f),
    "kept in float64 and given back": lambda f: packed(
        lambda t: (t.double(), t.dtype), lambda kept: kept[0].to(kept[1]), f
    ),
    "kept with gaps": lambda f: packed(lambda t: t, lambda t: torch.stack([t, t], -1)[..., 0], f),
    "kept at an odd byte": lambda f: packed(lambda t: t, lambda t: at_an_odd_byte(t.detach()), f),
}


def bare(t: torch.Tensor) -> torch.Tensor:
    t = getattr(t, "a", getattr(t, "elem", t))
    if torch._is_functional_tensor(t):
        torch._sync(t)
        t = torch._from_functional_tensor(t)
    return t.detach().as_subclass(torch.Tensor)


@pytest.mark.parametrize("case", CASES)
def test_the_numbers_are_those_of_the_definition(case):
    f = functional.srelu
    f(torch.zeros(1))  # the kernel is there
    got, want = (tree_leaves(CASES[case](c)) for c in (f, partial(definition, f)))
    assert [type(t) for t in got] == [type(t) for t in want]
    assert_close([*map(bare, got)], [*map(bare, want)])
    assert any(t.any() for t in map(bare, got))


@every_kernel
def test_gradients_of_a_subclass(f):
    x = leaf(X)
    got, want = (
        torch.autograd.grad(call(x), x, two(GRAD))[0] for call in (f, partial(definition, f))
    )
    assert_close((got.a, got.b), (want.a, want.b))
    assert_close(got.a, torch.autograd.grad(f(x), x, GRAD)[0])


@pytest.mark.parametrize(
    ("unpack", "wanted"),
    [(torch.Tensor.bfloat16, 0.02), (torch.Tensor.double, 1e-6)],
    ids=["in fewer digits", "in more"],
)
def test_what_is_kept_in_another_type_gives_gradients_of_the_right_one(unpack, wanted):
    f = functional.srelu
    want = packed(lambda t: t, lambda t: t, f)
    for got, true in zip(packed(lambda t: t, unpack, f), want, strict=True):
        assert got.dtype == true.dtype
        assert_close(got, true, rtol=wanted, atol=wanted)


def test_a_gradient_in_a_mode_of_fake_tensors():
    x = leaf(X)
    y = functional.srelu(x)
    with FakeTensorMode(allow_non_fake_inputs=True):
        (slope,) = torch.autograd.grad(y, x, torch.ones(6))
    assert slope.shape == X.shape


def test_kernels_are_given_plain_memory_of_one_shape_type_and_place():
    x, t = torch.zeros(4, 3), torch.ones(3)
    assert kernels.readable(x, [t], x)
    strange = (two(x), x.as_subclass(Tagged), x.to_sparse(), x.to_mkldnn(), x.to("meta"))
    for other in (*strange, functional_one(x), torch.complex(x, x).conj().imag):
        assert not kernels.readable(other, [])
        assert not kernels.readable(x, [], other)
        assert not kernels.readable(x, [other])
    assert not kernels.readable(x, [], x[:2])
    assert not kernels.readable(x, [], x.half())
    assert not kernels.readable(x, [torch.ones(2)])
    assert not kernels.readable(x.int(), [])
    assert not kernels.readable(x.cfloat(), [])
    vmap(lambda row: [pytest.fail("a batch")] if kernels.readable(row, []) else row)(x)
    with Functions():
        assert not kernels.readable(x, [t])
    with torch.device("cpu"):
        assert kernels.readable(x, [t])


# Transforms inside transforms


def flat(results) -> torch.Tensor:
    return torch.cat([t.reshape(-1) for t in tree_leaves(results)])


def total(h):
    return lambda *inputs: h(*inputs).sin().sum()


def ramp(t: torch.Tensor) -> torch.Tensor:
    return torch.linspace(0.3, 1.1, t.numel(), dtype=t.dtype).view(t.shape)


def pulled(h, *inputs: torch.Tensor) -> tuple:
    y, pull = vjp(h, *inputs)
    return pull(ramp(y))


TWO = torch.tensor([1.0, 1.2], dtype=torch.float64)
# Each makes of a function of x and parameters another one.
NESTS = {
    "grad": lambda h: lambda *i: grad(total(h), tuple(range(len(i))))(*i),
    "grad by x": lambda h: grad(total(h)),
    "vjp": lambda h: partial(pulled, h),
    "jvp": lambda h: lambda *i: jvp(h, i, tuple(map(ramp, i)))[1],
    "jacrev": lambda h: jacrev(h, chunk_size=2),
    "jacfwd": lambda h: jacfwd(h, randomness="same"),
    "hessian": lambda h: hessian(total(h)),
    "vmap": lambda h: lambda *i: vmap(lambda s: h(*(s * t for t in i)), randomness="same")(TWO),
    "vmap over x": lambda h: (
        lambda x, *ps: vmap(lambda x: h(x, *ps), in_dims=-1, out_dims=-1, chunk_size=1)(
            torch.stack([x, 1.2 * x], -1)
        )
    ),
}
PAIRS = list(itertools.product(NESTS, repeat=2))
TRIPLES = random.Random(0).sample(list(itertools.product(NESTS, repeat=3)), 40)


def nested(names: tuple[str, ...], call, x: torch.Tensor, parameters: dict) -> torch.Tensor:
    def h(x, *ps):
        return call(x, **dict(zip(parameters, ps, strict=True)))

    def inside(h, name: str):
        return lambda *inputs: flat(NESTS[name](h)(*inputs))

    return reduce(inside, names, h)(x, *parameters.values())


def compare_nested(f, names: tuple[str, ...]) -> None:
    x = torch.tensor([-1.3, 0.4, 2.1], dtype=torch.float64)
    given = {n: torch.tensor(0.9 * p.default + 0.05).double() for n, p in f.params.items()
             if not p.fixed}  # fmt: skip
    got, want = (nested(names, call, x, given) for call in (f, partial(definition, f)))
    assert_close(got, want, rtol=1e-9, atol=1e-10, msg=lambda m: f"{f.name} {names}: {m}")


def test_transforms_in_transforms():
    for names in PAIRS:
        compare_nested(functional.srelu, names)


@pytest.mark.slow
@each_of([get_activation(name) for name in ("srelu", "gelu", "pilu")])
def test_transforms_in_transforms_in_transforms(f):
    for names in TRIPLES:
        compare_nested(f, names)


@every_kernel
def test_hessian_vector_products_of_every_example(f):
    """Reverse over reverse: the transform of the slope has ended when it is pulled back."""
    xs, vs = torch.randn(2, 3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))

    def products(call):
        slope = grad(lambda x: call(x).sum())
        return [
            vmap(lambda x, v: vjp(slope, x)[1](v)[0])(xs, vs),
            vmap(lambda x, v: vjp(slope, x)[1](v)[0], in_dims=(1, 1), out_dims=1)(xs, vs),
            vmap(lambda x, v: jvp(slope, (x,), (v,))[1], chunk_size=2)(xs, vs),
            vjp(vmap(slope), xs)[1](vs)[0],
            vmap(vmap(lambda x, v: vjp(slope, x)[1](v)[0]))(xs, vs),
        ]

    assert_close(products(f), products(partial(definition, f)))
