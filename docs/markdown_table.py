"""A table in Markdown, as the pages on results have them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def markdown_table(
    head: Sequence[str], rows: Iterable[Sequence[object]], numbers: bool = False
) -> list[str]:
    """The lines of a table; numbers: whether all columns but the first stand to the right."""
    ruler = "---:|" if numbers else "---|"
    lines = [_line(cells) for cells in (head, *rows)]
    return [lines[0], f"|---|{ruler * (len(head) - 1)}", *lines[1:]]


def _line(cells: Iterable[object]) -> str:
    return "|" + "".join(f" {cell} |" if cell != "" else " |" for cell in cells)
