"""An activation's signal numbers in short, to read."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

import pandas as pd

from afnlab.printing import printed
from afnlab.registry import Activation
from afnlab.signal.critical import critical
from afnlab.signal.mean_field import FixedPoint, MeanField


def summary(
    ref: str | Activation, sigma_w: float | None = None, sigma_b: float = 0.0, **params: object
) -> pd.Series:
    """The effects of layers of this activation on a signal, a text for each fact.

    Args:
        ref: an elementwise activation, by name, reference or object.
        sigma_w, sigma_b: see `MeanField`; by default the activation's gain, and no biases.
        params: the activation's parameters.

    Returns:
        The sigmas; the slopes of the maps at a variance of 1; the fixed points and whether they are
        stable; where variances settle; the correlation that inputs end with and its depth scale;
        the critical initialization, or why there is none.

    Raises:
        ParameterError: for a sigma that is not allowed, or a parameter.
        ValueError: for an activation that is not elementwise.
    """
    field = MeanField(ref, sigma_w, sigma_b, **params)
    one = field.at(1.0)

    def correlation() -> str:
        limit, slope = field.correlation_limit()
        return f"{_number(limit)}, slope {_number(slope)}"

    def depth() -> str:
        return "infinite" if field.depth == inf else f"{field.depth:.1f} layers"

    facts = {
        "sigma_w": f"{field.sigma_w:.4f}" + (" (the gain)" if sigma_w is None else ""),
        "sigma_b": f"{field.sigma_b:.4f}",
        "chi_1 at variance 1": _number(one.chi),
        "dq'/dq at variance 1": _number(one.slope),
        "fixed points of the variance": _known(lambda: _fixed_points(field)),
        "variances near 1": _known(lambda: _settled(field)),
    }
    if _settles(field):
        facts["correlation in deep layers"] = _known(correlation)
        facts["depth scale of the correlation"] = _known(depth)
    try:
        point = critical(ref, **params)
        facts["critical initialization"] = (
            f"sigma_w {point.sigma_w:.4f}, sigma_b {point.sigma_b:.4f}, variance {point.q:.4g}"
        )
    except ValueError as error:
        facts["critical initialization"] = f"none ({error})"
    return pd.Series(facts, name=field.function.record.label)


def _known(fact: Callable[[], str]) -> str:
    """A fact, or why it cannot be computed, which for one fact need not hold for the next."""
    try:
        return fact()
    except ValueError as error:
        return f"not known ({error})"


def _settles(field: MeanField) -> bool:
    """Whether variances settle above 0, as far as that can be computed."""
    try:
        return field.settled is not None and field.settled.q > 0
    except ValueError:
        return False


def _number(value: float) -> str:
    return "infinite" if value == inf else printed("{:.4f}", value)


def _fixed_points(field: MeanField) -> str:
    if field.scale_free:
        return "every variance"
    return ", ".join(_point(p) for p in field.fixed_points) or "none"


def _point(point: FixedPoint) -> str:
    return f"{point.q:.4g} ({'stable' if point.stable else 'unstable'})"


def _settled(field: MeanField) -> str:
    if field.scale_free:
        return "stay as they are"
    if field.settled is None:
        at_one = any(abs(p.q - 1) < 1e-6 for p in field.fixed_points)
        return "drift away from 1, up or down" if at_one else "grow without limit"
    return f"settle at {field.settled.q:.4g}"
