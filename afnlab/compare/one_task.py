"""Whether results of `afnlab.train` and `afnlab.tune` can be compared, as what they hold says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING

from afnlab.usercode.made_of import made_of

if TYPE_CHECKING:
    from afnlab.training.result import Result

_TELLS = ("name", "summary", "source", "published")  # of a task, and changes no number


def check_one_task(results: Mapping[str, Result]) -> None:
    """Check that trainings differ in what a comparison is about alone: activation, recipe, seeds.

    What sets them apart is what sets runs apart, see `afnlab.compare.training_facts.Trained`: the
    task with its code, the data, the metric, epochs, precision, kind of device, what was tuned.

    Args:
        results: at least one, by label.

    Raises:
        ValueError: if two differ in any of it, with what that is.
    """
    (label, first), *others = results.items()
    facts = _facts(first)
    for other, result in others:
        its = _facts(result)
        for what, value in facts.items():
            if its[what] != value:
                both = "" if isinstance(value, tuple) else f" ({value} and {its[what]})"
                raise ValueError(
                    f"results must be of one task, trained on the same data for as long; {label}"
                    f" and {other} differ in {what}{both}"
                )


def _facts(one: Result) -> dict[str, object]:
    """What must be equal; a tuple is nothing that one could read."""
    info, task = one.info, one.task
    examples = info["examples"]
    code = {f.name: (made_of(getattr(task, f.name)),) for f in fields(task) if f.name not in _TELLS}
    return {
        "the task": task.name,
        **{f"the task's {name}": value for name, value in code.items()},
        "what they are evaluated on": info["evaluated"],
        "the examples to train": examples["train"],
        "the examples to test": examples["test"],
        "the data": (info["data"],),
        "the epochs": int(one.history.epoch.max()),
        "dtype": info["dtype"],
        "device": info["device"],
        "what was tuned": _tuned(one),
    }


def _tuned(one: Result) -> str:
    if one.candidates is None or one.chosen is None:
        return "nothing"
    axes = [name for name in one.chosen.columns if name not in ("seed", "candidate")]
    return f"{'+'.join(axes)} of {one.candidates.candidate.nunique()}"
