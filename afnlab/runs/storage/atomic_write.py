"""Writing a run: a folder of its own for each attempt, and one rename when all of it is on disk.

A lock beside the folder is held by the process that makes the attempt, so that what a killed one
left can be distinguished from what is in progress.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import time
import uuid
import warnings
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from afnlab import locks
from afnlab.runs.storage import runs_folder, safe_files

PREFIX, TRASH, TORN, LOCK = ".attempt-", ".trash-", ".torn-", locks.SUFFIX
_MINUTE, _DAY = 60, 86_400  # seconds
# What a file system answers that cannot do this, as CIFS and sshfs for folders: no sign of a fault.
_NOT_OFFERED = (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EACCES, errno.EPERM, errno.EBADF)


class Attempt:
    """A new folder for an attempt at a run; no two attempts share one.

    shown: what a message calls the folder of runs.
    """

    def __init__(self, runs: Path, run_id: str, shown: str = "") -> None:
        self.runs, self.run_id = runs.resolve(), run_id
        self.folder = self.runs / f"{PREFIX}{run_id}-{_unique()}"
        try:
            self.runs.mkdir(parents=True, exist_ok=True)
            # The lock comes before the folder: a folder without one is nobody's any more.
            self._lock = os.open(_lock_of(self.folder), os.O_RDWR | os.O_CREAT)
            locks.acquire(self._lock)
            self.folder.mkdir()
        except OSError as error:
            raise ValueError(f"{shown or runs}: cannot hold runs ({error})") from None

    def require_room(self) -> None:
        """ValueError where a plain file, or a link, stands under the run's name."""
        final = self.runs / self.run_id
        if os.path.lexists(final) and (final.is_symlink() or not final.is_dir()):
            what = "a link" if final.is_symlink() else "a file"
            raise ValueError(
                f"{final}: is {what}, where the folder of this run has to be; move it away"
            )

    def finish(self, record: dict[str, object]) -> Path:
        """Make the attempt the run. If another was first, its folder stays.

        What is no plain file is not kept: links, pipes and the like are named in a warning.
        ValueError, and the attempt stays as it is, if there is what no record could hold.
        """
        if not self._is_there():
            raise ValueError("the folder that the notebook was given as `out` is there no more")
        for name in runs_folder.OWN:
            if os.path.lexists(self.folder / name):
                raise ValueError(f"a notebook may not leave a {name}: that is afnlab's own file")
        for path, kind in list(safe_files.odd(self.folder)):
            warnings.warn(f"{self.run_id}: not kept, as it is {kind}: {path.name}", stacklevel=2)
            path.unlink()
        runs_folder.write_record(self.folder, record, safe_files.plain(self.folder))
        final = self.runs / self.run_id / runs_folder.RECORD
        written = runs_folder.parse_record(safe_files.read(self.folder / runs_folder.RECORD), final)
        runs_folder.check_files(self.folder, written)
        return self.settle()

    def settle(self) -> Path:
        """Give the folder, with its record in it, the run's name."""
        for path in (*safe_files.plain(self.folder), *safe_files.folders(self.folder), self.folder):
            _sync(path)
        self.require_room()
        final = self.runs / self.run_id
        while not _renamed(self.folder, final):
            try:
                runs_folder.read_record(final / runs_folder.RECORD, entire=True)
            except ValueError:  # not whole, and reported whenever it was read
                with suppress(FileNotFoundError):
                    final.rename(self.runs / f"{TORN}{self.run_id}-{_unique()}")
            else:
                discard(self.folder)
                break
        _sync(self.runs)
        self._release()
        discard_failed(self.runs, self.run_id)
        return final

    def fail(self, facts: Mapping[str, object]) -> Path:
        """Move the attempt aside, in place of the last one that failed of the same run."""
        final = self.runs / runs_folder.FAILED / self.run_id
        final.parent.mkdir(exist_ok=True)
        if final.parent.is_symlink():
            raise OSError(errno.ELOOP, "is a link", str(final.parent))
        if not self._is_there():  # the notebook, or somebody else, has taken it away
            discard(self.folder)
            self.folder.mkdir()
        if (self.folder / runs_folder.ERROR).is_dir():  # the notebook's
            discard(self.folder / runs_folder.ERROR)
        runs_folder.write_failure(self.folder, facts)
        while not _renamed(self.folder, final):
            discard(final)
        self._release()
        return final

    def drop(self) -> None:
        """Leave nothing of the attempt."""
        discard(self.folder)
        self._release()

    def leave(self) -> Path:
        """Leave all as it is, for someone to look at and `afnlab runs gc` to delete."""
        self._release()
        return self.folder

    def _is_there(self) -> bool:
        """Whether the folder is one still, and no link that leads elsewhere."""
        return self.folder.is_dir() and not self.folder.is_symlink()

    def _release(self) -> None:
        _lock_of(self.folder).unlink(missing_ok=True)
        os.close(self._lock)


def abandoned(runs: Path) -> list[Path]:
    """What ended processes left: folders of attempts, their locks, and what was being deleted."""
    leftovers = list(runs.glob(f"{TRASH}*"))
    if not (runs / runs_folder.FAILED).is_symlink():
        leftovers += runs.glob(f"{runs_folder.FAILED}/{TRASH}*")
    for path in runs.glob(f"{PREFIX}*"):
        if path.suffix != LOCK:
            if _is_free(_lock_of(path)):
                leftovers.append(path)
        elif not path.with_suffix("").exists() and _age(path) > _MINUTE and _is_free(path):
            leftovers.append(path)  # younger, its folder may be about to be made
    return sorted(leftovers)


def discard(path: Path) -> None:
    """Delete a folder or file, if it is there; nobody sees it half deleted.

    Of a link only the link goes. ValueError if something is mounted within.
    """
    if not path.is_symlink() and path.is_dir():
        device = path.parent.stat().st_dev
        with suppress(PermissionError):  # then nothing in it can be deleted either
            for folder in (path, *safe_files.folders(path)):
                if folder.lstat().st_dev != device:
                    raise ValueError(f"{folder}: another file system is mounted there")
    trash = path.with_name(f"{TRASH}{_unique()}")
    with suppress(FileNotFoundError):
        path.rename(trash)
        if trash.is_dir() and not trash.is_symlink():
            shutil.rmtree(trash, ignore_errors=True)
        else:
            trash.unlink()
    if path.name.startswith(PREFIX) and path.suffix != LOCK:
        _lock_of(path).unlink(missing_ok=True)


def discard_failed(runs: Path, run_id: str) -> None:
    """Delete what a failed run left, if it is there, and not in a folder that is a link."""
    if not (runs / runs_folder.FAILED).is_symlink():
        discard(runs / runs_folder.FAILED / run_id)


def _unique() -> str:
    return uuid.uuid4().hex[:8]


def _lock_of(folder: Path) -> Path:
    return folder.with_name(folder.name + LOCK)


def _renamed(folder: Path, final: Path) -> bool:
    """Rename, unless the final name is taken."""
    try:
        folder.rename(final)
    except OSError:
        if not final.is_dir():
            raise
        return False
    return True


def _sync(path: Path) -> None:
    """Have a file, or a folder's list of names, written to the disk, where that can be asked for.

    Whatever else a notebook left (links, pipes, sockets) is not opened: it might never answer.
    """
    if os.name != "posix" and path.is_dir():
        return  # Windows opens no folders
    mode = path.lstat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        return
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno not in _NOT_OFFERED:
            raise


def _is_free(lock: Path) -> bool:
    """Whether nobody holds a lock; where there are none, whether it is older than two days."""
    free = locks.is_free(lock)
    return _age(lock) > 2 * _DAY if free is None else free


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except OSError:
        return 0.0
