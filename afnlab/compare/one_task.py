"""Whether results of `afnlab.train` and `afnlab.tune` can be compared, as what they hold says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING

from afnlab.usercode.made_of import Opaque, made_of

if TYPE_CHECKING:
    from afnlab.training.result import Result
    from afnlab.training.tasks import Task

_TELLS = ("name", "summary", "source", "published")  # of a task, and changes no number
_OF_ONE_TASK = "results must be of one task, trained on the same data for as long"


def check_one_task(results: Mapping[str, Result]) -> None:
    """Check that trainings differ in what a comparison is about alone: activation, recipe, seeds.

    What sets them apart is what sets runs apart, see `afnlab.compare.training_facts.Trained`: the
    task with its code, the data, the metric, epochs, precision, kind of device, what was tuned.

    Args:
        results: at least one, by label.

    Raises:
        ValueError: if two differ in any of it, or nobody can tell, with what that is.
    """
    (label, first), *others = results.items()
    facts = _facts(first)
    for other, result in others:
        its = _facts(result)
        for what, value in facts.items():
            if its[what] != value:
                both = "" if isinstance(value, tuple) else f" ({value} and {its[what]})"
                raise ValueError(f"{_OF_ONE_TASK}; {label} and {other} differ in {what}{both}")
        if part := _differing_part(first.task, result.task, f"{label} and {other}"):
            raise ValueError(f"{_OF_ONE_TASK}; {label} and {other} differ in the task's {part}")


def _facts(one: Result) -> dict[str, object]:
    """What must be equal; a tuple is nothing that one could read."""
    info, task = one.info, one.task
    examples = info["examples"]
    return {
        "the task": task.name,
        "what they are evaluated on": info["evaluated"],
        "the examples to train": examples["train"],
        "the examples to test": examples["test"],
        "the data": (info["data"],),
        "the epochs": int(one.history.epoch.max()),
        "dtype": info["dtype"],
        "device": info["device"],
        "what was tuned": _tuned(one),
    }


def _differing_part(first: Task, other: Task, both: str) -> str | None:
    """The part in which two tasks differ; None: there is none.

    What they share differs in nothing, whether or not it can be looked into.
    """
    for name in (one.name for one in fields(first) if one.name not in _TELLS):
        parts = getattr(first, name), getattr(other, name)
        try:
            if parts[0] is not parts[1] and made_of(parts[0]) != made_of(parts[1]):
                return name
        except Opaque as error:
            raise ValueError(
                f"{_OF_ONE_TASK}; whether {both} differ in the task's {name} cannot be told: "
                f"{error}; train both on one Task object"
            ) from None
    return None


def _tuned(one: Result) -> str:
    if one.candidates is None or one.chosen is None:
        return "nothing"
    axes = [name for name in one.chosen.columns if name not in ("seed", "candidate")]
    return f"{'+'.join(axes)} of {one.candidates.candidate.nunique()}"
