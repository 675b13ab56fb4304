"""Numbers as they appear in sentences and tables."""

from __future__ import annotations

from collections.abc import Callable
from math import floor, isfinite, isinf, log10

MINUS = "\N{MINUS SIGN}"
ACCURACY, DIFFERENCE = "{:.2f}", "{:+.2f}"  # of fractions, in percent and in points


def number(value: float, form: str, scale: float = 100.0, minus: str = MINUS) -> str:
    """A number with a real minus sign and no sign before 0; empty if it is not finite."""
    if value == 0:
        return form.replace("+", "").format(0.0)
    return form.format(scale * value).replace("-", minus) if isfinite(value) else ""


def limits(low: float, high: float, form: str, scale: float = 100.0, minus: str = MINUS) -> str:
    """An interval; equal seeds have none, which says nothing of other seeds."""
    return _limits(low, high, lambda value: number(value, form, scale, minus))


def interval(low: float, high: float) -> str:
    """Fractions as signed points: "[+0.10, +0.52]"; empty where there is none."""
    return _limits(low, high, signed)


def _limits(low: float, high: float, text: Callable[[float], str]) -> str:
    if not (isfinite(low) and isfinite(high)):
        return ""
    return "all equal" if low == high else f"[{text(low)}, {text(high)}]"


def estimate(value: float, low: float, high: float, form: str = ACCURACY, unit: str = "") -> str:
    """A value with its interval: "81.20 % [80.11, 82.29]"."""
    return f"{form.format(value)}{unit} [{form.format(low)}, {form.format(high)}]"


def loss(value: float) -> str:
    """The form of a loss: four places; of one that has exploded, its size."""
    return "{:.4f}" if value < 1000 else "{:.2e}"


def effect(value: float) -> str:
    """An effect size; infinite where all differences are equal."""
    if isinf(value):
        return "all equal"
    return number(value, DIFFERENCE if abs(value) < 10 else "{:+.0f}", 1)


def percent(fraction: float, places: int = 2) -> str:
    """A fraction in percent; one that is neither 0 nor 1 is never rounded to 0 or 100."""
    return _within(fraction, places, "more than ", "less than ")


def short_percent(fraction: float, places: int = 0) -> str:
    """The same for tables and figures, with signs in place of words; empty if it is not finite."""
    return _within(fraction, places, "> ", "< ") if isfinite(fraction) else ""


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
    if not isfinite(p):
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
    if not isfinite(value):
        return ""
    places = 2 - floor(log10(value)) if value > 0 else 0
    return f"{value:.{max(0, places)}f}"


def signed(fraction: float) -> str:
    return number(fraction, DIFFERENCE) if fraction else "0"
