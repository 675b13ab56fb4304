"""What roundings of intermediate results explain: arithmetic of a half type that rounds at random.

A formula that a user composes from torch's operations rounds after each of them, and what it adds
may cancel. How far that carries into a slope depends on the formula, so no fixed number of units
bounds it. It is tried out instead: float64 computes the same operations, and the result of each,
forward and backward, is rounded to the half type, up or down at random (the random rounding of
J. Vignes: A stochastic arithmetic for reliable scientific computation, 1993). What such runs
scatter is what the roundings can do; an error in the formula of a slope is not among it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only

from afnlab.derivatives import derivatives

RUNS = 32  # at most, at numbers that fewer do not explain
# An error may be this many times the largest one of the runs: they are a sample of all ways to
# round, and some of torch's kernels for half types round between the steps of one operation too.
REACH = 4.0


def unexplained(
    function: Callable[[Tensor], Tensor],
    x: Tensor,
    exact: Tensor,
    error: Tensor,
    dtype: torch.dtype,
) -> Tensor:
    """Where roundings to a type do not explain errors of a slope.

    Args:
        function: an elementwise function, of tensors of float64.
        x: numbers of `dtype`, in float64.
        exact: its slopes there in float64.
        error: by how much the slopes differ that the function has in `dtype`.
        dtype: a floating-point type.

    Returns:
        Whether the error at each x is more than `REACH` times the largest one of `RUNS` runs that
        round every intermediate result to `dtype`, up or down at random, with a fixed seed.
    """
    generator = torch.Generator().manual_seed(0)
    largest = torch.zeros_like(error)
    open_ = torch.ones_like(error, dtype=torch.bool)
    for _ in range(RUNS):
        at = open_.nonzero()[:, 0]
        if not len(at):
            break
        with _RandomRounding(dtype, generator):
            slope = derivatives(function, x[at], 1)[1]
        scattered = (slope - exact[at]).abs().nan_to_num(nan=0.0)
        largest[at] = torch.maximum(largest[at], scattered)
        open_[at] = ~(error[at] <= REACH * largest[at])
    return open_


class _RandomRounding(TorchDispatchMode):
    """While it is entered, what every operation of torch returns is rounded to a type."""

    def __init__(self, dtype: torch.dtype, generator: torch.Generator) -> None:
        super().__init__()
        self._kind, self._generator = torch.finfo(dtype), generator
        self._least = int(torch.tensor(self._kind.smallest_normal).frexp().exponent)

    def __torch_dispatch__(
        self,
        func: Callable[..., object],
        types: Sequence[type],
        args: Sequence[object] = (),
        kwargs: Mapping[str, object] | None = None,
    ) -> object:
        made = func(*args, **(kwargs or {}))

        def rounded(tensor: Tensor) -> Tensor:
            if not tensor.is_floating_point():
                return tensor
            # An operation in place returns its argument, and who called it looks at that alone.
            in_place = any(tensor is arg for arg in args)
            return tensor.copy_(self._rounded(tensor)) if in_place else self._rounded(tensor)

        return tree_map_only(Tensor, rounded, made)

    def _rounded(self, tensor: Tensor) -> Tensor:
        wide = tensor.double()
        exponent = wide.frexp().exponent.clamp(min=self._least)
        unit = torch.ldexp(torch.full_like(wide, self._kind.eps / 2), exponent)
        up = torch.rand(wide.shape, generator=self._generator) < 0.5
        near = torch.where(up, (wide / unit).ceil(), (wide / unit).floor()) * unit
        near = torch.where(near.abs() > self._kind.max, near.sign() * torch.inf, near)
        return torch.where(wide.isfinite(), near, wide).to(tensor.dtype)
