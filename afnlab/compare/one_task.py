"""Whether results of `afnlab.train` and `afnlab.tune` can be compared, as what they hold says."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import TYPE_CHECKING

from afnlab.messages import LISTED, some

if TYPE_CHECKING:
    from afnlab.training.result import Result
    from afnlab.training.task_parts import Part

_DATA = "data"  # whose code need not be seen: what it has returned is compared itself
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
        _check_parts(first, result, f"{label} and {other}")


def may_differ(results: Mapping[str, Result]) -> list[str]:
    """What nobody can tell of trainings of one task, in sentences.

    Args:
        results: what `check_one_task` has let pass.
    """
    from afnlab.training.task_parts import ACTIVATION, PARTS  # noqa: PLC0415

    said = []
    for name in (*PARTS, ACTIVATION):
        parts = {label: one.parts[name] for label, one in results.items() if one.parts}
        if name != _DATA and (rows := _going_on(parts)):
            called = "their activation" if name == ACTIVATION else f"the task's {name}"
            said.append(
                f"{some(rows, LISTED, 'row')}: {called} keeps something that trainings change,"
                " and these began with different states of it. A cache, or a count that nothing"
                " depends on, does no harm; by a schedule or a running mean a difference would come"
                " from that: then define it anew before each training."
            )
        unseen = next((part.unseen for part in parts.values() if part.unseen), "")
        if name not in (_DATA, ACTIVATION) and unseen and len(parts) > 1:
            said.append(
                f"The task's {name} was one object in all trainings, and not all of it can be seen:"
                f" {unseen}. If that was changed between them, a difference may come from it."
            )
    return said


def _going_on(parts: Mapping[str, Part]) -> list[str]:
    """The labels of what began where other trainings had left the same part, or it had not."""
    pairs = combinations(parts.items(), 2)
    differ = {at for (a, one), (b, its) in pairs if one.goes_on(its) for at in (a, b)}
    return [label for label in parts if label in differ]


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


def _check_parts(first: Result, other: Result, both: str) -> None:
    """ValueError if a part of the task was not the same in both trainings, or nobody can tell.

    What it was then counts: a notebook may have defined anew since what its functions use. Where
    not all of it can be seen the rest may differ: two that were trained on one object have a note.
    """
    from afnlab.training.task_parts import PARTS  # noqa: PLC0415

    for name in PARTS:
        one, its = ((result.parts or {}).get(name) for result in (first, other))
        unseen = "what they were trained on was not kept"
        if one and its:
            if not one.same(its):
                again = "; what it uses changes while it is trained: define it anew before each"
                raise ValueError(
                    f"{_OF_ONE_TASK}; {both} differ in the task's {name}, as it was when each was"
                    f" trained{again if one.changes or its.changes else ''}"
                )
            unseen = one.unseen or its.unseen
        if unseen and name != _DATA and getattr(first.task, name) is not getattr(other.task, name):
            raise ValueError(
                f"{_OF_ONE_TASK}; whether {both} differ in the task's {name} cannot be told: "
                f"{unseen}; train both on one Task object"
            )


def _tuned(one: Result) -> str:
    if one.candidates is None or one.chosen is None:
        return "nothing"
    axes = [name for name in one.chosen.columns if name not in ("seed", "candidate")]
    return f"{'+'.join(axes)} of {one.candidates.candidate.nunique()}"
