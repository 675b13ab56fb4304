"""Where a report ended that failed: its notebook, and what the kernel printed, beside the others.

They stay until a report is written. What somebody has changed of them stays beyond that, and makes
room for those of the next failure in the folder `kept`.
"""

from __future__ import annotations

import os
from pathlib import Path

from afnlab.report.state import state_of, stored
from afnlab.runs.storage import safe_files
from afnlab.runs.storage.set_aside import keep

NOTEBOOK = "report-failed.ipynb"
_NAMES = (NOTEBOOK, "report-failed.log")
_STATE = ".report-failed"  # which holds their sums


def make_room(target: Path) -> list[Path]:
    """Take what the last failure left out of the way.

    Args:
        target: the report's folder.

    Returns:
        Where that is which was changed since, or which nobody knows.
    """
    clear(target)
    return [keep(target, name) for name in _NAMES if os.path.lexists(target / name)]


def note(target: Path) -> None:
    """Note the files that a failure has left, as they are.

    Args:
        target: the report's folder.
    """
    there = [name for name in _NAMES if (target / name).is_file()]
    sums = {name: safe_files.summed(target / name)["sha256"] for name in there}
    safe_files.write_json(target / state_of(_STATE), {"files": sums})


def clear(target: Path) -> None:
    """Remove what the last failure left, but for what was changed since.

    Args:
        target: the report's folder.
    """
    files = stored(target, _STATE).get("files")
    for name, known in (files if isinstance(files, dict) else {}).items():
        if name in _NAMES and safe_files.is_as_written(target, name, known):
            (target / name).unlink()
    (target / state_of(_STATE)).unlink(missing_ok=True)
