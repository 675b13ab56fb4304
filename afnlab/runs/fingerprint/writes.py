"""Which texts of a user's code name files that this code itself writes when a run uses it.

A path is followed to the call that writes it: through names, parameters of functions, attributes of
objects, and from one module into another. Nothing is executed. Where it is not clear what a name
stands for, nothing is found to be written, and the file counts.
"""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from afnlab.runs.fingerprint.scopes import Assignment, Bound, Imported, Program, Scope
from afnlab.runs.fingerprint.syntax import Source

# What writes the file that it is called with, or on whose path it is called.
_SAVES = re.compile(
    r"(im)?save\w*|dump|\w*download\w*|(url)?retrieve|\w*FileHandler|tofile|basicConfig|write_\w+|imwrite"
    r"|to_(csv|excel|feather|file|hdf|html|json|netcdf|parquet|pickle|zarr)"
)
_OPENS = ("open", "open_memmap", "memmap", "File", "FileIO", "GzipFile", "HDFStore", "ZipFile")
_MOVES = re.compile(r"replace|rename|copy\w*|move")  # of os and shutil, onto their last argument
_MODE = re.compile(r"[bt]*[wxa][bt+]*")  # of an `open` that writes; "r+" may only read
_ELSEWHERE = ("TemporaryDirectory", "gettempdir", "mkdtemp", "environ", "getenv")
_JOINS = ("Path", "PurePath", "join", "joinpath")  # of the parts of a path
_KEEPS = ("absolute", "abspath", "as_posix", "expanduser", "fspath", "realpath", "resolve", "str")
# Limits, beyond which nothing is found to be written.
_MOST = 300  # ends of one path
_DEEPEST = 50  # steps from what writes a path to the texts that it is made of
_CALLS = 3  # functions within functions that return a path
_WORK = 20_000  # expressions that are looked at


class End(NamedTuple):
    """The end of a path, as far as it is made of texts, and the source that holds its last one."""

    source: Path
    text: str


class _Call(NamedTuple):
    """A call of a function, on the way into which a path is followed."""

    function: Scope
    node: ast.Call
    scope: Scope


_Way = tuple[_Call, ...]


@lru_cache(maxsize=64)
def written(sources: tuple[tuple[Path, Source], ...], entries: frozenset[str]) -> frozenset[End]:
    """The ends of the paths that sources write when they are imported and used in a run.

    sources: by their paths, the notebook among them. entries: names that a run uses of them,
    beside those that they name themselves.
    """
    return frozenset(_Writes(Program(sources), entries).ends())


class _Writes:
    """What is written in the scopes that a run may execute."""

    def __init__(self, program: Program, entries: Iterable[str]) -> None:
        self._modules = program.modules
        self._scopes = _executed(program.scopes, entries)
        self._known_objects: dict[tuple[ast.expr, Scope], Sequence[Scope]] = {}
        self._known: dict[tuple[ast.expr, Scope, _Way], frozenset[End]] = {}
        self._depth = 0
        self._callers: dict[Scope, list[_Call]] = {}
        for scope in self._scopes:
            for call in scope.calls:
                for function in self._called(call, scope):
                    self._callers.setdefault(function, []).append(_Call(function, call, scope))

    def ends(self) -> Iterator[End]:
        for scope in self._scopes:
            for call in scope.calls:
                if not self._called(call, scope):  # what is the user's tells by its own calls
                    for path in _paths_written(call):
                        yield from self._ends(path, scope)

    def _called(self, call: ast.Call, scope: Scope) -> list[Scope]:
        """The functions and classes of the user's that a call may be of, with their `__init__`."""
        called = self._objects(call.func, scope)
        inits = [b for one in called if one.is_class for b in one.bound.get("__init__", ())]
        return [*called, *(b for b in inits if isinstance(b, Scope))]

    def _objects(self, node: ast.expr, scope: Scope) -> Sequence[Scope]:
        """The modules, functions and classes that an expression is, or is an object of."""
        key = (node, scope)
        if key not in self._known_objects:
            self._known_objects[key] = ()  # for a name that is assigned what is made of itself
            self._known_objects[key] = tuple(dict.fromkeys(self._object(node, scope)))
        return self._known_objects[key]

    def _object(self, node: ast.expr, scope: Scope) -> Iterator[Scope]:
        match node:
            case ast.Name(id=name) if its := scope.object_of(name):
                yield its
            case ast.Name() | ast.Attribute():
                for holder, name in self._where(node, scope):
                    for one in self._followed(self._held(holder, name)):
                        yield from [one] if isinstance(one, Scope) else self._objects(*one)
            case ast.Call(func=func):
                yield from (one for one in self._objects(func, scope) if one.is_class)

    def _followed(self, bounds: Iterable[Bound]) -> Iterator[Scope | Assignment]:
        """What names stand for, with what is imported found where it comes from."""
        waiting, seen = [*bounds], set()
        while waiting:
            one = waiting.pop(0)
            if not isinstance(one, Imported):
                yield one
            elif one not in seen:
                seen.add(one)
                waiting += self._imported(one)

    def _imported(self, one: Imported) -> Sequence[Bound]:
        """What an import gives, if it can be of one module alone."""
        modules = self._modules.get(one.module, [])
        if len(modules) == 1:
            return modules[0].bound.get(one.name, []) if one.name else modules
        inner = self._modules.get(one.name, [])  # from . import module
        return inner if len(inner) == 1 else []

    def _held(self, holder: Scope, name: str) -> Sequence[Bound]:
        """What a scope, or of a class one of its bases, has under a name."""
        waiting, seen = [holder], {holder}
        for one in waiting:
            if name in one.bound:
                return one.bound[name]
            bases = getattr(one.node, "bases", ()) if one.outer else ()
            known = {b: None for base in bases for b in self._objects(base, one.outer or one)}
            waiting += [base for base in known if base not in seen]
            seen |= known.keys()
        return ()

    def _ends(self, node: ast.expr, scope: Scope, way: _Way = ()) -> frozenset[End]:
        """What a path may end with. way: the calls through which it was followed."""
        key = (node, scope, way)
        if key not in self._known and len(self._known) < _WORK and self._depth < _DEEPEST:
            self._known[key] = frozenset()  # for a name that is assigned what is made of itself
            self._depth += 1
            ends = frozenset(islice(self._ending(node, scope, way), _MOST + 1))
            self._depth -= 1
            self._known[key] = ends if len(ends) <= _MOST else frozenset()
        return self._known.get(key, frozenset())

    def _ending(self, node: ast.expr, scope: Scope, way: _Way) -> Iterator[End]:
        match node:
            case ast.Constant(value=str(text)):
                yield End(scope.path, text)
            case ast.JoinedStr(values=[*_, last]) | ast.BinOp(op=ast.Add(), right=last):
                for path, text in self._ends(last, scope, way):  # f"{folder}/a.csv"
                    yield from [End(path, text.partition("/")[2])] if "/" in text else []
            case ast.BinOp(left=left, op=ast.Div(), right=right):
                yield from self._joined([left, right], scope, way)
            case ast.NamedExpr(value=value):
                yield from self._ends(value, scope, way)
            case ast.IfExp(body=one, orelse=other):
                yield from self._ends(one, scope, way) | self._ends(other, scope, way)
            case ast.Name() | ast.Attribute() | ast.Subscript():
                yield from self._looked_up(node, scope, way)
            case ast.Call() if functions := self._called(node, scope):
                for function in functions if len(way) < _CALLS else ():
                    inner = (*way, _Call(function, node, scope))
                    for returned in function.returns:
                        yield from self._ends(returned, function, inner)
            case ast.Call():
                yield from self._made(node, scope, way)

    def _looked_up(self, node: ast.expr, scope: Scope, way: _Way) -> Iterator[End]:
        """The ends of what a name, an attribute or a key of a dictionary stands for."""
        if not isinstance(node, ast.Subscript):
            for holder, name in self._where(node, scope):
                yield from self._of(holder, name, way)
            return
        for holder, name in self._where(node.value, scope):
            for one in self._followed(self._held(holder, name)):
                if isinstance(one, Assignment) and isinstance(one.node, ast.Dict):
                    yield from self._kept_under(node.slice, *one, way)

    def _where(self, node: ast.expr, scope: Scope) -> Iterator[tuple[Scope, str]]:
        """The scopes that may hold what a name or an attribute stands for, and the name there."""
        match node:
            case ast.Name(id=name):
                holder = scope.holder(name)
                yield from [(holder, name)] if holder else []
            case ast.Attribute(value=value, attr=name):
                yield from ((holder, name) for holder in self._objects(value, scope))

    def _of(self, holder: Scope, name: str, way: _Way) -> Iterator[End]:
        """The ends of what a name stands for in a scope, as it is called or assigned."""
        if name in holder.parameters:
            yield from self._ends_of_argument(holder, name, way)
        for one in self._followed(self._held(holder, name)):
            if isinstance(one, Assignment):
                yield from self._ends(*one, way)
            else:  # a property
                for returned in one.returns:
                    yield from self._ends(returned, one, way)

    def _ends_of_argument(self, function: Scope, name: str, way: _Way) -> Iterator[End]:
        """The ends of what a function's parameter is given."""
        through = [call for call in way if call.function is function][-1:]
        calls = through or self._callers.get(function, [])
        made = function.is_class or getattr(function.node, "name", "") == "__init__"
        if made and len(calls) > 1:
            return  # which of these objects writes is not clear
        arguments = [(call, _argument(call, name)) for call in calls]
        for call, argument in arguments:
            if argument is not None:
                outside = way[: way.index(call)] if through else ()
                yield from self._ends(argument, call.scope, outside)
        if name in function.defaults and all(argument is None for _, argument in arguments):
            yield from self._ends(function.defaults[name], function.outer or function)

    def _kept_under(self, key: ast.expr, node: ast.expr, scope: Scope, way: _Way) -> Iterator[End]:
        """The ends of what a dictionary that is written out holds under a key."""
        assert isinstance(node, ast.Dict)
        for name, value in zip(node.keys, node.values, strict=True):
            if isinstance(name, ast.Constant) and ast.dump(name) == ast.dump(key):
                yield from self._ends(value, scope, way)

    def _made(self, call: ast.Call, scope: Scope, way: _Way) -> Iterator[End]:
        """The ends of a path that is made of another one, or of texts."""
        name = _name(call)
        match call:
            case ast.Call(func=ast.Attribute(value=old, attr="with_suffix"), args=[suffix]):
                for source, end in self._ends(suffix, scope, way):
                    files = self._ends(old, scope, way) if end.startswith(".") else ()
                    stems = [os.path.splitext(file.text)[0] for file in files]  # noqa: PTH122
                    yield from (End(source, f"{stem}{end}") for stem in stems)
                    yield from [] if files else [End(source, end)]
            case ast.Call(args=[*_, last]) if name == "with_name":
                yield from self._ends(last, scope, way)
            case ast.Call(args=[*parts]) if parts and name in _JOINS:
                yield from self._joined(parts, scope, way)
            case ast.Call(args=[last]) | ast.Call(func=ast.Attribute(value=last), args=[]):
                if name in _KEEPS:
                    yield from self._ends(last, scope, way)

    def _joined(self, parts: list[ast.expr], scope: Scope, way: _Way) -> Iterator[End]:
        """The ends of a path that is put together, from the last part that is no text on."""
        *first, last = parts
        before = list(self._joined(first, scope, way)) if first else []
        for end in self._ends(last, scope, way):
            whole = [End(end.source, f"{folder.text}/{end.text}") for folder in before]
            yield from whole or ([] if self._is_elsewhere(first, scope) else [end])

    def _is_elsewhere(self, parts: Iterable[ast.expr], scope: Scope) -> bool:
        """Whether a path begins in a folder that the system names, such as a temporary one."""
        waiting: list[tuple[ast.expr, Scope]] = [(part, scope) for part in parts]
        for node, its in waiting:
            for one in ast.walk(node):
                if _last_name(one) in _ELSEWHERE:
                    return True
                holder = its.holder(one.id) if isinstance(one, ast.Name) else None
                bounds = holder.bound.get(_last_name(one), ()) if holder else ()
                assignments = [b for b in bounds if isinstance(b, Assignment)]
                waiting += [(*b,) for b in assignments if (*b,) not in waiting][
                    : _MOST - len(waiting)
                ]
        return False


def _executed(scopes: Iterable[Scope], entries: Iterable[str]) -> list[Scope]:
    """The scopes that a run may execute: modules, and what they use, and what that uses."""
    used, waiting = set(entries), list(scopes)
    executed: dict[Scope, None] = {}
    while True:
        here = [one for one in waiting if one.outer is None or one.outer in executed]
        reached = {one: None for one in here if one.is_executed(used)}
        if not reached:
            return list(executed)
        executed |= reached
        waiting = [one for one in waiting if one not in reached]
        used.update(*(one.names for one in reached))


def _paths_written(call: ast.Call) -> Iterator[ast.expr]:
    """The paths that a call of a library writes."""
    name = _name(call)
    receiver = [call.func.value] if isinstance(call.func, ast.Attribute) else []
    module = getattr(receiver[0], "id", "") if receiver else ""
    if name in _OPENS:
        modes = [*call.args[1:2], *(k.value for k in call.keywords if k.arg == "mode")]
        if receiver and any(map(_is_mode, [*call.args[:1], *modes[-1:]])):
            yield from receiver  # Path("a").open("w")
        if any(map(_is_mode, modes)):
            yield from call.args[:1] or (k.value for k in call.keywords if k.arg == "file")
        if module == "os" and any("O_WRONLY" in ast.dump(flags) for flags in call.args[1:2]):
            yield from call.args[:1]
    elif name in ("write_text", "write_bytes"):
        yield from receiver  # and what it is called with is no path
    elif _SAVES.fullmatch(name):
        yield from (*call.args, *(k.value for k in call.keywords), *receiver)
    elif _MOVES.fullmatch(name) and module in ("os", "shutil"):
        yield from call.args[1:]
    elif name in ("replace", "rename") and receiver and len(call.args) == 1:
        yield from call.args  # of a path; that of a text takes two


def _argument(call: _Call, name: str) -> ast.expr | None:
    """What a call gives a parameter; None: nothing, or it cannot be told."""
    for keyword in call.node.keywords:
        if keyword.arg == name:
            return keyword.value
    at = call.function.parameters.index(name) - (call.function.its_class is not None)
    positional = call.node.args[: at + 1] if at >= 0 else []
    starred = any(isinstance(one, ast.Starred) for one in positional)
    return positional[at] if len(positional) == at + 1 and not starred else None


def _name(call: ast.Call) -> str:
    return _last_name(call.func)


def _last_name(node: ast.AST) -> str:
    return str(getattr(node, "attr", getattr(node, "id", "")))


def _is_mode(node: ast.expr) -> bool:
    value = getattr(node, "value", None)
    return isinstance(value, str) and _MODE.fullmatch(value) is not None
