"""What the kernels' rules for torch.func have in common: forward mode, and batches side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.utils._pytree import tree_map

from afnlab.eager import forward_modes, unwrapped

Computed = TypeVar("Computed", Tensor, tuple[Tensor, ...])


def forward_mode(
    f: Callable[..., Computed], inputs: Sequence[Tensor], tangents: Sequence[Tensor | None]
) -> Computed:
    """The derivative of f along tangents (None: zero), by two reverse passes: u -> J^T u is linear.

    torch asks for it with forward mode switched off, and an outer jvp would take it for a constant.
    Where there is one it is switched on, and what belongs to this jvp is left out.
    """
    nested = forward_modes() > 1
    with forward_ad._set_fwd_grad_enabled(nested):
        if nested:
            inputs = [forward_ad.unpack_dual(t).primal for t in inputs]
            tangents = [t if t is None else forward_ad.unpack_dual(t).primal for t in tangents]
        filled = tuple(
            torch.zeros_like(i) if t is None else t for i, t in zip(inputs, tangents, strict=True)
        )
        inputs, filled = (tuple(map(unwrapped, ts)) for ts in (inputs, filled))
        out, pull = torch.func.vjp(f, *inputs)  # type: ignore[misc]
        zero = tree_map(torch.zeros_like, out)
        return torch.func.vjp(pull, zero)[1](filled)[0]


def in_front(t: Tensor, dim: int | None, size: int) -> Tensor:
    """t with its batch as the first dimension; dim None: it has none, and is repeated."""
    return t.expand(size, *t.shape) if dim is None else t.movedim(dim, 0)


def side_by_side(
    size: int, dims: Sequence[int | None], x: Tensor, tensors: Sequence[Tensor], every: bool = False
) -> list[Tensor]:
    """x and the parameters with their batch in front, so that they broadcast against it.

    Parameters without a batch stay as they are, unless every one is to have its own.
    """
    x = in_front(x, dims[0], size)

    def beside(t: Tensor, dim: int | None) -> Tensor:
        t = in_front(t, dim, size)
        return t.reshape(size, *[1] * (x.dim() - t.dim()), *t.shape[1:])

    pairs = zip(tensors, dims[1:], strict=True)
    return [x, *(t if dim is None and not every else beside(t, dim) for t, dim in pairs)]
