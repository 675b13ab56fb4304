"""The code of a user's own task: what distinguishes it from another task of the same name."""

from __future__ import annotations

from pathlib import Path

from afnlab.runs.fingerprint import manifest_of
from afnlab.runs.fingerprint.syntax import digest
from afnlab.runs.identity import absolute
from afnlab.training.tasks import Task
from afnlab.usercode.lookup import imported, namesakes

CODE = ".py"  # how a reference to a file ends, before its colon


def check_name(reference: str, task: Task) -> None:
    """Check that a file or a module has no second task of the same name.

    A run's id holds the code that it reaches and the task's name, so the two would share it.

    Args:
        reference: to the task, as the user gave it.
        task: what it stands for.

    Raises:
        ValueError: if there is a second one, with what both are called there.
    """
    names = namesakes(reference, Task, lambda other: other.name == task.name)
    if len(names) > 1:
        where = reference.rpartition(":")[0]
        both = f"{', '.join(names[:-1])} and {names[-1]}"
        raise ValueError(
            f"{where}: {both} are tasks that are all named {task.name!r}; give each its own name"
        )


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
