"""A report's files: written aside, then put in place together, and the last report's removed.

Whatever ends a report before all of it is written leaves the one that was there. What ends it while
its files are put in place, which takes milliseconds, leaves the rest to the next report: `settle`.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from afnlab.locks import Claim
from afnlab.runs.storage import atomic_write, safe_files

STATE = "report.json"
SCHEMA = 2  # of the state: the first listed as the report's whatever lay in its folders
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
    with Claim(target, "report") as claim:
        if not claim.held:
            raise ValueError(f"{target}: another process is writing a report there")
        for abandoned in target.glob(f"{_PART}*"):  # by a process that was killed
            atomic_write.discard(abandoned)
        folder = Path(tempfile.mkdtemp(prefix=_PART, dir=target))
        try:
            yield folder
            folder.rename(target / _READY)
            settle(target)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def settle(target: Path) -> None:
    """Put a report that was written whole in its place, and remove what the last one alone wrote.

    What lies in the folder as the last report has written it, by the sums in its state, is its own;
    what was changed since, or was never written by it, stays. Nothing is removed through a link.

    Args:
        target: the report's folder.
    """
    ready = target / _READY
    if ready.is_symlink() or not ready.is_dir():
        return
    before, now = _files(read_state(target)), _files(read_state(ready))
    for name in now:
        if (ready / name).is_file():  # else it was put in place before an interruption
            (target / name).parent.mkdir(exist_ok=True)
            (ready / name).replace(target / name)
    for name in before.keys() - now.keys():
        if is_as_written(target, name, before[name]):
            (target / name).unlink()
    if now:
        (ready / STATE).replace(target / STATE)
    shutil.rmtree(ready)


def is_as_written(target: Path, name: str, known: str) -> bool:
    """Whether a file of a report's folder is a plain one, behind no link, with this SHA-256."""
    with suppress(ValueError):
        return safe_files.summed(safe_files.within(target, name))["sha256"] == known
    return False


def _files(state: dict[str, object]) -> dict[str, str]:
    """The sums of the files that a report has written, as far as its state tells them apart."""
    files = state.get("files")
    return files if isinstance(files, dict) and state.get("schema") == SCHEMA else {}


def read_state(target: Path) -> dict[str, Any]:
    """What a report says of how it was made; empty if it is no report."""
    try:
        state = json.loads((target / STATE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return state if isinstance(state, dict) else {}
