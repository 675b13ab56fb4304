"""Choosing runs by the values of their parameters, as `--only KEY=VALUE` does."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from afnlab.errors import ParameterError, shown
from afnlab.registry import canonical_name
from afnlab.runs.identity import with_whole_path
from afnlab.runs.notebook_parameters.parsing import assigned, pairs
from afnlab.runs.storage.record_schema import Record
from afnlab.spellings import spelling, unknown
from afnlab.training.tasks import canonical_task

Item = TypeVar("Item")
Only = Mapping[str, object]  # by key a value, or several
FLAG = "--only"
_FILES = ".files"  # among facts: references with whole paths; no parameter is called so
_MEANT = {"activation": canonical_name, "task": canonical_task}
_COMMA = re.compile(r",(?![^(]*\))")  # not inside srelu(t=1, slope=2)


def parsed(texts: Iterable[str]) -> dict[str, object]:
    """What the flag says, which may be repeated: each text is KEY=VALUE or KEY=VALUE,VALUE."""
    values: dict[str, object] = {}
    for key, value in pairs(texts, FLAG):
        if key in values:
            together = f"several values stand together, as in {key}={values[key]},{value}"
            raise ParameterError(key, message=f"{FLAG}: {shown(key)} is given twice; {together}")
        values[key] = value
    return values


def facts(
    run_id: str, label: str, normal: Mapping[str, Any], parameters: Mapping[str, object]
) -> dict[str, object]:
    """What a run can be chosen by: its id, its label, and its parameters by name.

    normal: the parameters in their normal form; a label among them, which has no task, is taken.
    parameters: as they were given, with whole paths.
    """
    values: dict[str, Any] = {"id": run_id, "label": label, **normal}
    if {"options", "parameters"} <= normal.keys():  # a training
        values |= values.pop("options") | values.pop("parameters")
    return values | {_FILES: {name: parameters[name] for name in _MEANT if name in parameters}}


def of_record(record: Record) -> dict[str, object]:
    """The facts of a run that was made."""
    return facts(record["id"], record["label"], record["parameters"], record["given"])


def chosen(
    items: Iterable[Item], facts_of: Callable[[Item], Mapping[str, object]], only: Only
) -> list[Item]:
    """The items that have, for every key, the value or one of the values.

    Args:
        items: to choose from.
        facts_of: their facts, see `facts`.
        only: by key a value, a text of values with commas between them, or a list of either.

    Returns:
        The items, in their order.

    Raises:
        ValueError: for a key that none of them has, or a value that none of them has.
    """
    remaining = [(item, facts_of(item)) for item in items] if only else []
    known = sorted({name for _, its in remaining for name in its} - {_FILES})
    for key, texts in only.items():
        if key not in known:
            raise ValueError(unknown("key", key, known, of="only"))
        there = {name for _, its in remaining for name in _names(its, key)}
        wanted = list(_values(key, texts, there))
        for value in wanted or [""]:
            if value not in there:
                listed = sorted({str(its.get(key)) for _, its in remaining})
                raise ValueError(_none(key, value, listed))
        remaining = [(item, its) for item, its in remaining if _names(its, key) & {*wanted}]
    return [item for item, _ in remaining] if only else list(items)


def has(values: Mapping[str, object], key: str, value: object) -> bool:
    """Whether facts have one of a key's values; see `chosen`."""
    names = _names(values, key)
    return key in values and not names.isdisjoint(_values(key, value, names))


def _names(values: Mapping[str, Any], key: str) -> set[str]:
    """What a run's value of a key may be called: what it is, and for one in a file also where."""
    return {str(values.get(key)), str(values[_FILES].get(key, values.get(key)))}


def described(only: Only) -> str:
    """What was chosen, in words: activation = gelu or selu, lr = 0.01."""
    return ", ".join(f"{key} = {' or '.join(_values(key, v, set()))}" for key, v in only.items())


def as_flags(only: Only) -> list[str]:
    """What the flag is given to choose the same, each a text."""
    return [f"{key}={','.join(_values(key, value, set()))}" for key, value in only.items()]


def _values(key: str, value: object, there: set[str]) -> Iterator[str]:
    """The values that a key may have, as facts have them; there: those that there are."""
    for one in value if isinstance(value, Sequence) and not isinstance(value, str) else [value]:
        text = str(one).strip()
        for part in [text] if text in there else _parts(text):
            meant = _MEANT[key](part) if key in _MEANT else None
            known = next((name for name in (part, with_whole_path(part)) if name in there), None)
            yield known or str(meant or assigned(part, f"{FLAG} {key}"))


def _parts(text: str) -> list[str]:
    """The texts of `a,b` or `[a, b]`."""
    inside = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    return [part.strip() for part in _COMMA.split(inside) if part.strip()]


def _none(key: str, value: str, there: Sequence[str]) -> str:
    """One line for a value that no run has; the nearest spelling, where it is no name or number."""
    named = (key in _MEANT and _MEANT[key](value)) or not re.search("[a-zA-Z]", value)
    plain = {} if named else {spelling(name): name for name in there}
    near = difflib.get_close_matches(spelling(value), plain, n=1)
    listed = f"there are: {', '.join(there)}"
    hint = f"did you mean {plain[near[0]]!r}? ({listed})" if near else listed
    return f"only: no run has {key} = {value}; {hint}"
