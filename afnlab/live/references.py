"""Activations and tasks as they are typed into widgets."""

from __future__ import annotations

from afnlab.registry import Activation, get_activation
from afnlab.runs.identity import with_whole_path
from afnlab.training.tasks import Task, get_task


def activation_of(ref: str | Activation) -> Activation:
    """The activation that is meant, see `get_activation`; a file is looked for as `located` says.

    Args:
        ref: a name, a reference or a record.
    """
    return get_activation(with_whole_path(ref) if isinstance(ref, str) else ref)


def task_of(ref: str | Task) -> Task:
    """The task that is meant, see `get_task`; a file is looked for as `located` says.

    Args:
        ref: a name, a reference or a task.
    """
    return get_task(with_whole_path(ref) if isinstance(ref, str) else ref)
