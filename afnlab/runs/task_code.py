"""The code of a user's own task: what distinguishes it from another task of the same name."""

from __future__ import annotations

from pathlib import Path

from afnlab.runs.fingerprint import manifest_of
from afnlab.runs.fingerprint.syntax import digest
from afnlab.runs.identity import absolute, with_whole_path
from afnlab.training.tasks import Task
from afnlab.usercode.lookup import defined, imported

CODE = ".py"  # how a reference to a file ends, before its colon


def check_name(reference: str, task: Task) -> None:
    """Check that a reference's code and the task's name say which task it is.

    A run's id holds these two. So two tasks of a file or a module that have one name would share
    it, and so would those that it makes when it is asked for them.

    Args:
        reference: to the task, as the user gave it.
        task: what it stands for.

    Raises:
        ValueError: if there is a second one, with what both are called there, or if the task is
            not one that the module holds.
    """
    where, _, name = reference.rpartition(":")
    held = defined(with_whole_path(reference), Task)
    if name not in held:
        raise ValueError(
            f"{reference}: is made by code when it is asked for, so that its name does not tell"
            f" which task it is; assign it to {name} at the top level of {where}"
        )
    names: dict[int, str] = {}  # one that has several stands for all by its first
    for other, one in held.items():
        if one.name == task.name:
            names.setdefault(id(one), other)
    if len(names) > 1:
        *first, last = names.values()
        both = f"{', '.join(first)} and {last}"
        raise ValueError(
            f"{where}: {both} are tasks that are all named {task.name!r}; give each its own name"
        )


def code_of(reference: str) -> str:
    """SHA-256 of the code that a reference reaches, as for a run's id, wherever its files lie.

    Of a large package, which counts by its version, that is this and the reference itself.

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
    if str(file) in reached.files:
        return digest(name, reached.shape)
    return digest(name, f"{where}:{name}", *map("=".join, reached.versions.items()))
