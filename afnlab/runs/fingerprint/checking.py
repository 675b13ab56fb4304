"""Whether a kernel has read the code that its run's id was made from, and no other."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from afnlab.native.library import cache_folder
from afnlab.native.toolchain import Unavailable
from afnlab.paths import PACKAGE, shared
from afnlab.runs.fingerprint.manifest import Manifest

_COMPILERS = ("torchinductor_", ".triton")  # folders of code that torch makes and keeps
_STORED = ("record.json", "error.json")  # lie beside the notebook of a stored run


def check(manifest: Manifest, read: Iterable[tuple[str, str]]) -> None:
    """RuntimeError for a file that was edited since the run was planned, or that is not covered.

    read: path and SHA-256 of the files that the kernel has read.
    """
    own = list(_not_code())
    for path, code in read:
        planned = manifest.files.get(path)
        if planned is None:
            if not _is_ours(Path(path)) and not any(Path(path).is_relative_to(f) for f in own):
                raise RuntimeError(
                    f"{path} was read, but could not be foreseen from the notebook, so the run's id"
                    " does not cover it; import it by a statement, or name the file in a text"
                )
        elif planned != code:
            raise RuntimeError(
                f"{path} was edited after this run was planned; run it again, with --retry-failed"
            )


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

    named = [get_ipython_dir(), *jupyter_config_path()]
    named += [os.environ[n] for n in _SETTINGS if os.environ.get(n)]
    with suppress(Unavailable, RuntimeError):  # there is no home
        named += [str(cache_folder()), str(Path.home() / ".cache")]
    for name in named:
        yield Path(name).expanduser().resolve()


_SETTINGS = ("PYTHONSTARTUP", "XDG_CACHE_HOME", "TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR")
