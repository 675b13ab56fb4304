"""Pooling and normalization of pictures in the channels-last layout, compiled for the CPU.

torch keeps an index of eight bytes for every pooled value, and normalizes a plane of pixels in the
channels-first layout only: between convolutions that work channels last every such layer costs two
copies each way. These give the same numbers (the normalization to rounding) without either.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Mapping
from functools import cache
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.autograd.function import once_differentiable

from afnlab.backward import Context
from afnlab.eager import in_memory, observed, transformed
from afnlab.native import library
from afnlab.native.kernels import SWITCH
from afnlab.native.launch import DTYPES, Arguments

_TYPES = (torch.float32, torch.bfloat16)
_LOOPS = ("pool", "unpool", "normalise", "normalise_back")


class PlanesLaunch(Arguments):
    """The arguments of these loops; planes.h says what they mean."""

    __slots__ = ()
    _fields_ = (
        *((name, ctypes.c_int64) for name in ("outer", "inner", "channels")),
        *((name, ctypes.c_void_p) for name in ("x", "y", "which", "grad_y", "grad_x")),
        *((name, ctypes.c_void_p) for name in ("weight", "bias", "mean", "inverse")),
        *((name, ctypes.c_void_p) for name in ("grad_weight", "grad_bias", "sums")),
        *(("eps", ctypes.c_float), ("dtype", ctypes.c_int32), ("threads", ctypes.c_int32)),
    )


class HalvingPool(nn.MaxPool2d):
    """The largest of every two by two pixels."""

    def __init__(self) -> None:
        super().__init__(2)

    def forward(self, x: Tensor) -> Tensor:
        even = x.dim() == 4 and not (x.shape[2] % 2 or x.shape[3] % 2)
        return _Pool.apply(x) if even and _served(x) else super().forward(x)


class PlaneNorm(nn.LayerNorm):
    """Layer normalization over the pixels of every channel, (height, width) of them."""

    def forward(self, x: Tensor) -> Tensor:
        weight, bias = self.weight, self.bias
        plain = weight.dtype == torch.float32 and weight.is_contiguous() and bias.is_contiguous()
        if plain and x.dim() == 4 and x.shape[2:] == weight.shape and _served(x, weight, bias):
            return _Normalise.apply(x, weight, bias, self.eps)
        return F.layer_norm(x, self.normalized_shape, weight, bias, self.eps)


def _served(x: Tensor, *others: Tensor) -> bool:
    """Whether the compiled loops can take these tensors, and nobody watches."""
    if not (in_memory(x) and x.is_cpu and x.dtype in _TYPES and x.numel()):
        return False
    if not x.is_contiguous(memory_format=torch.channels_last):
        return False
    if observed() or transformed() or forward_ad._current_level >= 0:
        return False
    return all(map(in_memory, others)) and os.environ.get(SWITCH) != "0" and _library() is not None


@cache
def _library() -> dict[str, library.CompiledFunction] | None:
    return library.loops(library.PLANES, PlanesLaunch, _LOOPS, "pooling and normalisation")


def _start(loop: str, dtype: torch.dtype, sizes: Mapping[str, float], **tensors: Tensor) -> None:
    """Run a loop over elements of this type. sizes and tensors: fields of its PlanesLaunch."""
    loops = _library()
    assert loops is not None
    threads, places = torch.get_num_threads(), {name: t.data_ptr() for name, t in tensors.items()}
    loops[loop](PlanesLaunch(dtype=DTYPES[dtype], threads=threads, **sizes, **places))


def _last(t: Tensor) -> Tensor:
    return t.contiguous(memory_format=torch.channels_last)


class _Sizes(Context, Protocol):
    sizes: dict[str, int]


class _Pool(torch.autograd.Function):
    @staticmethod
    def forward(ctx: _Sizes, x: Tensor) -> Tensor:
        count, channels, height, width = x.shape
        ctx.sizes = {"outer": count * height // 2, "inner": width // 2, "channels": channels}
        y = _last(x.new_empty(count, channels, height // 2, width // 2))
        which = torch.empty_like(y, dtype=torch.uint8)
        _start("pool", x.dtype, ctx.sizes, x=x, y=y, which=which)
        ctx.save_for_backward(which)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: _Sizes, grad: Tensor) -> Tensor:
        (which,) = ctx.saved_tensors
        grad = _last(grad)
        count, channels, height, width = grad.shape
        out = torch.empty(
            (count, channels, 2 * height, 2 * width),
            dtype=grad.dtype,
            device=grad.device,
            memory_format=torch.channels_last,
        )
        _start("unpool", grad.dtype, ctx.sizes, grad_y=grad, which=which, grad_x=out)
        return out


class _Normalise(torch.autograd.Function):
    @staticmethod
    def forward(ctx: _Sizes, x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
        count, channels, height, width = x.shape
        ctx.sizes = {"outer": count, "inner": height * width, "channels": channels}
        y = torch.empty_like(x)
        mean, inverse = weight.new_empty(2, count, channels)
        tensors = {"weight": weight, "bias": bias, "mean": mean, "inverse": inverse}
        _start("normalise", x.dtype, {**ctx.sizes, "eps": eps}, x=x, y=y, **tensors)
        ctx.save_for_backward(x, weight, mean, inverse)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: _Sizes, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, mean, inverse = ctx.saved_tensors
        grad, out = _last(grad), torch.empty_like(x)
        count, pixels, channels = ctx.sizes.values()
        of_weight, of_bias = weight.new_empty(2, count, pixels)
        sums = weight.new_empty(count, 2, channels)
        kept = {"x": x, "weight": weight, "mean": mean, "inverse": inverse}
        made = {"grad_x": out, "grad_weight": of_weight, "grad_bias": of_bias, "sums": sums}
        _start("normalise_back", x.dtype, ctx.sizes, grad_y=grad, **kept, **made)
        return out, *(s.sum(0).view_as(weight) for s in (of_weight, of_bias)), None
