"""The folders of afnlab's notebooks and sweeps, in the working tree or the installed package."""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

from afnlab.spellings import unknown
from afnlab.usercode.lookup import expanded

PACKAGE = Path(__file__).resolve().parent
CACHE, DATA = "AFNLAB_CACHE", "AFNLAB_DATA"  # which name folders in the environment
INDEX = "index.ipynb"  # of the notebooks, which shows them
NATIVE = PACKAGE / "native"  # the sources of compiled kernels
KERNELS = {"cpu": NATIVE / "cpu.cpp", "cuda": NATIVE / "cuda.cu"}  # by kind of device


def kernel_sources(kind: str, folder: Path = NATIVE) -> list[Path]:
    """The files that compiled kernels are made of; none for a kind of device that has none."""
    if kind not in KERNELS:
        return []
    headers = {"cpu": ("planes.h", "attention.h", "adam.h"), "cuda": ("cuda_kernels.h",)}[kind]
    return [folder / name for name in ("functors.h", "launch.h", KERNELS[kind].name, *headers)]


@cache
def as_first_read(path: Path) -> Path:
    """A path absolutely, as it was meant when it was first read, whatever `os.chdir` did since."""
    return path.absolute()


with suppress(OSError):  # the current folder was deleted
    for _name in (CACHE, DATA):
        as_first_read(Path(os.environ.get(_name, "")))


def cache_folder() -> Path:
    """Where compiled kernels and the like are kept: `$AFNLAB_CACHE`, else a user's cache folder.

    It need not be there. RuntimeError where there is neither that variable nor a home folder.
    """
    if os.environ.get(CACHE):
        return as_first_read(Path(os.environ[CACHE]).expanduser())
    users = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if not users.is_absolute():  # which the XDG base directory specification has ignored
        home = as_first_read(Path.home())
        users = home / ("Library/Caches" if sys.platform == "darwin" else ".cache")
    return users / "afnlab"


def user_cache() -> Path:
    """afnlab's part of the user's cache folder, which need not be there.

    A user without a home folder, as in many containers, has a private folder among the temporary
    files. ValueError if that is somebody else's.
    """
    import pooch  # noqa: PLC0415

    with suppress(RuntimeError):  # or what it gives is relative, which depends on its version
        folder = Path(pooch.os_cache("afnlab"))
        if folder.is_absolute():
            return folder
    private = Path(tempfile.gettempdir()) / f"afnlab-{os.getuid()}"
    private.mkdir(mode=0o700, exist_ok=True)
    if private.is_symlink() or private.stat().st_uid != os.getuid():
        raise ValueError(f"{private}: is not ours, and there is no home folder; set XDG_CACHE_HOME")
    return private


def shared(kind: str) -> Path:
    """The folder of the committed `notebooks`, `sweeps`, `published` tables, `texts` or `docs`."""
    installed = PACKAGE / "share" / kind
    tree = PACKAGE.parent / (f"data/{kind}" if kind in ("published", "texts") else kind)
    return installed if installed.is_dir() else tree


def find(kind: str, ref: str | Path, suffix: str) -> Path:
    """The file that `ref` means: a path, or the name of one of afnlab's own.

    ValueError, with the nearest spelling, if there is neither.
    """
    path = expanded(ref)
    if path.suffix == suffix and path.is_file():
        return path.resolve()
    built_in = shared(kind) / (path.name if path.suffix == suffix else f"{path.name}{suffix}")
    if len(path.parts) == 1 and built_in.is_file():
        return built_in
    if path.is_dir() or path.suffix == suffix or len(path.parts) > 1:
        what = "is a folder" if path.is_dir() else "no such file"
        raise ValueError(f"{path}: {what}; a {kind.removesuffix('s')} ends in {suffix}")
    names = sorted(p.stem for p in shared(kind).glob(f"*{suffix}"))
    raise ValueError(unknown(kind.removesuffix("s"), path.stem, names))
