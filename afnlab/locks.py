"""Locks that a process holds while it lives: whatever ends it, the system lets go of them."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

SUFFIX = ".lock"
_CLAIM = ".claim-"


class Claim:
    """What is being made in a folder, a run or a report, as a context manager; other processes
    leave it alone meanwhile.

    held: whether it is ours. It is, too, where a file system has no locks: then two processes may
    make the same, and one of the two is kept.
    """

    def __init__(self, folder: Path, run_id: str) -> None:
        self._path = folder / f"{_CLAIM}{run_id}{SUFFIX}"
        self._lock: int | None = None
        self.held = self._take()

    def _take(self) -> bool:
        while True:
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                lock = os.open(self._path, os.O_RDWR | os.O_CREAT)
            except OSError:
                return True  # the attempt that follows will say what is wrong
            if acquire(lock) is False:
                os.close(lock)
                return False
            if _is_at(lock, self._path):
                self._lock = lock
                return True
            os.close(lock)  # the one that held it has deleted it meanwhile

    def __enter__(self) -> Claim:
        return self

    def __exit__(self, *_: object) -> None:
        if self._lock is not None:
            self._path.unlink(missing_ok=True)  # before it is let go: nobody else can hold it yet
            os.close(self._lock)
            self._lock = None


def tidy(folder: Path) -> None:
    """Delete the files of claims that ended processes left."""
    for path in folder.glob(f"{_CLAIM}*{SUFFIX}"):
        with Claim(folder, path.name[len(_CLAIM) : -len(SUFFIX)]):
            pass


def acquire(descriptor: int, wait: bool = False) -> bool | None:
    """Whether the lock is ours now, at once or when it is free; None where there are no locks."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return None
    return True


def is_free(path: Path) -> bool | None:
    """Whether nobody holds a lock; None where there are no locks."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    try:
        return acquire(descriptor)
    finally:
        os.close(descriptor)


def _is_at(descriptor: int, path: Path) -> bool:
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(descriptor), path.stat())
    return False
