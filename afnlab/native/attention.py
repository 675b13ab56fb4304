"""Causal attention over short sequences, compiled for the CPU; torch's elsewhere."""

from __future__ import annotations

import ctypes
import os
import warnings
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import forward_ad
from torch.autograd.function import once_differentiable

from afnlab.eager import in_memory, observed, transformed
from afnlab.native import library
from afnlab.native.kernels import SWITCH
from afnlab.native.launch import Arguments
from afnlab.native.toolchain import Unavailable

SIZES, MOST_POSITIONS = (8, 16, 32), 16  # of a head, and of a sequence


class AttentionLaunch(Arguments):
    """The arguments of these loops; attention.h says what they mean."""

    __slots__ = ()
    _fields_ = (
        *((name, ctypes.c_int64) for name in ("batch", "positions", "heads", "size")),
        *((name, ctypes.c_void_p) for name in ("x", "y", "weights", "grad_y", "grad_x")),
        ("threads", ctypes.c_int32),
    )


def causal_attention(inputs: Tensor, heads: int, dropout: float = 0.0) -> Tensor:
    """Attention of every position to itself and those before it.

    Args:
        inputs: queries, keys and values, side by side (batch, positions, 3 width).
        heads: the number of parts of the width that attend by themselves.
        dropout: the share of attention weights that are set to 0.

    Returns:
        Values (batch, positions, width), averaged with the weights softmax(q k / sqrt(width /
        heads)).
    """
    if dropout == 0 and _served(inputs, heads):
        return _Attention.apply(inputs, heads)
    return expression(inputs, heads, dropout)


def expression(inputs: Tensor, heads: int, dropout: float = 0.0) -> Tensor:
    """The same by torch."""
    query, key, value = (
        t.unflatten(-1, (heads, -1)).transpose(-2, -3) for t in inputs.chunk(3, -1)
    )
    if transformed() and not inputs.is_cuda:  # torch has no batching rule for its own on a CPU
        ahead = torch.ones(inputs.shape[-2], inputs.shape[-2], dtype=torch.bool).triu(1)
        scores = query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5
        weights = scores.masked_fill(ahead.to(inputs.device), -torch.inf).softmax(-1)
        found = F.dropout(weights, dropout) @ value if dropout else weights @ value
    else:
        found = F.scaled_dot_product_attention(query, key, value, dropout_p=dropout, is_causal=True)
    return found.transpose(-2, -3).flatten(-2)


def _served(x: Tensor, heads: int) -> bool:
    """Whether the compiled loops can take these inputs, and nobody watches."""
    if not (in_memory(x) and x.is_cpu and x.dtype == torch.float32 and x.is_contiguous()):
        return False
    if x.dim() != 3 or not x.numel() or x.shape[1] > MOST_POSITIONS:
        return False
    if x.shape[2] // (3 * heads) not in SIZES:
        return False
    if observed() or transformed() or forward_ad._current_level >= 0:
        return False
    return os.environ.get(SWITCH) != "0" and _library() is not None


@cache
def _library() -> dict[str, library.Function] | None:
    """The compiled loops; None, after a warning, if they cannot be had."""
    try:
        found = library.load("cpu", library.ATTENTION, AttentionLaunch)
        return {way: found.function(f"attention_{way}") for way in ("forward", "backward")}
    except Unavailable as reason:
        warnings.warn(
            f"no compiled attention: {reason}; torch's serves, somewhat slower",
            RuntimeWarning,
            stacklevel=2,
        )
        return None


def _start(way: str, heads: int, x: Tensor, **tensors: Tensor) -> None:
    loops = _library()
    assert loops is not None
    batch, positions, width = x.shape
    sizes = {"batch": batch, "positions": positions, "heads": heads, "size": width // (3 * heads)}
    places = {name: t.data_ptr() for name, t in tensors.items()}
    threads = torch.get_num_threads()
    loops[way](AttentionLaunch(x=x.data_ptr(), threads=threads, **sizes, **places))


class _Attention(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, heads: int) -> Tensor:
        batch, positions, width = x.shape
        y = x.new_empty(batch, positions, width // 3)
        weights = x.new_empty(batch, heads, positions, positions)
        _start("forward", heads, x, y=y, weights=weights)
        ctx.save_for_backward(x, weights)
        ctx.heads = heads
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        x, weights = ctx.saved_tensors
        out = torch.empty_like(x)
        _start("backward", ctx.heads, x, weights=weights, grad_y=grad.contiguous(), grad_x=out)
        return out, None
