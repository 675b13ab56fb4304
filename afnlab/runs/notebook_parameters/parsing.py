"""Parameters as they are written at the command line."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from typing import Any

from afnlab.errors import ParameterError, about, shown
from afnlab.runs.notebook_parameters import yaml_lines


def assigned(text: str, name: str = "value") -> Any:
    """A value as it is written at the command line: YAML, or else the text as it is.

    name: what it is for. ValueError for YAML that no parameter may be given, see `yaml_lines`.
    """
    if not text.strip():
        return text
    try:
        return yaml_lines.value(text, name)
    except yaml_lines.NotYaml:
        return text


def assignments(pairs: Iterable[tuple[str, str]], flag: str) -> dict[str, object]:
    """What a flag that may be repeated assigns; ValueError for a name that is given twice."""
    values: dict[str, object] = {}
    for name, text in pairs:
        if name in values:
            raise ParameterError(name, message=f"{flag}: {shown(name)} is given twice")
        values[name] = assigned(text, f"{flag} {name}")
    return values


def pairs(texts: Iterable[str], flag: str) -> list[tuple[str, str]]:
    """`KEY=VALUE` texts as keys and values; ValueError for a text that is none."""
    parts = [text.partition("=") for text in texts]
    for key, mark, value in parts:
        if not (key and mark):
            raise ValueError(f"{flag} takes KEY=VALUE, got {shown(key + mark + value)}")
    return [(key, value) for key, _, value in parts]


def split(texts: Iterable[str], flag: str) -> dict[str, object]:
    """`KEY=VALUE` texts as a mapping."""
    return assignments(pairs(texts, flag), flag)


def seeds(text: str | None) -> object:
    """What `--seeds` says, checked; None if it was not given."""
    from afnlab.training.options import seed_list  # noqa: PLC0415  (brings torch)

    if text is None:
        return None
    with about("seeds", text):
        value = assigned(text, "--seeds")
        seed_list(value)
    return value


def command(name: str, *words: object, **flags: object) -> str:
    """A whole command line of afnlab, as a shell takes it.

    flags: by name; those that are None or empty are left out, a tuple's texts are given one by one.
    """
    parts = [name, *map(str, words)]
    for flag, value in flags.items():
        for one in value if isinstance(value, tuple) else (value,):
            if one is not None and one != "":
                parts += [f"--{flag.replace('_', '-')}", str(one)]
    return f"afnlab {shlex.join(parts)}"
