"""The code of a run, by name and by the SHA-256 of what of it is executed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from afnlab.paths import KERNELS, kernel_sources, shared
from afnlab.runs.conventions import OUT, REFERENCES
from afnlab.runs.fingerprint import remembered
from afnlab.runs.fingerprint.mentions import mentions
from afnlab.runs.fingerprint.package import BY_OBJECT, NAMED, Package, split
from afnlab.runs.fingerprint.reaching import executes_texts, reach, reached_names
from afnlab.runs.fingerprint.syntax import Source, digest, read
from afnlab.runs.fingerprint.userfiles import UserFiles, notebook_source, reads_texts

_FILES = (".py", ".ipynb")  # how the names of files end that afnlab's notebooks may be given
_MOVES = "afnlab.runs"  # which moves results, and computes none
_SHOWS = tuple(  # which in a training notebook show them
    f"afnlab.{room}"
    for room in ("compare", "figures", "functions", "live", "report", "stats", "studies")
)
_manifests: ContextVar[dict[object, Manifest] | None] = ContextVar("_manifests", default=None)


@dataclass(frozen=True)
class Manifest:
    """The code that a run's numbers depend on.

    units: SHA-256 of what is executed, by afnlab's module, `module:object`, or the path of a user's
    file, and of files of data that he names; the version of a large installed package, by its
    distribution. files: SHA-256 of the bytes of the files that this was read from, by path. shape:
    of the user's part, wherever its files lie. kernels: of the files that compiled kernels are made
    from, by the kind of device. executes_texts: whether the user's part may execute texts.
    versions: of the distributions of installed packages that are referred to. data: the paths of
    files of data.
    """

    units: Mapping[str, str]
    files: Mapping[str, str] = field(compare=False)
    shape: str = field(compare=False)
    kernels: Mapping[str, Mapping[str, str]] = field(compare=False)
    executes_texts: bool = field(default=False, compare=False)
    versions: Mapping[str, str] = field(default_factory=dict, compare=False)
    data: frozenset[str] = field(default=frozenset(), compare=False)

    def compiled(self, *kinds: str) -> Manifest:
        """The manifest with the sources of compiled kernels, for these kinds of devices."""
        if not any(map(_is_ours, self.units)):
            return self
        sources = {f: code for kind in kinds for f, code in self.kernels.get(kind, {}).items()}
        named = {f"afnlab/native/{Path(f).name}": code for f, code in sources.items()}
        return replace(self, units={**self.units, **named}, files={**self.files, **sources})

    @property
    def digest(self) -> str:
        """SHA-256 of it all; the same wherever a user's files lie."""
        ours = sorted(item for item in self.units.items() if _is_ours(item[0]))
        return digest(self.shape, *(text for item in ours for text in item))


def _is_ours(name: str) -> bool:
    return name.startswith(("afnlab.", "afnlab/"))


def manifest_of(
    path: Path,
    content: bytes,
    parameters: Mapping[str, object],
    *,
    folder: Path | None = None,
    closed: Sequence[Path] = (),
    texts: bool = False,
) -> Manifest:
    """What a notebook reaches, found by reading it; nothing of it is executed.

    parameters: its parameters, the defaults among them. folder: where the notebook is executed, by
    default here. closed: folders whose files are not followed: ValueError for one that is reached.
    texts: have docstrings count, as they do anyway where a file of the user's may read them.
    """
    manifests = _manifests.get()
    if manifests is None:
        return _manifest_of(path, content, parameters, folder, closed, texts)
    asked = tuple((n, 0 if type(v) in (int, float) else repr(v)) for n, v in parameters.items())
    key = (path, content, asked, folder, tuple(closed), texts)  # numbers name no code
    if key not in manifests:
        manifests[key] = _manifest_of(path, content, parameters, folder, closed, texts)
    return manifests[key]


@contextmanager
def one_look() -> Iterator[None]:
    """Within it no file counts as edited: what one run reaches is looked up once for all alike."""
    token = _manifests.set({})
    try:
        yield
    finally:
        _manifests.reset(token)


def _manifest_of(
    path: Path,
    content: bytes,
    parameters: Mapping[str, object],
    folder: Path | None,
    closed: Sequence[Path],
    texts: bool,
) -> Manifest:
    notebook = notebook_source(content)
    ours = path.parent == shared("notebooks") or notebook.code in _shipped()
    users = UserFiles((folder or Path.cwd()).resolve(), [f.resolve() for f in closed])
    users.refuse(path)
    named = dict.fromkeys(texts_in(list(parameters.values())))
    users.follow(notebook, [t for t in named if not ours or ":" in t or t.endswith(_FILES)])
    read_as_text = texts or any(map(reads_texts, (notebook, *users.sources.values())))
    package = Package(texts=read_as_text)
    if ours:
        _of_ours(notebook_source(content, with_parameters=False), parameters, package)
        reach(users.sources.values(), package)
    else:
        reach([notebook, *users.sources.values()], package)

    def code(source: Source) -> str:
        return source.bytes if read_as_text else source.code

    user_units = {str(p): code(source) for p, source in users.sources.items()}
    files = {str(p): source.bytes for p, source in users.sources.items()} | package.files
    data = {str(p): code for p, code in users.data.items()}
    files |= data | {str(p): code for p, code in users.as_offered.items()}
    name = f"notebooks/{path.name}" if ours else str(path)
    shape = digest(notebook.code, *users.shape, *user_units.values())
    executing = any(map(executes_texts, (notebook, *users.sources.values())))
    units = {name: notebook.code} | data | user_units | users.counted | package.units
    remembered.save()
    return Manifest(units, files, shape, _kernels(), executing, users.versions, frozenset(data))


def _kernels() -> dict[str, dict[str, str]]:
    return {k: {str(f): read(f).bytes for f in kernel_sources(k)} for k in KERNELS}


def _of_ours(cells: Source, parameters: Mapping[str, object], package: Package) -> None:
    """What one of afnlab's notebooks reaches: what it names, and what its parameters choose."""
    package.base()
    if parameters.get("tune"):
        package.module("afnlab.training.tune", stop=(*BY_OBJECT, _MOVES))
    named = mentions(cells)
    chosen = {*texts_in([parameters.get(name, ()) for name in REFERENCES]), *named.texts}
    for kind, known in NAMED.items():
        for name in sorted(chosen & known()):
            getattr(package, kind)(name)
    for ref in chosen:
        module, _, name = ref.partition(":")
        if module.startswith("afnlab.") and name:
            package.object(module, name)
    for dotted in reached_names(named):
        if not dotted.startswith(_MOVES) and not (OUT in parameters and dotted.startswith(_SHOWS)):
            package.module(split(dotted)[0], stop=(*BY_OBJECT, _MOVES))


def texts_in(value: object) -> Iterator[str]:
    """The texts in a parameter's value, at any depth."""
    if isinstance(value, (str, Path)):
        yield str(value)
    elif isinstance(value, Mapping):
        yield from texts_in([*value.keys(), *value.values()])
    elif isinstance(value, Iterable):
        for part in value:
            yield from texts_in(part)


def _shipped() -> frozenset[str]:
    """The code of each of afnlab's notebooks."""
    return _codes(tuple(read(p) for p in sorted(shared("notebooks").glob("*.ipynb"))))


@lru_cache
def _codes(sources: tuple[Source, ...]) -> frozenset[str]:
    return frozenset(notebook_source(s.content).code for s in sources)
