"""Means over normally distributed inputs of an activation, of its square and of its slope."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from math import inf, pi, sqrt
from typing import NoReturn

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from afnlab.derivatives import derivatives
from afnlab.errors import ParameterError
from afnlab.registry import Activation, get_activation

Array = NDArray[np.float64]

TOLERANCE = 1e-11  # of an integral, relative and in units of the function's size
REACH = 40.0  # standard deviations beyond which nothing is integrated: exp(-800) is 0 in float64
FAR = 14.0  # those beyond which panels do not reach: exp(-98) is 3e-43
SUBDIVISIONS = 500
HALVINGS = 8  # of the panels, before the adaptive rule has to help
JUMP = 1e-6  # a change of value across a kink that is larger than this is a jump
NODES = 16  # of Gauss and Legendre's rule, on a panel
RULE = np.polynomial.legendre.leggauss(NODES)
PANEL = 3.0  # the length of a panel of the two-dimensional integral, in standard deviations of one
# pre-activation given the other
# Where an activation may bend, and a panel ends. Towards 0 they lie so close that nothing is too
# sharp there to be seen: tanh(200 x) turns within 0.01.
SCALES = (*(0.5 / 4.0**i for i in range(8, 0, -1)), 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
MOST_ALIKE = 0.999  # the largest correlation below 1 for which the integral is computed


@dataclass(frozen=True)
class Moments:
    """Means over z ~ N(0, 1) for a pre-activation sqrt(q) z, one value for each q.

    Attributes:
        mean: E f.
        square: E f^2.
        square_slope: d/dq E f^2.
        slope: E f'^2; infinite where f jumps.
    """

    mean: Array
    square: Array
    square_slope: Array
    slope: Array


class Gaussian:
    """An elementwise activation at given parameters, integrated over normal pre-activations.

    A stochastic activation is taken as it is in evaluation: its mean over the noise.

    Args:
        ref: the activation, by name, reference or object.
        params: its parameters, numbers or tensors of one.

    Raises:
        ValueError: for an activation that is not elementwise, or a parameter that is not allowed.
    """

    def __init__(self, ref: str | Activation, **params: object) -> None:
        self.record = get_activation(ref)
        if not self.record.elementwise:
            raise ValueError(
                f"{self.record.name}: is not elementwise, and the theory of wide networks holds"
                " for elementwise activations only"
            )
        self.params = self.record.complete(params)
        for name, value in self.params.items():
            if isinstance(value, torch.Tensor):
                if value.numel() != 1:
                    label = f"{self.record.name}: {name}"
                    raise ParameterError(name, value, "a number", label=label)
                self.params[name] = float(value)
        self._check_elementwise()
        self._panels = lru_cache(maxsize=64)(self._evaluated)
        self.kinks = self.record.kinks_at(**self.params)
        self.jumps = tuple(k for k in self.kinks if self._jumps_at(k))

    @classmethod
    def of(cls, ref: str | Activation | Gaussian, **params: object) -> Gaussian:
        """One that is given as it is, with what it has evaluated; else that of an activation.

        Args:
            ref: a `Gaussian`, or the activation, by name, reference or object.
            params: the activation's parameters.
        """
        return ref if isinstance(ref, cls) else cls(ref, **params)  # type: ignore[arg-type]

    def _check_elementwise(self) -> None:
        """ValueError if a value depends on its neighbours, although it is declared not to."""
        some = np.array([-1.5, -0.25, 0.75, 2.0])
        together, alone = self(some), np.array([self(some[[i]])[0] for i in range(len(some))])
        if together.shape != some.shape or not np.allclose(together, alone, equal_nan=True):
            raise ValueError(
                f"{self.record.name}: is not elementwise: its value at a number depends on the"
                " others; declare it with elementwise=False"
            )

    def __call__(self, x: Array) -> Array:
        """f at x, in float64."""
        with torch.no_grad():
            y = self.record(torch.from_numpy(np.ascontiguousarray(x)), **self.params)
        return y.numpy()

    def slopes(self, x: Array) -> Array:
        """f' at x, in float64."""
        return self._with_slopes(x)[1]

    def _with_slopes(self, x: Array) -> tuple[Array, Array]:
        """f and f' at x, of one evaluation."""
        points = torch.from_numpy(np.ascontiguousarray(x))
        value, slope = derivatives(self.record, points, 1, **self.params)
        return value.numpy(), slope.numpy()

    def _jumps_at(self, kink: float) -> bool:
        step = 1e-9 * max(1.0, abs(kink))
        below, above = self(np.array([kink - step, kink + step]))
        return bool(abs(above - below) > JUMP)

    def moments(self, q: ArrayLike, tolerance: float = TOLERANCE) -> Moments:
        """The means at each variance q, by default to a relative error of about 1e-10.

        The integrals are over the pre-activation, split at the kinks and at 0, by Gauss and
        Legendre's rule on panels, for which f is evaluated once for all variances of similar size;
        where halving every panel does not confirm it to the tolerance, by an adaptive rule (scipy's
        `cubature`). The means at one variance do not depend on what others are asked for beside it.
        d/dq E f^2 is E[f^2 (z^2 - 1)] / 2q, which needs no slope and so holds for functions with
        jumps too.

        Args:
            q: variances above 0, of any shape.
            tolerance: of each integral, relative and in units of the function's size.

        Raises:
            ParameterError: for a variance that is not a finite number above 0.
            ValueError: if an integral does not converge, since the activation grows too fast.
        """
        variances = checked(q)
        flat = variances.reshape(-1)
        order = np.argsort(flat)
        ordered = flat[order]
        # The integrals of an octave of scales have the same panels, which suit all of them.
        octave = np.floor(np.log2(ordered) / 2).astype(int)
        starts = np.flatnonzero(np.diff(octave, prepend=octave[0] - 1))
        groups = zip(octave[starts], np.split(ordered, starts[1:]), strict=True)
        parts = [self._integrals(int(one), part, tolerance) for one, part in groups]
        means = np.empty((flat.size, 4))
        means[order] = np.concatenate(parts)
        mean, square, bent, slope = (means[:, i].reshape(variances.shape) for i in range(4))
        return Moments(mean, square, bent, np.full_like(slope, inf) if self.jumps else slope)

    def gain(self) -> float:
        """The factor g that makes g f(z) have a mean square of 1, see `afnlab.gain`.

        Raises:
            ValueError: if f is 0 wherever a normal input falls, or its square has no mean.
        """
        square = float(self.moments(1.0).square)
        if not square > 0:
            raise ValueError(
                f"{self.record.label}: is 0 everywhere, so no weights pass a signal on"
            )
        return square**-0.5

    def _integrals(self, octave: int, variances: Array, tolerance: float) -> Array:
        """The four means of `Moments` (variances, 4), for variances of one octave of scales."""
        scale = np.sqrt(variances)
        with np.errstate(all="ignore"):  # overflow far out, which the result shows
            # In units of the function's size, as the adaptive rule has them.
            size = self._size(scale)[:, None] ** [1, 2, 2, 0] / scale[:, None] ** [0, 0, 2, 0]
            means, _ = self._on_panels(scale, octave, 0)
            rest = np.arange(len(scale))  # what has yet to converge
            for halvings in range(1, HALVINGS + 1):  # many where it oscillates
                fine, tail = self._on_panels(scale[rest], octave, halvings)
                # Where most of a mean comes from beyond the panels, f outgrows the density.
                if not np.isfinite(fine).all() or (tail > np.abs(fine) / 2).any():
                    self._refuse(variances[rest])
                off = np.abs(fine - means[rest]) + tail
                means[rest] = fine
                rest = rest[(off > tolerance * (size[rest] + np.abs(fine))).any(1)]
                if not rest.size:
                    return means
        means[rest] = self._adaptively(variances[rest], tolerance)
        return means

    def _refuse(self, variances: Array) -> NoReturn:
        raise ValueError(
            f"{self.record.label}: its mean over a normal input does not converge for a variance of"
            f" {variances.max():g}; it may grow too fast, or jump where it names no kink"
        )

    def _on_panels(self, scale: Array, octave: int, halvings: int) -> tuple[Array, Array]:
        """The four means, and what the outermost panels add to them: it has to be nothing."""
        x, weight, f, slope = self._panels(octave, halvings)
        z = x / scale[:, None]
        density = np.exp(-z * z / 2) * weight / (sqrt(2 * pi) * scale[:, None])
        square, bent = f * f, (z * z - 1) / (2 * scale[:, None] ** 2)
        parts = np.stack([density * y for y in (f, square, square * bent, slope * slope)], -1)
        return parts.sum(1), np.abs(parts[:, [*range(NODES), *range(-NODES, 0)]]).sum(1)

    def _evaluated(self, octave: int, halvings: int) -> tuple[Array, Array, Array, Array]:
        """Nodes, weights, f and f' for scales from 2^octave to twice that."""
        x, weight = self._grid(FAR * 2.0 ** (octave + 1), 2.0 ** (octave - 1), 2**halvings)
        return x, weight, *self._with_slopes(x)

    def _adaptively(self, variances: Array, tolerance: float) -> Array:
        from scipy.integrate import cubature  # noqa: PLC0415

        scale = np.sqrt(variances)
        size = self._size(scale)

        def integrand(x: Array) -> Array:
            x = x[:, 0]
            z = x[:, None] / scale
            weight = np.exp(-z * z / 2) / (sqrt(2 * pi) * scale)
            f, slope = (y[:, None] for y in self._with_slopes(x))
            f = f / size
            parts = np.broadcast_arrays(f, f * f, f * f * (z * z - 1) / 2, slope * slope)
            return np.stack(parts, -1) * weight[..., None]

        end = REACH * float(scale.max())
        splits = {0.0, *self.kinks, *(s * v for v in (scale[0], scale[-1]) for s in (-1, 1))}
        with np.errstate(all="ignore"):  # overflow far out, which the result shows
            integral = cubature(
                integrand,
                [-end],
                [end],
                rtol=tolerance,
                atol=tolerance,
                points=[[x] for x in sorted(splits) if abs(x) < end],
                max_subdivisions=SUBDIVISIONS,
            )
        if integral.status != "converged" or not np.isfinite(integral.estimate).all():
            self._refuse(variances)
        factors = np.stack([size, size**2, (size / scale) ** 2, np.ones_like(size)], -1)
        return integral.estimate * factors

    def _size(self, scale: Array) -> Array:
        """The size of f for pre-activations of each scale: what an error is compared with."""
        some = np.array([0.1, 0.5, 1.0, 2.0, 3.0])
        values = np.abs(self(np.multiply.outer(scale, np.concatenate([-some, some])))).max(-1)
        return np.where((values > 0) & np.isfinite(values), values, 1.0)

    def product(self, q: float, c: float) -> float:
        """E f(u) f(v) for u and v of variance q and correlation c, |c| at most 0.999, or 1 or -1.

        On a grid whose panels end at the kinks, with the same nodes for u and v, so that the
        integral is the bivariate density between two vectors of values.
        """
        return self._bilinear(self, q, c)

    def slope_product(self, q: float, c: float) -> float:
        """E f'(u) f'(v), as `product`; for a function with jumps infinite."""
        return inf if self.jumps else self._bilinear(self.slopes, q, c)

    def _bilinear(self, function: Callable[[Array], Array], q: float, c: float) -> float:
        spread = sqrt(q)
        narrow = spread * sqrt(max(0.0, 1 - c * c))
        if abs(c) > MOST_ALIKE:
            raise ParameterError("c", c, f"a correlation from {-MOST_ALIKE} to {MOST_ALIKE}")
        x, weight = self._grid(9 * spread, PANEL * narrow)
        values = function(x) * weight
        exponent = (x[:, None] - c * x) ** 2 / (-2 * narrow**2) - x * x / (2 * q)
        density = np.exp(exponent) / (2 * pi * spread * narrow)
        return float(values @ density @ values)

    def _grid(self, end: float, longest: float, parts: int = 1) -> tuple[Array, Array]:
        """Nodes and weights on [-end, end]: panels of this length at most, none over a kink, and
        each of them in so many parts."""
        bends = [s * v for v in SCALES for s in (-1, 1)]
        marks = sorted({-end, end, 0.0, *self.kinks, *bends})
        edges = [x for x in marks if -end <= x <= end]
        nodes, weights = RULE
        starts, lengths = [], []
        for low, high in pairwise(edges):
            pieces = max(1, int(np.ceil((high - low) / longest))) * parts
            length = (high - low) / pieces
            starts += [low + length * i for i in range(pieces)]
            lengths += [length] * pieces
        half = np.array(lengths)[:, None] / 2
        x = np.array(starts)[:, None] + half * (nodes + 1)
        return x.reshape(-1), (half * weights).reshape(-1)


def checked(q: ArrayLike, name: str = "q") -> Array:
    """The variances as an array, if all are finite numbers above 0; else a ParameterError."""
    try:
        variances = np.asarray(q, dtype=np.float64)
    except (TypeError, ValueError):
        raise ParameterError(name, q, "finite numbers above 0") from None
    if not (variances.size and np.isfinite(variances).all() and (variances > 0).all()):
        raise ParameterError(name, q, "finite numbers above 0")
    return variances
