"""Fingerprints of the code that a run's numbers depend on.

Editing an activation changes the fingerprint of the runs that use it, and of no others; editing the
engine changes all. What only moves or shows results (runs, analysis, widgets) does not count.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache, partial
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np
import torch

from afnlab.paths import PACKAGE
from afnlab.spec import Activation
from afnlab.training.data import Data
from afnlab.training.tasks import Task

ENGINE = "afnlab.training.engine"
# These enter object by object, as far as a run uses them, or move results without computing any.
_BY_OBJECT = (
    "afnlab.activations",
    "afnlab.analysis",
    "afnlab.runs",
    "afnlab.training.data",
    "afnlab.training.machine",
    "afnlab.training.models",
    "afnlab.training.progress",
    "afnlab.training.tasks",
)


def digest(*parts: str | bytes) -> str:
    """SHA-256 of texts, in hexadecimal."""
    total = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        total.update(len(data).to_bytes(8, "big") + data)
    return total.hexdigest()


def code_of_run(objects: Iterable[Task | Activation], notebook: str) -> str:
    """Fingerprint of the engine, the modules that a notebook names, and what it was given."""
    parts = [_modules(_named(notebook))]
    parts += [text for obj in (Data, *objects) for text in reached(obj)]
    return digest(*parts)


def code_of_kernels(device: str) -> str:
    """Fingerprint of the compiled kernels' sources, for a kind of device that has some."""
    from afnlab.native import library  # noqa: PLC0415

    return library.digest(device)


def _named(text: str) -> frozenset[str]:
    names = {f"afnlab.{word}" for word in re.findall(r"\bafnlab\.(\w+)", text)}
    return frozenset({ENGINE, *(n for n in names if _file_of(n) and not n.startswith(_BY_OBJECT))})


@lru_cache
def _modules(entries: frozenset[str]) -> str:
    """Fingerprint of package modules and of those they import."""
    seen: dict[str, bytes] = {}
    waiting = sorted(entries)
    while waiting:
        name = waiting.pop()
        path = _file_of(name)
        if path is None or name in seen or name.startswith(_BY_OBJECT):
            continue
        seen[name] = path.read_bytes()
        waiting += [n for n in _imports(seen[name]) if n.startswith("afnlab")]
    return digest(*(part for name in sorted(seen) for part in (name, seen[name])))


def _file_of(name: str) -> Path | None:
    path = PACKAGE.joinpath(*name.split(".")[1:])
    options = (path.with_suffix(".py"), path / "__init__.py")
    return next((p for p in options if p.is_file()), None) if name != "afnlab" else None


def _imports(source: bytes) -> Iterator[str]:
    """Full names that a module's import statements may mean."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = f"{node.module}." if node.module else ""
            yield from [node.module] if node.module else []
            yield from (f"{start}{alias.name}" for alias in node.names)


def reached(obj: Any, seen: set[int] | None = None) -> Iterator[str]:
    """Sources and constants that an object's behaviour depends on, as texts.

    Follows functions into what they call, as far as it is afnlab's or the user's own code; a user's
    file counts as a whole, with the neighbours that it imports.
    """
    seen = set() if seen is None else seen
    if id(obj) in seen or isinstance(obj, ModuleType):
        return
    seen.add(id(obj))
    if isinstance(obj, Activation):
        yield repr((dict(obj.params), obj.elementwise, obj.fused))
        yield from reached(obj.fn, seen)
    elif isinstance(obj, Task):
        yield repr((obj.recipe, obj.sites, dict(obj.settings)))
        yield from reached(obj.data, seen)
        yield from reached(obj.model, seen)
    elif callable(obj):
        yield from _callable(obj, seen)
    elif isinstance(obj, (int, float, str, bytes, type(None))):
        yield repr(obj)
    elif isinstance(obj, dict):
        for key, value in obj.items():
            yield repr(key)
            yield from reached(value, seen)
    elif isinstance(obj, (tuple, list, set, frozenset)):
        for value in obj if isinstance(obj, (tuple, list)) else sorted(obj, key=repr):
            yield from reached(value, seen)
    elif isinstance(obj, (torch.Tensor, np.ndarray)):
        yield digest(np.asarray(obj).tobytes())


def _callable(obj: Callable, seen: set[int]) -> Iterator[str]:
    if isinstance(obj, partial):
        for part in (obj.func, *obj.args, *obj.keywords.values()):
            yield from reached(part, seen)
        return
    target: Any = inspect.unwrap(obj)
    if not (isinstance(target, type) or inspect.isroutine(target)):  # an object with __call__
        yield from reached(type(target), seen)
        yield from reached(getattr(target, "__dict__", {}), seen)
        return
    home = _home(target)
    if home is None:
        return
    if home != PACKAGE:
        yield from _own_files(Path(inspect.getsourcefile(target) or ""))
    elif inspect.isclass(target):
        yield from _class(target, seen)
    else:
        yield inspect.getsource(target)
    if isinstance(target, FunctionType):
        yield from _function(target, seen)


def _class(target: type, seen: set[int]) -> Iterator[str]:
    """One of afnlab's: its module, with what it imports, or only itself, with what it calls."""
    if issubclass(target, Exception):  # on which no number depends
        return
    if not target.__module__.startswith(_BY_OBJECT):
        yield _modules(frozenset({target.__module__}))
        return
    yield inspect.getsource(target)
    for member in vars(target).values():
        method = getattr(member, "fget", getattr(member, "func", member))  # of a property
        if isinstance(method, FunctionType):
            yield from _function(method, seen)


def _function(target: FunctionType, seen: set[int]) -> Iterator[str]:
    """What it calls, and the constants that it has."""
    for value in target.__defaults__ or ():
        yield from reached(value, seen)
    for cell in target.__closure__ or ():
        yield from reached(cell.cell_contents, seen)
    for name in sorted(_names(target.__code__)):
        if name in target.__globals__:
            yield from reached(target.__globals__[name], seen)


def _home(obj: Any) -> Path | None:
    """PACKAGE for afnlab's code, the folder of a user's own; None for the libraries'."""
    try:
        name = inspect.getsourcefile(obj)
    except TypeError:
        return None
    if name is None:
        return None
    file = Path(name).resolve()
    if file.is_relative_to(PACKAGE):
        return PACKAGE
    installed = any(part in ("site-packages", "dist-packages") for part in file.parts)
    standard = file.is_relative_to(Path(inspect.__file__).resolve().parent)
    return None if installed or standard or not file.is_file() else file.parent


def _names(code: CodeType) -> set[str]:
    nested = [_names(c) for c in code.co_consts if isinstance(c, CodeType)]
    return set(code.co_names).union(*nested)


def _own_files(path: Path, seen: set[Path] | None = None) -> Iterator[str]:
    """Sources of a user's file and of the modules beside it that it imports."""
    seen = set() if seen is None else seen
    path = path.resolve()
    if path in seen or not path.is_file():
        return
    seen.add(path)
    source = path.read_bytes()
    yield source.decode(errors="replace")
    roots = [path.parent]  # in a package, the way up to where it is imported from
    while (roots[-1] / "__init__.py").is_file():
        roots.append(roots[-1].parent)
    for name in sorted(set(_imports(source))):
        for root in roots:
            found = root.joinpath(*name.split("."))
            yield from _own_files(found.with_suffix(".py"), seen)
            yield from _own_files(found / "__init__.py", seen)
