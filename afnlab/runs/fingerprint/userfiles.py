"""A user's own files: found by following imports and names of files, without running any.

What is installed is not followed, unless a user refers to it (`package.module:name`): then that
package is, see `installed`.
"""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from afnlab.paths import PACKAGE
from afnlab.runs.fingerprint.datafiles import data_files
from afnlab.runs.fingerprint.installed import (
    distribution_of,
    is_large,
    is_third_party,
    package_of,
    top_of,
)
from afnlab.runs.fingerprint.mentions import Import, Mentions, Notebook, mentions, reference
from afnlab.runs.fingerprint.modules import (
    ARCHIVES,
    SUFFIXES,
    archives,
    editable,
    is_file,
    is_folder,
    modules_in,
    packages,
    portions,
    walk,
)
from afnlab.runs.fingerprint.reaching import executes_texts
from afnlab.runs.fingerprint.syntax import Source, read, summed
from afnlab.runs.notebook_parameters import declarations
from afnlab.usercode.writenew import is_free

_CODE = (*SUFFIXES, ".pyw", ".ipy", ".ipynb")
_STANDARD = Path(sysconfig.get_path("stdlib")).resolve()
# Names with which a source moves where modules are looked for, loads a file, or reads its own text.
_MOVES = {"path", "chdir", "addsitedir", "%cd", "PYTHONPATH"}
_LOADS = {"run_path", "spec_from_file_location", "SourceFileLoader"}
_LISTS = {"iter_modules", "walk_packages"}  # what finds the modules of a package
_MOST = 1 << 20  # bytes of a file without an ending of code that may be run all the same
_READS_TEXT = {
    *("__doc__", "getdoc", "getsource", "getsourcelines", "getcomments", "linecache", "doctest"),
    *("docopt", "jit", "f_lineno", "co_firstlineno"),
}


@dataclass
class UserFiles:
    """What is reached from some starting points.

    sources: by path. data: SHA-256 of files of data that the sources name, by path. shape: who
    reaches whom, and each one's code, wherever they lie. closed:
    folders whose files are not followed but refused. versions: of the distributions of installed
    packages that are referred to. counted: those of them that count by their version. as_offered:
    SHA-256 of what the notebook writes into files where there are none (`%%writenew`), by path:
    those that are not there, or hold just that, are a part of it.
    """

    folder: Path
    closed: Sequence[Path] = ()
    sources: dict[Path, Source] = field(default_factory=dict)
    data: dict[Path, str] = field(default_factory=dict)
    shape: list[str] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)
    counted: dict[str, str] = field(default_factory=dict)
    as_offered: dict[Path, str] = field(default_factory=dict)
    _named: set[str] = field(default_factory=set)  # installed, at the top level, and followed
    _seen: set[Path] = field(default_factory=set)  # installed files that are referred to
    _large: dict[Path, bool] = field(default_factory=dict)  # whether a package counts by version
    _written: set[Path] = field(default_factory=set)
    _roots: dict[Path, None] = field(default_factory=dict)  # that sources add to the search path
    _stems: dict[Path, set[str]] = field(default_factory=dict)

    def follow(self, notebook: Source, texts: Iterable[str]) -> None:
        """Find what a notebook and the texts that it is given reach."""
        texts = list(texts)
        while True:
            known = len(self._roots)
            self.sources, self.data, self.shape = {}, {}, []
            self._start(notebook, texts)
            if len(self._roots) == known:  # else what came first may be found elsewhere
                self.shape += [f"version {n} {v}" for n, v in sorted(self.counted.items())]
                return

    def refuse(self, path: Path) -> None:
        """ValueError for a file that lies where none is followed."""
        if any(path.resolve().is_relative_to(folder) for folder in self.closed):
            raise ValueError(f"{path}: lies among stored runs, whose code is not run")

    def _start(self, notebook: Source, texts: list[str]) -> None:
        named = mentions(notebook)
        offered = {self._absolute(self.folder, n): text for n, text in named.offered.items()}
        self.as_offered = {p: Source(t.encode()).bytes for p, t in offered.items() if is_free(p, t)}
        names = (self._absolute(self.folder, name) for name in named.written)
        written = {*self.as_offered, *names}
        self._written = {path for path in written if not self.folder.is_relative_to(path)}
        self._named_in(notebook, [self.folder], self.folder)
        for text in texts:
            for path in self._of_text(text, self.folder, _endings(named)):
                self._refer(text, path)
                self._add(f"given {reference(text) == text}", path, None)
        cells = {
            self._absolute(self.folder, n): t for n, t in (named.offered | named.cells).items()
        }
        made = {p: Source(t.encode()) for p, t in cells.items() if p in self._written}
        self._add_data(self.sources | made, notebook)

    def _has(self, folder: Path, stem: str) -> bool:
        """Whether a folder has anything of this name, with any ending."""
        if folder not in self._stems:
            try:
                self._stems[folder] = {p.name.partition(".")[0] for p in folder.iterdir()}
            except OSError:
                self._stems[folder] = set()
        return stem in self._stems[folder]

    def _absolute(self, folder: Path, name: str) -> Path:
        try:
            return (folder / Path(name).expanduser()).resolve()
        except (OSError, RuntimeError, ValueError):  # no such home; a loop of links; a NUL
            return folder

    def _add(self, how: str, path: Path, roots: Sequence[Path] | None) -> None:
        """A file, and what it reaches. roots: where it finds modules; None: by where it lies."""
        if self._written & {path, *path.parents}:
            return
        if _is_library(path) and not self._is_followed(path):
            return
        self.refuse(path)
        known = list(self.sources)
        if path in self.sources:
            self.shape.append(f"{how} {known.index(path)}")
            return
        try:
            source = source_of(path)
        except OSError:
            return
        self.sources[path] = source
        self.shape.append(f"{how} {len(known)} {source.code}")
        holding = packages(path)
        if roots is None:
            roots = [path.parent, *(f.parent for f in holding[-1:])]
        for folder in holding:  # importing it imports them
            for init in modules_in(folder, "__init__"):
                self._add("package", init, roots)
        self._named_in(source, roots, path.parent)

    def _add_data(self, its: dict[Path, Source], notebook: Source) -> None:
        """The files of data that sources name; not notebooks, whose cells write files as well."""
        for path in data_files(its, notebook, self.folder):
            if path in self.sources or path.suffix in _CODE:
                continue
            if self._written & {path, *path.parents}:
                continue
            if _is_library(path) and not self._is_followed(path):
                continue
            with suppress(OSError):  # it may not be read
                if path not in self.data:
                    self.data[path] = summed(path)
                self.shape.append(f"data {list(self.data).index(path)} {self.data[path]}")

    def _named_in(self, source: Source, roots: Sequence[Path], folder: Path) -> None:
        named = mentions(source)
        self._note_roots(named, folder)
        roots = [*roots, *(r for r in self._roots if r not in roots)]
        every = ("*",) if named.names & _LISTS else ()
        for one in named.imports:
            reached = replace(one, names=(*one.names, *every))
            for path in self._imported(reached, roots, folder):
                self._add(f"import {one.level} {one.module}", path, roots)
        compiles = ("compile",) in named.chains or bool(named.names & _LOADS)
        for text in named.texts:
            for path in self._of_text(
                text, folder, _endings(named), any_file=compiles or executes_texts(source)
            ):
                if not is_third_party(folder):  # what that refers to is not the user's choice
                    self._refer(text, path)
                self._add("text", path, None)

    def _refer(self, text: str, path: Path) -> None:
        """Have the installed package that a reference names followed, or count by its version."""
        if reference(text) == text or not is_third_party(path) or path in self._seen:
            return
        self._seen.add(path)
        self._named.add(top_of(path))
        owner = distribution_of(path)
        if owner is not None:
            self.versions[owner.name] = owner.version
            if not self._counts_by_version(path):
                self._named |= owner.tops

    def _is_followed(self, path: Path) -> bool:
        """Whether a library's file counts by what it holds, since a user refers to its package."""
        named = is_third_party(path) and top_of(path) in self._named
        return named and not self._counts_by_version(path)

    def _counts_by_version(self, path: Path) -> bool:
        """Whether an installed file's package is too large to be read; its version then counts."""
        package = package_of(path)
        if package not in self._large:
            owner = distribution_of(path) if is_large(package) else None
            self._large[package] = owner is not None
            if owner is not None:
                self.counted[owner.name] = owner.version
        return self._large[package]

    def _note_roots(self, named: Mentions, folder: Path) -> None:
        if not (named.names | named.texts.keys()) & _MOVES:
            return
        bases = [folder, self.folder, folder.parent]
        roots = [self._absolute(base, text) for base in bases for text in named.texts]
        if "__file__" in named.names:
            roots += [folder, *folder.parents[:2]]
        for path in roots:
            if is_folder(path) and path.parent != path and path not in (self.folder,):
                self._roots[path] = None

    def _imported(self, one: Import, roots: Sequence[Path], folder: Path) -> Iterator[Path]:
        if one.level:
            for _ in range(one.level - 1):
                folder = folder.parent
            places = [folder, *portions(folder, self.folder)]
            yield from modules_in(folder, "__init__")
        else:
            places = list(roots)
        parts = one.module.split(".") if one.module else []
        if parts[:1] == ["afnlab"] and not one.level:
            return
        top = parts[0] if parts else ""
        if not one.level and top not in sys.stdlib_module_names:
            places += [Path(p or self.folder) for p in sys.path]
            places += editable(top)
        yield from walk(parts, places, one.names)

    def _of_text(
        self, text: str, folder: Path, endings: tuple[str, ...], any_file: bool = False
    ) -> Iterator[Path]:
        """The files that a text may mean: a path, a reference, a module's name or its beginning.

        endings: of files of code; any_file: others may be code too.
        """
        where = reference(text)
        parts = where.removesuffix(".").split(".")
        if "\0" in where or where.startswith("afnlab"):
            return
        if "\n" in where and not where.endswith(endings):
            return
        if where.endswith(endings) or (any_file and where.strip(". ")):
            for base in dict.fromkeys((folder, self.folder)):
                path = self._absolute(base, where)
                if is_file(path) and (where.endswith(endings) or path.stat().st_size < _MOST):
                    yield path
        elif all(part.isidentifier() for part in parts):
            names = ("*",) if where.endswith(".") else ()  # f"plugins.{name}"
            places = [p for p in (folder, self.folder, *self._roots) if self._has(p, parts[0])]
            if where != text:  # a reference to a module
                places += [Path(p or self.folder) for p in sys.path]
                places += editable(parts[0])
                yield from archives(parts, places)
            yield from walk(parts, places, names)


def _endings(named: Mentions) -> tuple[str, ...]:
    """How names of files end that are code for a source."""
    finds = (named.names | named.texts.keys()) & (_MOVES | _LOADS)
    return (*_CODE, *ARCHIVES) if finds else _CODE


def reads_texts(source: Source) -> bool:
    """Whether it may read the text of code, docstrings too, so that they count."""
    named = mentions(source)
    return bool((named.names | named.texts.keys()) & _READS_TEXT)


def holds(path: Path, code: str) -> bool:
    """Whether a file of the user's is as the manifest of a run has it, as code or as data; OSError
    if there is none."""
    if summed(path) == code:
        return True
    is_code = path.suffix in _CODE or path.stat().st_size < _MOST
    return is_code and source_of(path).code == code


def source_of(path: Path) -> Source:
    """The source in a file of the user's; OSError if there is none."""
    source = read(path)
    if path.suffix in (".ipynb", ".ipy"):
        return notebook_source(source.content)
    return source


@lru_cache(maxsize=256)
def notebook_source(content: bytes, with_parameters: bool = True) -> Source:
    """What counts of a notebook's content: its code cells."""
    try:
        cells = declarations.cells(content)
    except ValueError:  # a file of IPython's lines, or no notebook
        return Notebook(content, [content.decode(errors="replace")])
    code = [(text, tags) for kind, text, tags in cells if kind == "code"]
    return Notebook(
        content, [text for text, tags in code if with_parameters or declarations.TAG not in tags]
    )


@lru_cache(maxsize=4096)
def _is_library(path: Path) -> bool:
    """Whether it is installed, afnlab itself included, or Python's own."""
    ours = path.is_relative_to(PACKAGE) or path.is_relative_to(_STANDARD)
    return ours or is_third_party(path)
