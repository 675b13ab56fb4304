"""Causal attention over short sequences, compiled for the CPU; torch's elsewhere.

The compiled loops take sequences of different lengths one after the other, so that nothing is
computed for the padding of the shorter ones.
"""

from __future__ import annotations

import ctypes
import os
from functools import cache
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import forward_ad
from torch.autograd.function import once_differentiable

from afnlab.backward import Context
from afnlab.eager import in_memory, observed, transformed
from afnlab.native import library
from afnlab.native.kernels import SWITCH
from afnlab.native.launch import Arguments

SIZES, LONGEST = (8, 16, 32), 16  # of a head, and of a sequence


class AttentionLaunch(Arguments):
    """The arguments of these loops; attention.h says what they mean."""

    __slots__ = ()
    _fields_ = (
        *((name, ctypes.c_int64) for name in ("sequences", "heads", "size")),
        *((name, ctypes.c_void_p) for name in ("starts", "x", "y", "weights", "grad_y", "grad_x")),
        ("threads", ctypes.c_int32),
    )


def attention(inputs: Tensor, heads: int, dropout: float = 0.0) -> Tensor:
    """Attention of every position to itself and those before it, by torch.

    Args:
        inputs: queries, keys and values, side by side (batch, positions, 3 width).
        heads: the number of parts of the width that attend by themselves.
        dropout: the share of attention weights that are set to 0.

    Returns:
        Values (batch, positions, width), averaged with the weights softmax(q k / sqrt(width /
        heads)).
    """
    query, key, value = (
        t.unflatten(-1, (heads, -1)).transpose(-2, -3) for t in inputs.chunk(3, -1)
    )
    if transformed() and not inputs.is_cuda:  # torch has no batching rule for its own on a CPU
        ahead = torch.ones(inputs.shape[-2], inputs.shape[-2], dtype=torch.bool).triu(1)
        scores = query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5
        weights = scores.masked_fill(ahead.to(inputs.device), -torch.inf).softmax(-1)
        mixed = F.dropout(weights, dropout) @ value if dropout else weights @ value
    else:
        mixed = F.scaled_dot_product_attention(query, key, value, dropout_p=dropout, is_causal=True)
    return mixed.transpose(-2, -3).flatten(-2)


def packed_attention(inputs: Tensor, heads: int, starts: Tensor) -> Tensor:
    """Attention within sequences that lie one after the other, compiled; see `serves`.

    Args:
        inputs: queries, keys and values of all sequences (rows, 3 width).
        heads: the number of parts of the width that attend by themselves.
        starts: the row at which each sequence begins, and last the number of rows.

    Returns:
        Values (rows, width).
    """
    return _Packed.apply(inputs, heads, starts)


def serves(weight: Tensor, tokens: Tensor, heads: int) -> bool:
    """Whether `packed_attention` can be used in a network, and nobody watches.

    Args:
        weight: one that inputs of attention are computed with (3 width, width).
        tokens: the inputs of the network (batch, positions).
        heads: of the attention.
    """
    for t in (weight, tokens):
        if not (in_memory(t) and t.is_cpu):
            return False
    fits = weight.shape[1] // heads in SIZES and tokens.dim() == 2 and tokens.shape[1] <= LONGEST
    if not (fits and weight.dtype == torch.float32 and tokens.numel()):
        return False
    if observed() or transformed() or forward_ad._current_level >= 0:
        return False
    if torch._C._is_any_autocast_enabled():
        return False
    return os.environ.get(SWITCH) != "0" and _library() is not None


@cache
def _library() -> dict[str, library.CompiledFunction] | None:
    ways = ("forward", "backward")
    return library.loops(library.ATTENTION, AttentionLaunch, ways, "attention")


def _start(way: str, heads: int, x: Tensor, starts: Tensor, **tensors: Tensor) -> None:
    loops = _library()
    assert loops is not None
    sizes = {"sequences": len(starts) - 1, "heads": heads}
    size, places = x.shape[1] // (3 * heads), {n: t.data_ptr() for n, t in tensors.items()}
    places |= {"x": x.data_ptr(), "starts": starts.data_ptr()}
    threads = torch.get_num_threads()
    loops[way](AttentionLaunch(size=size, threads=threads, **sizes, **places))


class _Kept(Context, Protocol):
    heads: int


class _Packed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: _Kept, x: Tensor, heads: int, starts: Tensor) -> Tensor:
        x = x.contiguous()
        y = x.new_empty(len(x), x.shape[1] // 3)
        weights = x.new_empty(len(starts) - 1, heads, LONGEST, LONGEST)
        _start("forward", heads, x, starts, y=y, weights=weights)
        ctx.save_for_backward(x, starts, weights)
        ctx.heads = heads
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: _Kept, grad: Tensor) -> tuple[Tensor, None, None]:
        x, starts, weights = ctx.saved_tensors
        out, grad = torch.empty_like(x), grad.contiguous()
        tensors = {"weights": weights, "grad_y": grad, "grad_x": out}
        _start("backward", ctx.heads, x, starts, **tensors)
        return out, None, None
