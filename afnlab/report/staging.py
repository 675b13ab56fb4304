"""A report's files: written aside, then put in place together, and the last report's removed.

Whatever ends a report before all of it is written leaves the one that was there. What ends it while
its files are put in place, which takes milliseconds, leaves the rest to the next report: `settle`.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from afnlab.locks import Claim
from afnlab.report.state import SCHEMA, STATE, stored
from afnlab.runs.storage import atomic_write, safe_files

_CLAIM = "report"
_PART, _READY = ".report-", ".report.ready"


@contextmanager
def aside(target: Path) -> Iterator[Path]:
    """A folder to write a report into; when that is done, its files take their places.

    Args:
        target: the report's folder, in which files of the user's may lie too.

    Returns:
        The folder, as a context manager. It has to hold the report's state at the end.

    Raises:
        ValueError: if another process is writing a report there.
    """
    target.mkdir(parents=True, exist_ok=True)
    with Claim(target, _CLAIM) as claim:
        if not claim.held:
            raise ValueError(f"{target}: another process is writing a report there")
        _settle(target)
        for abandoned in target.glob(f"{_PART}*"):  # by a process that was killed
            atomic_write.discard(abandoned)
        folder = Path(tempfile.mkdtemp(prefix=_PART, dir=target))
        try:
            yield folder
            folder.rename(target / _READY)
            _settle(target)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def settle(target: Path) -> None:
    """Put a report that was written whole in its place, and remove what the last one alone wrote.

    What lies in the folder as the last report has written it, by the sums in its state, is its own;
    what was changed since, or was never written by it, stays. Nothing is removed through a link.
    Where another process is writing a report, this is left to it.

    Args:
        target: the report's folder.
    """
    if (target / _READY).exists():
        with Claim(target, _CLAIM) as claim:
            if claim.held:
                _settle(target)


def _settle(target: Path) -> None:
    """The same, by who holds the claim."""
    ready = target / _READY
    if ready.is_symlink() or not ready.is_dir():
        return
    if now := _files(ready):  # else its state, which takes its place last, is there already
        before = _files(target)
        for name in now:
            if (ready / name).is_file():  # else it was put in place before an interruption
                (target / name).parent.mkdir(exist_ok=True)
                (ready / name).replace(target / name)
        for name in before.keys() - now.keys():
            if is_as_written(target, name, before[name]):
                (target / name).unlink()
        (ready / STATE).replace(target / STATE)
    shutil.rmtree(ready)


def is_whole(target: Path) -> bool:
    """Whether all files of a report are there as they were written.

    Args:
        target: the report's folder.
    """
    files = _files(target)
    return bool(files) and all(is_as_written(target, name, files[name]) for name in files)


def require_room(target: Path, files: Collection[str], folders: Collection[str]) -> None:
    """Refuse a folder in which a report cannot take its place, before it is made.

    Args:
        target: the report's folder.
        files: names of files that it has in any case.
        folders: names of folders.

    Raises:
        ValueError: if a folder stands in the place of a file, or a file in that of a folder.
    """
    where = "give another one: out (--out FOLDER)"
    there = next(path for path in (target, *target.absolute().parents) if path.exists())
    for folder in (there, *(target / name for name in folders)):
        if folder.exists() and not folder.is_dir():
            raise ValueError(f"{folder}: is no folder, where a report needs one; {where}")
    for name in files:
        if (target / name).is_dir():
            raise ValueError(f"{target / name}: is a folder, where a report has a file; {where}")


def is_as_written(target: Path, name: str, known: str) -> bool:
    """Whether a file of a report's folder is a plain one, behind no link, with this SHA-256."""
    with suppress(ValueError):
        return safe_files.summed(safe_files.within(target, name))["sha256"] == known
    return False


def _files(folder: Path) -> dict[str, str]:
    """The sums of the files that a report has written within its folder, by their names, as far as
    its state tells them apart."""
    state = stored(folder)
    files = state.get("files")
    if not isinstance(files, dict) or state.get("schema") != SCHEMA:
        return {}
    return {name: known for name, known in files.items() if safe_files.is_name(name)}
