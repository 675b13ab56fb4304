"""A training that is asked for: resolved and checked once, and then with its data."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypedDict

import torch

from afnlab.errors import ParameterError, shown
from afnlab.registry import Activation, get_activation
from afnlab.training import mixed
from afnlab.training.data import Data
from afnlab.training.options import Options, choice, number, resolve, seed_list, whole
from afnlab.training.recorder import table_names
from afnlab.training.settings import torch_defaults
from afnlab.training.space import TUNE, Range, Space
from afnlab.training.tasks import Task, get_task
from afnlab.training.threads import at_most

DTYPES = {"float32": torch.float32, "float64": torch.float64, "bfloat16": mixed.NARROW}
DEVICES = ("cpu", "cuda", "mps", "xpu")  # kinds of those that can train
_DEVICES = f"auto or one of {', '.join(DEVICES)}, which may have a number (cuda:1)"


@dataclass(frozen=True, kw_only=True)
class Config:
    """What is trained, how, for how long and on what, checked and complete.

    Attributes:
        task, activation: what is trained.
        options: the recipe and the activation's parameters; of a tuning those of the fixed recipe.
        seeds: in ascending order.
        epochs: the number of epochs; the task's own may be a fraction.
        device: where it is trained.
        dtype: a key of `DTYPES`.
        limit_train, limit_test: only so many of the examples; None: all.
        record: the further tables to keep.
        keep_weights: whether the trained weights are kept.
        group: how many seeds are trained together; None: as many as is fastest and fits.
        tuning: what is tuned first; None: nothing.
    """

    task: Task
    activation: Activation
    options: Options
    seeds: tuple[int, ...]
    epochs: float
    device: torch.device
    dtype: str
    limit_train: int | None
    limit_test: int | None
    record: tuple[str, ...]
    keep_weights: bool
    group: int | None
    tuning: Space | None


class Conditions(TypedDict, total=False):
    """How long, on what and of how much of the data is trained, and what is kept of it."""

    epochs: float | None
    device: str | torch.device | None
    dtype: str
    limit_train: int | None
    limit_test: int | None
    record: Iterable[str]
    keep_weights: bool


def configure(
    task: str | Task,
    activation: str | Activation,
    *,
    params: Mapping[str, object] | None = None,
    seeds: int | Iterable[int] = 10,
    epochs: float | None = None,
    device: str | torch.device | None = None,
    dtype: str = "float32",
    limit_train: int | None = None,
    limit_test: int | None = None,
    record: Iterable[str] = (),
    keep_weights: bool = False,
    group: int | None = None,
    tuning: Space | None = None,
    here: bool = True,
) -> Config:
    """Check what a training is given.

    Args:
        task, activation, params, seeds, epochs, device, dtype, limit_train, limit_test, record,
            keep_weights, group: as in `afnlab.train`.
        tuning: what is tuned first.
        here: False accepts a device that only other machines have.

    Raises:
        ParameterError: for an argument that is not allowed, which it names.
        ValueError: for an unknown task or activation, with the nearest spelling.
    """
    task, chosen = get_task(task), get_activation(activation)
    parameters = {} if params is None else params
    options = resolve(task, chosen, parameters)
    if tuning is not None:
        _check_axes(task, chosen, tuning, parameters)
    listed, tables = seed_list(seeds), table_names(record)
    epochs = task.recipe.epochs if epochs is None else epochs
    if epochs == task.recipe.epochs:
        number(epochs, "epochs", above=0)  # which may be a fraction
    else:
        whole(epochs, "epochs", least=1)
    for name, limit in (("limit_train", limit_train), ("limit_test", limit_test), ("group", group)):
        if limit is not None:
            whole(limit, name, least=1)
    choice(dtype, "dtype", DTYPES)
    place = pick_device(device, here)
    mixed.check(dtype, task, chosen, options)
    return Config(
        task=task,
        activation=chosen,
        options=options,
        seeds=listed,
        epochs=epochs,
        device=place,
        dtype=dtype,
        limit_train=limit_train,
        limit_test=limit_test,
        record=tables,
        keep_weights=bool(keep_weights),
        group=group,
        tuning=tuning,
    )


def _check_axes(task: Task, record: Activation, among: Space, params: Mapping[str, object]) -> None:
    """ParameterError if a parameter or an end of an axis cannot be tuned."""
    for name in ("split", "task.split"):
        if name in params or name in among.axes:
            said = "split is set by the tuning: candidates are judged on validation examples"
            raise ParameterError(name if name in params else TUNE, message=said)
    for name, axis in among.axes.items():
        if name.removeprefix("task.") in task.data_settings:
            said = f"{name} is of the data, which are the same for all candidates"
            raise ParameterError(TUNE, at=(name,), message=f"{TUNE}: {said}")
        if name in params:
            message = (
                f"parameter {name!r} is given twice, fixed and to be tuned; the values to choose"
                f" among belong into {TUNE}, not into parameters or a grid"
            )
            raise ParameterError(name, params[name], message=message)
        for value in (axis.low, axis.high) if isinstance(axis, Range) else axis:
            try:
                resolve(task, record, {**params, name: value})
            except ParameterError as error:
                message = f"{TUNE}: {error}"
                raise ParameterError(TUNE, value, at=(name,), message=message) from None


@dataclass(frozen=True)
class Plan:
    """A training whose data have been read.

    curves: evaluate after each epoch, or the last. split: on which examples, in words.
    """

    task: Task
    activation: Activation
    data: Data
    device: torch.device
    dtype: torch.dtype
    epochs: float
    group: int | None = None
    curves: bool = True
    split: str = "test"


@torch_defaults()
def plan(config: Config, split: str | None = None, curves: bool = True) -> Plan:
    """Read the data of a training.

    It is read by one thread, so that what a task computes of it in floating point has the same last
    bits however many the training then uses: records tell data apart by a digest.

    Args:
        config: the training.
        split: evaluate on "test" or "validation" examples; None: as its options say.
        curves: evaluate after each epoch, or only after the last.
    """
    with at_most(1):
        data = config.task.data(**config.options.data)
    split = split or config.options.split
    data = data.validation() if split == "validation" else data
    data = data.limited(config.limit_train, config.limit_test)
    for metric in config.task.metrics:
        metric.measure(data)
    what, where = (config.task, config.activation), (config.device, DTYPES[config.dtype])
    return Plan(*what, data, *where, config.epochs, config.group, curves, split)


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
