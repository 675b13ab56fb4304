"""APEC and MAPEC: a line over an exponential, with trainable coefficients."""

from __future__ import annotations

from math import inf

from afnlab.activations._stable import gate, reciprocal_curve, times
from afnlab.registry import Param, activation

APEC_START = (
    "start: normal about the middle of its range, deviation 0.35;"
    " a call without it takes the middle"
)


@activation(
    "APEC",
    latex=r"\alpha + \frac{\beta - x}{\gamma - e^{-x} + \epsilon}",
    reference="apec",
    range=(-0.25801, inf),
    alpha=Param(
        0.0, -2.0, 2.0, bounds=(-2.0, 2.0), std=0.35, trainable=True, document=0, why=APEC_START
    ),
    beta=Param(
        0.0, -2.5, 2.5, bounds=(-2.5, 2.5), std=0.35, trainable=True, document=0, why=APEC_START
    ),
    gamma=Param(
        -1.375,
        -2.5,
        -0.25,
        bounds=(-2.5, -0.25),
        std=0.35,
        trainable=True,
        document=-1.375,
        why=APEC_START,
    ),
    eps=Param(1e-5, fixed=True, document=1e-5, code=1e-5),
)
def apec(x, alpha, beta, gamma, eps):
    """Asymmetric parametric exponential curvature.

    Finite for gamma + eps < 0; from 0 on the denominator has a zero, and the function a true pole.
    """
    return alpha + gate(beta - x, reciprocal_curve(x, gamma + eps))


@activation(
    "MAPEC",
    latex=r"\left(\alpha + \frac{\beta - x}{-|\gamma| - e^{-x} - \epsilon} + x \delta\right) \zeta",
    reference="apec",
    alpha=Param(-0.03333, -2.0, 2.0, trainable=True, document=-0.03333, code=-0.03333),
    beta=Param(-0.1, -2.5, 2.5, trainable=True, document=-0.1, code=-0.1),
    gamma=Param(-2.0, -4.0, 4.0, trainable=True, document=-2, code=-2),
    delta=Param(0.1, -1.0, 1.0, trainable=True, document=0.1, code=0.1),
    zeta=Param(1.0, -2.0, 2.0, trainable=True, document=1, code=1),
    eps=Param(1e-3, fixed=True, document=1e-3, code=1e-3),
)
def mapec(x, alpha, beta, gamma, delta, zeta, eps):
    """APEC with a linear term and a factor; without ranges, and without a pole, since its
    denominator is below -eps everywhere."""
    curve = reciprocal_curve(x, -abs(gamma) - eps)
    # x stands once, times (delta - curve): at infinity inf - inf would be NaN.
    line = gate(x, delta - curve, delta - curve.detach())
    return times(zeta, alpha + beta * curve + line)
