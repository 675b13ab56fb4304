"""A training that is asked for, checked: task, activation, data, device, type, epochs."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import torch

from afnlab.errors import ParameterError, shown
from afnlab.registry import Activation
from afnlab.training import mixed
from afnlab.training.data import Data
from afnlab.training.options import Options, choice, number, whole
from afnlab.training.settings import torch_defaults
from afnlab.training.tasks import Task

DTYPES = {"float32": torch.float32, "float64": torch.float64, "bfloat16": mixed.NARROW}
DEVICES = ("cpu", "cuda", "mps", "xpu")  # kinds of those that can train
_DEVICES = f"auto or one of {', '.join(DEVICES)}, which may have a number (cuda:1)"


@dataclass(frozen=True)
class Plan:
    """A training that was asked for, checked; curves: evaluate after each epoch, or the last."""

    task: Task
    activation: Activation
    data: Data
    device: torch.device
    dtype: torch.dtype
    epochs: float
    group: int | None = None
    curves: bool = True


@torch_defaults()
def plan(
    task: Task,
    activation: Activation,
    options: Options,
    epochs: float | None = None,
    device: str | torch.device | None = None,
    dtype: str = "float32",
    limit_train: int | None = None,
    limit_test: int | None = None,
    group: int | None = None,
) -> Plan:
    """Check what `train` is given, and read the data; ValueError naming the argument."""
    epochs = task.recipe.epochs if epochs is None else epochs
    if epochs == task.recipe.epochs:
        number(epochs, "epochs", above=0)  # which may be a fraction
    else:
        whole(epochs, "epochs", least=1)
    for name, limit in (("limit_train", limit_train), ("limit_test", limit_test), ("group", group)):
        if limit is not None:
            whole(limit, name, least=1)
    choice(dtype, "dtype", DTYPES)
    mixed.check(dtype, task, activation, options)
    place = pick_device(device)
    data = task.data()
    data = data.validation() if options.split == "validation" else data
    data = data.limited(limit_train, limit_test)
    for metric in task.metrics:
        metric.measure(data)
    return Plan(task, activation, data, place, DTYPES[dtype], epochs, group)


def pick_device(device: str | torch.device | None, here: bool = True) -> torch.device:
    """The requested device, or CUDA if it is available and none is requested.

    Args:
        device: its name, or None.
        here: False accepts a device that only other machines have.

    Raises:
        ParameterError: if the device is not available, or of a kind on which nothing can be
            trained.
    """
    if device is None or device in ("", "auto"):
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of names that torch will give up
            place = torch.device(device)
        reason = "" if place.type in DEVICES else f"it must be {_DEVICES}"
    except (RuntimeError, TypeError):
        reason = f"it must be {_DEVICES}"
    try:
        if here and not reason:
            torch.empty(0, device=place)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0].partition(". ")[0]
    if reason:
        said = f"device {shown(str(device))} is not available: {reason}"
        raise ParameterError("device", device, _DEVICES, message=said)
    return place
