"""What a parameter may be given: as Python holds it, in a record (JSON), and in a cell (source)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isfinite
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from afnlab.errors import ParameterError, shown
from afnlab.runs.storage.safe_files import is_unicode

_TUPLE, _PATH, _FLOAT, _DICT = "__tuple__", "__path__", "__float__", "__dict__"


DEEPEST = 50  # of lists, tuples and mappings in one another
MOST = 1_000_000  # entries of a range or an array
_LARGEST = 10**4000  # which Python still writes out


def settle(name: str, value: object, depth: int = 0) -> object:  # noqa: PLR0911  (a case each)
    """`value` in plain types: numpy's numbers become Python's, arrays and ranges lists.

    Tuples and paths stay what they are. ParameterError for what no cell could be given.
    """
    if depth > DEEPEST:
        message = f"parameter {shown(name)} may hold lists at most {DEEPEST} deep in one another"
        raise ParameterError(name, value, message=message)

    def inner(inside: object) -> object:
        return settle(name, inside, depth + 1)

    if isinstance(value, (range, np.ndarray)) and (number := size(value)) > MOST:
        message = f"parameter {shown(name)} may hold {MOST:,} entries, got {number:,}"
        raise ParameterError(name, message=message)
    if isinstance(value, (np.generic, np.ndarray)):
        return inner(value.tolist())
    if isinstance(value, (bool, float, type(None))):
        return value
    if isinstance(value, int):
        return _writable(name, value, abs(value) < _LARGEST, "a number of at most 4000 digits")
    if isinstance(value, (str, PurePath)):
        kept = Path(value) if isinstance(value, PurePath) else value
        return _writable(name, kept, is_unicode(str(value)), "a text that UTF-8 can hold")
    if isinstance(value, Mapping):
        return {inner(k): inner(v) for k, v in value.items()}
    if isinstance(value, (list, range)):
        return [inner(v) for v in value]
    if isinstance(value, tuple):
        return tuple(map(inner, value))
    allowed = "a number, text, path, list, tuple or mapping"
    message = (
        f"parameter {shown(name)} must be {allowed}, got {shown(value)} ({type(value).__name__})"
    )
    raise ParameterError(name, value, allowed, message=message)


def size(value: range | np.ndarray) -> int:
    """How many entries it has; of a range too that is longer than `len` can say."""
    if isinstance(value, range):
        return max(0, -(-(value.stop - value.start) // value.step))
    return value.size


def _writable(name: str, value: object, good: bool, allowed: str) -> object:
    if not good:
        raise ParameterError(name, value, allowed, label=f"parameter {shown(name)}")
    return value


def encode(value: object) -> object:
    """A settled value as JSON can hold it, with nothing lost."""
    if isinstance(value, (list, tuple)):
        items = [encode(v) for v in value]
        return {_TUPLE: items} if isinstance(value, tuple) else items
    if isinstance(value, Path):
        return {_PATH: str(value)}
    if isinstance(value, float) and not isfinite(value):
        return {_FLOAT: repr(value)}
    if isinstance(value, dict):
        if all(isinstance(k, str) and k not in _DECODERS for k in value):
            return {k: encode(v) for k, v in value.items()}
        return {_DICT: [[encode(k), encode(v)] for k, v in value.items()]}
    return value


def decode(value: object) -> Any:
    """The inverse of `encode`."""
    if isinstance(value, list):
        return [decode(v) for v in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1 and (mark := next(iter(value))) in _DECODERS:
        return _DECODERS[mark](value[mark])
    return {k: decode(v) for k, v in value.items()}


_DECODERS: dict[str, Callable[[Any], object]] = {
    _TUPLE: lambda items: tuple(map(decode, items)),
    _PATH: Path,
    _FLOAT: float,
    _DICT: lambda items: {decode(k): decode(v) for k, v in items},
}


def assignments(values: Mapping[str, object]) -> str:
    """Python source that assigns these settled values, a line each."""
    lines = [f"{name} = {_source(value)}" for name, value in values.items()]
    if any("pathlib." in line for line in lines):
        lines.insert(0, "import pathlib")
    return "\n".join(["# Parameters", *lines])


def _source(value: object) -> str:
    if isinstance(value, tuple):
        return f"({', '.join(map(_source, value))}{',' if len(value) == 1 else ''})"
    if isinstance(value, list):
        return f"[{', '.join(map(_source, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_source(k)}: {_source(v)}' for k, v in value.items())}}}"
    if isinstance(value, Path):
        return f"pathlib.Path({str(value)!r})"
    if isinstance(value, float) and not isfinite(value):
        return f"float({str(value)!r})"
    return repr(value)
