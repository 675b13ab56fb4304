"""Freed memory that a process keeps while it trains."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

# Of glibc's mallopt; the values are what it has by itself once it has freed blocks of 32 MiB.
_MAP_MAX, _MAP_ABOVE, _TRIM_ABOVE = -4, -3, -1
_USUAL = {_MAP_ABOVE: 32 << 20, _TRIM_ABOVE: 64 << 20, _MAP_MAX: 65_536}
_KEEPING = {_MAP_MAX: 0, _TRIM_ABOVE: 2**31 - 1}
_TUNABLES, _OLD_SETTINGS = "GLIBC_TUNABLES", ("MALLOC_MMAP_", "MALLOC_TRIM_", "MALLOC_TOP_")

_lock, _inside = Lock(), 0


@contextmanager
def keep_freed_memory() -> Iterator[bool]:
    """A context in which this process keeps the memory that it frees; whether it can.

    Otherwise large tensors are allocated anew by the system in every operation, and the first
    access to each page takes longer than most operations. No number depends on it. Afterwards free
    memory is returned to the system, and large blocks are mapped again, as glibc itself does once
    it has freed some: 32 MiB and more. Without glibc, or where the environment configures malloc
    (GLIBC_TUNABLES, MALLOC_...), nothing is changed. Contexts may overlap, in any threads: the end
    of the last one restores the settings.
    """
    global _inside  # noqa: PLW0603
    library = None if _set_by_environment() else _glibc()
    if library is None:
        yield False
        return
    with _lock:
        _inside += 1
        if _inside == 1:
            _set(library, _KEEPING)
    try:
        yield True
    finally:
        with _lock:
            _inside -= 1
            if not _inside:
                _set(library, _USUAL)
                library.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    """The C library, if it is one that can be told what to keep."""
    try:
        library = ctypes.CDLL(None)
        return library if library.gnu_get_libc_version and library.malloc_trim else None
    except (OSError, AttributeError, TypeError):  # TypeError: Windows
        return None


def _set_by_environment() -> bool:
    tunables = os.environ.get(_TUNABLES, "")
    return "glibc.malloc." in tunables or any(n.startswith(_OLD_SETTINGS) for n in os.environ)


def _set(library: ctypes.CDLL, values: dict[int, int]) -> None:
    for name, value in values.items():
        library.mallopt(name, value)
