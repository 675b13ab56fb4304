"""Signal propagation through a random network of unlimited width.

In a layer of weights of variance sigma_w^2 / inputs and biases of variance sigma_b^2, the
pre-activations of a wide network are normal. Their variance q, and the correlation c between those
of two inputs, follow a map from layer to layer (Poole et al. 2016; Schoenholz et al. 2017).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from itertools import pairwise
from math import exp, inf, log, nan

import numpy as np
from numpy.typing import ArrayLike

from afnlab.errors import ParameterError
from afnlab.registry import Activation
from afnlab.signal.gaussian import MOST_ALIKE, Array, Gaussian, checked

LEAST, MOST, POINTS = 1e-6, 1e6, 97  # of the variances among which fixed points are looked for
SAME = 1e-9  # relative: a map that changes variances by less than this changes none
ROUGHLY = 1e-6  # the tolerance with which fixed points are looked for, before they are refined


@dataclass(frozen=True)
class FixedPoint:
    """A variance that a layer maps to itself.

    Attributes:
        q: the variance of the pre-activations.
        slope: dq'/dq there: what a small deviation from q is multiplied by in each layer.
        chi: chi_1, the slope of the correlation map at 1: what the squared distance between two
            nearly equal inputs, and the squared norm of the gradient, are multiplied by in each
            layer. Infinite for a function with jumps.
    """

    q: float
    slope: float
    chi: float

    @property
    def stable(self) -> bool:
        """True if deviations shrink."""
        return self.slope < 1

    @property
    def variance_depth(self) -> float:
        """The number of layers in which a deviation shrinks, or grows, by a factor e."""
        return depth_scale(self.slope)


def depth_scale(factor: float) -> float:
    """The number of layers in which a quantity changes by a factor e.

    Args:
        factor: what it is multiplied by in each layer.

    Returns:
        The number, in layers: infinite for a factor of 1, 0 for one of 0 or infinity.
    """
    if factor <= 0 or factor == inf:
        return 0.0
    return inf if factor == 1 else 1 / abs(log(factor))


class MeanField:
    """The maps of one layer for an activation, at sigma_w and sigma_b.

    Args:
        ref: an elementwise activation, by name, reference or object; or a `Gaussian`, which keeps
            what it has evaluated for further fields of other sigmas.
        sigma_w: standard deviation of the weights times the square root of the number of inputs;
            None: the activation's gain, which maps a variance of 1 to 1 where sigma_b is 0.
        sigma_b: standard deviation of the biases.
        params: the activation's parameters.

    Raises:
        ParameterError: for a sigma that is not allowed, or a parameter.
        ValueError: for an activation that is not elementwise.
    """

    def __init__(
        self,
        ref: str | Activation | Gaussian,
        sigma_w: float | None = None,
        sigma_b: float = 0.0,
        **params: object,
    ) -> None:
        self.function = Gaussian.of(ref, **params)
        self.sigma_b = _checked_sigma("sigma_b", sigma_b, least=0.0)
        if sigma_w is None:
            sigma_w = self.function.gain()
        self.sigma_w = _checked_sigma("sigma_w", sigma_w, above=0.0)
        self._limits = cache(self._correlation_limit)

    def __repr__(self) -> str:
        label = self.function.record.label
        return f"<MeanField {label} sigma_w={self.sigma_w:.4g} sigma_b={self.sigma_b:.4g}>"

    def variance(self, q: ArrayLike) -> Array:
        """The variance after one layer, sigma_w^2 E f(sqrt(q) z)^2 + sigma_b^2.

        Args:
            q: variances above 0, of any shape.

        Raises:
            ParameterError: for another q.
        """
        return self.sigma_w**2 * self.function.moments(q).square + self.sigma_b**2

    def slope(self, q: ArrayLike) -> Array:
        """dq'/dq, the derivative of `variance`."""
        return self.sigma_w**2 * self.function.moments(q).square_slope

    def chi(self, q: ArrayLike) -> Array:
        """chi_1 = sigma_w^2 E f'(sqrt(q) z)^2; infinite for a function with jumps."""
        return self.sigma_w**2 * self.function.moments(q).slope

    @cached_property
    def scale_free(self) -> bool:
        """True if every variance is a fixed point, as for ReLU at its gain."""
        q = np.logspace(-3, 3, 13)
        return bool(np.abs(self.variance(q) / q - 1).max() < SAME)

    @cached_property
    def fixed_points(self) -> tuple[FixedPoint, ...]:
        """The fixed points of the variance from 1e-6 to 1e6, ascending, and 0 where it is one.

        Empty where every variance is one (`scale_free`), or none.
        """
        from scipy.optimize import brentq  # noqa: PLC0415

        if self.scale_free:
            return ()
        q = np.logspace(log(LEAST, 10), log(MOST, 10), POINTS)
        with np.errstate(divide="ignore"):  # a variance of 0, whose logarithm is below all
            square = self.function.moments(q, ROUGHLY).square
            ratio = np.log((self.sigma_w**2 * square + self.sigma_b**2) / q)
        fixed = [point] if (point := self._at_zero()) else []
        off = np.flatnonzero(np.abs(ratio) > 10 * ROUGHLY)  # q that are surely no fixed points
        for i, j in pairwise(off):
            if ratio[i] * ratio[j] < 0:
                ends = log(q[i]), log(q[j])
                root = brentq(lambda u: log(float(self.variance(exp(u)))) - u, *ends, xtol=1e-14)
                fixed.append(self.at(exp(root)))
        return tuple(fixed)

    def at(self, q: float) -> FixedPoint:
        """The slopes of the maps at q, as of a fixed point."""
        one = self.function.moments(q)
        factor = self.sigma_w**2
        return FixedPoint(float(q), factor * float(one.square_slope), factor * float(one.slope))

    def step(self, q: float, c: float) -> tuple[float, float, float]:
        """The variance and the correlation after one layer, and chi_1 before it.

        From 0.999 on, the correlation is followed by the slope of its map at 1, chi_1 q / q'.
        """
        one = self.function.moments(q)
        weight, bias = self.sigma_w**2, self.sigma_b**2
        after, chi = weight * float(one.square) + bias, weight * float(one.slope)
        if abs(c) <= MOST_ALIKE:
            alike = self._correlated(q, c, after)
        else:
            alike = 1 - min(1.0, (1 - c) * chi * q / after) if c < 1 else 1.0
        return after, alike, chi

    def _correlated(self, q: float, c: float, after: float) -> float:
        """The correlation after a layer that maps the variance q to `after`; |c| at most 0.999."""
        return (self.sigma_w**2 * self.function.product(q, c) + self.sigma_b**2) / after

    def _at_zero(self) -> FixedPoint | None:
        """The fixed point 0, which there is without biases for a function with f(0) = 0."""
        at_zero = float(self.function(np.zeros(1))[0])
        if self.sigma_b or abs(at_zero) > 1e-12 or 0.0 in self.function.jumps:
            return None
        near = self.at(LEAST)
        return FixedPoint(0.0, near.slope, near.chi)

    @cached_property
    def settled(self) -> FixedPoint | None:
        """The stable fixed point that is reached from q = 1, where variances near 1 end.

        1 itself where every variance is a fixed point; None where the variance grows for ever.
        """
        if self.scale_free:
            return self.at(1.0)
        here = float(self.variance(1.0))
        points = self.fixed_points
        on = [p for p in points if abs(p.q - 1) < 1e-6]
        if on and on[0].slope <= 1:
            return on[0]
        if on:  # unstable: the least deviation decides, and either way is as likely
            return None
        after = [p for p in points if (p.q > 1) == (here > 1) and p.slope <= 1]
        return (min(after, key=lambda p: abs(p.q - 1))) if after else None

    def correlation(self, c: ArrayLike, q: float | None = None) -> Array:
        """The correlation after one layer, of pre-activations of variance q and correlation c.

        Args:
            c: correlations from -0.999 to 0.999, or 1.
            q: the variance; None: that at which variances settle (`settled`).

        Raises:
            ParameterError: for a c that is not allowed.
            ValueError: without a q, where variances do not settle above 0.
        """
        settled, correlations = self._settled_q(q), np.asarray(c, dtype=np.float64)
        after = float(self.variance(settled))
        flat = map(float, correlations.reshape(-1))
        values = [1.0 if one == 1 else self._correlated(settled, one, after) for one in flat]
        return np.array(values).reshape(correlations.shape)

    def correlation_limit(self, q: float | None = None) -> tuple[float, float]:
        """The correlation that inputs end with in deep networks, and the slope of the map there.

        1, with slope chi_1, where chi_1 is at most 1 (the ordered phase); else the fixed point
        below 1 (the chaotic phase). Where it lies above 0.999, it is given as 1 with slope 1.
        """
        return self._limits(self._settled_q(q))

    def _correlation_limit(self, q: float) -> tuple[float, float]:
        from scipy.optimize import brentq  # noqa: PLC0415

        chi = float(self.chi(q))
        if chi <= 1:
            return 1.0, chi

        def beyond(c: float) -> float:
            return float(self.correlation(c, q)) - c

        if beyond(MOST_ALIKE) >= 0:
            return 1.0, 1.0
        chaotic = beyond(0.0) > 0
        at = float(brentq(beyond, 0.0, MOST_ALIKE, xtol=1e-12)) if chaotic else 0.0
        after = float(self.variance(q))
        return at, self.sigma_w**2 * q * self.function.slope_product(q, at) / after

    @cached_property
    def depth(self) -> float:
        """The depth scale of the correlation, in layers (Schoenholz et al. 2017, xi_c).

        Two inputs approach their common correlation by a factor e in as many layers. They found
        networks of up to about six times this depth trainable. Infinite at the edge of chaos; 0
        where variances settle at 0, or nowhere.
        """
        point = self.settled
        if point is None or point.q == 0:
            return 0.0
        return depth_scale(self.correlation_limit()[1])

    def _settled_q(self, q: float | None) -> float:
        if q is not None:
            return float(checked(q))
        if self.settled is None or self.settled.q == 0:
            raise ValueError(
                f"{self!r}: variances do not settle at a value above 0; give the variance q"
            )
        return self.settled.q


def _checked_sigma(
    name: str, value: object, least: float | None = None, above: float | None = None
) -> float:
    number = value if isinstance(value, (int, float)) and not isinstance(value, bool) else nan
    inside = (least is None or number >= least) and (above is None or number > above)
    if inside and abs(number) < 1e150:
        return float(number)
    limit = f"{least:g} or more" if least is not None else f"above {above:g}"
    raise ParameterError(name, value, f"a finite number {limit}", label=name)
