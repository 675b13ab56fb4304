"""Where the baseline and the tasks of a campaign lie that are a user's own, and which they are.

A reference such as `sub/base.py:base` means a file by the working folder of the day. A ledger holds
it by its own folder if the file lies in that, so that a folder that is moved as a whole keeps
working, and else with the whole path. References to modules stay as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from afnlab.runs.fingerprint import manifest_of
from afnlab.runs.fingerprint.syntax import digest
from afnlab.runs.identity import absolute
from afnlab.training.tasks import Task, canonical_task, get_task
from afnlab.usercode.lookup import imported

CODE = ".py"  # how a reference to a file ends, before its colon


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


def code_of(reference: str) -> str:
    """SHA-256 of the code that a reference reaches, as for a run's id, wherever its files lie.

    Of what is installed, which counts by its version, that is the reference itself.

    Args:
        reference: to a task, as the user gave it, here.

    Raises:
        ValueError: for a module that cannot be imported.
    """
    where, _, name = reference.rpartition(":")
    if not where.endswith(CODE):
        module = imported(where, reference)
        reference = f"{vars(module).get('__file__') or where}:{name}"
    here = str(absolute({"task": reference})["task"])
    file = Path(here.rpartition(":")[0])
    # By a notebook without code, in the folder of the file: nothing that lies elsewhere counts.
    reached = manifest_of(file, b"", {"task": here}, folder=file.parent)
    return digest(name, reached.shape if str(file) in reached.files else f"{where}:{name}")
