"""Finding things by name: a user's own code by reference, and the nearest spelling of a typo."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

from afnlab import own
from afnlab.mainguard import MainGuardError, importing

MOST_LISTED = 60


def unknown(kind: str, name: Any, known: Iterable[str], of: str = "") -> str:
    """One line for a name that is not known: the nearest spelling, and what there is."""
    known = list(known)
    plain = {str(k).lower(): k for k in known}
    near = difflib.get_close_matches(str(name).lower(), plain, n=1, cutoff=0.5)
    hint = f"; did you mean {plain[near[0]]!r}?" if near else ""
    listed = ", ".join(known) if known else "none"
    if len(known) > MOST_LISTED:
        listed = f"{len(known)} names"
    return f"{of + ': ' if of else ''}unknown {kind} {name!r}{hint} (known: {listed})"


def load(ref: str, kind: type, advice: str) -> Any:
    """The object that `path/my.py:name` or `package.module:name` stands for.

    ValueError if there is none, or if it is not a `kind`; `advice` says what to do then.
    """
    where, _, name = ref.rpartition(":")
    module = _of_file(Path(where)) if where.endswith(".py") else _of_package(where, ref)
    if not hasattr(module, name):
        names = [n for n, v in vars(module).items() if isinstance(v, kind) and n[0] != "_"]
        raise ValueError(unknown(kind.__name__.lower(), name, names, of=where))
    found = getattr(module, name)
    if not isinstance(found, kind):
        raise ValueError(
            f"{ref}: is a {type(found).__name__}, not an afnlab {kind.__name__}; {advice}"
        )
    return found


def _of_package(where: str, ref: str) -> ModuleType:
    try:
        with importing(where):
            return importlib.import_module(where)
    except MainGuardError as error:
        raise ValueError(str(error)) from error
    except (ImportError, ValueError) as error:
        raise ValueError(f"{ref}: cannot import {where!r} ({error})") from error


def _of_file(path: Path) -> ModuleType:
    path = path.expanduser().resolve()
    if not path.is_file():
        raise ValueError(f"{path}: no such file")
    try:
        return own.module(path)
    except MainGuardError as error:
        raise ValueError(str(error)) from error
    except (Exception, SystemExit) as error:
        raise ValueError(f"{path}: {type(error).__name__} while loading it: {error}") from error
