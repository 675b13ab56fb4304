"""A user's own files, imported privately: what lies beside a file is that file's alone.

A file that is referred to by its path is imported as `afnlab.usercode.private.<folder>.<name>`,
and so is what it imports from its own folder, from its package, or from folders that it adds to
`sys.path`. So two folders may hold neighbours of one name, and a file that was edited is imported
anew, with all that needs it. Libraries stay shared, and so does what the program has imported
itself while its files are as they were. Every process can import such names, so what the modules
define can be pickled.
"""

from __future__ import annotations

import builtins
import hashlib
import importlib
import importlib.util
import os
import re
import sys
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import machinery
from pathlib import Path
from types import ModuleType
from typing import Any

from afnlab.usercode.loaded import PRIVATE, folders_of, is_installed, of_program
from afnlab.usercode.mainguard import importing

__path__: list[str] = []  # what is below this module comes from `_Finder`
_THREAD = threading.local()


def module(path: Path) -> ModuleType:
    """The module of a file: what the program runs or has imported of it, else a private one.

    A private one is made anew if its file, or one that it has imported from its own folders, was
    edited. What the program runs (`__main__`) is never executed again. Raises whatever the file
    raises.
    """
    name = _name_of(path)
    if is_installed(path):
        with suppress(ImportError):
            library = importlib.import_module(_plain(name))
            if Path(getattr(library, "__file__", None) or "").resolve() == path:
                return library
    return _import(name)


@dataclass
class _Paths:
    """Folders that were added to `sys.path`: before the last that was there, and behind it."""

    front: list[Path] = field(default_factory=list)
    back: list[Path] = field(default_factory=list)

    @classmethod
    def since(cls, before: Sequence[str]) -> _Paths:
        last = max((i for i, p in enumerate(sys.path) if p in before), default=-1)
        added = [(i, Path(p).absolute()) for i, p in enumerate(sys.path) if p not in before]
        added = [(i, p) for i, p in added if not is_installed(p)]
        return cls([p for i, p in added if i < last], [p for i, p in added if i > last])


@dataclass
class _Unit:
    """A private module, as a key of `sys.modules` stands for it.

    file: what it was made of; digest: of its content, empty for a module of the program itself;
    folders: where it finds neighbours, the way up to the root of its package; added: folders that
    were added to the path while it was imported; resolved: the names that its absolute imports
    stand for, None where they mean the same to everybody; needs: the neighbours that it has
    imported.
    """

    file: Path
    digest: str = ""
    folders: Sequence[Path] = ()
    added: _Paths = field(default_factory=_Paths)
    resolved: dict[str, str | None] = field(default_factory=dict)
    needs: dict[str, ModuleType] = field(default_factory=dict)

    def lookup(self, top: str) -> str | None:
        """The private name of what `import top` means here; None if nothing here is called so."""
        if top == "afnlab" or top in sys.builtin_module_names:
            return None
        if machinery.FrozenImporter.find_spec(top) is not None:
            return None
        live = _Paths.since(_PATH)  # what is below its own folder first: others add folders too
        live.back.sort(key=lambda folder: not folder.is_relative_to(self.folders[-1]))
        front = [*self.added.front, *live.front, *self.folders]
        folders = dict.fromkeys([*front, *self.added.back, *live.back])
        for folder in folders:
            place = None if is_installed(folder) else _place(folder, top)
            # A folder without code, or at the end of the path, comes after all libraries.
            last = place is not None and (place.is_dir() or folder not in front)
            if place is not None and not (last and _elsewhere(top, folders)):
                return f"{PRIVATE}{_encoded(folder)}.{top}"
        return None

    def imports(
        self,
        name: str,
        globals: Any = None,
        locals: Mapping[str, object] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        """`__import__`, as the import statements of this module call it."""
        if level:
            package = globals["__package__"]
            if package.count(".") <= PRIVATE.count("."):
                raise ImportError("attempted relative import with no known parent package")
            return self._fetch(importlib.util.resolve_name("." * level + name, package), fromlist)
        top, dot, rest = name.partition(".")
        if top not in self.resolved:
            self.resolved[top] = self.lookup(top)
        private = self.resolved[top]
        if private is None:
            made = builtins.__import__(name, globals, locals, fromlist or (), 0)
            return self._importlib() if made is importlib else made
        leaf = self._fetch(private + dot + rest, fromlist)
        return leaf if fromlist else self._fetch(private, ())

    def _fetch(self, full: str, names: Sequence[str] | None) -> ModuleType:
        """A neighbour, by its private name, with these of its submodules; always the same one."""
        if full not in self.needs:
            self.needs[full] = _import(full)
        made = self.needs[full]
        listed = list(names or ())
        if "*" in listed:
            listed = list(getattr(made, "__all__", ()))
        for inside in [f"{full}.{n}" for n in listed if hasattr(made, "__path__")]:
            tail = inside.rpartition(".")[2]
            if not hasattr(made, tail) and importlib.util.find_spec(inside) is not None:
                _import(inside)
            if inside in sys.modules and getattr(made, tail, None) is sys.modules[inside]:
                self.needs[inside] = sys.modules[inside]
        return made

    def _importlib(self) -> ModuleType:
        """importlib, whose `import_module` finds neighbours too."""

        def import_module(name: str, package: str | None = None) -> ModuleType:
            if name.startswith("."):
                return self._fetch(importlib.util.resolve_name(name, package or ""), ())
            return self.imports(name, fromlist=("__name__",))

        made = ModuleType("importlib", importlib.__doc__)
        vars(made).update(vars(importlib) | {"import_module": import_module})
        return made


class _Loader(machinery.SourceFileLoader):
    """Executes a file whose import statements find its neighbours; bytecode files are not used."""

    def exec_module(self, module: ModuleType) -> None:
        outermost = _THREAD.__dict__.get("added") is None
        if outermost:
            _THREAD.added, before = _Paths(), list(sys.path)
        name, file = module.__name__, Path(self.path)
        content = self.get_data(self.path)
        unit = _Unit(file, hashlib.sha256(content).hexdigest(), folders_of(file), _THREAD.added)
        vars(module)["__builtins__"] = vars(builtins) | {"__import__": unit.imports}
        parent = name.rpartition(".")[0]
        unit.needs[parent] = sys.modules[parent]
        try:
            with importing(self.path):
                exec(self.source_to_code(content, self.path), vars(module))
            _UNITS[name] = unit
        finally:
            if outermost:
                now = _Paths.since(before)
                unit.added.front, unit.added.back = now.front, now.back
                sys.path[:] = [p for p in sys.path if p in before or p in _PATH]
                _THREAD.added = None


class _OfProgram(machinery.SourceFileLoader):
    """Puts what the program has imported itself under the private name of its file."""

    def exec_module(self, module: ModuleType) -> None:
        name, file = module.__name__, Path(self.path)
        parent, _, tail = name.rpartition(".")
        package = sys.modules[parent].__name__
        there = of_program(file)
        sys.modules[name] = there or importlib.import_module(f"{package}.{tail}")
        _UNITS[name] = _Unit(file)


class _Finder:
    """Finds private modules by their names."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> machinery.ModuleSpec | None:
        if not name.startswith(PRIVATE):
            return None
        parent, _, tail = name.rpartition(".")
        if parent == __name__:
            return _spec(name, _decoded(tail))
        places = (_place(Path(folder), tail) for folder in path or ())
        return next((_spec(name, place) for place in places if place is not None), None)


def _import(full: str) -> ModuleType:
    """A private module as it is now; where it is not there, the error names it as its user does."""
    while stale := [n for n in _needed_by(full) if _is_outdated(n)]:
        for name in stale:
            _forget(name)
    try:
        return importlib.import_module(full)
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith(PRIVATE):
            raise
        plain = _plain(str(error.name))
        raise ModuleNotFoundError(f"No module named {plain!r}", name=plain) from None


def _place(folder: Path, tail: str) -> Path | None:
    """What a folder holds under a name: a package's first file, a file, or a folder; or None."""
    if (init := folder / tail / "__init__.py").is_file():
        return init
    for suffix in (*machinery.EXTENSION_SUFFIXES, *machinery.SOURCE_SUFFIXES):
        if (file := folder / f"{tail}{suffix}").is_file():
            return file
    return folder / tail if (folder / tail).is_dir() else None


def _spec(name: str, place: Path) -> machinery.ModuleSpec | None:
    """How the private module of this name is made of what `_place` has found."""
    if place.is_dir():
        spec = machinery.ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = [str(place)]
        return spec
    if place.suffix not in machinery.SOURCE_SUFFIXES:  # an extension module
        return importlib.util.spec_from_file_location(name, place)
    parent = sys.modules.get(name.rpartition(".")[0])
    shared = parent is not None and not parent.__name__.startswith(__name__)
    kind = _OfProgram if shared or of_program(place) is not None else _Loader
    return importlib.util.spec_from_file_location(name, place, loader=kind(name, str(place)))


def _elsewhere(top: str, folders: Iterable[Path]) -> bool:
    """Whether a library of this name, or another module on the path, lies outside of folders."""
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):  # a module without a spec
        return top in sys.modules
    if spec is None or spec.origin is None:
        return False
    return not any(Path(spec.origin).is_relative_to(folder) for folder in folders)


def _name_of(file: Path) -> str:
    """The private name of a file's module; one of its own, if no import statement can name it."""
    folders = folders_of(file)
    if "." in file.stem or (file.stem == "__init__" and len(folders) == 1):
        return PRIVATE + _encoded(file)
    parts = [folder.name for folder in reversed(folders[:-1])]
    parts += [file.stem] if file.stem != "__init__" else []
    return ".".join([PRIVATE + _encoded(folders[-1]), *parts])


def _forget(name: str) -> None:
    """Have a private module made anew when it is next imported, with the packages it lies in."""
    while name.count(".") > PRIVATE.count("."):
        if name in _UNITS or getattr(sys.modules.get(name), "__file__", None) is None:
            _UNITS.pop(name, None)
            sys.modules.pop(name, None)
        name = name.rpartition(".")[0]


def _plain(name: str) -> str:
    """What a private module is called in its own folder."""
    return name.removeprefix(PRIVATE).partition(".")[2]


def _encoded(path: Path) -> str:
    """A path as a part of a module's name."""
    return re.sub(rb"[^A-Za-z0-9]", lambda c: b"_%02x" % ord(c[0]), os.fsencode(path)).decode()


def _decoded(part: str) -> Path:
    plain = re.sub(rb"_([0-9a-f]{2})", lambda c: bytes([int(c[1], 16)]), part.encode())
    return Path(os.fsdecode(plain))


def _needed_by(name: str) -> set[str]:
    """A private module, and those that it needs; a package is one with all that is under it."""
    needed: set[str] = set()
    waiting = [name]
    while waiting:
        if (name := waiting.pop()) in _UNITS and name not in needed:
            needed.add(name)
            inside = [n for n in list(_UNITS) if n.startswith(f"{name}.")]
            waiting += [*_UNITS[name].needs, *inside]
    return needed


def _is_outdated(name: str) -> bool:
    """Whether a private module would be another one if it were imported now.

    What needs it is outdated as soon as it has been forgotten.
    """
    unit = _UNITS[name]
    if not unit.digest:
        return of_program(unit.file) is not sys.modules.get(name)
    try:
        if hashlib.sha256(unit.file.read_bytes()).hexdigest() != unit.digest:
            return True
    except OSError:
        return True
    others = any(sys.modules.get(n) is not m for n, m in list(unit.needs.items()))
    return others or any(unit.lookup(t) != was for t, was in list(unit.resolved.items()))


_PATH = list(sys.path)
_UNITS: dict[str, _Unit] = {}
sys.meta_path.insert(0, _Finder)
