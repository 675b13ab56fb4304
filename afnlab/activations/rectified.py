"""Linear on the right: ReLU and those that change what it does on the left, or bend it."""

from __future__ import annotations

from math import inf

import torch
import torch.nn.functional as F

from afnlab.activations._stable import is_number, times
from afnlab.registry import Param, activation

ALPHA = ("alpha",)
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
    """A smooth ReLU; the identity where beta x exceeds the threshold."""
    if is_number(beta):
        return F.softplus(x, beta, threshold)
    return F.softplus(x * beta, threshold=threshold) / beta


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
