"""Building blocks whose values and slopes stay finite where the printed formulas do not."""

from __future__ import annotations

import torch
from torch import Tensor

FAR = 1e30  # beyond, a gate has reached its limit


def gate(x: Tensor, g: Tensor, limit: Tensor | None = None) -> Tensor:
    """x g, and 0 where the gate g has closed: -inf * 0 would be NaN where the limit is 0.

    limit: g without the gradient of what is constant far out, where that would be multiplied by an
    infinite x; None: all of it.
    """
    limit = g.detach() if limit is None else limit
    return torch.where((x.abs() > FAR) & (g != 0), x * limit, finite(x) * g)


def finite(x: Tensor) -> Tensor:
    """x, but finite: what a vanishing factor makes 0 would be inf * 0 = NaN."""
    return x.clamp(-FAR, FAR)


def logistic(x: Tensor) -> Tensor:
    """The logistic function, whose slope keeps its digits on the right too.

    torch takes the slope from the value, as y (1 - y), which cancels where y is nearly 1.
    """
    return torch.where(x < 0, torch.sigmoid(x), 1 - torch.sigmoid(-x))


def tanh(x: Tensor) -> Tensor:
    """The hyperbolic tangent, whose slope keeps its digits in the tails.

    torch takes the slope from the value, as 1 - y^2; in the tails the logistic function of -2 |x|
    is small, and its slope right.
    """
    size = x.abs()
    far = torch.sign(x) * (1 - 2 * torch.sigmoid(-2 * size))
    return torch.where(size < 1, torch.tanh(x), far)


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
