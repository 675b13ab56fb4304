"""Comparison of values of one continuous parameter: all values and seeds in one training."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
import torch

from afnlab.registry import Activation, get_activation
from afnlab.spellings import unknown
from afnlab.training.engine import train_members
from afnlab.training.members import Member, with_tensor
from afnlab.training.options import MOST_SEEDS, resolve, whole
from afnlab.training.plan import configure, plan
from afnlab.training.recorder import history_of
from afnlab.training.settings import torch_defaults
from afnlab.training.task_parts import watched
from afnlab.training.tasks import Task, get_task
from afnlab.usercode.mainguard import refuse_while_importing

WIDE = 10  # where the ends of a range are so many times apart, its grid is geometric
L_RANGE = (0.5, 16.0)


def scannable(task: Task, record: Activation) -> dict[str, tuple[float, float]]:
    """The parameters that can be scanned, with the range worth exploring."""
    ranges = {n: (p.low, p.high) for n, p in record.params.items() if not p.fixed}
    return ranges | ({"L": L_RANGE} if "L" in task.settings else {})


def grid(task: str | Task, activation: str | Activation, parameter: str, count: int) -> list[float]:
    """A number of values over the parameter's range, rounded to three significant digits."""
    whole(count, "count", least=1, most=MOST_SEEDS)
    low, high = _range(get_task(task), get_activation(activation), parameter)
    space = np.geomspace if low > 0 and high / low >= WIDE else np.linspace
    return sorted({float(f"{v:.3g}") for v in space(low, high, count)})


def _range(task: Task, record: Activation, parameter: str) -> tuple[float, float]:
    known = scannable(task, record)
    if not isinstance(parameter, str) or parameter not in known:
        raise ValueError(unknown("parameter", parameter, known, of=record.label))
    return known[parameter]


@torch_defaults()
def scan(
    task: str | Task,
    activation: str | Activation,
    parameter: str,
    values: Sequence[float],
    *,
    params: Mapping[str, object] | None = None,
    trainable: bool = False,
    seeds: int | Iterable[int] = 10,
    epochs: int | None = None,
    device: str | torch.device | None = None,
    dtype: str = "float32",
    limit_train: int | None = None,
    split: str = "validation",
    progress: bool | None = None,
) -> pd.DataFrame:
    """Train a task's network for every value of a parameter and every seed.

    Args:
        task, activation: as in `afnlab.train`.
        parameter: one of the activation's, or L of an Auto-Rotating task.
        values: the values to compare.
        params: further parameters, as in `afnlab.train`.
        trainable: train the activation's parameter, initialized with the values.
        seeds, epochs, device, dtype, limit_train, progress: as in `afnlab.train`.
        split: what is evaluated; "validation" holds out a part of the training examples, so that a
            choice among the values does not depend on test examples.

    Returns:
        One row per value, seed and epoch: value, seed, epoch, train_loss, test_loss, test_accuracy
        or the columns of the task's metrics (of the evaluated examples), diverged. At one seed all
        values have the same weights and batches.

    Raises:
        ValueError: for an argument that is not allowed, which the message names.
    """
    refuse_while_importing("a scan")
    task, record = get_task(task), get_activation(activation)
    _range(task, record, parameter)
    of_task = parameter in task.settings and parameter not in record.params
    if trainable and of_task:
        raise ValueError(f"trainable: {parameter} of the task is not trained here")
    if not len(values):
        raise ValueError("values must be one or more, got none")
    shared = {**({} if params is None else params), "split": split} | (
        {"trainable": [parameter]} if trainable else {}
    )
    config = configure(
        task,
        record,
        params=shared,
        seeds=seeds,
        epochs=epochs,
        device=device,
        dtype=dtype,
        limit_train=limit_train,
    )
    key = f"{'task' if of_task else 'activation'}.{parameter}"
    options = [resolve(task, record, {key: value}, config.options) for value in values]
    chosen = [float(value) for value in values]
    if len(set(chosen)) < len(chosen):
        raise ValueError(f"values must be each once, got {chosen}")
    settings = [
        with_tensor(option, "model" if of_task else "activation", parameter) for option in options
    ]
    seeds_of, values_of = config.seeds * len(chosen), np.repeat(chosen, len(config.seeds)).tolist()
    members = [Member(seed, setting) for setting in settings for seed in config.seeds]
    labels = {"value": values_of}
    with watched(task, record):
        recorders = train_members(plan(config), members, seeds_of, progress=progress, labels=labels)
    return history_of(recorders).drop(columns="seconds")
