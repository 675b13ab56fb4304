"""Whether a kernel has read the code that its run's id was made from, and no other."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from zipfile import is_zipfile

from afnlab.paths import PACKAGE, shared
from afnlab.runs.fingerprint import syntax
from afnlab.runs.fingerprint.datafiles import OTHER_NAME
from afnlab.runs.fingerprint.installed import is_third_party
from afnlab.runs.fingerprint.manifest import Manifest
from afnlab.runs.kernel.read_audit import MADE, READ, TEXTS, WRITTEN

_COMPILERS = ("torchinductor_", ".triton")  # folders of code that torch makes and keeps
_EDITED = "{} was edited after this run was planned; run it again, with --retry-failed"
_NAMES_IT = "since the code of this run names it"
_WRITTEN = (
    f"{{}} counts as data, {_NAMES_IT}, but the run's own code has written it; {OTHER_NAME}, or,"
    " where the run reads it too, only if it is missing"
)
_MADE = (
    f"{{}} was written by this run's own code and counts as data from now on, {_NAMES_IT}; if it is"
    f" written only once, as a cache is, run it again; else {OTHER_NAME}"
)
_NEW = (
    f"{{}} was not there when this run was planned, and counts as data from now on, {_NAMES_IT};"
    f" run it again, and if it is written each time, {OTHER_NAME}"
)
_NOT_BEGUN = (
    "not begun: {} {} since this was planned, and counts as data, since the code names it; if it is"
    " a cache that a task of yours has just written, give the same command again; if it is written"
    f" each time, {OTHER_NAME}"
)
_EDITED_DATA = (
    f"{_EDITED}; if this run's own code has written it, which cannot be seen of every library,"
    f" {OTHER_NAME}"
)
_STORED = ("record.json", "error.json")  # lie beside the notebook of a stored run


def require_planned_data(manifest: Manifest, named_now: Callable[[], Collection[str]]) -> None:
    """ValueError for a file of data that has appeared or was edited since a run was planned.

    A task that is tried before its runs begin may write a cache, which their ids do not cover.
    """
    for name in sorted(manifest.data):
        if _now(Path(name)) != manifest.files[name]:
            raise ValueError(_NOT_BEGUN.format(name, "was edited"))
    for name in _new(manifest, named_now):
        raise ValueError(_NOT_BEGUN.format(name, "has appeared"))


def _new(manifest: Manifest, named_now: Callable[[], Collection[str]]) -> list[str]:
    """The files of data that the code of a run names now, and that its id does not cover."""
    users = [Path(name) for name in manifest.units if Path(name).is_absolute()]
    if all(path.suffix == ".ipynb" for path in users):  # which name no data
        return []
    return sorted({*named_now()} - manifest.files.keys())


def check(
    manifest: Manifest,
    read: Sequence[tuple[str, str, str]],
    named_now: Callable[[], Collection[str]] = frozenset,
) -> None:
    """RuntimeError for a file that was edited since the run was planned, or that is not covered.

    read: path and SHA-256 of the files that the kernel has read, and what became of them. A file of
    code that was only read is data, unless the run may have executed what it made of it. It also
    names the files that the kernel has written. named_now: finds the files of data that the code
    names after the run.
    """
    own_files = {path for path, _, how in read if how == WRITTEN}
    not_code = list(_not_code())

    def aside(path: Path) -> bool:
        return _is_ours(path) or any(path.is_relative_to(folder) for folder in not_code)

    read = [
        (path, code, how)
        for path, code, how in read
        if how != WRITTEN and not (how == MADE and aside(Path(path)))
    ]
    texts = manifest.executes_texts or TEXTS in read
    data = not texts and all(how != MADE for _, _, how in read)
    # No kernel notes that it reads what is installed, nor data.
    for name, then in manifest.files.items():
        if name in manifest.data and _now(Path(name)) != then:
            raise RuntimeError((_WRITTEN if name in own_files else _EDITED_DATA).format(name))
        if is_third_party(Path(name)) and _now(Path(name)) != then:
            raise RuntimeError(_EDITED.format(name))
    for name in _new(manifest, named_now):
        raise RuntimeError((_MADE if name in own_files else _NEW).format(name))
    for path, code, how in read:
        if (path, code, how) == TEXTS:
            continue
        planned = manifest.files.get(path)
        if planned is None:
            if how == MADE or (data and how == READ):
                continue
            if not aside(Path(path)):
                raise RuntimeError(
                    f"{path} was read, but could not be foreseen from the notebook, so the run's id"
                    f" does not cover it; {_remedy(path)}"
                )
        elif planned != code and how != MADE:
            raise RuntimeError(_EDITED.format(path))


def _now(path: Path) -> str:
    """SHA-256 of what a file holds; empty if it is gone."""
    try:
        return syntax.summed(path)
    except OSError:
        return ""


def _remedy(path: str) -> str:
    """By what a file that was read is foreseen."""
    if is_zipfile(path):
        return "import from that archive by a statement of the notebook, or of a file beside it"
    return "import it by a statement, or name the file in a text, with the ending .py"


def _is_ours(path: Path) -> bool:
    """Whether it is a part of afnlab that this run need not reach, or something a run left."""
    if path.is_relative_to(PACKAGE) or path.is_relative_to(shared("notebooks")):
        return True
    if any(part.startswith(_COMPILERS) for part in path.parts):
        return True
    return path.suffix == ".ipynb" and any((path.parent / name).exists() for name in _STORED)


def _not_code() -> Iterator[Path]:
    """Folders and files of settings, and of what programs keep for themselves."""
    from IPython.paths import get_ipython_dir  # noqa: PLC0415
    from jupyter_core.paths import jupyter_config_path  # noqa: PLC0415

    from afnlab.native.library import cache_folder  # noqa: PLC0415  (brings torch)
    from afnlab.native.toolchain import Unavailable  # noqa: PLC0415

    named = [os.environ[n] for n in _SETTINGS if os.environ.get(n)]
    for folders in (
        lambda: [get_ipython_dir()],
        jupyter_config_path,
        lambda: [str(cache_folder()), str(Path.home() / ".cache")],
    ):
        with suppress(Unavailable, RuntimeError):  # there is no home
            named += folders()
    for name in named:
        path = Path(name)
        with suppress(RuntimeError):  # there is no home for a ~
            path = path.expanduser()
        yield path.resolve()


_SETTINGS = ("PYTHONSTARTUP", "XDG_CACHE_HOME", "TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR")
