"""Whole numbers that are too large to be compared with all of their digits."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np

_WHOLE = re.compile(r"\s*[-+]?\d+\s*")


def rounded(values: Iterable[object]) -> list[str]:
    """A sentence where whole numbers are none that a double holds, so that others are compared.

    Args:
        values: as they were read: numbers, or texts of such.
    """
    whole = [int(v) for v in values if isinstance(v, (int, np.integer, str)) and _is_whole(v)]
    lost = [number for number in whole if int(float(number)) != number]
    if not lost:
        return []
    return [
        f"Whole numbers above 2**53 are compared as the nearest that a double holds: {lost[0]} as"
        f" {int(float(lost[0]))}. Differences of a few units are not seen so; subtract what all"
        " values share before."
    ]


def _is_whole(value: int | np.integer | str) -> bool:
    return not isinstance(value, str) or _WHOLE.fullmatch(value) is not None
