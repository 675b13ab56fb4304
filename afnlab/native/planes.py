"""Pooling and normalisation of pictures in the channels-last layout, compiled for the CPU.

torch keeps an index of eight bytes for every pooled value, and normalises a plane of pixels in the
channels-first layout only: between convolutions that work channels last every such layer costs two
copies each way. These give the same numbers (the normalisation to rounding) without either.
"""

from __future__ import annotations

import ctypes
import os
import warnings
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.autograd.function import once_differentiable

from afnlab.eager import in_memory, observed, transformed
from afnlab.native import library
from afnlab.native.kernels import SWITCH
from afnlab.native.toolchain import Unavailable

_TYPES = {torch.float32: "float32", torch.bfloat16: "bfloat16"}


class HalvingPool(nn.MaxPool2d):
    """The largest of every two by two pixels."""

    def __init__(self) -> None:
        super().__init__(2)

    def forward(self, x: Tensor) -> Tensor:
        even = x.dim() == 4 and not (x.shape[2] % 2 or x.shape[3] % 2)
        return _Pool.apply(x) if even and _served(x) else super().forward(x)


class PlaneNorm(nn.LayerNorm):
    """Layer normalisation over the pixels of every channel, (height, width) of them."""

    def forward(self, x: Tensor) -> Tensor:
        weight, bias = self.weight, self.bias
        own = weight.dtype == torch.float32 and weight.is_contiguous() and bias.is_contiguous()
        if own and x.dim() == 4 and x.shape[2:] == weight.shape and _served(x, weight, bias):
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
def _library() -> Any:
    """The compiled loops; None, after a warning, if they cannot be had."""
    try:
        return library.load("cpu", library.PLANES)[0]
    except Unavailable as reason:
        warnings.warn(
            f"no compiled pooling and normalisation: {reason}; torch's serve, somewhat slower",
            RuntimeWarning,
            stacklevel=2,
        )
        return None


def _call(name: str, *arguments: Tensor | int | float) -> None:
    """Call a loop of the type of the first tensor; tensors by their addresses."""
    first = arguments[0]
    assert isinstance(first, Tensor)
    loop = getattr(_library(), f"afnlab_{name}_{_TYPES[first.dtype]}")
    loop.restype = None
    loop(*map(_as_c, arguments), ctypes.c_int(torch.get_num_threads()))


def _as_c(value: Tensor | int | float) -> Any:
    if isinstance(value, Tensor):
        return ctypes.c_void_p(value.data_ptr())
    return ctypes.c_int64(value) if isinstance(value, int) else ctypes.c_float(value)


def _last(t: Tensor) -> Tensor:
    return t.contiguous(memory_format=torch.channels_last)


class _Pool(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        count, channels, height, width = x.shape
        ctx.shape = (count * height // 2, width // 2, channels)
        y = _last(x.new_empty(count, channels, height // 2, width // 2))
        which = torch.empty_like(y, dtype=torch.uint8)
        _call("pool", x, y, which, *ctx.shape)
        ctx.save_for_backward(which)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (which,) = ctx.saved_tensors
        grad = _last(grad)
        count, channels, height, width = grad.shape
        out = torch.empty(
            (count, channels, 2 * height, 2 * width),
            dtype=grad.dtype,
            memory_format=torch.channels_last,
        )
        _call("unpool", grad, which, out, *ctx.shape)
        return out


class _Normalise(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
        count, channels, height, width = x.shape
        ctx.shape = (count, height * width, channels)
        y = torch.empty_like(x)
        mean, inverse = torch.empty(2, count, channels)
        _call("normalise", x, weight, bias, y, mean, inverse, *ctx.shape, eps)
        ctx.save_for_backward(x, weight, mean, inverse)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, mean, inverse = ctx.saved_tensors
        out, (count, pixels, channels) = torch.empty_like(x), ctx.shape
        of_weight, of_bias = torch.empty(2, count, pixels)
        sums = torch.empty(count, 2, channels)
        places = (x, weight, mean, inverse, out, of_weight, of_bias, sums)
        _call("normalise_back", _last(grad), *places, *ctx.shape)
        return out, *(s.sum(0).view_as(weight) for s in (of_weight, of_bias)), None
