"""Finding things by name: a user's own code by reference, and the nearest spelling of a typo."""

from __future__ import annotations

import difflib
import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

from afnlab.errors import shown, told

MOST_LISTED = 60
LONGEST = 4000  # letters of a path


def unknown(kind: str, name: Any, known: Iterable[str], of: str = "") -> str:
    """One line for a name that is not known: the nearest spelling, and what there is."""
    known, said = list(known), name if isinstance(name, str) else shown(name)
    plain = {str(k).lower(): k for k in known}
    near = difflib.get_close_matches(said[:MOST_LISTED].lower(), plain, n=1, cutoff=0.5)
    hint = f"; did you mean {plain[near[0]]!r}?" if near else ""
    listed = ", ".join(known) if known else "none"
    if len(known) > MOST_LISTED:
        listed = f"{len(known)} names"
    return f"{of + ': ' if of else ''}unknown {kind} {shown(name)}{hint} (known: {listed})"


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


def load(ref: str, kind: type, advice: str) -> Any:
    """The object that `path/my.py:name` or `package.module:name` stands for.

    ValueError if there is none, or if it is not a `kind`; `advice` says what to do then.
    """
    where, _, name = ref.rpartition(":")
    module = _load_file(Path(where)) if where.endswith(".py") else imported(where, ref)
    if not hasattr(module, name):
        names = [n for n, v in vars(module).items() if isinstance(v, kind) and n[0] != "_"]
        raise ValueError(unknown(kind.__name__.lower(), name, names, of=where))
    found = getattr(module, name)
    if not isinstance(found, kind):
        raise ValueError(
            f"{ref}: is a {type(found).__name__}, not an afnlab {kind.__name__}; {advice}"
        )
    return found


def imported(where: str, ref: str) -> ModuleType:
    """The module of this name, which `ref` is about; ValueError if it cannot be imported."""
    try:
        return importlib.import_module(where)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # whatever somebody's module does when it is imported
        said = f"{type(error).__name__}: {told(error)}"
        raise ValueError(f"{ref}: cannot import {where!r} ({said})") from error


def _load_file(path: Path) -> ModuleType:
    """The module in a file, loaded again if the file has changed. It may import its neighbours."""
    path = expanded(path).resolve()
    if not path.is_file():
        raise ValueError(f"{path}: no such file")
    source = path.read_bytes()
    tag = hashlib.sha256(str(path).encode() + source).hexdigest()[:16]
    folders = [path.parent]  # in a package, the way up to its root: it may import relatively
    while (folders[-1] / "__init__.py").is_file():
        folders.append(folders[-1].parent)
    package = ".".join(folder.name for folder in reversed(folders[:-1]))
    name = f"{package}._afnlab_own_{tag}".lstrip(".")
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        found = sys.path[:]
        sys.path[:0] = [str(folders[0]), str(folders[-1])]
        try:
            if package:
                importlib.import_module(package)
            spec.loader.exec_module(module)
        except KeyboardInterrupt:
            del sys.modules[name]
            raise
        except BaseException as error:  # whatever the file does when it is loaded
            del sys.modules[name]
            what = f"{type(error).__name__} while loading it: {told(error)}"
            raise ValueError(f"{path}: {what}") from error
        finally:
            sys.path[:] = found
    return sys.modules[name]
