"""A table in Markdown, as the pages on results have them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import isnan


def markdown_table(
    head: Sequence[str], rows: Iterable[Sequence[object]], numbers: bool = False
) -> list[str]:
    """The lines of a table; numbers: whether all columns but the first stand to the right."""
    ruler = "---:|" if numbers else "---|"
    lines = [_line(cells) for cells in (head, *rows)]
    return [lines[0], f"|---|{ruler * (len(head) - 1)}", *lines[1:]]


def with_limits(interval: Iterable[float], form: str) -> str:
    """A mean with the limits of its interval in brackets; the mean alone where there is none."""
    mean, low, high = interval
    cells = [format(value, form) for value in (mean, low, high)]
    return cells[0] if isnan(low) else "{} [{}, {}]".format(*cells)


def _line(cells: Iterable[object]) -> str:
    return "|" + "".join(f" {cell} |" if cell != "" else " |" for cell in cells)
