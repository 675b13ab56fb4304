"""Small helpers for HTML."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from afnlab.analysis.numerals import MINUS

if TYPE_CHECKING:
    from IPython.display import HTML


def html(text: str) -> HTML:
    from IPython.display import HTML  # noqa: PLC0415

    return HTML(text)


def table_of(
    head: Sequence[str], rows: Sequence[Sequence[str]], kind: str = "", kinds: Sequence[str] = ()
) -> str:
    """A table of cells that are HTML; the first of a row is its heading.

    kind, kinds: the class of the table, and those of its rows.
    """
    body = []
    for row, of in zip(rows, kinds or [""] * len(rows), strict=True):
        cells = "".join(f"<td>{cell}" for cell in row[1:])
        body.append(f"<tr{_class(of)}><th>{row[0]}{cells}</tr>")
    top = f"<thead><tr>{''.join(f'<th>{h}' for h in head)}</tr></thead>" if head else ""
    rows_of = f"{top}<tbody>{''.join(body)}</tbody>"
    return f"<div class=scroll><table{_class(kind)}>{rows_of}</table></div>"


def _class(name: str) -> str:
    return f' class="{name}"' if name else ""


def number(value: float, form: str, scale: float = 1.0) -> str:
    """A number with a real minus sign and no sign before 0; empty if it is not finite."""
    form = form.replace("+", "") if value == 0 else form
    return form.format(scale * value).replace("-", MINUS) if np.isfinite(value) else ""


def limits(low: float, high: float, form: str, scale: float = 100.0) -> str:
    if not np.isfinite([low, high]).all():
        return ""
    return f"[{number(low, form, scale)}, {number(high, form, scale)}]"


def p_value(value: float) -> str:
    if not np.isfinite(value):
        return ""
    return f"{value:.3f}" if value >= 0.001 else "&lt; 0.001"
