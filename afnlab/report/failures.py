"""Where a report ended that failed: its notebook, and what the kernel printed, beside the others.

They stay until a report is written. What somebody has changed of them stays beyond that, and makes
room for those of the next failure in the folder `kept`.
"""

from __future__ import annotations

import os
from pathlib import Path

from afnlab.report.state import state_of, stored
from afnlab.runs.storage import safe_files
from afnlab.runs.storage.set_aside import as_noted, keep, sums

NOTEBOOK = "report-failed.ipynb"
_NAMES = (NOTEBOOK, "report-failed.log")
_STATE = ".failed-report"  # which holds their sums


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
    safe_files.write_json(target / state_of(_STATE), {"files": sums(target, there)})


def clear(target: Path) -> None:
    """Remove what the last failure left, but for what was changed since.

    Args:
        target: the report's folder.
    """
    for name in as_noted(target, stored(target, _STATE).get("files")) & set(_NAMES):
        (target / name).unlink()
    (target / state_of(_STATE)).unlink(missing_ok=True)
