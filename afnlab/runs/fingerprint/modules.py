"""Which files Python executes when it imports a module: found by looking, nothing is imported."""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from importlib.machinery import (
    BYTECODE_SUFFIXES,
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ModuleSpec,
    PathFinder,
)
from pathlib import Path
from zipimport import ZipImportError, zipimporter

SUFFIXES = (*SOURCE_SUFFIXES, *EXTENSION_SUFFIXES, *BYTECODE_SUFFIXES)
ARCHIVES = (".zip", ".egg", ".whl", ".pyz")  # code where modules are looked for in them, else data
_EDITABLE = "__editable__"  # how setuptools begins the names of what it points to sources with
_SPREADING = (b"extend_path", b"declare_namespace")  # what spreads a package over several folders


def walk(parts: list[str], places: Iterable[Path], names: Sequence[str]) -> Iterator[Path]:
    """The files that importing `a.b.c`, and names of it, executes."""
    paths: list[Path] = []
    folders = list(dict.fromkeys(places))
    for part in parts:
        files, folders = _part(part, folders)
        paths += files
        if not folders:
            break
    else:
        for name in names:
            if name == "*":
                paths += [f for d in folders for s in SUFFIXES for f in sorted(d.glob(f"*{s}"))]
            else:
                paths += _part(name, folders)[0]
    yield from map(Path.resolve, paths)


def archives(parts: Sequence[str], places: Iterable[Path]) -> Iterator[Path]:
    """The archive on Python's path that holds a module, if no folder before it does."""
    for place in dict.fromkeys(places):
        if _part(parts[0], [place]) != ([], []):
            return
        if place.suffix in ARCHIVES and is_file(place):
            names = zipfile.ZipFile(place).namelist() if zipfile.is_zipfile(place) else []
            if any(name.startswith((f"{parts[0]}/", f"{parts[0]}.py")) for name in names):
                yield place.resolve()
                return


def _part(name: str, places: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """The files of a module or package, as the first folder that has it, and where it goes on.

    A package without an `__init__` goes on in every folder that has a part of it.
    """
    held: list[Path] = []
    folders = []
    for place in places:
        if inits := modules_in(place / name, "__init__"):
            others = [p / name for p in places if p != place and is_folder(p / name)]
            return inits, [place / name, *(others if others and _spreads(inits) else ())]
        if files := modules_in(place, name):
            return files, []
        archive, whole = _archive_with(place, name)
        if archive and whole:
            return archive, []
        held += archive
        if name and is_folder(place / name):
            folders.append(place / name)
    return held, folders


def _archive_with(place: Path, name: str) -> tuple[list[Path], bool]:
    """The archive that a place of the path is, or lies in, if it has a module of this name.

    All of the archive counts then: what else is taken from it is not followed. And whether that is
    all there is of the module: it is no package without an `__init__`.
    """
    with suppress(ZipImportError, OSError, ValueError):
        if name and not is_folder(place):
            archive = zipimporter(str(place))
            archive.invalidate_caches()
            spec = archive.find_spec(name)
            if spec is not None:
                return [Path(archive.archive)], spec.loader is not None
    return [], False


def modules_in(folder: Path, name: str) -> list[Path]:
    """The file of a module in a folder; of a compiled one that, and its source if it is beside.

    Python executes the compiled one, and the source says what it imports.
    """
    kinds = (EXTENSION_SUFFIXES, (*SOURCE_SUFFIXES, *BYTECODE_SUFFIXES))
    files = [[p for p in (folder / f"{name}{s}" for s in kind) if is_file(p)] for kind in kinds]
    return [p for kind in files for p in kind[:1]]


def editable(name: str) -> list[Path]:
    """Where a package lies that is installed as a pointer to its sources, if that is a finder."""
    if not name:
        return []
    finders = [f for f in sys.meta_path if getattr(f, "__module__", "").startswith(_EDITABLE)]
    hooked = [p for p in sys.path if p.startswith(_EDITABLE)]  # of packages without an `__init__`
    specs: list[ModuleSpec | None] = [f.find_spec(name, None) for f in finders]
    specs += [PathFinder.find_spec(name, hooked)] if hooked else []
    locations = [
        p for s in specs if s for p in (*(s.submodule_search_locations or ()), s.origin) if p
    ]
    return [Path(p).parent for p in locations if not p.startswith(_EDITABLE)]


def packages(path: Path) -> list[Path]:
    """The packages that a file is in, from the inside."""
    folders = []
    folder = path.parent
    while modules_in(folder, "__init__"):
        folders.append(folder)
        folder = folder.parent
    return folders


def portions(folder: Path, here: Path) -> Iterator[Path]:
    """The other folders that a package is spread over one of whose folders this is.

    here: the current folder, where Python's path has it.
    """
    inits = modules_in(folder, "__init__")
    if inits and not _spreads(inits):
        return
    entries = [Path(p or here).resolve() for p in sys.path]
    inside = [p for p in entries if folder != p and folder.is_relative_to(p)]
    for entry in dict.fromkeys(entries):
        for beside in dict.fromkeys(entry / folder.relative_to(p) for p in inside):
            if beside != folder and is_folder(beside):
                yield beside


def _spreads(inits: Sequence[Path]) -> bool:
    """Whether a package says by itself that others go on with it, as before PEP 420."""
    with suppress(OSError):
        return any(word in inits[-1].read_bytes() for word in _SPREADING)
    return False


def is_file(path: Path) -> bool:
    """Whether there is a file of this name, as far as one may know."""
    try:
        return path.is_file()
    except (OSError, ValueError):  # too long a name; within a folder that may not be looked into
        return False


def is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):  # within one that may not be looked into, or is not mounted
        return False
