"""Compiled kernels by activation and device: built when first asked for, called with tensors."""

from __future__ import annotations

import ctypes
import os
import re
import threading
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from afnlab.eager import in_memory, observed
from afnlab.native import library, nvrtc
from afnlab.native.toolchain import Unavailable
from afnlab.registry import get_activation

SWITCH = "AFNLAB_NATIVE"
DEVICES = ("cpu", "cuda")
DTYPES = {torch.float32: 0, torch.float64: 1, torch.float16: 2, torch.bfloat16: 3}
_C = {torch.float32: ctypes.c_float, torch.float64: ctypes.c_double}
_MOST_BLOCKS = 8192  # of a CUDA grid, for one channel's sums: several for every place on it

# A tensor as a kernel sees it: each of `channels` has parameters of its own.
Layout = tuple[int, int, int]  # outer, channels, inner


@cache
def names() -> tuple[str, ...]:
    """The activations that have a kernel."""
    text = (library.HERE / "functors.h").read_text(encoding="utf-8")
    listed = re.search(r"#define AFNLAB_ACTIVATIONS\(X\) \\\n((?:.*\\\n)*.*)", text)
    assert listed is not None
    return tuple(re.findall(r"X\((\w+)\)", listed[1]))


@dataclass(frozen=True, eq=False)
class Kernel:
    """The compiled loops of one activation on one kind of device."""

    forward: Callable[..., int]
    backward: Callable[..., int]
    origin: Path | str
    explain: Callable[[int], str]

    def check(self, code: int) -> None:
        if code:
            raise RuntimeError(f"{self.origin}: {self.explain(code)}")


_known: dict[tuple[str, str], Kernel | Unavailable] = {}
_said: set[str] = set()
_building = threading.Lock()


def _unlock() -> None:
    """In a forked process nobody is left who could release a lock that was held."""
    global _building  # noqa: PLW0603
    _building = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_unlock)


def find(name: str, kind: str) -> Kernel | None:
    """The kernel of an activation on a "cpu" or a "cuda" device; None, after one warning, if there
    is none to be had."""
    found = _known.get((name, kind)) or look_up(name, kind)
    return found if isinstance(found, Kernel) else None


def look_up(name: str, kind: str, warn: bool = True) -> Kernel | Unavailable:
    """The kernel, or why there is none; remembered, so that nothing is built twice."""
    with _building:
        if (name, kind) not in _known:
            try:
                if os.environ.get(SWITCH) == "0":
                    raise Unavailable(f"{SWITCH} is 0")
                _known[name, kind] = _load(name, kind)
            except Unavailable as reason:
                _known[name, kind] = reason
        found = _known[name, kind]
    if warn and isinstance(found, Unavailable) and str(found) not in _said:
        _said.add(str(found))
        warnings.warn(
            f"no compiled kernels on the {kind.replace('cuda', 'GPU').replace('cpu', 'CPU')}:"
            f" {found}; activations are computed by torch, several times slower",
            RuntimeWarning,
            stacklevel=2,
        )
    return found


def forget() -> None:
    """Look for kernels anew: after a compiler was installed, or the switch was turned."""
    _known.clear()
    _said.clear()


def _load(name: str, kind: str) -> Kernel:
    try:
        lib, path = library.load(kind, name)
    except Unavailable as reason:
        if kind == "cpu":
            raise
        try:
            launchers = nvrtc.Launchers(name, len(get_activation(name).params))
        except Unavailable as other:
            raise Unavailable(f"{reason}; {other}") from None
        return Kernel(launchers.forward, launchers.backward, "NVRTC", launchers.explain)
    return _of_library(lib, name, kind, path)


def _of_library(lib: ctypes.CDLL, name: str, kind: str, path: Path | str) -> Kernel:
    pointer, size, number = ctypes.c_void_p, ctypes.c_int64, ctypes.c_int
    head, tail = [number, size, size, size], [pointer, number]
    explain: Callable[[int], str] = {1: "unknown dtype", 2: "out of memory"}.__getitem__
    if kind == "cuda":
        tail = [pointer, pointer, number, pointer]  # numbers, parameters, device, stream
        lib.afnlab_error.argtypes, lib.afnlab_error.restype = [number], ctypes.c_char_p
        explain = lambda code: lib.afnlab_error(code).decode()  # noqa: E731
    try:
        forward, backward = (
            getattr(lib, f"afnlab_{name}_{way}") for way in ("forward", "backward")
        )
    except AttributeError:
        raise Unavailable(f"{path} lacks {name}") from None
    forward.argtypes = [*head, pointer, pointer, *tail]
    sums = [pointer] if kind == "cpu" else [pointer, pointer, number]
    backward.argtypes = [*head, pointer, pointer, pointer, *tail[:-1], *sums, tail[-1]]
    return Kernel(forward, backward, path, explain)


def readable(x: Tensor, parameters: Sequence[Tensor], *like_x: Tensor) -> bool:
    """Whether a kernel can be given the addresses of these tensors, and nobody watches. Everywhere
    else the torch expression has to serve."""
    return not observed() and addressable(x, parameters, *like_x)


def addressable(x: Tensor, parameters: Sequence[Tensor], *like_x: Tensor) -> bool:
    """Whether a kernel can be given the addresses of x, of parameters that broadcast against it,
    and of others of x's shape and type."""
    if x.dtype not in DTYPES or not in_memory(x):
        return False
    for t in like_x:
        if not in_memory(t) or t.dtype != x.dtype or t.shape != x.shape or t.device != x.device:
            return False
    for t in parameters:
        if not in_memory(t) or t.device != x.device:
            return False
    return channel_dim(x.shape, parameters) is not None


def accumulation(dtype: torch.dtype) -> torch.dtype:
    """The type that is computed in: float32 for half types."""
    return torch.float64 if dtype == torch.float64 else torch.float32


def channel_dim(shape: torch.Size, parameters: Sequence[Tensor]) -> int | None:
    """The dimension of a tensor of this shape along which these parameters vary, as -1, -2, ...

    0 where they are the same throughout; None where they vary along several dimensions, or do not
    broadcast against it.
    """
    dim = 0
    for p in parameters:
        if p.dim() > len(shape):
            return None
        for at in range(-p.dim(), 0):
            if p.shape[at] == 1:
                continue
            if (dim and dim != at) or shape[at] != p.shape[at]:
                return None
            dim = at
    return dim


def layout(x: Tensor, dim: int) -> Layout:
    """A dense x in the order of its memory, whatever that of its dimensions; dim: of channels."""
    if not (dim and x.numel()):
        return 1, x.shape[dim] if dim else 1, x.numel()
    channels, inner = x.shape[dim], x.stride(dim)
    return x.numel() // (channels * inner), channels, inner


def dense(x: Tensor) -> Tensor:
    """x itself if its elements fill its memory, in whatever order, else a copy."""
    if _begins_inside_a_number(x):
        x = x.clone()
    # Only a dense tensor's layout is kept.
    if x.is_contiguous() or torch.empty_like(x).stride() == x.stride():
        return x
    return x.contiguous()


def _begins_inside_a_number(x: Tensor) -> bool:
    """As a view of bytes may."""
    return bool(x.data_ptr() % x.element_size())


def parameter_table(
    numbers: Sequence[float | None], tensors: Sequence[Tensor], channels: int, x: Tensor
) -> Any:
    """The parameters (parameters, channels) as the kernel computes with them.

    On the CPU a ctypes array if they are the same for all channels, else a tensor.
    """
    dtype = accumulation(x.dtype)
    given = iter(tensors)
    if channels == 1 and x.is_cpu:
        values = [next(given).item() if n is None else n for n in numbers]
        return (_C[dtype] * len(values))(*values)
    rows = [
        next(given).to(dtype).reshape(-1).expand(channels)
        if n is None
        else torch.full((channels,), n, dtype=dtype, device=x.device)
        for n in numbers
    ]
    return torch.stack(rows)


def _place(kernel: Kernel, x: Tensor, numbers: Sequence[float | None], tensors: Any, c: int) -> Any:
    """What follows the data in a call, and what must outlive it."""
    table: Any
    address: int | None
    if x.is_cpu:
        table = parameter_table(numbers, tensors, c, x)
        address = table.data_ptr() if isinstance(table, Tensor) else ctypes.addressof(table)
        return (address,), torch.get_num_threads(), table
    values = (ctypes.c_double * len(numbers))(*(n or 0.0 for n in numbers))
    table = parameter_table(numbers, tensors, c, x) if tensors else None
    address = table.data_ptr() if table is not None else None
    stream = torch.cuda.current_stream(x.device).cuda_stream
    return (ctypes.addressof(values), address, x.device.index), stream, (values, table)


def forward(
    kernel: Kernel, x: Tensor, numbers: Sequence[float | None], tensors: Sequence[Tensor]
) -> Tensor:
    """The activation of x. numbers: its parameters, None where the next of `tensors` stands."""
    dim = channel_dim(x.shape, tensors)
    assert dim is not None
    x = dense(x)
    shape = layout(x, dim)
    y = torch.empty_like(x)
    if x.numel():
        place, last, _kept = _place(kernel, x, numbers, tensors, shape[1])
        code = DTYPES[x.dtype]
        kernel.check(kernel.forward(code, *shape, x.data_ptr(), y.data_ptr(), *place, last))
    return y


def backward(
    kernel: Kernel,
    grad_y: Tensor,
    x: Tensor,
    numbers: Sequence[float | None],
    tensors: Sequence[Tensor],
    with_sums: bool,
) -> tuple[Tensor, ...]:
    """The gradients with respect to x and, with_sums, to each of the tensors."""
    dim = channel_dim(x.shape, tensors)
    assert dim is not None
    x = dense(x)
    shape = layout(x, dim)
    grad_x = torch.empty_like(x)
    if grad_y.stride() != x.stride() or _begins_inside_a_number(grad_y):
        grad_y = torch.empty_like(x).copy_(grad_y)
    count, channels = len(numbers), shape[1]
    sums = None
    if with_sums:
        sums = x.new_zeros(count, channels, dtype=torch.float64)
    if x.numel():
        place, last, _kept = _place(kernel, x, numbers, tensors, channels)
        addresses = (x.data_ptr(), grad_y.data_ptr(), grad_x.data_ptr())
        extra: tuple = (None if sums is None else sums.data_ptr(),)
        if not x.is_cpu:
            blocks = min(_MOST_BLOCKS, -(-x.numel() // (channels * 4096))) if with_sums else 0
            room = x.new_empty(count * channels * blocks, dtype=torch.float64)
            extra = (*extra, room.data_ptr() if with_sums else None, blocks)
        code = DTYPES[x.dtype]
        kernel.check(kernel.backward(code, *shape, *addresses, *place, *extra, last))
    if sums is None:
        return (grad_x,)
    rows = [row for row, n in zip(sums, numbers, strict=True) if n is None]
    return grad_x, *(
        row.to(t.dtype, copy=True).view(t.shape)  # results that share memory have no tangents
        if t.numel() == channels
        else row.sum().to(t.dtype).view(t.shape)
        for row, t in zip(rows, tensors, strict=True)
    )
