"""What may be an earlier version of an idea, among the runs that there are.

The group of a run holds the name of its file and the code. So an edit that changes no number, an
edit of what another function of the file uses, and a copy of the file make another group, with the
same results or nearly the same. Who has seen those has seen the idea's. Here a training counts that
had the same task, conditions and settings, and of which one of two holds: its function was called
as the idea's is, in whatever file, or it had the values of the idea.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress

import numpy as np

from afnlab.compare import compared_functions
from afnlab.compare.training_facts import Trained
from afnlab.judging.kept_runs import KeptRun
from afnlab.runs.identity import canonical
from afnlab.runs.one_function import SAME
from afnlab.runs.run_spec import TrainingSpec
from afnlab.runs.storage import function_values
from afnlab.runs.storage.record_schema import FURTHER, is_training
from afnlab.training.space import TUNE

_SETTING = (
    *("task", "epochs", "limit_train", "limit_test", "dtype", "device"),
    *("options", "trainable", TUNE, FURTHER),
)


def versions(spec: TrainingSpec, kept: Iterable[KeptRun]) -> dict[str, str]:
    """What may be earlier versions of an idea: by their group what each is called.

    Args:
        spec: the training of the idea.
        kept: the runs that there are.
    """
    setting, called, values = _setting(spec.normal), _called(spec.normal), _values(spec)
    labels: dict[str, str] = {}
    others: set[str] = {spec.group}
    for run in kept:
        record, group = run.record, run.record["group"]
        if group in others or group in labels or not is_training(record):
            continue
        normal: Mapping[str, object] = record["parameters"]
        is_version = _setting(normal) == setting and (
            _called(normal) == called or _has(values, run)
        )
        if is_version:
            label = str(normal["label"])
            labels[group] = f"{label} with other code" if label == spec.training.label else label
        else:
            others.add(group)
    return labels


def _setting(normal: Mapping[str, object]) -> str:
    """How something was trained; not the code of the task, which may be edited as an idea's."""
    return canonical({name: normal.get(name) for name in _SETTING})


def _called(normal: Mapping[str, object]) -> tuple[bool, str]:
    """Whether a function is a user's, and what it is called without its file, with its settings."""
    activation = str(normal["activation"])
    _, colon, name = activation.rpartition(":")
    return bool(colon), name + str(normal["label"]).removeprefix(activation)


def _values(spec: TrainingSpec) -> np.ndarray | None:
    """The values of an idea as it is trained; None if they are trained, or drawn."""
    record, options = spec.training.activation, spec.training.options
    if not record.elementwise or record.stochastic or options.trainable:
        return None
    with suppress(Exception):  # somebody else's code, of which an error is told when it is judged
        return function_values.used(record, options.activation).detach().numpy()
    return None


def _has(values: np.ndarray | None, run: KeptRun) -> bool:
    """Whether a training was one of the function that has these values."""
    if values is None:
        return False
    with suppress(ValueError):
        one = Trained.of_record(run.record)
        its = compared_functions.used(one, [run.folder / run.record["id"]])
        return (
            its is not None
            and its.shape == values.shape
            and np.allclose(its, values, equal_nan=True, **SAME)
        )
    return False
