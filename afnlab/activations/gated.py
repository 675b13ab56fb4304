"""x times a gate that opens from 0 to about 1: the family of SiLU, GELU and SReLU."""

from __future__ import annotations

from math import inf, pi, sqrt

import torch

from afnlab.activations._stable import finite, gate, logistic
from afnlab.registry import Param, activation

TANH_SLOPE = 2 * sqrt(2 / pi)  # of the exponent of gelu_tanh at 0


@activation(
    "SReLU",
    latex=r"x\,\sin^2\!\left(\frac{\pi}{4}\left(1 + \mathrm{clip}(x/t, -1, 1)\right)\right)",
    reference="srelu",
    range=(-0.18469, inf),
    kinks=lambda t: (-t, t),
    t=Param(
        2.21,
        low=0.05,
        high=10.0,
        domain="> 0",
        document="2 (signature), 2.21 (text)",
        code=2.21,
        why="the value that its document calls optimized, and its modules use",
    ),
)
def srelu(x, t):
    """0 up to -t, x from t, and x under a raised-cosine gate between.

    The gate (1 + sin(pi x / 2t)) / 2 equals sin^2(pi/4 (x + t)/t): with the bracket clipped to
    [0, 2] one expression holds all three pieces, with exact tails, and x + t keeps the digits that
    the printed form loses near -t. The second derivative jumps at -t and t.
    """
    angle = (pi / 4) * ((x + t) / t).clamp(0, 2)
    return gate(x, torch.sin(angle).square())


@activation(
    "Swish SiLU",
    latex=r"x\,\sigma(\beta x)",
    reference="swish",
    range=(-0.27847, inf),
    beta=Param(1.0, low=0.0, high=10.0, document="1 (implied)", code=1.0, torch="1 (as SiLU)"),
)
def swish(x, beta):
    """x gated by its own sigmoid; at beta = 1 the SiLU, towards beta = inf the ReLU."""
    return gate(x, logistic(beta * finite(x)))


@activation("GELU", latex=r"x\,\Phi(x)", reference="gelu", range=(-0.16998, inf))
def gelu(x):
    """x times the normal distribution function, the exact form.

    Phi(x) = erfc(-x / sqrt 2) / 2 keeps its digits on the far left, where 1 + erf cancels.
    """
    return gate(x, 0.5 * torch.erfc(finite(x) * -sqrt(0.5)))


@activation(
    "GELUTanh",
    latex=r"x\,\sigma\!\left(2 \sqrt{2/\pi}\,(x + 0.044715\,x^3)\right)",
    reference="gelu",
    range=(-0.17004, inf),
)
def gelu_tanh(x):
    """GELU's approximation by tanh, as GPT-2 and BERT have it; torch's approximate="tanh".

    (1 + tanh u) / 2 is the logistic function at 2 u. The exponent grows as a cube, and its rounding
    with it, so it is computed in float64. At 30 the gate is closed, or open, to the last digit.
    """
    near = x.double().clamp(-30, 30)
    g = logistic(TANH_SLOPE * near * (1 + 0.044715 * near.square()))
    return gate(x.double(), g).to(x.dtype)


@activation("Mish", latex=r"x \tanh(\ln(1 + e^x))", reference="mish", range=(-0.30885, inf))
def mish(x):
    """x gated by tanh of its softplus.

    With s = sigmoid x and r = sigmoid(-x), the gate is s (2 - s) / (1 + (1 - s)^2), which is
    (1 - r^2) / (1 + r^2); each is used where its letter is small. torch's own mish has a NaN second
    derivative from x = 89 on in float32.
    """
    s, square = torch.sigmoid(x), torch.sigmoid(-x).square()
    negative = s * (2 - s) / (1 + (1 - s).square())
    return gate(x, torch.where(x < 0, negative, (1 - square) / (1 + square)))


@activation("Gish", latex=r"x \ln(2 - e^{-e^x})", reference="gish", range=(-0.27816, inf))
def gish(x):
    """x gated by ln(2 - exp(-exp x)), which tends to ln 2.

    With u = exp x it is ln(1 + v), v = 1 - exp(-u), where expm1 keeps the digits of a small v, and
    exp those of its slope elsewhere. Clamped at 5, where exp(-u) is below 1e-64, u is finite.
    """
    u = torch.exp(x.clamp(max=5))
    return gate(x, torch.log1p(torch.where(u < 1, -torch.expm1(-u), 1 - torch.exp(-u))))


@activation("Logish", latex=r"x \ln(1 + \sigma(x))", reference="logish", range=(-0.25278, inf))
def logish(x):
    """x gated by ln(1 + sigmoid x), which tends to ln 2."""
    return gate(x, torch.log1p(logistic(x)))


@activation("Smish", latex=r"x \tanh(\ln(1 + \sigma(x)))", reference="smish", range=(-0.25, inf))
def smish(x):
    """x gated by tanh(ln(1 + sigmoid x)), which tends to 3/5.

    With s = sigmoid x and q = s (2 + s), tanh(ln(1 + s)) is q / (2 + q): no tanh, no logarithm.
    """
    s = logistic(x)
    q = s * (2 + s)
    return gate(x, q / (2 + q))


@activation(
    "Hardswish",
    latex=r"x\,\min(\max(0, x + 3), 6) / 6",
    reference="hardswish",
    range=(-0.375, inf),
    kinks=(-3, 3),
)
def hardswish(x):
    """Swish in pieces of degree two at most. torch's own is NaN at -inf, and infinite from a sixth
    of the largest number on."""
    return gate(x, (x + 3).clamp(0, 6) / 6)
