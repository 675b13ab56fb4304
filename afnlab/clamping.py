"""Keeping trained parameters inside their bounds without trapping them there."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from afnlab.backward import Context
from afnlab.eager import is_plain, observed, transformed


class _Bounds(Context, Protocol):
    low: float
    high: float


class _InwardClamp(torch.autograd.Function):
    """clamp(p, low, high), whose gradient passes inside, and outside where a step would lead in.

    With torch.clamp a parameter outside its interval would have no gradient and never come back.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(p: Tensor, low: float, high: float) -> Tensor:
        return p.clamp(low, high)

    @staticmethod
    def setup_context(ctx: _Bounds, inputs: tuple, output: Tensor) -> None:
        p, ctx.low, ctx.high = inputs
        ctx.save_for_backward(p)
        ctx.save_for_forward(p)

    @staticmethod
    def backward(ctx: _Bounds, *grads: Tensor) -> tuple[Tensor, None, None]:
        (p,), (grad,) = ctx.saved_tensors, grads
        # A step moves p against the gradient, so at the lower end it must be negative to lead in.
        stuck = ((p <= ctx.low) & (grad > 0)) | ((p >= ctx.high) & (grad < 0))
        return torch.where(stuck, 0.0, grad), None, None


class _WithTangent(_InwardClamp):
    """The inward clamp with forward mode, with which torch.compile accepts no function."""

    @staticmethod
    def jvp(ctx: _Bounds, *tangents: Tensor) -> Tensor:
        (p,) = ctx.saved_tensors
        return torch.where((p < ctx.low) | (p > ctx.high), 0.0, tangents[0])


def inward_clamp(p: Tensor, low: float, high: float) -> Tensor:
    """clamp(p, low, high), with a gradient wherever a descent step would not lead further out."""
    if _inside(p, low, high):
        return p
    if torch.jit.is_tracing():  # a trace cannot be saved with a function of Python's in it
        return p.clamp(low, high)
    clamp = _InwardClamp if torch.compiler.is_compiling() else _WithTangent
    return clamp.apply(p, low, high)


def _inside(p: Tensor, low: float, high: float) -> bool:
    """Whether one look shows that p need not be clamped: nearly always, and much the cheaper."""
    if observed() or transformed() or not is_plain(p) or p.device.type != "cpu" or p.numel() != 1:
        return False
    return bool(p > low) and bool(p < high)  # by torch, in the precision of p
