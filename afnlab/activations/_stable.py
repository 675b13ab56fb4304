"""Building blocks whose values and slopes stay finite where the printed formulas do not."""

from __future__ import annotations

import torch
from torch import Tensor


def gate(x: Tensor, g: Tensor) -> Tensor:
    """x g, and 0 where the gate g has closed: -inf * 0 would be NaN where the limit is 0."""
    return torch.where(g == 0, 0.0, x * g)


def times(a: Tensor | float, x: Tensor) -> Tensor:
    """a x; for the number a = 0 also at infinite x, where the product would be NaN.

    A tensor is not looked into: that would cost a trained slope as much again.
    """
    return 0.0 * x.clamp(-1, 1) if is_number(a) and a == 0 else a * x


def is_number(*values: object) -> bool:
    """Whether all are Python numbers, as torch's fused functions demand of their parameters."""
    return not any(isinstance(v, Tensor) for v in values)


def reciprocal_curve(x: Tensor, c: Tensor | float) -> Tensor:
    """1 / (c - exp(-x)), for c < 0.

    exp(-x) overflows for very negative x, so numerator and denominator are multiplied by exp(x)
    there. Each exponent is clamped inside its own exp: the branch that `where` leaves out would
    otherwise still send inf * 0 = NaN into the gradient.
    """
    right = x >= 0
    falling = torch.exp(-x.clamp(min=0))  # exp(-x) where x >= 0
    rising = torch.exp(x.clamp(max=0))  # exp(x) where x < 0
    return torch.where(right, 1.0, rising) / torch.where(right, c - falling, c * rising - 1)
