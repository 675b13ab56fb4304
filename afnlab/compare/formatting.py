"""Numbers as they appear in sentences and tables."""

from __future__ import annotations

from math import floor, log10

import numpy as np

MINUS = "\N{MINUS SIGN}"


def interval(low: float, high: float) -> str:
    """Fractions as signed points: "[+0.10, +0.52]"; empty where there is none."""
    if not np.isfinite([low, high]).all():
        return ""
    return f"[{signed(low)}, {signed(high)}]"


def percent(fraction: float, places: int = 2) -> str:
    """A fraction in percent; one that is neither 0 nor 1 is never rounded to 0 or 100."""
    return _within(fraction, places, "more than ", "less than ")


def short_percent(fraction: float, places: int = 0) -> str:
    """The same for tables and figures, with signs in place of words; empty if it is not finite."""
    return _within(fraction, places, "> ", "< ") if np.isfinite(fraction) else ""


def _within(fraction: float, places: int, more: str, less: str) -> str:
    step = 10.0**-places
    shown = f"{100 * fraction:.{places}f}"
    if 0 < fraction < 1 and float(shown) == 0:
        return f"{less}{step:.{places}f} %"
    if 0 < fraction < 1 and float(shown) == 100:
        return f"{more}{100 - step:.{places}f} %"
    return f"{shown} %"


def p_value(p: float, places: int = 3) -> str:
    """A p-value with so many decimals; one that would round to 0 is given as an upper bound."""
    if not np.isfinite(p):
        return ""
    least = 10.0**-places
    return f"{p:.{places}f}" if p >= least else f"< {least:.{places}f}"


def points(fraction: float | None) -> str:
    """A fraction in points; one that is not 0 is never rounded to 0."""
    shown = f"{100 * (fraction or 0):.2f}"
    return "less than 0.01 points" if fraction and not float(shown) else f"{shown} points"


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
