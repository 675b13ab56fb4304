"""Compiled libraries: found ready in the package, found in the user's cache, or built into it."""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from afnlab import paths
from afnlab.native.launch import Arguments
from afnlab.native.toolchain import (
    Compiler,
    Unavailable,
    capability,
    carried_runs,
    cpu_compiler,
    cuda_compiler,
)
from afnlab.paths import CACHE, NATIVE, kernel_sources
from afnlab.paths import KERNELS as SOURCE

HERE = NATIVE
READY = HERE / "ready"  # the libraries that a wheel carries
# What stands for other loops among names of activations: over pictures, of attention, of Adam.
LOOPS = PLANES, ATTENTION, ADAM = "planes", "attention", "adam"
_SEAL = b"afnlab sealed "  # what follows, the SHA-256 of all before it, ends a cached library
_ABANDONED = 3600.0  # seconds, after which an unfinished file in the cache is removed


def cache_folder() -> Path:
    """Where libraries are kept: `$AFNLAB_CACHE`, else afnlab's part of the user's cache folder."""
    try:
        return paths.cache_folder() / "native"
    except RuntimeError:
        raise Unavailable(f"there is no home folder to build in; set {CACHE}") from None


def sources(kind: str) -> list[Path]:
    """The files that a library is compiled from; none for a kind of device that has none."""
    return kernel_sources(kind, HERE)


@cache
def digest(kind: str) -> str:
    """SHA-256 of a library's sources."""
    return hashlib.sha256(b"".join(f.read_bytes() for f in sources(kind))).hexdigest()


def ready(kind: str, level: str) -> Path:
    """Where a wheel carries the library of this kind and level."""
    return READY / f"{kind}-{platform.machine()}-{level.lower()}-{digest(kind)[:16]}.so"


@dataclass(frozen=True, eq=False)
class CompiledFunction:
    """A function that a library exports: called with its arguments, it returns when all is done or,
    on a GPU, begun. RuntimeError where it fails."""

    origin: Path
    start: Callable[[Arguments], int]
    explain: Callable[[int], bytes]

    def __call__(self, arguments: Arguments, /) -> None:
        if code := self.start(arguments):
            raise RuntimeError(f"{self.origin}: {self.explain(code).decode()}")


@dataclass(frozen=True)
class Library:
    """A compiled library whose functions read `arguments` as they lie here."""

    path: Path
    arguments: type[Arguments]
    functions: ctypes.CDLL

    @classmethod
    def open(cls, path: Path, arguments: type[Arguments]) -> Library:
        """OSError where it cannot be loaded, Unavailable where it reads its arguments otherwise."""
        functions = ctypes.CDLL(str(path))
        arguments.check_layout(functions, path)
        return cls(path, arguments, functions)

    def function(self, name: str) -> CompiledFunction:
        """The exported function of this name; Unavailable where there is none."""
        try:
            start, explain = self.functions[f"afnlab_{name}"], self.functions["afnlab_error"]
        except AttributeError:
            raise Unavailable(f"{self.path} lacks {name}") from None
        start.argtypes = [ctypes.POINTER(self.arguments)]
        explain.argtypes, explain.restype = [ctypes.c_int], ctypes.c_char_p
        return CompiledFunction(self.path, start, explain)


def load(kind: str, name: str, arguments: type[Arguments]) -> Library:
    """The library with an activation's kernels, or one of LOOPS, built first if need be.

    kind: "cpu" or "cuda". Unavailable, with the reason, if it cannot be had. A library in the cache
    is whole or absent, and is built anew if it has been altered; processes that build the same one
    at once all succeed.
    """
    carried = ready(kind, capability() if kind == "cpu" else "cuda")
    if carried.is_file() and (kind == "cpu" or carried_runs()):
        with suppress(OSError, Unavailable):
            return Library.open(carried, arguments)
    compiler = cpu_compiler() if kind == "cpu" else cuda_compiler()
    loops = ("-DAFNLAB_LOOPS", f"-DAFNLAB_{name.upper()}")
    extra = loops if name in LOOPS else (f"-DAFNLAB_ONLY={name}",)  # one: there within a second
    words = (digest(kind), compiler.identity, platform.machine(), *extra)
    key = hashlib.sha256("\n".join(words).encode()).hexdigest()[:24]
    path = cache_folder() / f"{kind}-{name}-{key}.so"
    try:
        if not _is_sealed(path):
            build(compiler, SOURCE[kind], path, extra)
        return Library.open(path, arguments)
    except OSError as error:  # the same words for every library, so that they are said once
        reason = (error.strerror or str(error)).removeprefix(f"{path}: ")
        raise Unavailable(
            f"{path.parent} cannot be used ({reason}); {CACHE} sets another folder"
        ) from None


def loops(
    name: str, arguments: type[Arguments], functions: Iterable[str], what: str
) -> dict[str, CompiledFunction] | None:
    """Compiled loops for the CPU by name; None, after a warning, if they cannot be had.

    Args:
        name: one of LOOPS.
        arguments: what the loops read.
        functions: their names; the library exports them as `name`_`function`.
        what: what they compute, in words.
    """
    try:
        compiled = load("cpu", name, arguments)
        return {f: compiled.function(f"{name}_{f}") for f in functions}
    except Unavailable as reason:
        warnings.warn(
            f"no compiled {what}: {reason}; torch serves, somewhat slower",
            RuntimeWarning,
            stacklevel=3,
        )
        return None


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
    for file in folder.glob(".building-*"):
        with suppress(OSError):
            if time.time() - file.stat().st_mtime > _ABANDONED:
                file.unlink()
