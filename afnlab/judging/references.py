"""Where the baseline and the tasks of a campaign lie that are a user's own, and which they are.

A reference such as `sub/base.py:base` means a file by the working folder of the day. A ledger holds
it by its own folder if the file lies in that, so that a folder that is moved as a whole keeps
working, and else with the whole path. References to modules stay as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from afnlab.runs.identity import absolute
from afnlab.runs.task_code import CODE
from afnlab.training.tasks import Task, canonical_task, get_task


def is_own(task: Task) -> bool:
    """Whether a task is a user's own, and not what afnlab knows by its name."""
    return canonical_task(task.name) is None or get_task(task.name) is not task


def kept(reference: str, folder: Path) -> str:
    """A reference as the ledger of a folder holds it.

    Args:
        reference: as the user gave it, here.
        folder: the ledger's, without links.
    """
    here = str(absolute({"task": reference})["task"])
    where, _, name = here.rpartition(":")
    inside = where.endswith(CODE) and Path(where).is_relative_to(folder)
    return f"{Path(where).relative_to(folder).as_posix()}:{name}" if inside else here


def located(reference: str, folder: Path) -> str:
    """A reference with the whole path.

    Args:
        reference: as the ledger of a folder holds it.
        folder: the ledger's.
    """
    where, _, name = reference.rpartition(":")
    return f"{folder / where}:{name}" if where.endswith(CODE) else reference


def moved(references: Mapping[str, str], before: Path, folder: Path) -> dict[str, str]:
    """References of the ledger of one folder as that of another holds them."""
    return {role: kept(located(one, before), folder) for role, one in references.items()}
