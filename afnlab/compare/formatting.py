"""Numbers as sentences hold them."""

from __future__ import annotations

from math import floor, log10

import numpy as np

MINUS = "\N{MINUS SIGN}"


def interval(low: float, high: float) -> str:
    """Fractions as signed points: "[+0.10, +0.52]"; empty where there is none."""
    if not np.isfinite([low, high]).all():
        return ""
    return f"[{signed(low)}, {signed(high)}]"


def percent(fraction: float) -> str:
    return f"{100 * fraction:.2f} %"


def points(fraction: float | None) -> str:
    return f"{100 * (fraction or 0):.2f} points"


def seconds(value: float) -> str:
    return f"{three_digits(1000 * value)} ms" if value < 1 else f"{three_digits(value)} s"


def three_digits(value: float) -> str:
    """A positive number with three significant digits, or all before its point: no exponents."""
    if not np.isfinite(value):
        return ""
    places = 2 - floor(log10(value)) if value > 0 else 0
    return f"{value:.{max(0, places)}f}"


def signed(fraction: float) -> str:
    return f"{100 * fraction:+.2f}".replace("-", MINUS) if fraction else "0"
