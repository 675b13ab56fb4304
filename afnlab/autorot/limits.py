"""Which L, and which limits, suit an activation."""

from __future__ import annotations

from math import inf
from sys import float_info

import torch

from afnlab.derivatives import derivatives
from afnlab.errors import shown
from afnlab.registry import Activation, get_activation

# The source's table. arctan's slope at 7 is 2 % of its maximum; the rule below would give 3.6.
PUBLISHED = {"tanh": 2.0, "sigmoid": 4.0, "arctan": 7.0}
SHARE = 0.07  # of the largest slope; gives 2 for tanh and 4 for sigmoid, rounded
FARTHEST = 200.0


def suggested_L(ref: str | Activation) -> float:
    """The limit of the dynamic region for a saturating activation.

    tanh 2, sigmoid 4, arctan 7 (the source's table); for any other, rounded to a tenth (to a
    thousandth below that), where its slope has fallen to 7 % of its maximum on both sides for good.

    Args:
        ref: an activation, by name, reference or object.

    Raises:
        ValueError: for one that is not elementwise or does not saturate: then L has to be chosen.
    """
    record = get_activation(ref)
    if record.label in PUBLISHED:
        return PUBLISHED[record.label]
    if not record.elementwise:
        raise ValueError(f"{record.name}: is not elementwise, so no L is suggested; give one")
    x = torch.linspace(0, FARTHEST, 200_001, dtype=torch.float64)
    slopes = (derivatives(record, side, 1)[1].abs() for side in (x, -x))
    size = torch.maximum(*slopes)
    if not size.max() > 0:
        raise ValueError(f"{record.name}: has no slope, so give L yourself")
    above = (size > SHARE * size.max()).nonzero()
    last = float(x[above[-1]])
    if last > 0.9 * FARTHEST:
        raise ValueError(f"{record.name}: does not saturate on both sides, so give L yourself")
    return round(last, 1) or max(round(last, 3), 1e-3)


def input_limits(ref: str | Activation, data_min: float, data_max: float) -> tuple[float, float]:
    """Limits of the values that enter layers fed by data and by this activation's outputs.

    Args:
        ref: the activation, by name, reference or object.
        data_min, data_max: the range of the data.

    Returns:
        (xmin_lim, xmax_lim): the hull of the data's range and of the activation's; where the
        activation is unbounded, the data's limit alone, as the source's README has it.

    Raises:
        ValueError: for data_max < data_min.
    """
    ends = (data_min, data_max)
    numbers = all(isinstance(v, (int, float)) and abs(v) <= float_info.max for v in ends)
    if not (numbers and data_min <= data_max):
        got = f"{shown(data_max)} and {shown(data_min)}"
        raise ValueError(f"data_max must be at least data_min, both finite; got {got}")
    low, high = get_activation(ref).range
    xmin = min(data_min, low) if low > -inf else data_min
    return float(xmin), float(max(data_max, high) if high < inf else data_max)
