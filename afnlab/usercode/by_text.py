"""What code reaches by a text, so that nobody sees which value it is: a name, a path, a variable.

`getattr` is not among it, nor `locals`: the object whose attribute is taken, and what a variable
was given, are seen themselves.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from types import BuiltinFunctionType, FunctionType

from afnlab.usercode.loaded import is_own

_NAMES = re.compile(  # of functions of libraries and of Python's own
    r"globals|eval|exec|_getframe|currentframe|__import__|import_module|getenvb?"
    r"|loadtxt|genfromtxt|fromfile|(open|load|read)(_.*)?"  # of files
)
# Names of attributes that do the same, on whatever object.
ATTRIBUTES = {
    **{name: getattr(Path, name) for name in ("open", "read_bytes", "read_text")},
    **dict.fromkeys(("__globals__", "f_globals"), globals),
}


def by_text(value: object) -> str:
    """What this is called if it leads to values by a text; "": it does not.

    Args:
        value: what code names.

    Returns:
        Its name.
    """
    if isinstance(value, type(os.environ)):
        return "os.environ"
    if value is sys.modules:
        return "sys.modules"
    if not isinstance(value, (FunctionType, BuiltinFunctionType)):
        return ""
    if isinstance(value, FunctionType) and is_own(value):
        return ""
    return value.__name__ if _NAMES.fullmatch(value.__name__) else ""
