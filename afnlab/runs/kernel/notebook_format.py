"""nbformat, imported in a quarter of its time."""

from __future__ import annotations

import sys
from functools import cache
from types import ModuleType
from typing import Any

_GRAMMARS = "rfc3987_syntax"


@cache
def import_nbformat() -> Any:
    """Import nbformat, and with it jsonschema, which it checks notebooks by.

    Where JupyterLab is installed, jsonschema imports `rfc3987_syntax`, whose import builds 38 Lark
    grammars of international addresses: 1.5 of nbformat's 2 seconds of processor time, in every
    process that executes or shows a notebook. The schema of notebooks has no such address, so the
    grammars wait here until one is to be checked. Call it before papermill or nbconvert is
    imported.

    Returns:
        The module `nbformat`.
    """
    waiting = ModuleType(_GRAMMARS)
    waiting.is_valid_syntax = _is_valid_syntax  # type: ignore[attr-defined]
    ours = sys.modules.setdefault(_GRAMMARS, waiting) is waiting
    try:
        import nbformat  # noqa: PLC0415
    finally:
        if ours:
            del sys.modules[_GRAMMARS]
    return nbformat


def _is_valid_syntax(term: str, value: str) -> bool:
    from rfc3987_syntax import is_valid_syntax  # noqa: PLC0415

    return is_valid_syntax(term, value)
