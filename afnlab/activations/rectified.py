"""Linear on the right: ReLU and those that change what it does on the left, or bend it."""

from __future__ import annotations

from math import inf

import torch
import torch.nn.functional as F

from afnlab.activations._stable import finite, is_number, times
from afnlab.registry import Param, activation

ALPHA = ("alpha",)
FAR_ENOUGH = 80.0  # for softplus to be the identity
SELU_FLOOR = -1.7580993408473766  # -scale * alpha


@activation("ReLU", latex=r"\max(0, x)", reference="relu", range=(0, inf), kinks=(0,), fused=True)
def relu(x):
    """The identity for positive inputs, 0 for the others."""
    return F.relu(x)


@activation(
    "ReLU6", latex=r"\min(\max(0, x), 6)", reference="relu6", range=(0, 6), kinks=(0, 6), fused=True
)
def relu6(x):
    """ReLU cut off at 6, made for low-precision arithmetic."""
    return F.relu6(x)


@activation(
    "Threshold",
    latex=r"x \;(x > \theta),\quad v \;(x \leq \theta)",
    reference="threshold",
    range=(0, inf),
    kinks=lambda threshold, value: (threshold,),
    fused=True,
    threshold=Param(0.0, low=-3.0, high=3.0, why="torch's has no default; here it is a ReLU"),
    value=Param(0.0, low=-3.0, high=3.0, why="torch's has no default; here it is a ReLU"),
)
def threshold(x, threshold, value):
    """The identity above a threshold, a constant value up to it, where it may jump."""
    if is_number(threshold, value):
        return F.threshold(x, threshold, value)
    return torch.where(x <= threshold, value, x)  # NaN stays NaN


@activation(
    "LeakyReLU",
    latex=r"\max(0, x) + a \min(0, x)",
    reference="leaky_relu",
    kinks=(0,),
    fused=True,
    negative_slope=Param(
        0.01, low=0.0, high=1.0, aliases=ALPHA, document=0.01, code=0.01, torch=0.01
    ),
)
def leaky_relu(x, negative_slope):
    """ReLU with a small slope a (negative_slope) for negative inputs."""
    if is_number(negative_slope) and negative_slope:
        return F.leaky_relu(x, negative_slope)
    return torch.where(x > 0, x, times(negative_slope, x))


@activation(
    "PReLU",
    latex=r"\max(0, x) + a \min(0, x)",
    reference="prelu",
    kinks=(0,),
    weight=Param(
        0.25,
        low=-1.0,
        high=1.0,
        trainable=True,
        aliases=("alpha", "init"),
        code=0.01,
        torch=0.25,
        why="torch's and the paper's start; the document's example passes 0.01",
    ),
)
def prelu(x, weight):
    """Leaky ReLU whose negative slope a (weight) is learned."""
    return torch.where(x > 0, x, times(weight, x))


@activation(
    "RReLU",
    latex=r"\max(0, x) + a \min(0, x),\; a \sim U(l, u)",
    reference="rrelu",
    kinks=(0,),
    lower=Param(
        1 / 8, low=0.0, high=1.0, code=0.01, torch="1/8", why="torch's and the paper's range"
    ),
    upper=Param(
        1 / 3, low=0.0, high=1.0, code=0.1, torch="1/3", why="torch's and the paper's range"
    ),
)
def rrelu(x, lower, upper, noise=None):
    """Leaky ReLU whose negative slope is drawn anew from U(lower, upper) for every element in
    training, and is the mean (lower + upper) / 2 in evaluation. The noise is an argument, so that
    two networks can be given the same."""
    if is_number(lower, upper) and lower > upper:
        raise ValueError(
            f"rrelu: lower must be at most upper, got lower {lower!r}, upper {upper!r}"
        )
    slope = (lower + upper) / 2 if noise is None else lower + (upper - lower) * noise
    return torch.where(x > 0, x, times(slope, x))


@activation(
    "ELU",
    latex=r"x \;(x > 0),\quad \alpha (e^x - 1) \;(x \leq 0)",
    reference="elu",
    range=(-1, inf),
    kinks=(0,),
    fused=True,
    alpha=Param(
        1.0,
        low=0.0,
        high=3.0,
        document="0.01 (its example)",
        code=0.01,
        torch=1.0,
        why="the paper's and torch's; at 0.01 it is nearly a ReLU",
    ),
)
def elu(x, alpha):
    """The identity for positive inputs; falls exponentially to -alpha on the left."""
    if is_number(alpha):
        return F.elu(x, alpha)
    return torch.where(x > 0, x, alpha * torch.expm1(x.clamp(max=0)))


@activation(
    "CELU",
    latex=r"x \;(x > 0),\quad \alpha (e^{x / \alpha} - 1) \;(x \leq 0)",
    reference="celu",
    range=(-1, inf),
    kinks=(0,),
    fused=True,
    alpha=Param(1.0, low=0.1, high=3.0, domain="> 0", torch=1.0),
)
def celu(x, alpha):
    """ELU with a slope of 1 at 0 for every alpha, where ELU's slope on the left is alpha."""
    if is_number(alpha):
        return F.celu(x, alpha)
    return torch.where(x > 0, x, alpha * torch.expm1(x.clamp(max=0) / alpha))


@activation(
    "SELU",
    latex=r"1.0507 \,\mathrm{ELU}(x;\, 1.6733)",
    reference="selu",
    range=(SELU_FLOOR, inf),
    kinks=(0,),
    fused=True,
)
def selu(x):
    """ELU scaled so that mean 0 and variance 1 are a fixed point of a deep network."""
    return F.selu(x)


@activation(
    "Softplus",
    latex=r"\ln(1 + e^{\beta x}) / \beta",
    reference="softplus",
    range=(0, inf),
    fused=True,
    beta=Param(1.0, low=0.1, high=10.0, domain="> 0", torch=1.0, document="1 (implied)", code=1.0),
    threshold=Param(20.0, fixed=True, torch=20.0),
)
def softplus(x, beta, threshold):
    """A smooth ReLU; the identity where beta x exceeds the threshold.

    From 37 on the two agree to the last digit, while torch's kernel takes exp of all up to the
    threshold, which overflows from 89 on in float32. With a tensor beta, x stands outside of the
    bracket: there it has no gradient by beta, which x beta / beta would have, of rounding alone.
    """
    if is_number(beta):
        return F.softplus(x, beta, min(threshold, FAR_ENOUGH))
    scaled = beta * finite(x)
    bend = torch.log1p(torch.exp(torch.where(x < 0, scaled, -scaled))) / beta
    return torch.where(scaled > threshold, x, x.clamp(min=0) + bend)


@activation(
    "FReLU",
    latex=r"\max(0, x) + b",
    reference="frelu",
    range=(0.05, inf),
    kinks=(0,),
    b=Param(
        0.05,
        low=-2.0,
        high=2.0,
        code=0.05,
        why="the published code's; the paper learns it, as trainable=True does",
    ),
)
def frelu(x, b):
    """ReLU moved up or down by b."""
    return F.relu(x) + b


@activation(
    "PLU",
    latex=r"\max(\alpha (x + c) - c,\; \min(\alpha (x - c) + c,\; x))",
    reference="plu",
    kinks=lambda alpha, c: (-c, c),
    alpha=Param(
        0.1,
        low=0.0,
        high=1.0,
        domain="<= 1",
        code=0.01,
        why="the paper's; at 0.01 it is nearly a hardtanh; above 1 the formula is one line",
    ),
    c=Param(1.0, low=0.05, high=5.0, domain="> 0", code=1.0),
)
def plu(x, alpha, c):
    """The identity on [-c, c], slope alpha outside: a tanh in three pieces."""
    inside = x.clamp(-c, c)
    return inside + times(alpha, x - inside)


@activation(
    "PiLU",
    latex=r"\alpha x + \gamma (1 - \alpha) \;(x > \gamma),\quad"
    r" \beta x + \gamma (1 - \beta) \;(x \leq \gamma)",
    reference="pilu",
    kinks=lambda alpha, beta, gamma: (gamma,),
    alpha=Param(1.5, low=-1.0, high=3.0, code=1.5),
    beta=Param(3.0, low=-1.0, high=4.0, code=3.0),
    gamma=Param(1.0, low=-3.0, high=3.0, code=1.0),
)
def pilu(x, alpha, beta, gamma):
    """Two lines of slopes alpha (right) and beta (left) that meet at (gamma, gamma)."""
    right = times(alpha, x) + gamma * (1 - alpha)
    return torch.where(x > gamma, right, times(beta, x) + gamma * (1 - beta))


@activation(
    "ReLUSquared",
    latex=r"\left(\max(0, x) + a \min(0, x)\right)^2",
    reference="relu_squared",
    range=(0, inf),
    kinks=(0,),
    slope=Param(
        0.0,
        low=0.0,
        high=1.0,
        aliases=("negative_slope",),
        document=0,
        why="0.5 is that of LeakyReLU squared, as in modded-nanogpt",
    ),
)
def relu_squared(x, slope):
    """The square of a ReLU or, with a slope a, of a LeakyReLU: the second derivative jumps at 0."""
    if is_number(slope) and slope == 0:
        return F.relu(x).square()
    return torch.where(x > 0, x, times(slope, x)).square()


@activation(
    "XIELU",
    latex=r"\alpha_p x^2 + \beta x \;(x > 0),\quad"
    r" \alpha_n (e^x - 1 - x) + \beta x \;(x \leq 0)",
    reference="xielu",
    range=(-0.20575, inf),
    kinks=(0,),
    alpha_p=Param(0.8, 0.05, 3.0, domain="> 0", trainable=True, document=0.8, code=0.8),
    alpha_n=Param(
        0.8,
        0.5,
        3.0,
        bounds=(0.5, inf),
        trainable=True,
        document=0.8,
        code=0.8,
        why="the published code trains the inverse softplus of alpha_p and of alpha_n - beta;"
        " here they are trained themselves, and kept above 0 and 0.5",
    ),
    beta=Param(0.5, low=0.0, high=1.0, document=0.5, code=0.5),
)
def xielu(x, alpha_p, alpha_n, beta):
    """The integral of an expanded ELU: a square on the right, a trained slope on the left, both
    with slope beta at 0.

    The published code cuts the exponent off at -1e-6, so that its value jumps at 0.
    """
    right, below = x.clamp(min=0), x.clamp(max=0)
    # Near 0 expm1 keeps the digits of the value, elsewhere exp those of the second derivative.
    fall = torch.where(x > -1, torch.expm1(below), torch.exp(below) - 1)
    left = alpha_n * fall + times(beta - alpha_n, x)
    return torch.where(x > 0, right * (alpha_p * right + beta), left)
