"""Whether the trainings of a comparison may be tuned, and a parameter have a value in all."""

from __future__ import annotations

from collections.abc import Iterable

from afnlab.compare.axis_ends import alone
from afnlab.compare.training_facts import Trained
from afnlab.registry import list_activations
from afnlab.runs.storage.record_schema import TrainingRecord
from afnlab.training.plan import configure
from afnlab.training.space import TUNE, space
from afnlab.training.tasks import list_tasks
from afnlab.training.tune import FAIR

_NOTEBOOK = "train.ipynb"
_TASK, _ACTIVATION = "digits-mlp", "relu"  # in the place of a user's


def may_be_tuned(records: Iterable[TrainingRecord]) -> bool:
    """Whether `afnlab tune` makes what a sweep made, and each run tuned.

    It does not where they are tuned already, where what it tunes was given, so that the sweep is
    about just these values, where they are not judged by the test examples, or by a notebook of
    the user's, which may have no parameter for it.

    Args:
        records: those of the trainings.
    """
    fixed = {*FAIR, TUNE, "split"}
    return all(r["notebook"] == _NOTEBOOK and fixed.isdisjoint(r["given"]) for r in records)


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
