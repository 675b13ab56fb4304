"""The edge of chaos, and the initialization at which a deep network keeps its scale."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, inf, isfinite, log, sqrt

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from afnlab.registry import Activation
from afnlab.signal.gaussian import Array, Gaussian, checked
from afnlab.signal.mean_field import SAME

LEAST, MOST, POINTS = 1e-2, 1e2, 161  # variances among which the critical one is looked for
# A fixed point whose slope is 1 holds from one side only. Below this, deviations shrink by half a
# percent a layer, as much as those that arise in a layer of some hundred units.
STEADY = 0.995
NONE = -1e-9  # a variance of the biases that is negative by rounding only


@dataclass(frozen=True)
class Critical:
    """An initialization at which variance and gradient keep their size from layer to layer.

    Attributes:
        sigma_w: standard deviation of the weights times the square root of the number of inputs.
        sigma_b: standard deviation of the biases.
        q: the variance of the pre-activations, a fixed point; the first layer's should have it.
        slope: dq'/dq there: what deviations of the variance are multiplied by in each layer.
    """

    sigma_w: float
    sigma_b: float
    q: float
    slope: float


def edge_of_chaos(
    ref: str | Activation | Gaussian, q: ArrayLike | None = None, **params: object
) -> pd.DataFrame:
    """The pairs (sigma_w, sigma_b) with chi_1 = 1 at a fixed point of variance q, one row per q.

    At a given q, chi_1 = 1 determines sigma_w, and the fixed point then determines sigma_b. So the
    curve needs no search; a q for which sigma_b^2 would be negative is left out.

    Args:
        ref: an elementwise activation, by name, reference or object, or a `Gaussian`.
        q: variances above 0; None: 161 from 0.01 to 100, evenly spaced by their logarithm.
        params: the activation's parameters.

    Returns:
        Columns q, sigma_w, sigma_b and slope, dq'/dq at the fixed point: below 1 it is stable.

    Raises:
        ValueError: for an activation that is not elementwise, or that jumps: its chi_1 is infinite.
    """
    function = Gaussian.of(ref, **params)
    if function.jumps:
        at = ", ".join(f"{x:g}" for x in function.jumps)
        raise ValueError(
            f"{function.record.label}: jumps at x = {at}, so that nearly equal inputs part in one"
            " layer whatever sigma_w is: there is no edge of chaos"
        )
    variances = np.logspace(log(LEAST, 10), log(MOST, 10), POINTS) if q is None else checked(q)
    variances = np.sort(variances.reshape(-1))
    weights, biases, slope = _at(function, variances)
    there = np.isfinite(weights) & (biases >= NONE * variances)
    table = {
        "q": variances,
        "sigma_w": np.sqrt(weights),
        "sigma_b": np.sqrt(biases.clip(min=0)),
        "slope": slope,
    }
    return pd.DataFrame(table)[there].reset_index(drop=True)


def _at(function: Gaussian, variances: Array) -> tuple[Array, Array, Array]:
    """At fixed points of these variances with chi_1 = 1: sigma_w^2, sigma_b^2 and dq'/dq."""
    means = function.moments(variances)
    with np.errstate(divide="ignore", invalid="ignore"):
        weights = 1 / means.slope
        return weights, variances - weights * means.square, weights * means.square_slope


def critical(ref: str | Activation | Gaussian, **params: object) -> Critical:
    """The point of the edge of chaos that keeps its variance, with a variance nearest to 1.

    On the edge gradients neither vanish nor explode and inputs stay distinct for the longest. A
    point of it is taken if deviations from its variance shrink, by half a percent or more per
    layer; or, for functions such as ReLU, if every variance is a fixed point.

    Args:
        ref: an elementwise activation, by name, reference or object, or a `Gaussian`.
        params: the activation's parameters.

    Raises:
        ValueError: if there is none between variances of 0.01 and 100, with the reason.
    """
    function = Gaussian.of(ref, **params)
    edge = edge_of_chaos(function)
    name = function.record.label
    span = f"for a variance from {LEAST:g} to {MOST:g}"
    if edge.empty:
        raise ValueError(
            f"{name}: has no critical initialization: to keep gradients, the weights would have to"
            f" be so large that the variance grows, {span}"
        )
    neutral = edge.slope.sub(1).abs().max() < SAME and edge.sigma_b.max() < sqrt(SAME)
    if neutral:
        return Critical(float(_at(function, np.ones(1))[0][0]) ** 0.5, 0.0, 1.0, 1.0)
    steady = edge.slope <= STEADY
    if not steady.any():
        raise ValueError(
            f"{name}: has no critical initialization: where gradients are kept, deviations of the"
            f" variance grow from layer to layer, or shrink by less than half a percent, {span}"
        )
    return _nearest(function, edge, steady)


def _nearest(function: Gaussian, edge: pd.DataFrame, steady: pd.Series) -> Critical:
    """The steady point whose variance is nearest to 1, to rounding."""
    from scipy.optimize import brentq  # noqa: PLC0415

    distance = np.log(edge.q).abs().where(steady, inf)
    at = int(distance.to_numpy().argmin())
    q = float(edge.q[at])

    def excess(u: float) -> float:
        weights, biases, slope = _at(function, np.array([exp(u)]))
        there = isfinite(weights[0]) and biases[0] >= NONE * exp(u)
        return float(slope[0]) - STEADY if there else inf

    if abs(log(q)) > 1e-9:
        inwards = at - 1 if q > 1 else at + 1
        if 0 <= inwards < len(edge) and not steady[inwards]:
            ends = sorted((log(q), log(float(edge.q[inwards]))))
            q = exp(brentq(excess, *ends, xtol=1e-12))
    weights, biases, slope = (float(values[0]) for values in _at(function, np.array([q])))
    return Critical(sqrt(weights), sqrt(max(biases, 0.0)), q, slope)
