"""Whether what is tuned may have a value in every training of a comparison."""

from __future__ import annotations

from collections.abc import Iterable

from afnlab.compare.axis_ends import alone
from afnlab.compare.training_facts import Trained
from afnlab.registry import list_activations
from afnlab.training.plan import configure
from afnlab.training.space import space
from afnlab.training.tasks import list_tasks

_TASK, _ACTIVATION = "digits-mlp", "relu"  # in the place of a user's


def accept(trainings: Iterable[Trained], name: str, axis: object) -> bool:
    """Whether all of these trainings may tune a parameter so, as what checks a sweep file says.

    Nothing of a user's is loaded for it: a parameter that only a user's task or activation has may
    have limits that nobody knows, and is not accepted.

    Args:
        trainings: the rows.
        name: the parameter.
        axis: its values or its range, as `afnlab.training.space.space` takes it.
    """
    tasks, activations = list_tasks(), list_activations()
    rows = {
        (
            one.task.name if one.task.name in tasks and not one.task.code else _TASK,
            one.activation if one.activation in activations else _ACTIVATION,
            one.options.get("optimizer"),
        )
        for one in trainings
    }
    try:
        tuning = space(alone(name, axis))
        for task, activation, optimizer in rows:
            params = {"optimizer": optimizer} if optimizer and name != "optimizer" else {}
            configure(task, activation, params=params, tuning=tuning, device="cpu")
    except ValueError:
        return False
    return True
