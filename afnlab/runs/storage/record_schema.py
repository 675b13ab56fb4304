"""What a record holds: every field and its kind, all the way down.

A kind is a function that says whether a value is of it; `[kind]` is a list of such values; a
mapping says it name by name, `*` of all the others. A name with `?` at its end may be left out.
"""

from __future__ import annotations

import re
import reprlib
import sys
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from afnlab.runs.storage.safe_files import is_id, is_name

Kind = Any  # Callable[[Any], bool] | list[Kind] | Mapping[str, Kind], which mypy cannot follow


def anything(value: Any) -> bool:
    return True


def text(value: Any) -> bool:
    return isinstance(value, str)


def truth(value: Any) -> bool:
    return isinstance(value, bool)


def whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def number(value: Any) -> bool:
    """A finite real number, as a float can hold it."""
    real = isinstance(value, (int, float)) and not isinstance(value, bool)
    return real and abs(value) <= sys.float_info.max


def maybe(kind: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or kind(value)


def count(value: Any) -> bool:
    return whole(value) and 0 <= value < 1 << 63


def length(value: Any) -> bool:
    """Epochs of a training, of which the last may be a part."""
    return number(value) and 0 < value < 1 << 31


def seed(value: Any) -> bool:
    return whole(value) and abs(value) < 1 << 64


def date(value: Any) -> bool:
    try:
        datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return False
    return True


def sha256(value: Any) -> bool:
    return text(value) and re.fullmatch(r"[0-9a-f]{64}", value) is not None


# None where git does not say.
_GIT: dict[str, Kind] = {"commit": maybe(text), "dirty": maybe(truth), "*": anything}
_MAY: dict[str, Kind] = {
    "native?": truth,
    "code?": {"*": text},
    "settings?": {"*": anything},
    "versions?": {"*": text},
    "git?": lambda value: value is None or _misfit(value, _GIT) is None,
    "sum?": sha256,
    "*": anything,
}
RUN: dict[str, Kind] = {
    "schema": count,
    "id": is_id,
    "group": text,
    "notebook": text,
    "label": text,
    "parameters": {"*": anything},
    "given": {"*": anything},
    "seeds": [seed],
    "started": date,
    "seconds": number,
    "metrics?": {"*": maybe(number)},
    "environment?": {"*": anything},
    "files?": {"*": {"bytes?": count, "sha256?": sha256}},
    **_MAY,
}
TRAINING: dict[str, Kind] = RUN | {
    "parameters": {
        "task": text,
        "activation": text,
        "label": text,
        "epochs": length,
        "device": text,
        "options": {"*": anything},
        "*": anything,
    },
    "versions": {"*": text},
    "metrics": {"test_accuracy": number, "*": maybe(number)},
    "environment": {
        **{
            "examples": {"train": count, "test": count},
            "evaluated": text,
            "classes?": maybe(count),
        },
        **dict.fromkeys(("data", "dtype", "device", "device_name", "python", "torch"), text),
        **{"numpy": text, "platform": text, "threads": count, "determinism?": {"*": anything}},
        "*": anything,
    },
}
FAILURE: dict[str, Kind] = {
    "id": is_id,
    "group": text,
    "label": text,
    "message": text,
    "started": date,
    "notebook?": text,
    "parameters?": {"*": anything},
    "given?": {"*": anything},
    "seeds?": [seed],
    "seconds?": number,
    **_MAY,
}


def is_training(record: Mapping[str, Any]) -> bool:
    """Whether a record is that of a training by afnlab's engine, not of a notebook's own."""
    normal = record.get("parameters")
    own = {"task", "activation", "label", "epochs", "options"}
    return isinstance(normal, dict) and own <= set(normal)


def check(content: dict[str, Any], kind: dict[str, Kind]) -> None:
    """ValueError, naming the field and the value, if a record's content is not of its kind."""
    if absent := [name for name in kind if name not in content and name[-1] not in "?*"]:
        raise ValueError(f"lacks {', '.join(absent)}")
    if misfit := _misfit(content, kind):
        name, value = misfit
        raise ValueError(f"{name} cannot be {reprlib.repr(value)}")
    for name in content.get("files", {}):
        if not is_name(name):
            raise ValueError(f"files cannot hold {reprlib.repr(name)}")


def _misfit(value: Any, kind: Kind, name: str = "") -> tuple[str, Any] | None:
    """The first value that is not of its kind, with its name."""
    if isinstance(kind, list):
        if not isinstance(value, list):
            return name, value
        return next(filter(None, (_misfit(v, kind[0], name) for v in value)), None)
    if not isinstance(kind, dict):
        return None if kind(value) else (name, value)
    if not isinstance(value, dict):
        return name, value
    if any(key not in value for key in kind if key[-1] not in "?*"):
        return name, value
    of = {key: kind.get(key, kind.get(f"{key}?", kind.get("*", anything))) for key in value}
    parts = (_misfit(value[key], of[key], f"{name}.{key}" if name else key) for key in value)
    return next(filter(None, parts), None)
