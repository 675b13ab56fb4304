"""The parameters cell of a notebook, read without running it."""

from __future__ import annotations

import ast
import io
import json
import tokenize
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from afnlab.errors import ParameterError, shown
from afnlab.runs.notebook_parameters import allowed_values

TAG = "parameters"
MOST_BYTES = 100_000_000  # of a notebook


@dataclass(frozen=True)
class Declared:
    """A parameter as its cell declares it: `name: annotation = default  # comment`."""

    default: Any
    kind: ast.expr | None = field(default=None, compare=False)
    limits: allowed_values.Limits | None = None

    def checked(self, name: str, value: object) -> object:
        """`value` as it is annotated; ParameterError, with what is allowed, if it may not be."""
        try:
            fitted = allowed_values.fit(self.kind or allowed_values.like(self.default), value)
        except allowed_values.Misfit as misfit:
            raise self._refusal(name, value, self._must_be(value), misfit.at) from None
        if self.limits is not None and (refusal := self.limits.refusal(fitted)):
            raise self._refusal(name, value, *refusal)
        return fitted

    def _refusal(
        self, name: str, value: object, why: str, at: tuple[object, ...]
    ) -> ParameterError:
        allowed = why.removeprefix("must be ").rpartition("got ")[0].rstrip(",; ")
        return ParameterError(name, value, allowed, at=at, message=f"parameter {shown(name)} {why}")

    def _must_be(self, value: object) -> str:
        if listed := allowed_values.choices(self.kind):
            return allowed_values.one_of(listed, value)
        kind = self.kind or allowed_values.like(self.default) or ast.Name("object")
        return f"must be {allowed_values.words(kind)}, got {shown(value)} ({type(value).__name__})"


def content(path: Path) -> bytes:
    """What a notebook's file holds; ValueError if it cannot be read."""
    try:
        if (size := path.stat().st_size) > MOST_BYTES:
            raise ValueError(
                f"{path}: is not a readable notebook (has {size:,} bytes, may have {MOST_BYTES:,})"
            )
        return path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path}: is not a readable notebook ({error})") from None


@lru_cache(maxsize=64)
def cells(content: bytes) -> list[tuple[str, str, tuple[str, ...]]]:
    """(kind, source, tags) of the cells in a notebook's content; ValueError if it is none."""
    try:
        return [
            (c["cell_type"], "".join(c["source"]), tuple(c["metadata"].get("tags", ())))
            for c in json.loads(content)["cells"]
        ]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        why = str(error) if isinstance(error, ValueError) else type(error).__name__
        raise ValueError(f"is not a readable notebook ({why})") from None


def sources(path: Path) -> list[tuple[str, str, tuple[str, ...]]]:
    """(kind, source, tags) of a notebook's cells."""
    return _cells(path, content(path))


def _cells(path: Path, held: bytes) -> list[tuple[str, str, tuple[str, ...]]]:
    try:
        return cells(held)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def declared(path: Path, held: bytes | None = None) -> dict[str, Declared]:
    """The parameters that a notebook declares, by name, in order.

    held: its content, if that has been read. ValueError if it has no cell tagged `parameters`, or
    one that holds anything but imports and assignments of literals, one plain name each.
    """
    sources_of_cells = _cells(path, content(path) if held is None else held)
    tagged = [source for _, source, tags in sources_of_cells if TAG in tags]
    if len(tagged) != 1:
        raise ValueError(f"{path}: has {len(tagged)} cells tagged {TAG!r}, must have one")
    try:
        return dict(_declarations(tagged[0]))
    except (SyntaxError, ValueError, tokenize.TokenError, RecursionError, MemoryError) as error:
        raise ValueError(
            f"{path}: its parameters cell may hold only lines such as `t: float = 2.21`,"
            f" not {error}"
        ) from None


@lru_cache(maxsize=64)
def _declarations(source: str) -> tuple[tuple[str, Declared], ...]:
    comments = _comments(source)
    nodes = [n for n in ast.parse(source).body if not _is_idle(n)]
    return tuple(_declaration(node, comments) for node in nodes)


def _is_idle(node: ast.stmt) -> bool:
    """Whether a statement declares nothing: what annotations import, a text that explains."""
    text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return text or isinstance(node, (ast.Import, ast.ImportFrom))


def _declaration(node: ast.stmt, comments: Mapping[int, str]) -> tuple[str, Declared]:
    target: ast.expr | None = None
    kind = None
    if isinstance(node, ast.AnnAssign):
        target, kind = node.target, node.annotation
    elif isinstance(node, ast.Assign) and len(node.targets) == 1:
        target = node.targets[0]
    value = getattr(node, "value", None)
    if not isinstance(target, ast.Name) or value is None:
        raise ValueError(ast.unparse(node))
    limits = allowed_values.limits(kind, comments.get(node.end_lineno or 0, ""))
    allowed_values.readable(kind)
    try:
        return target.id, Declared(_default(value), kind, limits)
    except ValueError:  # ast's own words name a node, not the line
        raise ValueError(ast.unparse(node)) from None


def _default(node: ast.expr) -> object:
    match node:
        case ast.Call(
            func=ast.Name(id="Path") | ast.Attribute(attr="Path"),
            args=[*parts],
            keywords=[],
        ):
            return Path(*(ast.literal_eval(p) for p in parts))
    return ast.literal_eval(node)


def _comments(source: str) -> dict[int, str]:
    """The comment of each line, without its sign."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {t.start[0]: t.string[1:] for t in tokens if t.type == tokenize.COMMENT}


def checked(values: Mapping[str, object], known: Mapping[str, Declared]) -> dict[str, object]:
    """What is given, each value as its declaration wants it; ValueError for one that is not."""
    return {
        name: known[name].checked(name, value) if name in known else value
        for name, value in values.items()
    }
