"""Thresholds: zero, or nearly, for small inputs of either sign."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from afnlab.activations._stable import is_number, tanh
from afnlab.registry import Param, activation

LAMBDA = ("lambda", "alpha")
LEVELS = range(17, 1, -2)  # of tanhshrink's continued fraction: to the last digit of float64


@activation(
    "DoubleReLU",
    latex=r"\mathrm{sign}(x) \max(|x| - \alpha, 0)",
    reference="double_relu",
    kinks=lambda alpha: (-alpha, alpha),
    alpha=Param(0.5, low=0.0, high=3.0, domain=">= 0", document="0.5 (its example)", code=0.5),
)
def double_relu(x, alpha):
    """A ReLU from alpha on, its mirror image below -alpha, 0 between: the same as softshrink."""
    if is_number(alpha):
        return x - x.clamp(-alpha, alpha)  # keeps x alone for the backward pass
    return torch.sign(x) * F.relu(x.abs() - alpha)


@activation(
    "Softshrink",
    latex=r"\mathrm{sign}(x) \max(|x| - \lambda, 0)",
    reference="softshrink",
    kinks=lambda lambd: (-lambd, lambd),
    lambd=Param(
        0.5, 0.0, 3.0, domain=">= 0", aliases=LAMBDA, document="0.5 (its example)", torch=0.5
    ),
)
def softshrink(x, lambd):
    """Moves every input towards 0 by lambd, and the small ones to it: the same as double_relu."""
    return double_relu.fn(x, lambd)


@activation(
    "Hardshrink",
    latex=r"x \;(|x| > \lambda),\quad 0 \;(|x| \leq \lambda)",
    reference="hardshrink",
    kinks=lambda lambd: (-lambd, lambd),
    fused=True,
    lambd=Param(
        0.5, 0.0, 3.0, domain=">= 0", aliases=LAMBDA, document="0.5 (its example)", torch=0.5
    ),
)
def hardshrink(x, lambd):
    """The identity but for inputs up to lambd in size, which become 0; it jumps at +-lambd."""
    if is_number(lambd):
        return F.hardshrink(x, lambd)
    return torch.where(x.abs() <= lambd, 0.0, x)  # NaN stays NaN


@activation("Tanhshrink", latex=r"x - \tanh x", reference="tanhshrink")
def tanhshrink(x):
    """The identity minus tanh: flat at 0, slope 1 far away.

    Near 0 the difference cancels; there it is x r / (1 + r), from the continued fraction
    tanh x = x / (1 + r), r = x^2 / (3 + x^2 / (5 + x^2 / (7 + ...))).
    """
    near = x.clamp(-1, 1)
    square = near.square()
    rest = square / LEVELS[0]
    for level in LEVELS[1:]:
        rest = square / (level + rest)
    return torch.where(x.abs() < 1, near * rest / (1 + rest), x - tanh(x))
