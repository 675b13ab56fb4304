"""YAML that remembers the line of every entry, and takes no key twice."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

Lines = dict[tuple, int]  # path of keys and positions to an entry: its line, from 1


class Loader(yaml.SafeLoader):
    """YAML's plain types; 1e-3 is a number, as everyone means it, but not YAML 1.1."""


Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"),
    list("-+.0123456789"),
)


class LinedError(ValueError):
    """A file is not YAML as we take it; the message begins with its name and the line."""


def read(path: Path) -> tuple[Any, Lines]:
    """The content of a file (None if it is empty), and the lines of its entries."""
    try:
        node = yaml.compose(path.read_text(encoding="utf-8"), Loader=Loader)
    except (OSError, UnicodeDecodeError) as error:
        raise LinedError(f"{path}: cannot be read as text ({error})") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        at = f", line {mark.line + 1}" if mark else ""
        raise LinedError(f"{path}{at}: {getattr(error, 'problem', error)}") from None
    lines: Lines = {}
    return (None if node is None else _value(node, (), lines, path, ())), lines


def _value(
    node: yaml.Node, key: tuple, lines: Lines, path: Path, inside: tuple[yaml.Node, ...]
) -> Any:
    line = node.start_mark.line + 1
    if any(node is outer for outer in inside):
        # Its own mark is where it is defined; what is wrong is what stands inside it.
        at = lines.get(key, lines.get(key[:-1], line))
        raise LinedError(f"{path}, line {at}: an alias stands for what holds it")
    lines.setdefault(key, line)
    inside = (*inside, node)
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, key, lines, path, inside)
    if isinstance(node, yaml.SequenceNode):
        items = enumerate(node.value)
        return [_value(n, (*key, i), lines, path, inside) for i, n in items]
    try:
        return yaml.SafeLoader("").construct_object(node)
    except yaml.YAMLError as error:
        raise LinedError(f"{path}, line {line}: {getattr(error, 'problem', error)}") from None


def _mapping(
    node: yaml.MappingNode, key: tuple, lines: Lines, path: Path, inside: tuple[yaml.Node, ...]
) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name_node, value_node in node.value:
        name = _value(name_node, (*key, "?"), {}, path, inside)
        line = name_node.start_mark.line + 1
        if not isinstance(name, str):
            raise LinedError(f"{path}, line {line}: the key {name!r} must be a text")
        if name in values:
            raise LinedError(f"{path}, line {line}: the key {name!r} stands twice")
        lines[(*key, name)] = line
        values[name] = _value(value_node, (*key, name), lines, path, inside)
    return values
