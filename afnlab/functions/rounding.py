"""What roundings of intermediate results explain: arithmetic that rounds at random.

A formula that a user composes from torch's operations rounds after each of them, and what it adds
may cancel. How far that carries into a slope depends on the formula, so no fixed number of units
bounds it. It is tried out instead: float64 computes the same operations, and the result of each,
forward and backward, is rounded to a coarser type, up or down at random (the random rounding of
J. Vignes: A stochastic arithmetic for reliable scientific computation, 1993). What such runs
scatter is what the roundings can do; an error in the formula of a slope is not among it. What
roundings to float64 do, or to coarser types inside of a function, is tried out likewise: each
result is moved by one unit or two in its own last place.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor
from torch._decomp import get_decompositions
from torch._ops import OperatorBase, OpOverload
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

from afnlab.derivatives import derivatives
from afnlab.functions.numbers import HALF

aten = torch.ops.aten
RUNS = 32  # at most, at numbers that fewer do not explain
# An error may be this many times the largest one of the runs: they are a sample of all ways to
# round, and some of torch's kernels for half types round between the steps of one operation too.
REACH = 4.0
# In float32 torch's kernels approximate some functions to a few units only, in gelu and digamma.
REACH_FLOAT32 = 16.0
OWN_RUNS = 16  # for what a function's own roundings do


@dataclass(frozen=True)
class Scatter:
    """What roundings do to a function, each to the type that it computes in.

    Attributes:
        values: the largest change of each value.
        slopes: the largest change of each slope.
        coarsest: the type of the fewest digits among those that it computes in.
    """

    values: Tensor
    slopes: Tensor
    coarsest: torch.dtype


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
        dtype: a floating-point type, coarser than float64.

    Returns:
        Whether the error at each x is more than `REACH` times (in float32 `REACH_FLOAT32` times)
        the largest one of `RUNS` runs that round every intermediate result, and every number in the
        formula, to `dtype`, up or down at random, with a fixed seed.
    """
    generator = torch.Generator().manual_seed(0)
    reach = REACH if dtype in HALF else REACH_FLOAT32
    largest = torch.zeros_like(error)
    open_ = torch.ones_like(error, dtype=torch.bool)
    for _ in range(RUNS):
        at = open_.nonzero()[:, 0]
        if not len(at):
            break
        with _RandomRounding(generator, dtype):
            slope = derivatives(function, x[at], 1)[1]
        change = (slope - exact[at]).abs().nan_to_num(nan=0.0)
        largest[at] = torch.maximum(largest[at], change)
        open_[at] = ~(error[at] <= reach * largest[at])
    return open_


def scattered(function: Callable[[Tensor], Tensor], x: Tensor, y: Tensor, slope: Tensor) -> Scatter:
    """What a function's own roundings do to its values and slopes in float64.

    Args:
        function: an elementwise function, of tensors of float64.
        x: numbers of float64.
        y: its values there.
        slope: its slopes there.

    Returns:
        The largest changes of `OWN_RUNS` runs in which every intermediate result is moved by one or
        two units in its last place, up or down at random, with a fixed seed.
    """
    mode = _RandomRounding(torch.Generator().manual_seed(0))
    largest = [torch.zeros_like(v) for v in (y, slope)]
    for _ in range(OWN_RUNS):
        with mode:
            moved = derivatives(function, x, 1)
        for i, (now, was) in enumerate(zip(moved, (y, slope), strict=True)):
            largest[i] = torch.maximum(largest[i], (now - was).abs().nan_to_num(nan=0.0))
    return Scatter(largest[0], largest[1], mode.coarsest)


class _RandomRounding(TorchDispatchMode):
    """While it is entered, what every operation of torch takes and returns is rounded to a type.

    Without a type, what it returns is moved by units in the last place of its own, or of an
    argument's that has fewer digits, since that is how far it is known.
    """

    def __init__(self, generator: torch.Generator, dtype: torch.dtype | None = None) -> None:
        super().__init__()
        self._generator, self._dtype = generator, dtype
        # What torch's kernels round to between their steps: half types are computed in float32.
        self._inner = _RandomRounding(generator, torch.float32) if dtype in HALF else self
        self.coarsest = torch.float64

    def __torch_dispatch__(
        self,
        func: OpOverload,
        types: Sequence[type],
        args: Sequence[object] = (),
        kwargs: Mapping[str, object] | None = None,
    ) -> object:
        inputs = (args, dict(kwargs or {}))
        if func in (kernels := _steps_of_kernels()):
            with self._inner:
                made = kernels[func](*inputs[0], **inputs[1])
        else:
            if dtype := self._dtype:  # a number in a formula is rounded where it meets a tensor
                inputs = tree_map_only(float, lambda v: self._rounded_number(v, dtype), inputs)
            made = func(*inputs[0], **inputs[1])
        arguments = [leaf for leaf in tree_leaves(inputs) if isinstance(leaf, Tensor)]

        def rounded(tensor: Tensor) -> Tensor:
            if not tensor.is_floating_point():
                return tensor
            near = self._rounded(tensor, self._dtype or self._known(tensor, arguments))
            # An operation in place returns its argument, and who called it looks at that alone.
            return tensor.copy_(near) if any(tensor is arg for arg in arguments) else near

        return tree_map_only(Tensor, rounded, made)

    def _known(self, tensor: Tensor, arguments: Sequence[Tensor]) -> torch.dtype:
        alike = [a for a in arguments if a.shape == tensor.shape and a.is_floating_point()]
        coarsest = max((t.dtype for t in (tensor, *alike)), key=lambda d: torch.finfo(d).eps)
        self.coarsest = max(self.coarsest, coarsest, key=lambda d: torch.finfo(d).eps)
        return coarsest

    def _rounded_number(self, number: float, dtype: torch.dtype) -> float:
        return float(self._rounded(torch.tensor([number], dtype=torch.float64), dtype))

    def _rounded(self, tensor: Tensor, dtype: torch.dtype) -> Tensor:
        kind = torch.finfo(dtype)
        wide = tensor.double()
        least = max(math.frexp(kind.smallest_normal)[1], -960)  # whose unit float64 still holds
        exponent = wide.frexp().exponent.clamp(min=least)
        unit = torch.ldexp(torch.full_like(wide, kind.eps / 2), exponent)
        cells = wide / unit
        drawn = torch.rand(wide.shape, generator=self._generator)
        near = torch.where(drawn < 0.5, cells.ceil(), cells.floor())
        if self._dtype is None:  # by one unit or two, so that two moves seldom undo each other
            near += torch.where(drawn < 0.5, 1, -1) * torch.where((4 * drawn).frac() < 0.5, 1, 2)
        near = near * unit
        near = torch.where(near.abs() > kind.max, near.sign() * torch.inf, near)
        exact = ~wide.isfinite() | ((wide == 0) & (dtype == torch.float64))
        return torch.where(exact, wide, near).to(tensor.dtype)


@cache
def _steps_of_kernels() -> dict[OperatorBase, Callable[..., object]]:
    """What torch's kernels of several steps compute, by operations that the mode sees."""
    names = ("elu", "gelu", "hardsigmoid", "log_sigmoid", "mish", "silu", "softplus")
    forward = [getattr(aten, name) for name in names if name != "log_sigmoid"]
    backward = [getattr(aten, f"{name}_backward") for name in names]
    return get_decompositions([*forward, *backward, aten.log_sigmoid_forward])
