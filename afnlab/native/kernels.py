"""Compiled kernels by activation and device: built when first asked for, called with tensors."""

from __future__ import annotations

import os
import re
import threading
import warnings
from collections.abc import Callable, Sequence
from functools import cache

import torch
from torch import Tensor

from afnlab.eager import in_memory, observed
from afnlab.native import library, nvrtc
from afnlab.native.launch import DTYPES, Kernel, Launch
from afnlab.native.toolchain import Unavailable
from afnlab.registry import get_activation

SWITCH = "AFNLAB_NATIVE"
DEVICES = ("cpu", "cuda")
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
    kernel = _known.get((name, kind)) or look_up(name, kind)
    return None if isinstance(kernel, Unavailable) else kernel


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
        kernel = _known[name, kind]
    if warn and isinstance(kernel, Unavailable) and str(kernel) not in _said:
        _said.add(str(kernel))
        warnings.warn(
            f"no compiled kernels on the {kind.replace('cuda', 'GPU').replace('cpu', 'CPU')}:"
            f" {kernel}; activations are computed by torch, several times slower",
            RuntimeWarning,
            stacklevel=2,
        )
    return kernel


def forget() -> None:
    """Look for kernels anew: after a compiler was installed, or the switch was turned."""
    _known.clear()
    _said.clear()


def _load(name: str, kind: str) -> Kernel:
    try:
        return library.load(kind, name, Launch).function(name)
    except Unavailable as reason:
        if kind == "cpu":
            raise
        try:
            return nvrtc.Launcher(name, len(get_activation(name).params), nvrtc.driver())
        except Unavailable as other:
            raise Unavailable(f"{reason}; {other}") from None


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


# Of a tensor that is only read: a lazy copy stays one, which data_ptr would make whole.
address: Callable[[Tensor], int] = getattr(Tensor, "const_data_ptr", Tensor.data_ptr)


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
    return bool(address(x) % x.element_size())


def parameter_table(
    numbers: Sequence[float | None], tensors: Sequence[Tensor], channels: int, x: Tensor
) -> Tensor:
    """The parameters (parameters, channels) as the kernel computes with them."""
    dtype = accumulation(x.dtype)
    remaining = iter(tensors)
    rows = [
        next(remaining).to(dtype).reshape(-1).expand(channels)
        if n is None
        else torch.full((channels,), n, dtype=dtype, device=x.device)
        for n in numbers
    ]
    return torch.stack(rows)


def _start(
    kernel: Kernel,
    numbers: Sequence[float | None],
    tensors: Sequence[Tensor],
    shape: Layout,
    *,
    x: Tensor,
    out: Tensor,
    grad_y: Tensor | None = None,
    sums: Tensor | None = None,
) -> None:
    """Start a kernel on dense tensors of one layout; with grad_y, for the gradient by x."""
    outer, channels, inner = shape
    launch = Launch(
        outer=outer,
        channels=channels,
        inner=inner,
        x=address(x),
        out=out.data_ptr(),
        dtype=DTYPES[x.dtype],
    )
    if grad_y is not None:
        launch.grad_y = address(grad_y)
    if sums is not None:
        launch.sums = sums.data_ptr()
    if tensors and (channels > 1 or not x.is_cpu):  # a GPU's would have to be waited for
        table = parameter_table(numbers, tensors, channels, x)
        launch.table = table.data_ptr()
    elif numbers:
        remaining = iter(tensors)
        for k, n in enumerate(numbers):
            launch.numbers[k] = next(remaining).item() if n is None else n
    if x.is_cpu:
        launch.threads = torch.get_num_threads()
    else:
        launch.device = x.device.index
        launch.stream = torch.cuda.current_stream(x.device).cuda_stream
        if sums is not None:
            launch.blocks = blocks = min(_MOST_BLOCKS, -(-x.numel() // (channels * 4096)))
            room = sums.new_empty(sums.numel() * blocks)
            launch.room = room.data_ptr()
    kernel(launch)


def forward(
    kernel: Kernel, x: Tensor, numbers: Sequence[float | None], tensors: Sequence[Tensor]
) -> Tensor:
    """The activation of x. numbers: its parameters, None where the next of `tensors` stands."""
    dim = channel_dim(x.shape, tensors)
    assert dim is not None
    x = dense(x)
    y = torch.empty_like(x)
    if x.numel():
        _start(kernel, numbers, tensors, layout(x, dim), x=x, out=y)
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
    channels = shape[1]
    sums = x.new_zeros(len(numbers), channels, dtype=torch.float64) if with_sums else None
    if x.numel():
        _start(kernel, numbers, tensors, shape, x=x, out=grad_x, grad_y=grad_y, sums=sums)
    if sums is None:
        return (grad_x,)
    rows = [row for row, n in zip(sums, numbers, strict=True) if n is None]
    return grad_x, *(
        row.to(t.dtype, copy=True).view(t.shape)  # results that share memory have no tangents
        if t.numel() == channels
        else row.sum().to(t.dtype).view(t.shape)
        for row, t in zip(rows, tensors, strict=True)
    )
