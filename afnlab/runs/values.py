"""What a parameter may be given: as Python holds it, in a record (JSON), and in a cell (source)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isfinite
from pathlib import Path, PurePath
from typing import Any

import numpy as np

_TUPLE, _PATH, _FLOAT, _DICT = "__tuple__", "__path__", "__float__", "__dict__"


def settle(name: str, value: Any) -> Any:
    """`value` in plain types: numpy's numbers become Python's, arrays and ranges lists.

    Tuples and paths stay what they are. ValueError for what no cell could be given.
    """
    if isinstance(value, (np.generic, np.ndarray)):
        return settle(name, value.tolist())
    if isinstance(value, (bool, int, float, str, type(None))):
        return value
    if isinstance(value, PurePath):
        return Path(value)
    if isinstance(value, Mapping):
        return {settle(name, k): settle(name, v) for k, v in value.items()}
    if isinstance(value, (list, range)):
        return [settle(name, v) for v in value]
    if isinstance(value, tuple):
        return tuple(settle(name, v) for v in value)
    raise ValueError(
        f"parameter {name!r} must be a number, text, path, list, tuple or mapping,"
        f" got {value!r} ({type(value).__name__})"
    )


def encode(value: Any) -> Any:
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


def decode(value: Any) -> Any:
    """The inverse of `encode`."""
    if isinstance(value, list):
        return [decode(v) for v in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1 and (mark := next(iter(value))) in _DECODERS:
        return _DECODERS[mark](value[mark])
    return {k: decode(v) for k, v in value.items()}


_DECODERS: dict[str, Callable[[Any], Any]] = {
    _TUPLE: lambda items: tuple(map(decode, items)),
    _PATH: Path,
    _FLOAT: float,
    _DICT: lambda items: {decode(k): decode(v) for k, v in items},
}


def assignments(values: Mapping[str, Any]) -> str:
    """Python source that assigns these settled values, a line each."""
    lines = [f"{name} = {_source(value)}" for name, value in values.items()]
    if any("pathlib." in line for line in lines):
        lines.insert(0, "import pathlib")
    return "\n".join(["# Parameters", *lines])


def _source(value: Any) -> str:
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
