"""The `params` of a training: parameters of the activation and of the task, checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np

from afnlab.errors import ParameterError, about, shown
from afnlab.nn import trained_names
from afnlab.registry import Activation
from afnlab.spellings import unknown
from afnlab.training import task_settings
from afnlab.training.optimizers import OPTIMIZERS, WITHOUT_MOMENTUM
from afnlab.training.task_settings import number, whole
from afnlab.training.tasks import Task

TRAINABLE = "trainable"
MOST_SEEDS = 100_000  # of a run
# The values of those that are a choice, each with what it means where its name does not say it.
CHOICES = {
    "optimizer": dict.fromkeys(OPTIMIZERS, ""),
    "init": {
        "source": "as the network is constructed",
        "gain": "normal, scaled by the activation's gain",
        "critical": "normal, scaled so that deep networks keep their scale",
    },
    "sites": {"each": "a module at every site", "shared": "one module for all"},
    "split": {"test": "", "validation": "held out of the training examples"},
}


@dataclass(frozen=True)
class Options:
    """The settings of a run, complete: those that were given, and the defaults of the rest.

    Attributes:
        activation: the activation's parameters that were given, under their own names.
        trainable: names of those that are trained.
        lr, weight_decay, batch_size, optimizer: the recipe.
        momentum: the decay of the mean gradient (Adam's first beta); None: the optimizer's own.
        init: "source" (the network's own), "gain" (normal, scaled by the activation's gain) or
            "critical" (normal, such that deep networks keep their scale; `afnlab.signal.critical`).
        init_scale: a factor on the initial weights of linear and convolutional layers.
        sites: "each" or "shared".
        split: evaluate on "test" or "validation" examples.
        model: the task's own settings of its network.
        data: the task's own settings of its data.
    """

    activation: dict[str, Any]
    trainable: tuple[str, ...]
    lr: float
    weight_decay: float
    batch_size: int
    optimizer: str
    momentum: float | None
    init: str
    init_scale: float
    sites: str
    split: str
    model: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)


_MAY_BE_ZERO = ("weight_decay", "momentum")
_OTHERS = ("activation", TRAINABLE, "model", "data")
TASK_PARAMS = tuple(n for n in Options.__dataclass_fields__ if n not in _OTHERS)


def resolve(
    task: Task, record: Activation, params: Mapping[str, object], base: Options | None = None
) -> Options:
    """The options of a run from its `params`.

    Args:
        task, record: the task and the activation.
        params: a key is a parameter of the activation (or an alias), one of the task (lr,
            weight_decay, batch_size, optimizer, momentum, init, init_scale, sites, split, and its
            own settings), `trainable` (true, false or a list of names), or either kind written out
            as `activation.x`, `task.x`, which is required for a name that both have.
        base: what holds for everything that is not given; None: the defaults.

    Raises:
        ParameterError: for anything else, with the nearest spelling, and for a value that is not
            allowed; its name is the key that was given.
    """
    if not isinstance(params, Mapping):
        raise ParameterError("params", params, "a mapping of names to values")
    of_activation: dict[str, tuple[str, object]] = {}  # name: the key it was given by, its value
    settings: dict[str, tuple[str, object]] = {}
    of_task = (*TASK_PARAMS, *task.every_setting)
    aliases = {alias: n for n, p in record.params.items() for alias in (n, *p.aliases)}
    for key, value in params.items():
        if key == TRAINABLE:
            continue
        if not isinstance(key, str):
            raise ParameterError(key, message=unknown("parameter", key, [*aliases, *of_task]))
        kind, _, name = key.rpartition(".")
        if kind not in ("", "activation", "task"):
            begins = "must begin with 'activation.' or 'task.'"
            raise ParameterError(key, message=f"parameter {shown(key)}: {begins}")
        in_activation, in_task = name in aliases, name in of_task
        if not kind and in_activation and in_task:
            both = f"both {record.name} and the task have one"
            choice = f"write 'activation.{key}' or 'task.{key}'"
            raise ParameterError(key, message=f"parameter {shown(key)}: {both}; {choice}")
        if in_activation and kind != "task":
            _put(of_activation, aliases[name], key, value)
        elif in_task and kind != "activation":
            _put(settings, name, key, value)
        else:
            known = [*aliases, *of_task, TRAINABLE]
            raise ParameterError(key, value, message=unknown("parameter", key, known))
    activation = _numbers(record, of_activation)
    trainable = _trainable(record, params.get(TRAINABLE))
    if base is not None:
        activation = base.activation | activation
        trainable = trainable if TRAINABLE in params else base.trainable
    return Options(activation, trainable, **_recipe(task, settings, base))


def _put(taken: dict[str, tuple[str, object]], name: str, key: str, value: object) -> None:
    if name in taken:
        message = f"parameter {shown(key)}: {shown(name)} is given twice, as {taken[name][0]!r} too"
        raise ParameterError(key, value, message=message)
    taken[name] = key, value


def _numbers(record: Activation, settings: Mapping[str, tuple[str, object]]) -> dict[str, Any]:
    values = {}
    for name, (key, value) in settings.items():
        with about(key, value):
            values[name] = record.complete({name: value})[name]
        if record.params[name].domain != "integer" and isinstance(values[name], int):
            values[name] = float(values[name])
    return values


def _trainable(record: Activation, wanted: object) -> tuple[str, ...]:
    if not (wanted is None or isinstance(wanted, (bool, str, list, tuple))):
        message = f"trainable must be true, false or a list of names, got {shown(wanted)}"
        raise ParameterError(TRAINABLE, wanted, message=message)
    try:
        return trained_names(record, wanted)
    except (TypeError, ValueError) as error:
        raise ParameterError(TRAINABLE, wanted, message=f"trainable: {error}") from None


def _recipe(
    task: Task, settings: Mapping[str, tuple[str, object]], base: Options | None
) -> dict[str, Any]:
    values: dict[str, object] = {
        "lr": task.recipe.lr,
        "weight_decay": task.recipe.weight_decay,
        "batch_size": task.recipe.batch_size,
        "optimizer": task.recipe.optimizer,
        "momentum": None,
        "init": "source",
        "init_scale": 1.0,
        "sites": task.sites,
        "split": "test",
    } | task_settings.defaults(task.every_setting)
    if base is not None:
        values = {name: getattr(base, name) for name in TASK_PARAMS} | base.model | base.data
    for name, default in values.items():
        key, value = settings.get(name, (name, default))
        with about(key, value):
            values[name] = _setting(name, value, task)
    if values["momentum"] is not None and values["optimizer"] in WITHOUT_MOMENTUM:
        message = f"momentum: the optimizer {values['optimizer']} has none"
        raise ParameterError(settings.get("momentum", ("momentum",))[0], message=message)
    groups = {"model": task.settings, "data": task.data_settings}
    return {n: values[n] for n in TASK_PARAMS} | {
        kind: {n: values[n] for n in settings_of} for kind, settings_of in groups.items()
    }


def _setting(name: str, value: object, task: Task) -> object:
    """A value of one of the task's parameters, checked."""
    if name in CHOICES:
        return choice(value, name, CHOICES[name], with_meanings(CHOICES[name]))
    if name == "batch_size":
        return whole(value, name, least=1)
    if name == "momentum" and value is None:
        return None
    if name in task.every_setting:
        return task_settings.checked(task.every_setting[name], name, value)
    setting = float(number(value, name, **({"least": 0} if name in _MAY_BE_ZERO else {"above": 0})))
    if name == "momentum" and setting >= 1:
        raise ParameterError(name, value, "a number below 1")
    return setting


def choice(value: object, name: str, allowed: Iterable[str], described: str = "") -> object:
    """`value`, if it is one of what is allowed; else a ParameterError.

    described: what is allowed, in the message's words; "": the names alone.
    """
    listed = tuple(allowed)
    if value not in listed:
        raise ParameterError(name, value, f"one of {described or ', '.join(listed)}")
    return value


def with_meanings(values: Mapping[str, str]) -> str:
    """Values in a row, each with its meaning where it has one: "test, validation (held out)"."""
    return ", ".join(f"{n} ({meaning})" if meaning else n for n, meaning in values.items())


def seed_list(seeds: int | Iterable[int]) -> tuple[int, ...]:
    """Seeds in ascending order: 10 means 0 to 9; a list is taken as it is."""
    name = "seeds"
    if isinstance(seeds, (str, bytes, Mapping)):
        raise ParameterError(name, seeds, "a number or a list of whole numbers")
    if not isinstance(seeds, Iterable) or getattr(seeds, "ndim", 1) == 0:
        return tuple(range(whole(seeds, name, least=1, most=MOST_SEEDS)))
    listed = [s.item() if isinstance(s, np.integer) else s for s in islice(seeds, MOST_SEEDS + 1)]
    if len(listed) > MOST_SEEDS:
        raise ParameterError(name, message=f"seeds may be {MOST_SEEDS:,} at most, got more")
    for at, seed in enumerate(listed):
        try:
            whole(seed, name, least=0)
        except ParameterError as error:
            error.at = (at,)
            raise
    if not listed:
        raise ParameterError(name, listed, "one or more, each once")
    if len(set(listed)) < len(listed):
        first = {seed: at for at, seed in reversed(list(enumerate(listed)))}
        again = next(at for at, seed in enumerate(listed) if first[seed] < at)
        raise ParameterError(name, listed, "one or more, each once", at=(again,))
    return tuple(sorted(listed))
