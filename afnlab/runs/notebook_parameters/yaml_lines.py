"""YAML that remembers the line of every entry, and takes nothing that could mean two things.

A scalar without quotes is what YAML 1.2 says it is: a number, true, false, null, or else a text.
So `no`, `1:20`, `1_000` and `2024-01-01` are texts, which YAML 1.1 makes something else of. What
a file says is counted before anything is made of it.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Callable
from math import isinf
from pathlib import Path
from typing import NamedTuple

import yaml

from afnlab.errors import shown

Lines = dict[tuple, int]  # path of keys and positions to an entry: its line, from 1

MOST_BYTES = 1_000_000
MOST_ENTRIES = 20_000  # aliases counted as what they stand for
DEEPEST = 50

_TAG = "tag:yaml.org,2002:"
_KEY = object()  # in the place of a key, which is not that of its value
_DIGIT = re.compile(r"[1-9]")
_PLAIN: dict[str, tuple[str, str]] = {  # how YAML 1.2 writes it, and how it may begin
    "null": (r"~|null|Null|NULL|", "~nN"),
    "bool": (r"true|True|TRUE|false|False|FALSE", "tTfF"),
    "int": (r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    "float": (
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"
        r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        "-+.0123456789",
    ),
}


class LinedError(ValueError):
    """A text is not YAML as we take it; the message begins with where: the file and the line."""


class NotYaml(LinedError):
    """A text is not YAML at all."""


class _Size(NamedTuple):
    entries: int
    depth: int


class _Loader(yaml.SafeLoader):
    """Composes nodes, counting them; resolves plain scalars as YAML 1.2 does."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.entries = self.depth = self.deepest = 0
        self.sizes: dict[yaml.Node, _Size] = {}  # of what anchors may name

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        before, deepest = self.entries, self.deepest
        self.depth += 1
        self.entries, self.deepest = before + 1, self.depth
        self._check()
        alias = self.check_event(yaml.AliasEvent)
        node = super().compose_node(parent, index)
        if alias and node is not None and node in self.sizes:  # else it stands for what holds it
            size = self.sizes[node]
            self.entries, self.deepest = before + size.entries, self.depth + size.depth - 1
            self._check()
        elif node is not None:
            self.sizes[node] = _Size(self.entries - before, self.deepest - self.depth + 1)
        self.depth -= 1
        self.deepest = max(deepest, self.deepest)
        return node

    def _check(self) -> None:
        mark = self.peek_event().start_mark
        if self.entries > MOST_ENTRIES:
            raise _Refused(f"more than {MOST_ENTRIES:,} entries, aliases counted", mark)
        if self.deepest > DEEPEST:
            raise _Refused(f"lists and mappings more than {DEEPEST} deep in one another", mark)


class _Refused(Exception):
    def __init__(self, problem: str, mark: yaml.Mark) -> None:
        super().__init__(problem)
        self.line = mark.line + 1


_Loader.yaml_implicit_resolvers = {}  # its own, and none of YAML 1.1
for _kind, (_written, _begins) in _PLAIN.items():
    _Loader.add_implicit_resolver(_TAG + _kind, re.compile(f"(?:{_written})$"), list(_begins))
_Loader.add_implicit_resolver(_TAG + "null", re.compile(r"$"), [""])


def read(path: Path) -> tuple[object, Lines]:
    """The content of a file (None if it is empty), and the lines of its entries; keys are texts."""
    reader = _Values(str(path), str)
    return reader.of(_composed(_text(path), str(path))), reader.lines


def value(text: str, where: str) -> object:
    """What a text in YAML says; keys may be numbers too.

    where: what errors begin with. NotYaml for what is not YAML, LinedError for YAML that is not
    taken.
    """
    return _Values(where, (str, int, float)).of(_composed(text, where))


def _text(path: Path) -> str:
    """The text of a file, which is not opened before it is known to be one."""
    try:
        facts = path.stat()
        if not stat.S_ISREG(facts.st_mode):
            raise LinedError(f"{path}: is no regular file")
        if facts.st_size > MOST_BYTES:
            raise LinedError(f"{path}: has {facts.st_size:,} bytes, may have {MOST_BYTES:,}")
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise LinedError(f"{path}: cannot be read as text in UTF-8 ({error})") from None


def _composed(text: str, where: str) -> yaml.Node | None:
    try:
        return _Loader(text).get_single_node()
    except _Refused as error:
        raise LinedError(f"{where}, line {error.line}: {error}") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        problem = f"the character {chr(error.character)!r} is not allowed"
        raise NotYaml(f"{where}, line {line}: {problem}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        at = f", line {mark.line + 1}" if mark else ""
        parts = (getattr(error, "context", None), getattr(error, "problem", None))
        raise NotYaml(f"{where}{at}: {', '.join(filter(None, parts)) or error}") from None


class _Values:
    """Makes values of nodes, and notes their lines; keys: of what types those may be."""

    def __init__(self, where: str, keys: type | tuple[type, ...]) -> None:
        self.where, self.keys = where, keys
        self.lines: Lines = {}
        self.inside: list[yaml.Node] = []  # the nodes that hold the one at hand

    def wrong(self, line: int, problem: object) -> LinedError:
        return LinedError(f"{self.where}, line {line}: {problem}")

    def of(self, node: yaml.Node | None, key: tuple = ()) -> object:
        """The value of a node that stands at this place."""
        if node is None:
            return None
        line = node.start_mark.line + 1
        if any(node is outer for outer in self.inside):
            # Its own mark is where it is defined; what is wrong is what stands inside it.
            at = self.lines.get(key, self.lines.get(key[:-1], line))
            raise self.wrong(at, "an alias stands for what holds it")
        line = self.lines.setdefault(key, line)
        self.inside.append(node)
        try:
            if isinstance(node, yaml.MappingNode) and node.tag == _TAG + "map":
                return self._mapping(node, key)
            if isinstance(node, yaml.SequenceNode) and node.tag == _TAG + "seq":
                return [self.of(n, (*key, i)) for i, n in enumerate(node.value)]
            return _scalar(node)
        except LinedError:
            raise
        except ValueError as error:
            raise self.wrong(line, error) from None
        finally:
            self.inside.pop()

    def _mapping(self, node: yaml.MappingNode, key: tuple) -> dict[object, object]:
        values: dict[object, object] = {}
        for name_node, value_node in node.value:
            line = name_node.start_mark.line + 1
            name = self.of(name_node, (*key, _KEY, line))
            if not isinstance(name, self.keys):
                raise self.wrong(line, f"the key {shown(name)} must be a text")
            if name == "<<" and name_node.style is None:
                raise self.wrong(line, "mappings are not merged (<<); write them out")
            if name in values:
                raise self.wrong(line, f"the key {shown(name)} stands twice")
            self.lines[(*key, name)] = line
            values[name] = self.of(value_node, (*key, name))
        return values


def _scalar(node: yaml.Node) -> object:
    make = _MAKE.get(node.tag)
    if make is None or not isinstance(node, yaml.ScalarNode):
        raise ValueError(f"the tag {node.tag.replace(_TAG, '!!')} is not taken")
    try:
        return make(node.value)
    except (ValueError, KeyError):
        kind = node.tag.removeprefix(_TAG)
        raise ValueError(f"{shown(node.value)} is too large or small, or no {kind}") from None


def _float(text: str) -> float:
    named = text.lower().replace(".inf", "inf").replace(".nan", "nan")
    number = float(named)
    out_of_range = named == text.lower() and (isinf(number) or (number == 0 and _nonzero(text)))
    if out_of_range:
        raise ValueError(text)
    return number


def _nonzero(text: str) -> bool:
    return _DIGIT.search(re.split("[eE]", text)[0]) is not None


def _int(text: str) -> int:
    return int(text, 0) if text[:2] in ("0x", "0o") else int(text)


_MAKE: dict[str, Callable[[str], object]] = {
    _TAG + "str": str,
    _TAG + "null": lambda text: {"": None, "~": None, "null": None}[text.lower()],
    _TAG + "bool": lambda text: {"true": True, "false": False}[text.lower()],
    _TAG + "int": _int,
    _TAG + "float": _float,
}
