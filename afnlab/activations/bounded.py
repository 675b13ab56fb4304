"""Sigmoidal, between two horizontal asymptotes, and what is made of them; periodic."""

from __future__ import annotations

from math import inf, pi

import torch

from afnlab.activations import _stable
from afnlab.activations._stable import finite, is_number, logistic
from afnlab.registry import Param, activation

FARTHEST = 1e9  # phase of a sine


@activation("Tanh", latex=r"\tanh x", reference="tanh", range=(-1, 1))
def tanh(x):
    """The hyperbolic tangent."""
    return _stable.tanh(x)


@activation("Sigmoid", latex=r"1 / (1 + e^{-x})", reference="sigmoid", range=(0, 1))
def sigmoid(x):
    """The logistic function."""
    return logistic(x)


@activation("Arctan", latex=r"\arctan x", reference="arctan", range=(-pi / 2, pi / 2))
def arctan(x):
    """The arc tangent, which saturates more slowly than tanh."""
    return torch.atan(finite(x))


@activation("Softsign", latex=r"x / (1 + |x|)", reference="softsign", range=(-1, 1), kinks=(0,))
def softsign(x):
    """Saturates as 1/x, more slowly than tanh. The second derivative jumps at 0.

    From 1 on it is written as 1 - 1 / (1 + |x|), whose slope does not cancel.
    """
    x = finite(x)
    size = x.abs()
    inverse = 1 / (1 + size)
    return torch.where(size < 1, x * inverse, torch.sign(x) * (1 - inverse))


@activation(
    "Hardtanh",
    latex=r"\min(\max(x, l), u)",
    reference="hardtanh",
    range=(-1, 1),
    kinks=lambda min_val, max_val: (min_val, max_val),
    fused=True,
    min_val=Param(-1.0, low=-5.0, high=0.0, aliases=("min_value",), torch=-1.0),
    max_val=Param(1.0, low=0.0, high=5.0, aliases=("max_value",), torch=1.0),
)
def hardtanh(x, min_val, max_val):
    """The identity, cut off at min_val (l) and max_val (u)."""
    if is_number(min_val, max_val):
        if min_val >= max_val:
            raise ValueError(
                f"hardtanh: min_val must be below max_val, got {min_val!r} and {max_val!r}"
            )
        return torch.clamp(x, min_val, max_val)
    low, high = (torch.as_tensor(v, dtype=x.dtype, device=x.device) for v in (min_val, max_val))
    return torch.minimum(torch.maximum(x, low), high)


@activation(
    "Hardsigmoid",
    latex=r"\min(\max(0, x + 3), 6) / 6",
    reference="hardswish",
    range=(0, 1),
    kinks=(-3, 3),
)
def hardsigmoid(x):
    """A sigmoid in three lines. Written out, since torch's own has no second derivative."""
    return (x.clamp(-3, 3) + 3) / 6


@activation("LogSigmoid", latex=r"-\ln(1 + e^{-x})", reference="logsigmoid", range=(-inf, 0))
def logsigmoid(x):
    """The logarithm of the logistic function: linear on the left, 0 on the right.

    torch's own has a second derivative without digits on the right.
    """
    negative = x - torch.log1p(torch.exp(x.clamp(max=0)))
    return torch.where(x < 0, negative, -torch.log1p(torch.exp(-x.clamp(min=0))))


@activation(
    "Sine",
    latex=r"\sin(\omega x)",
    reference="sine",
    range=(-1, 1),
    omega=Param(30.0, low=0.5, high=60.0, domain="> 0", document=30, code=30),
)
def sine(x, omega):
    """A sine wave of frequency omega, which needs initial weights that go with it.

    The phase is computed in float64: in float32 it would be a hundredth off at x = 1e4. Beyond 1e9
    it is taken as constant, so that there is a limit.
    """
    phase = omega * finite(x.double())
    return torch.sin(phase.clamp(-FARTHEST, FARTHEST)).to(x.dtype)
