"""Files of data that a user's code names: what they hold counts, as the code does.

A path may be put together of several texts, `Path(__file__).parent / "tables" / "a.csv"`. What the
code writes itself (a cache, a log, a picture) follows from it and does not count.
"""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from afnlab.runs.fingerprint.mentions import mentions
from afnlab.runs.fingerprint.modules import is_file, is_folder, packages
from afnlab.runs.fingerprint.syntax import Source

LARGEST = 64 << 20  # bytes of a file that is read for an id
_DEEPEST = 3  # folders that a path may name one by one
_STATE = re.compile(r"\.(log|lock|tmp|db|sqlite3?)(-\w+)?", re.IGNORECASE)  # written, by its ending

# What writes the file that it is called with, or on whose path it is called.
_SAVES = re.compile(
    r"save\w*|dump|download\w*|urlretrieve|FileHandler|basicConfig|write_\w+"
    r"|to_(csv|excel|feather|file|hdf|json|netcdf|parquet|pickle|zarr)"
)
_MOVES = re.compile(r"replace|rename|copy\w*|move")  # of os and shutil, onto their last argument
_MODE = re.compile(r"[bt]*[wxa][bt+]*|r[bt]*\+[bt]*")  # of an `open` that writes
_JOINS = ("Path", "PurePath", "join", "joinpath")  # of the parts of a path
_KEEPS = ("absolute", "abspath", "as_posix", "expanduser", "fspath", "realpath", "resolve", "str")


def data_files(source: Source, path: Path, here: Path) -> Iterator[Path]:
    """The files that a source may read by a name that stands in it, each once.

    path: of the source; here: the folder in which it is executed.
    """
    named = mentions(source)
    inside = packages(path)[-1:]
    above = path.parents[1:3] if "__file__" in named.names else ()
    last = list(dict.fromkeys([path.parent, here, *above, *(p.parent for p in inside)]))
    folders = dict.fromkeys(last)
    for _ in range(_DEEPEST):
        within = [_at(f, t) for text in named.texts for t in _as_folders(text) for f in last]
        last = [f for f in map(Path.resolve, filter(is_folder, within)) if f not in folders]
        folders |= {f: None for f in last if f != f.parent}
    saved = written(source)
    texts = [text for text in named.texts if "\n" not in text]
    places = [_at(folder, text) for text in texts for folder in folders]
    places += [place for text in texts for place in _beside(path, text)]
    there = dict.fromkeys(p.resolve() for p in places if _is_read(p))
    yield from (p for p in there if not any(_may_be(p, end, path) for end in saved))


def _as_folders(text: str) -> Iterator[str]:
    """The folders that a text may name; that of a package stands with dots."""
    yield text
    if "." in text and all(part.isidentifier() for part in text.split(".")):
        yield text.replace(".", "/")


def _at(folder: Path, text: str) -> Path:
    return folder / os.path.expanduser(text)  # noqa: PTH111  (which raises no error)


def _beside(path: Path, text: str) -> Iterator[Path]:
    """`Path(__file__).with_suffix(".json")`."""
    if text.startswith("."):
        with suppress(ValueError):
            yield path.with_suffix(text)


def _may_be(file: Path, end: str, path: Path) -> bool:
    """Whether a file may be the one that a source at a path writes by a path with this end; `.json`
    alone replaces the ending of another path, as of the source's own."""
    if end.startswith(".") and "/" not in end:
        return file in (path.resolve().with_suffix(end), file.with_name(end))
    parts = tuple(part for part in Path(end).parts if part not in (os.sep, "~", ".", ".."))
    return bool(parts) and file.parts[-len(parts) :] == parts


def _is_read(path: Path) -> bool:
    """Whether it is a file that is read for an id; those of the system's own state have no size."""
    if _STATE.fullmatch(path.suffix):
        return False
    return is_file(path) and 0 < path.stat().st_size <= LARGEST


@lru_cache(maxsize=4096)
def written(source: Source) -> frozenset[str]:
    """The texts by which a source names files that it writes when it is used; not as a script."""
    reader = _Writes()
    for tree in source.trees:
        reader.within(tree, {})
    return frozenset(reader.texts)


class _Writes(ast.NodeVisitor):
    """Finds what is written, by texts and by names that stand for a path made of texts."""

    def __init__(self) -> None:
        self.texts: set[str] = set()
        self._bound: dict[str, list[ast.expr]] = {}

    def within(self, scope: ast.AST, outer: dict[str, list[ast.expr]]) -> None:
        """Read a module or a function. outer: what names stand for around it."""
        before, self._bound = self._bound, {**outer, **_bindings(scope)}
        self.generic_visit(scope)
        self._bound = before

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self.within(node, self._bound)

    def visit_If(self, node: ast.If) -> None:
        if not any(isinstance(n, ast.Name) and n.id == "__name__" for n in ast.walk(node.test)):
            self.generic_visit(node)  # else a run does not execute it

    def visit_Call(self, node: ast.Call) -> None:
        name = _called(node)
        arguments = [*node.args, *(k.value for k in node.keywords)]
        receiver = [node.func.value] if isinstance(node.func, ast.Attribute) else []
        if name == "open":
            modes = [*node.args[1:2], *(k.value for k in node.keywords if k.arg == "mode")]
            if receiver and any(map(_is_mode, [*node.args[:1], *modes[-1:]])):
                self._note(receiver)  # Path("a").open("w")
            if any(map(_is_mode, modes)):
                self._note(node.args[:1])
        elif name in ("write_text", "write_bytes"):
            self._note(receiver)  # and what it is called with is no path
        elif _SAVES.fullmatch(name):
            self._note([*arguments, *receiver])
        elif _MOVES.fullmatch(name) and _of_module(node) in ("os", "shutil"):
            self._note(node.args[1:])
        self.generic_visit(node)

    def _note(self, paths: list[ast.expr]) -> None:
        for path in paths:
            self.texts |= set(self._ends(path, ()))

    def _ends(self, node: ast.expr, seen: tuple[str, ...]) -> Iterator[str]:
        """What a path may end with, as far as it is made of texts."""
        match node:
            case ast.Constant(value=str(text)):
                yield text
            case ast.Name(id=name) if name not in seen:
                for value in self._bound.get(name, ()):
                    yield from self._ends(value, (*seen, name))
            case ast.BinOp(left=left, op=ast.Div(), right=right):
                yield from self._joined([left, right], seen)
            case ast.Call(func=ast.Attribute(value=old, attr="with_suffix"), args=[suffix]):
                for end in self._ends(suffix, seen):
                    files = [*self._ends(old, seen)] if end.startswith(".") else []
                    yield from (f"{os.path.splitext(file)[0]}{end}" for file in files)  # noqa: PTH122
                    yield from [] if files else [end]
            case ast.Call(args=[*_, last]) if _called(node) == "with_name":
                yield from self._ends(last, seen)
            case ast.Call(args=[*parts]) if parts and _called(node) in _JOINS:
                yield from self._joined(parts, seen)
            case ast.Call(args=[last]) | ast.Call(func=ast.Attribute(value=last), args=[]):
                if _called(node) in _KEEPS:
                    yield from self._ends(last, seen)

    def _joined(self, parts: list[ast.expr], seen: tuple[str, ...]) -> Iterator[str]:
        """The ends of a path that is put together, from the last part that is no text on."""
        *first, last = parts
        for end in self._ends(last, seen):
            before = list(self._joined(first, seen)) if first else []
            yield from ([f"{folder}/{end}" for folder in before] or [end])


def _called(call: ast.Call) -> str:
    return str(getattr(call.func, "attr", getattr(call.func, "id", "")))


def _of_module(call: ast.Call) -> str:
    """The name on which an attribute is called: os in `os.replace(a, b)`."""
    return str(getattr(getattr(call.func, "value", None), "id", ""))


def _is_mode(node: ast.expr) -> bool:
    value = getattr(node, "value", None)
    return isinstance(value, str) and _MODE.fullmatch(value) is not None


def _bindings(scope: ast.AST) -> dict[str, list[ast.expr]]:
    """What the names of a scope are assigned; nothing for its parameters without a default."""
    bound: dict[str, list[ast.expr]] = {}
    if isinstance(scope, ast.FunctionDef):
        args = scope.args
        plain = [*args.posonlyargs, *args.args]
        bound = {a.arg: [] for a in (*plain, *args.kwonlyargs)}
        pairs = [*zip(plain[::-1], args.defaults[::-1], strict=False)]
        pairs += [(a, d) for a, d in zip(args.kwonlyargs, args.kw_defaults, strict=True) if d]
        bound |= {a.arg: [default] for a, default in pairs}
    waiting: list[ast.AST] = [*ast.iter_child_nodes(scope)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.Assign, ast.AnnAssign, ast.NamedExpr)) and node.value:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                if isinstance(target, ast.Name):
                    bound.setdefault(target.id, []).append(node.value)
        if not isinstance(node, ast.FunctionDef):
            waiting += ast.iter_child_nodes(node)
    return bound
