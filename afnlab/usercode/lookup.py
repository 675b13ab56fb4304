"""A user's own code by reference: `path/my.py:name`, `package.module:name`."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from afnlab.errors import one_line, shown, with_article
from afnlab.spellings import unknown
from afnlab.usercode import private
from afnlab.usercode.mainguard import MainGuardError, importing

T = TypeVar("T")

LONGEST = 4000  # letters of a path


def expanded(path: str | Path) -> Path:
    """A path of the user's, with `~` as a home folder; ValueError where there is no such user."""
    if not isinstance(path, (str, Path)):
        raise TypeError(f"a path must be a text or a Path, got {shown(path)}")
    if "\0" in str(path):
        raise ValueError(f"{shown(str(path))}: a path has no null character")
    if len(str(path)) > LONGEST:
        raise ValueError(f"{shown(str(path))}: a path may have {LONGEST} letters")
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise ValueError(f"{path}: {error}") from None


def load(ref: str, kind: type[T], advice: str) -> T:
    """The object that `path/my.py:name` or `package.module:name` stands for.

    ValueError if there is none, or if it is not a `kind`; `advice` says what to do then.
    """
    where, _, name = ref.rpartition(":")
    module = _module(ref)
    if not hasattr(module, name):
        names = [n for n in defined(ref, kind) if not n.startswith("_")]
        raise ValueError(unknown(kind.__name__.lower(), name, names, of=where))
    loaded = getattr(module, name)
    if not isinstance(loaded, kind):
        what = with_article(type(loaded).__name__)
        raise ValueError(f"{ref}: is {what}, not an afnlab {kind.__name__}; {advice}")
    return loaded


def defined(ref: str, kind: type[T]) -> dict[str, T]:
    """What the module of a reference holds of a kind, by name; ValueError as in `load`.

    What it makes when it is asked for a name (`__getattr__`, a property) is not among it.
    """
    held = getattr(_module(ref), "__dict__", {})
    return {name: one for name, one in held.items() if isinstance(one, kind)}


def _module(ref: str) -> ModuleType:
    where = ref.rpartition(":")[0]
    return _of_file(Path(where)) if where.endswith(".py") else imported(where, ref)


def imported(where: str, ref: str) -> ModuleType:
    """The module of this name, which `ref` is about; ValueError if it cannot be imported."""
    file = Path(f"{where.replace('.', os.sep)}.py")
    hint = ""
    with suppress(OSError, ValueError):  # a name that none can have
        hint = f"; of the file here it is {file}:{ref.rpartition(':')[2]}" if file.is_file() else ""
    with _as_value_error(f"{ref}: cannot import {where!r} (", ": ", f"){hint}"), importing(where):
        return importlib.import_module(where)


def _of_file(path: Path) -> ModuleType:
    path = expanded(path).resolve()
    if not path.is_file():
        raise ValueError(f"{path}: no such file")
    with _as_value_error(f"{path}: ", " while loading it: "):
        return private.module(path)


@contextmanager
def _as_value_error(before: str, between: str, after: str = "") -> Iterator[None]:
    """A ValueError for whatever somebody's module does when it is imported.

    before, between, after: what is said around the kind of the error and its own words.
    """
    try:
        yield
    except KeyboardInterrupt:
        raise
    except MainGuardError as error:
        raise ValueError(str(error)) from error
    except BaseException as error:
        said = f"{before}{type(error).__name__}{between}{one_line(error)}{after}"
        raise ValueError(said) from error
