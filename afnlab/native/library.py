"""Compiled libraries: found ready in the package, found in the user's cache, or built into it."""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import sys
import tempfile
import time
from contextlib import suppress
from functools import cache
from pathlib import Path

from afnlab.native.toolchain import (
    Compiler,
    Unavailable,
    capability,
    carried_runs,
    cpu_compiler,
    cuda_compiler,
)

HERE = Path(__file__).resolve().parent
READY = HERE / "ready"  # the libraries that a wheel carries
CACHE = "AFNLAB_CACHE"
PLANES = "planes"  # what stands for the loops over pictures among the names of activations
SOURCE = {"cpu": HERE / "cpu.cpp", "cuda": HERE / "cuda.cu"}
_SEAL = b"afnlab sealed "  # what follows, the SHA-256 of all before it, ends a cached library
_ABANDONED = 3600.0  # seconds, after which an unfinished file in the cache is removed


def cache_folder() -> Path:
    """Where libraries are kept: `$AFNLAB_CACHE`, else afnlab's part of the user's cache folder."""
    try:
        if os.environ.get(CACHE):
            return Path(os.environ[CACHE]).expanduser() / "native"
        home = Path.home()
    except RuntimeError:
        raise Unavailable(f"there is no home folder to build in; set {CACHE}") from None
    default = home / ("Library/Caches" if sys.platform == "darwin" else ".cache")
    return Path(os.environ.get("XDG_CACHE_HOME") or default) / "afnlab" / "native"


def sources(kind: str) -> list[Path]:
    """The files that a library is compiled from; none for a kind of device that has none."""
    if kind not in SOURCE:
        return []
    own = {"cpu": "planes.h", "cuda": "cuda_kernels.h"}[kind]
    return [HERE / "functors.h", SOURCE[kind], HERE / own]


@cache
def digest(kind: str) -> str:
    """SHA-256 of a library's sources."""
    return hashlib.sha256(b"".join(f.read_bytes() for f in sources(kind))).hexdigest()


def ready(kind: str, level: str) -> Path:
    """Where a wheel carries the library of this kind and level."""
    return READY / f"{kind}-{platform.machine()}-{level.lower()}-{digest(kind)[:16]}.so"


def load(kind: str, name: str) -> tuple[ctypes.CDLL, Path]:
    """The library with an activation's kernels, or with PLANES, built first if need be; its place.

    kind: "cpu" or "cuda". Unavailable, with the reason, if it cannot be had. A library in the cache
    is whole or absent, and is built anew if it has been altered; processes that build the same one
    at once all succeed.
    """
    carried = ready(kind, capability() if kind == "cpu" else "cuda")
    if carried.is_file() and (kind == "cpu" or carried_runs()):
        with suppress(OSError):
            return ctypes.CDLL(str(carried)), carried
    compiler = cpu_compiler() if kind == "cpu" else cuda_compiler()
    only = "-DAFNLAB_PLANES" if name == PLANES else f"-DAFNLAB_ONLY={name}"
    extra = (only,)  # one at a time, to be there within a second
    words = (digest(kind), compiler.identity, platform.machine(), *extra)
    key = hashlib.sha256("\n".join(words).encode()).hexdigest()[:24]
    path = cache_folder() / f"{kind}-{name}-{key}.so"
    try:
        if not _is_sealed(path):
            build(compiler, SOURCE[kind], path, extra)
        return ctypes.CDLL(str(path)), path
    except OSError as error:  # the same words for every library, so that they are said once
        reason = (error.strerror or str(error)).removeprefix(f"{path}: ")
        raise Unavailable(
            f"{path.parent} cannot be used ({reason}); {CACHE} sets another folder"
        ) from None


def build(compiler: Compiler, source: Path, path: Path, extra: tuple[str, ...] = ()) -> None:
    """Compile to `path`, under another name first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _sweep(path.parent)
    handle, name = tempfile.mkstemp(prefix=".building-", suffix=".so", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        compiler.run(source, temporary, extra)
        content = temporary.read_bytes()
        temporary.write_bytes(content + _SEAL + hashlib.sha256(content).digest())
        temporary.chmod(0o755)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _is_sealed(path: Path) -> bool:
    """Whether it is all there: loading a file that was cut short would end the process."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return False
    content, seal, written = content[:-46], content[-46:-32], content[-32:]
    return seal == _SEAL and hashlib.sha256(content).digest() == written


def _sweep(folder: Path) -> None:
    for left in folder.glob(".building-*"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > _ABANDONED:
                left.unlink()
