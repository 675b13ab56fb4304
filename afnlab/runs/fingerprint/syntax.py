"""Source text, by what of it is executed.

Two texts have the same `code` if their syntax trees are the same: comments, blank lines, quotes,
line breaks and docstrings do not count. Files are read once, and again when they have changed.
"""

from __future__ import annotations

import ast
import hashlib
import time
from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache
from pathlib import Path

_NOT_EXECUTED = ("ctx", "kind", "type_comment")  # fields of syntax trees
_TICK = 2.0  # seconds in which a file system may give two edits the same time


def digest(*parts: str | bytes) -> str:
    """SHA-256 of texts, in hexadecimal."""
    total = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        total.update(len(data).to_bytes(8, "big") + data)
    return total.hexdigest()


class Source:
    """The content of a source file, and what follows from it."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.bytes = hashlib.sha256(content).hexdigest()

    def parsed(self) -> Sequence[ast.Module]:
        """The syntax trees of its parts (of a file, one); ValueError if it is not Python."""
        try:
            return [ast.parse(self.content)]
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise ValueError(f"is not Python ({error})") from None

    @cached_property
    def trees(self) -> Sequence[ast.Module]:
        """The syntax trees of its parts; none if it is not Python."""
        try:
            return self.parsed()
        except ValueError:
            return []

    @cached_property
    def code(self) -> str:
        """SHA-256 of what is executed; of the bytes, for what is not Python."""
        trees = self.trees
        return digest(*(executed(tree) for tree in trees)) if trees else self.bytes


def executed(node: ast.AST, texts: bool = False) -> str:
    """What of a syntax tree is executed, as a text that is the same for all versions of Python.

    Texts that stand alone, docstrings above all, are left out; texts=True keeps them.
    """
    parts: list[str] = []
    _write(node, parts.append, texts)
    return "".join(parts)


def _write(value: object, put: Callable[[str], None], texts: bool) -> None:
    if isinstance(value, ast.AST):
        put(f"{type(value).__name__}(")
        for name in value._fields:
            part = getattr(value, name, None)
            # A field that is empty may be unknown to another version.
            if part is None or part == [] or name in _NOT_EXECUTED:
                continue
            put(f"{name}=")
            _write(part, put, texts)
        put(")")
    elif isinstance(value, list):
        put("[")
        for part in value:
            if texts or not is_text(part):
                _write(part, put, texts)
                put(",")
        put("]")
    else:
        put(repr(value))


def is_text(node: object) -> bool:
    """Whether a statement is a text alone, such as a docstring."""
    if not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Constant):
        return False
    return isinstance(node.value.value, str)


def read(path: Path) -> Source:
    """The source in a file. OSError if there is none."""
    return _read(path, _stamp(path))


def summed(path: Path) -> str:
    """SHA-256 of what a file of any size holds. OSError if there is none."""
    return _summed(path, _stamp(path))


def _stamp(path: Path) -> tuple[int, ...]:
    """What is another after each edit of a file, and just after one, each time."""
    known = path.stat()
    stamp = (known.st_mtime_ns, known.st_ctime_ns, known.st_size, known.st_ino, known.st_dev)
    just_edited = time.time() - max(known.st_mtime, known.st_ctime) < _TICK
    return (*stamp, time.monotonic_ns()) if just_edited else stamp


@lru_cache(maxsize=4096)
def _read(path: Path, stamp: tuple[int, ...]) -> Source:
    return _of(path.read_bytes())


@lru_cache(maxsize=4096)
def _summed(path: Path, stamp: tuple[int, ...]) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@lru_cache(maxsize=4096)
def _of(content: bytes) -> Source:
    return Source(content)
