"""Formatting of numbers for print; apart from `measures`, whose code belongs to every run."""

from __future__ import annotations

import re

from afnlab.measures import Measure, formatted

_SIGNED_ZERO = re.compile(r"[+-](0(\.0*)?)")


def printed(form: str, value: float) -> str:
    """A number as `formatted`, but that what rounds to 0 has no sign: a zero has one form.

    Args:
        form: such as "{:.2f}" or "{:+.2f}".
        value: the number.
    """
    shown = formatted(form, value)
    match = _SIGNED_ZERO.fullmatch(shown)
    return match[1] if match else shown


def title_of(measure: Measure) -> str:
    """A metric's name with its unit, as the head of a column: "accuracy (%)", "error (m)"; of a
    name that holds its unit, as "bits per character", that alone.

    Args:
        measure: the metric.
    """
    if not measure.unit or re.search(rf"(?<!\w){re.escape(measure.unit)}(?!\w)", measure.name):
        return measure.name
    return f"{measure.name} ({measure.unit})"


def label_of(measure: Measure) -> str:
    """A metric's title with its direction where less is better: "error (m), lower is better".

    Args:
        measure: the metric.
    """
    return f"{title_of(measure)}{', lower is better' if measure.better == 'lower' else ''}"


def printed_value(measure: Measure, value: float) -> str:
    """A stored value as it is printed, with its unit.

    Args:
        measure: what it is a value of.
        value: the value.
    """
    return f"{printed(measure.form, measure.scale * value)} {measure.unit}".rstrip()
