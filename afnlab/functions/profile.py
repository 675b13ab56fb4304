"""The numerical profile of an activation: what its curve does to a normal input."""

from __future__ import annotations

from typing import Any

import pandas as pd
import torch

from afnlab.derivatives import derivatives
from afnlab.functions import check
from afnlab.registry import Activation, get_activation
from afnlab.training.initial import gain

DEAD = 0.05  # a slope smaller than this in size lets next to nothing back


def profile(ref: str | Activation, **params: Any) -> pd.Series:
    """Numbers that describe an elementwise activation at these parameters.

    Args:
        ref: the activation, by name, reference or object.
        **params: its parameters.

    Returns:
        Its least value and where, its largest slope, f and f' at 0, what it makes of a standard
        normal input (mean, standard deviation, mean square of the slope, share of inputs with a
        slope below 0.05 in size), the gain (see `afnlab.gain`), and whether values and slopes are
        finite up to |x| = 1e4 in every floating-point type.

    Raises:
        ValueError: if it is not elementwise.
    """
    record = get_activation(ref)
    if not record.elementwise:
        raise ValueError(f"{record.name}: a profile is defined for elementwise activations only")
    z = torch.linspace(-12, 12, 48001, dtype=torch.float64)
    weight = torch.exp(-z.square() / 2)
    weight /= weight.sum()
    f, slope = derivatives(record, z, 1, **params)
    zero = derivatives(record, torch.zeros(1, dtype=torch.float64), 1, **params)
    mean = float((weight * f).sum())
    problems = check.infinite(lambda x: record(x, **params))
    least = int(f.argmin())
    low = float(f[least])
    return pd.Series(
        {
            "value at 0": float(zero[0]),
            "slope at 0": float(zero[1]),
            "least value on [-12, 12]": low,
            "at x =": float(z[least]),
            "largest slope on [-12, 12]": float(slope.max()),
            "kinks": ", ".join(f"{k:g}" for k in record.kinks_at(**params)) or "none",
            "monotone": "yes" if bool((slope >= -1e-12).all()) else "no",
            "mean of f(z)": mean,
            "deviation of f(z)": float((weight * (f - mean).square()).sum().sqrt()),
            "mean of f'(z)^2": float((weight * slope.square()).sum()),
            "share of |f'(z)| < 0.05": float(weight[slope.abs() < DEAD].sum()),
            "gain": gain(record, **params),
            "finite up to |x| = 1e4": "; ".join(t for t in problems if t) or "yes",
        },
        name=record.label,
        dtype=object,
    )


def table(ref: str | Activation, **params: object) -> pd.DataFrame:
    """The numbers of `profile` as a table to be read.

    Args:
        ref: as in `profile`.
        **params: as in `profile`.

    Returns:
        One row per number, with four digits.
    """
    facts = profile(ref, **params)
    return facts.map(lambda v: f"{v:.4g}" if isinstance(v, float) else v).to_frame()


def slope_under(
    record: Activation, deviation: float = 1.0, **params: object
) -> tuple[float, float]:
    """The slopes that a normal input meets.

    Args:
        record: the activation.
        deviation: standard deviation of the input, whose mean is 0.
        **params: parameters of the activation.

    Returns:
        The mean of f'^2, which is the factor on the square of a gradient that passes back through
        the activation, and the share of the input with |f'| >= 0.05.
    """
    z = torch.linspace(-6, 6, 1200, dtype=torch.float64)  # 0, where many have a kink, is left out
    weight = torch.exp(-z.square() / 2)
    weight /= weight.sum()
    _, slope = derivatives(record, z * deviation, 1, **params)
    return float((weight * slope.square()).sum()), float(weight[slope.abs() >= DEAD].sum())


def asymptotes(record: Activation, **params: Any) -> list[tuple[float, float]]:
    """The lines that an activation approaches.

    Args:
        record: the activation.
        **params: its parameters.

    Returns:
        (slope, intercept) towards -infinity and towards +infinity, where there is such a line.
    """
    far = torch.tensor([200.0, 400.0, 2000.0, 4000.0], dtype=torch.float64)
    lines = []
    for side in (-far, far):
        y = record(side, **params)
        slope = float((y[3] - y[2]) / (side[3] - side[2]))
        intercept = float(y[3] - slope * side[3])
        away = (y - slope * side - intercept).abs()
        if bool(away.isfinite().all() and away.max() < 0.02):
            lines.append((slope, intercept))
    return lines
