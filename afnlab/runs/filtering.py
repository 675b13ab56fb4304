"""Choosing runs by the values of their parameters, as `--only KEY=VALUE` does."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from afnlab.errors import ParameterError, shown
from afnlab.listing import listed
from afnlab.runs import file_labels
from afnlab.runs.notebook_parameters.parsing import assigned, pairs
from afnlab.runs.run_spec import CANONICAL
from afnlab.runs.storage.record_schema import FURTHER, Record, is_training
from afnlab.spellings import spelling, unknown

Item = TypeVar("Item")
Only = Mapping[str, object]  # by key a value, or several
FLAG = "--only"
_FILES = ".files"  # among facts: values with whole paths of files; no parameter is called so
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
    if is_training({"parameters": normal}):
        values |= values.pop("options") | values.pop("parameters")
        values |= values.pop(FURTHER, {})
    files = {name: str(parameters[name]) for name in CANONICAL if name in parameters}
    files["label"] = file_labels.whole(values["label"], files.get("activation", ""))
    return values | {_FILES: files}


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
                texts_there = sorted({str(its.get(key)) for _, its in remaining})
                raise ValueError(_none(key, value, texts_there))
        remaining = [(item, its) for item, its in remaining if _names(its, key) & {*wanted}]
    return [item for item, _ in remaining] if only else list(items)


def has(values: Mapping[str, object], key: str, value: object) -> bool:
    """Whether facts have one of a key's values; see `chosen`."""
    names = _names(values, key)
    return key in values and not names.isdisjoint(_values(key, value, names))


def labels(
    some: Iterable[Mapping[str, object]], known: Iterable[Mapping[str, object]]
) -> list[str]:
    """What `label` is given to choose runs by their facts, and no others of those that are known.

    Args:
        some: the facts of those to choose.
        known: the facts of the others, as far as one knows of them.

    Returns:
        Their labels, with the whole path of the file where two of one name have such a label.
    """
    wanted = list(some)
    paths: dict[str, set[str]] = {}
    for its in (*wanted, *known):
        paths.setdefault(str(its["label"]), set()).add(_whole(its))
    labels = [(str(its["label"]), _whole(its)) for its in wanted]
    return [label if len(paths[label]) == 1 else path for label, path in labels]


def _whole(values: Mapping[str, object]) -> str:
    """A run's label with the whole path of its file, which is the longer of its two names."""
    return max(_names(values, "label"), key=len)


def _names(values: Mapping[str, Any], key: str) -> set[str]:
    """What a run's value of a key may be called: what it is, and for one in a file also where."""
    value = values.get(key)
    names = {str(value), str(values[_FILES].get(key, value))}
    if isinstance(value, float) and value.is_integer():
        names.add(f"{value:.0f}")  # as labels have it
    return names


def described(only: Only, facts: Iterable[Mapping[str, object]] = ()) -> str:
    """What was chosen, in words: activation = gelu or selu, lr = 0.01; facts: of what it was."""
    words, its = [], list(facts)
    for key, value in only.items():
        there = {name for one in its for name in _names(one, key)}
        words.append(f"{key} = {' or '.join(_read(key, text) for text in _texts(value, there))}")
    return ", ".join(words)


def as_flags(only: Only) -> list[str]:
    """What the flag is given to choose the same, each a text."""
    return [
        f"{key}={','.join(_read(key, text) for text in _texts(value, set()))}"
        for key, value in only.items()
    ]


def _values(key: str, value: object, there: set[str]) -> Iterator[str]:
    """The values that a key may have, as facts have them; there: those that there are."""
    for text in _texts(value, there):
        yield from _known(text, there) or [_read(key, text)]


def _known(text: str, there: set[str]) -> list[str]:
    """Those of the values that a text is, where one in a file may be called by any path of it."""
    return [text] if text in there else file_labels.typed(text, there)


def _read(key: str, text: str) -> str:
    """A text as the value that it would be."""
    meant = CANONICAL[key](text) if key in CANONICAL else None
    return str(meant or assigned(text, f"{FLAG} {key}"))


def _texts(value: object, there: set[str]) -> Iterator[str]:
    """The texts of a list, of `a,b` or of `[a, b]`, of which each is as long as one that is known:
    a folder's name may hold a comma."""
    for one in value if isinstance(value, Sequence) and not isinstance(value, str) else [value]:
        text = str(one).strip()
        if not _known(text, there) and text.startswith("[") and text.endswith("]"):
            text = text[1:-1]
        parts = _COMMA.split(text)
        while parts:
            longest = range(len(parts), 1, -1)
            joined = (n for n in longest if _known(",".join(parts[:n]).strip(), there))
            number = next(joined, 1)
            if part := ",".join(parts[:number]).strip():
                yield part
            parts = parts[number:]


def _none(key: str, value: str, there: Sequence[str]) -> str:
    """One line for a value that no run has; the nearest spelling, where it is no name or number."""
    named = (key in CANONICAL and CANONICAL[key](value)) or not re.search("[a-zA-Z]", value)
    plain = {} if named else {spelling(name): name for name in there}
    near = difflib.get_close_matches(spelling(value), plain, n=1)
    all_there = f"there are: {listed(there)}"
    hint = f"did you mean {plain[near[0]]!r}? ({all_there})" if near else all_there
    return f"only: no run has {key} = {value}; {hint}"
