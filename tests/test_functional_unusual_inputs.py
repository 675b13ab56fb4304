"""Inputs that are torch's own and rarely tried, and softplus where its gradient by beta vanishes.

Of the meta device, lazily copied, of 8 bits, without dimensions.
"""

from __future__ import annotations

from math import inf

import pytest
import torch
from torch.func import jvp
from torch.testing import assert_close

from afnlab import functional, nn
from afnlab.nn import make
from tests.conftest import every_activation, free, trainable
from tests.over import over

DTYPES = (torch.float64, torch.float32, torch.bfloat16, torch.float16)
every_dtype = over("dtype", DTYPES)
SMALL = [
    getattr(torch, name)
    for name in ("float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e8m0fnu")
    if hasattr(torch, name)
]


@every_activation
@over("dtype", SMALL)
def test_floats_of_8_bits_are_refused_in_one_line(f, dtype):
    with pytest.raises(
        TypeError, match=rf"{f.name}: x must be .*16 bits or more, got {dtype}"
    ) as e:
        f(torch.ones(3).to(dtype))
    assert "\n" not in str(e.value)


@every_activation
@over("place", ["cpu", "meta"])
def test_the_meta_device_with_tensor_parameters(f, place):
    tensors = {n: torch.tensor(p.default, device=place) for n, p in free(f).items()}
    for shape in ((4, 3), ()):
        for dtype in DTYPES:
            x = torch.empty(shape, dtype=dtype, device="meta", requires_grad=True)
            y = f(x, **tensors)
            y.sum().backward()
            assert (y.device.type, y.shape, y.dtype) == ("meta", x.shape, dtype)
            assert (x.grad.device.type, x.grad.shape) == ("meta", x.shape)


@every_activation
def test_modules_on_the_meta_device(f):
    x = torch.empty(4, 3, 2, device="meta", requires_grad=True)
    for options in ({}, {"num_features": 3, "feature_dim": 1}):
        module = make(f, trainable=trainable(f), device="meta", **options)
        module(x).sum().backward()
        assert {p.grad.device.type for p in module.parameters()} <= {"meta"}
        module.project()
    held = {n: torch.tensor(p.default) for n, p in free(f).items()}
    module = make(f, held, trainable=False)
    assert module.to("meta")(x).shape == x.shape
    with torch.device("meta"):
        assert make(f, held, trainable=False)(x).shape == x.shape


@every_activation
@over("trained", [False, True])
def test_a_lazy_copy_stays_one(f, trained):
    x = torch.randn(40)
    copy = torch._lazy_clone(x).requires_grad_()
    y = make(f, trainable=trainable(f) if trained else False)(copy)
    grad = torch._lazy_clone(torch.ones(40))
    y.backward(grad)
    assert torch._C._is_cow_tensor(copy)
    assert torch._C._is_cow_tensor(grad)
    assert copy.grad.isfinite().all()


@every_activation
@every_dtype
@pytest.mark.filterwarnings("ignore:.*torch.jit.script.*:DeprecationWarning")
def test_values_and_tangents_keep_the_dtype_and_shape(f, dtype):
    tensors = {n: torch.tensor(p.default, dtype=torch.float64) for n, p in free(f).items()}
    for shape in ((), (1,), (3,)):
        for given in ({}, tensors, {n: t.float() for n, t in tensors.items()}):
            x = torch.full(shape, 0.7, dtype=dtype)
            with torch.autograd.forward_ad.dual_level():
                dual = torch.autograd.forward_ad.make_dual(x, torch.ones_like(x))
                _, slope = torch.autograd.forward_ad.unpack_dual(f(dual, **given))
            pair = jvp(lambda x, own=given: f(x, **own), (x,), (torch.ones_like(x),))
            leaf = x.clone().requires_grad_()
            (wanted,) = torch.autograd.grad(f(leaf, **given).sum(), leaf)
            for t in (*pair, slope):
                assert (t.dtype, t.shape) == (dtype, x.shape)
            near = {"rtol": 4e-3, "atol": 4 * torch.finfo(dtype).eps}  # softmax's terms cancel
            assert_close(pair[1], wanted, **near)
            assert_close(slope, wanted, **near)


def test_a_vector_of_parameters_still_broadcasts_against_one_number():
    t = torch.tensor([1.0, 2.0, 3.0])
    x = torch.tensor(0.5)
    assert_close(functional.srelu(x, t), torch.stack([functional.srelu(x, v) for v in t]))
    assert_close(functional.double_relu(x, t), torch.zeros(3))


# Softplus

FAR = torch.tensor([-inf, -1e4, -90.0, -3.0, 0.0, 2.0, 18.0, 25.0, 89.0, 95.0, 1e4, inf])


@every_dtype
@over("threshold", [1.0, 20.0, 80.0, 100.0, 1e4])
@over("beta", [0.5, 1.0, 3.7])
def test_softplus_by_a_number_and_by_a_tensor(dtype, threshold, beta):
    exact = FAR.to(dtype).double()
    scaled = exact * beta
    wanted = torch.where(
        scaled > threshold, exact, exact.clamp(min=0) + (-scaled.abs()).exp().log1p() / beta
    )
    slope = torch.where(scaled > threshold, 1.0, torch.sigmoid(scaled))
    by_beta = torch.where(
        exact.isinf() | (scaled > threshold),
        0.0,
        -((-scaled.abs()).exp().log1p() / beta + exact.abs() * torch.sigmoid(-scaled.abs())) / beta,
    )
    own = torch.tensor(beta, dtype=torch.float64, requires_grad=True)
    module = nn.Softplus(beta=torch.tensor(beta, dtype=torch.float64), threshold=threshold)
    rounding = torch.finfo(dtype).eps
    for f in (
        lambda x: functional.softplus(x, beta, threshold),
        lambda x: functional.softplus(x, own, threshold),
        module,
    ):
        x = FAR.to(dtype).requires_grad_()
        y = f(x)
        assert y.dtype == dtype
        near = {"rtol": 20 * rounding, "atol": 1e-37 if dtype != torch.float16 else 1e-7}
        assert_close(y.double(), wanted.to(dtype).double(), **near)
        (got,) = torch.autograd.grad(y.sum(), x)
        assert_close(got.double(), slope.to(dtype).double(), **near)
    each = torch.full((len(FAR),), beta, dtype=torch.float64, requires_grad=True)
    y = functional.softplus(FAR.to(dtype), each, threshold)
    (got,) = torch.autograd.grad(y.sum(), each)
    assert_close(got, by_beta, rtol=2e-6 if dtype != torch.float64 else 1e-12, atol=1e-37)
    assert (got[scaled > threshold] == 0).all()
