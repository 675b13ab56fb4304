"""The Auto-Rotating linear layer."""

from __future__ import annotations

from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import forward_ad

from afnlab.autorot.rotation import (
    Rotation,
    for_any_size,
    inverse_size,
    rotated,
    scaled,
    sum_of_row,
)
from afnlab.backward import Context
from afnlab.eager import is_plain, transformed
from afnlab.symbolic import is_symbol, leaf


class AutoRotLinear(Rotation, nn.Linear):
    """torch.nn.Linear, rotated; input (..., in_features), output (..., out_features)."""

    @property
    def features(self) -> int:  # type: ignore[override]
        return self.in_features

    def forward(self, input: Tensor) -> Tensor:
        if is_symbol(input):
            return leaf(self, input)
        if not self.auto_rot:
            return super().forward(input)
        return rotated_linear(self, input, self.weight, self.bias)


def rotated_linear(layer: Rotation, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """rho f(x) of a linear layer with weights (outputs, inputs)."""
    L, inputs = layer.limit, weight.shape[1]
    if not is_plain(weight) and type(weight) is not type(x):
        # A quantized weight, of torchao's, offers this product and nothing else.
        probe = layer.probe
        if not isinstance(probe, Tensor):
            probe = torch.full((inputs,), probe, dtype=x.dtype, device=x.device)
        return scaled_linear(x, weight, bias, L, probe, layer.eps)
    if for_any_size(x) or x.numel() >= inputs**2:  # more outputs than weights
        rho = layer.rho(at_probe(weight, bias, layer.probe))
        return F.linear(x, *rotated(rho, weight, bias))
    call = _Eager.apply if _serves(x, weight, bias, L) else scaled_linear
    return call(x, weight, bias, L, layer.probe, layer.eps)


def at_probe(weight: Tensor, bias: Tensor | None, x_q: float | Tensor) -> Tensor:
    """f(x_Q) of shape (out_features,)."""
    if isinstance(x_q, Tensor):
        return F.linear(x_q[None], weight, bias)[0]
    sums = sum_of_row(weight)
    return sums * x_q if bias is None else torch.add(bias, sums, alpha=x_q)


def scaled_linear(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    L: float | Tensor,
    x_q: float | Tensor,
    eps: float,
) -> Tensor:
    """rho f(x), of fewer outputs than weights."""
    rho = L * inverse_size(at_probe(weight, bias, x_q), eps)
    return scaled(F.linear(x, weight, bias), rho)


def _serves(x: Tensor, *others: object) -> bool:
    """Whether `_Eager` can stand for the expression: plain calls, of one type of full precision."""
    if x.dtype not in (torch.float32, torch.float64) or torch._C._is_any_autocast_enabled():
        return False
    if transformed() or torch.compiler.is_compiling() or forward_ad._current_level >= 0:
        return False
    for t in (x, *others):
        if isinstance(t, Tensor) and not (is_plain(t) and t.dtype == x.dtype):
            return False
    return True


class _Scaled(Context, Protocol):
    L: float | Tensor
    x_q: float | Tensor
    eps: float


class _Eager(torch.autograd.Function):
    """`scaled_linear` with its gradients worked out, to pass over large tensors less often.

    What rho takes from the weight's gradient is the same all along a row (x_q times as much, where
    x_q is a tensor), so the product that gives the rest starts from it.
    """

    @staticmethod
    def forward(
        ctx: _Scaled,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        L: float | Tensor,
        x_q: float | Tensor,
        eps: float,
    ) -> Tensor:
        f_probe = at_probe(weight, bias, x_q)
        inverse = inverse_size(f_probe, eps)
        rho = L * inverse
        f = F.linear(x, weight, bias)
        trained = L if isinstance(L, Tensor) else None
        ctx.save_for_backward(x, weight, bias, trained, f, f_probe, inverse, rho)
        ctx.L, ctx.x_q, ctx.eps = L, x_q, eps
        return f * rho

    @staticmethod
    def backward(ctx: _Scaled, grad: Tensor) -> tuple[Tensor | None, ...]:
        if torch.is_grad_enabled() or forward_ad._current_level >= 0:  # differentiated itself
            return _of_the_expression(ctx, grad)
        x, weight, _, _, f, f_probe, inverse, rho = ctx.saved_tensors
        needs = ctx.needs_input_grad
        shape = x.shape
        if len(shape) != 2:
            x, f, grad = (t.reshape(x.numel() // shape[-1], t.shape[-1]) for t in (x, f, grad))
        # What passes over the batch comes first, while that is in the cache.
        by_rho = (grad * f).sum(0)
        through = grad * rho
        total = through.sum(0) if needs[2] else None
        # d rho / d f_probe = -L sign(f_probe) / (|f_probe| + eps)^2
        less = f_probe.sign().mul_(inverse).mul_(rho) * by_rho
        lesser, x_q = less.unsqueeze(1), ctx.x_q
        if isinstance(x_q, Tensor):
            lesser, x_q = lesser * x_q, 1
        return (
            through.mm(weight).view(shape) if needs[0] else None,
            torch.addmm(lesser, through.t(), x, beta=-x_q) if needs[1] else None,
            None if total is None else total.sub_(less),
            by_rho.dot(inverse).view(ctx.saved_tensors[3].shape) if needs[3] else None,
            None,
            None,
        )


def _of_the_expression(ctx: _Scaled, grad: Tensor) -> tuple[Tensor | None, ...]:
    """The gradients of `scaled_linear` by torch, which can be differentiated again."""
    names = ("x", "weight", "bias", "L")
    saved = {n: t for n, t in zip(names, ctx.saved_tensors, strict=False) if t is not None}
    rest = {"bias": None, "L": ctx.L, "x_q": ctx.x_q, "eps": ctx.eps}
    pull = torch.func.vjp(lambda tensors: scaled_linear(**rest | tensors), saved)[1]
    (grads,) = pull(grad)
    return *(grads.get(name) for name in names), None, None
