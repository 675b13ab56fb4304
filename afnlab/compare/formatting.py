"""Numbers as they appear in sentences and tables."""

from __future__ import annotations

import re
from math import floor, isfinite, isinf, log10
from typing import TYPE_CHECKING

from afnlab.measures import Measure
from afnlab.messages import counted
from afnlab.printing import printed

if TYPE_CHECKING:
    import pandas as pd

MINUS = "\N{MINUS SIGN}"
SIGNED = "{:+.2f}"
FURTHER = 4  # decimals that a number may have more than others; what is smaller is rounding
_FIXED, _ZERO = re.compile(r"\.(\d+)f"), re.compile(r"0(\.0*)?")
_DIGITS, _RAISED = "-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"


def number(value: float, form: str, scale: float = 1.0, minus: str = MINUS) -> str:
    """A number with a real minus sign; empty if it is not finite."""
    if not isfinite(scale * value):
        return ""
    shown = printed(form, scale * value)
    return re.sub("^-", minus, shown)


def sided(value: float, form: str, scale: float = 1.0, minus: str = MINUS) -> str:
    """A number whose side of 0 a reader has to see: the end of an interval, or a difference.

    One that would be printed as 0 and is not has further decimals, up to its first
    digit: "+0.003" beside "+0.52"."""
    shown, decimals = number(value, form, scale, minus), _FIXED.search(form)
    if not shown or not value or decimals is None or not _ZERO.fullmatch(shown):
        return shown
    for places in range(int(decimals[1]) + 1, int(decimals[1]) + FURTHER + 1):
        finer = number(value, _FIXED.sub(f".{places}f", form), scale, minus)
        if not _ZERO.fullmatch(finer):
            return finer
    return shown


def limits(low: float, high: float, form: str, scale: float = 1.0, minus: str = MINUS) -> str:
    """An interval; equal seeds have none, which says nothing of other seeds."""
    if not (isfinite(low) and isfinite(high)):
        return ""
    ends = [sided(end, form, scale, minus) for end in (low, high)]
    return "all equal" if low == high else f"[{', '.join(ends)}]"


def power_of_ten(exponent: int) -> str:
    """As it stands in a unit: "×10⁻¹²"."""
    return f"\N{MULTIPLICATION SIGN}10{str(exponent).translate(str.maketrans(_DIGITS, _RAISED))}"


def powers_in_latex(text: str) -> str:
    """A text in which every `power_of_ten` is one of LaTeX's formulas."""
    lowered = str.maketrans(_RAISED, _DIGITS)
    return re.sub(
        f"\N{MULTIPLICATION SIGN}10([{_RAISED}]+)",
        lambda match: rf"$\times 10^{{{match[1].translate(lowered)}}}$",
        text,
    )


def value(measure: Measure, stored: float) -> str:
    """A stored value of a metric as it is printed, without its unit; empty if it is not finite."""
    return number(stored, measure.form, measure.scale)


def difference(measure: Measure, stored: float) -> str:
    """A difference of stored values with its sign, without its unit: "+0.52", or "0.00"."""
    return sided(stored, measure.signed_form, measure.scale)


def unrounded(measure: Measure, row: pd.Series, base: pd.Series) -> str:
    """That a difference is of unrounded values, where its digits are not those of the printed
    means of its two rows; empty where they are, and where it is of other seeds than the means.

    Args:
        measure: the metric.
        row, base: of a table of `compare_histories`.
    """
    if not row.pairs == row.seeds == base.seeds:
        return ""
    of, to, gap = (
        round(measure.scale * stored, measure.decimals)
        for stored in (row[measure.key], base[measure.key], row.difference)
    )
    apart = abs(of - to - gap) > 0.5 * 10.0**-measure.decimals
    return ", of unrounded values" if apart else ""


def interval(measure: Measure, low: float, high: float) -> str:
    """Signed limits of a difference: "[+0.10, +0.52]"; empty where there is none."""
    return limits(low, high, measure.signed_form, measure.scale)


def amount(measure: Measure, stored: float | None) -> str:
    """The size of a difference with its unit; one that is not 0 is never rounded to 0."""
    shown = printed(measure.form, measure.scale * (stored or 0))
    if stored and not float(shown):
        shown = f"less than {10.0**-measure.decimals:.{measure.decimals}f}"
    return f"{shown} {measure.points}".rstrip()


def margin(measure: Measure, stored: float | None) -> str:
    """A margin with its unit, as it was typed: it is a choice, and has no other digits."""
    typed = f"{measure.scale * (stored or 0):.12g}"
    unit = "point" if (typed, measure.points) == ("1", "points") else measure.points
    return f"{typed} {unit}".rstrip()


def bound(measure: Measure, stored: float) -> str:
    """A bound of the metric with its unit: "0 %"."""
    return f"{measure.scale * stored:g} {measure.unit}".rstrip()


def reading(measure: Measure, stored: float) -> str:
    """A value with its unit; one that is within the bounds is never rounded onto them."""
    shown, step = printed(measure.form, measure.scale * stored), 10.0**-measure.decimals
    for bound, words, inward in ((measure.low, "less than", 1), (measure.high, "more than", -1)):
        if bound is not None and stored != bound and float(shown) == measure.scale * bound:
            nearest = measure.form.format(measure.scale * bound + inward * step)
            return f"{words} {nearest} {measure.unit}".rstrip()
    return f"{shown} {measure.unit}".rstrip()


def reached(measure: Measure, stored: float) -> str:
    """A mean in a sentence, whose name is no unit: "52.50 % mean accuracy", "a mean score of 3"."""
    shown = reading(measure, stored)
    return f"{shown} {measure.mean}" if measure.unit else f"a {measure.mean} of {shown}"


def estimate(value: float, low: float, high: float, form: str = "{:.2f}", unit: str = "") -> str:
    """A value with its interval: "81.20 % [80.11, 82.29]"."""
    low_text, high_text = printed(form, low), printed(form, high)
    return f"{printed(form, value)}{unit} [{low_text}, {high_text}]"


def estimated(measure: Measure, mean: float, low: float, high: float) -> str:
    """An estimate in the metric's printed unit."""
    unit = f" {measure.unit}" if measure.unit else ""
    return estimate(mean, low, high, measure.form, unit)


def loss(value: float) -> str:
    """The form of a loss: four places; of one that has exploded, its size."""
    return "{:.4f}" if value < 1000 else "{:.2e}"


def effect(value: float) -> str:
    """An effect size; infinite where all differences are equal."""
    if isinf(value):
        return "all equal"
    return number(value, SIGNED if abs(value) < 10 else "{:+.0f}")


def seed_range(few: int, many: int) -> str:
    """Between how many seeds rows have: "6 to 12 seeds", or "12 seeds"."""
    return f"{few} to {counted(many, 'seed')}" if few < many else counted(many, "seed")


def percent(fraction: float, places: int = 2) -> str:
    """A fraction in percent; one that is neither 0 nor 1 is never rounded to 0 or 100."""
    return _within(fraction, places, "more than ", "less than ")


def short_percent(fraction: float) -> str:
    """A percentage for tables and figures, with signs, not words; empty if it is not finite."""
    return _within(fraction, 0, "> ", "< ") if isfinite(fraction) else ""


def _within(fraction: float, places: int, more: str, less: str) -> str:
    step = 10.0**-places
    shown = printed(f"{{:.{places}f}}", 100 * fraction)
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


def equation(p: float) -> str:
    """A p-value in a sentence: "p = 0.012", "p < 0.001", "p = 1"."""
    shown = "1" if p_value(p) == "1.000" else p_value(p)
    return f"p {shown}" if shown.startswith("<") else f"p = {shown}"


def exact_p(p: float) -> str:
    """A p-value that is computed, as the smallest attainable one: the digits of `p_value`, or two
    where these would be none."""
    return f"{p:.2g}" if p_value(p).startswith("<") else p_value(p).rstrip("0").rstrip(".")


def share_of(fraction: float, count: int) -> str:
    """A fraction of so many things, counted: "2 of 450", "1.7 of 450", "26 of 10,000"."""
    number = fraction * count
    shown = f"{number:,.0f}" if number >= 10 else f"{number:.1f}".removesuffix(".0")
    return f"{'less than 1' if 0 < number < 1 else shown} of {count:,}"


def seconds(value: float) -> str:
    return f"{three_digits(1000 * value)} ms" if value < 1 else f"{three_digits(value)} s"


def three_digits(value: float) -> str:
    """A positive number with three significant digits, or all before its point: no exponents."""
    if not isfinite(value):
        return ""
    places = 2 - floor(log10(value)) if value > 0 else 0
    return f"{value:.{max(0, places)}f}"
