"""What `params` may hold: the activation's parameters and the task's, told apart and checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from afnlab.loading import unknown
from afnlab.nn import trained_names
from afnlab.spec import Activation
from afnlab.training.optimizers import OPTIMIZERS, WITHOUT_MOMENTUM
from afnlab.training.tasks import Task

TRAINABLE = "trainable"
CHOICES = {
    "optimizer": tuple(OPTIMIZERS),
    "init": ("source", "gain"),
    "sites": ("each", "shared"),
    "split": ("test", "validation"),
}


@dataclass(frozen=True)
class Options:
    """The settings of a run, complete: what was given, and the defaults of the rest.

    activation: the activation's parameters that were given, under their own names.
    trainable: names of those that are trained.
    lr, weight_decay, batch_size, optimizer: the recipe.
    momentum: the decay of the mean gradient (Adam's first beta); None: the optimizer's own.
    init: "source" (the network's own) or "gain" (normal, scaled for the activation). init_scale: a
    factor on the initial weights of linear and convolutional layers.
    sites: "each" or "shared". split: evaluate on "test" or "validation" examples.
    model: the task's own settings.
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


_OTHERS = ("activation", TRAINABLE, "model")
TASK_PARAMS = tuple(n for n in Options.__dataclass_fields__ if n not in _OTHERS)


def resolve(task: Task, record: Activation, params: Mapping[str, Any]) -> Options:
    """Options of a run from its `params`.

    A key is a parameter of the activation (or an alias), one of the task (lr, weight_decay,
    batch_size, optimizer, momentum, init, init_scale, sites, split, and its own settings),
    `trainable` (true, false or a list of names), or either kind written out as `activation.x`,
    `task.x`, which a name that both have must be. ValueError for anything else, with the nearest
    spelling, and for a value that is not allowed.
    """
    own: dict[str, Any] = {}
    settings: dict[str, Any] = {}
    of_task = (*TASK_PARAMS, *task.settings)
    aliases = {alias: n for n, p in record.params.items() for alias in (n, *p.aliases)}
    for key, value in params.items():
        if key == TRAINABLE:
            continue
        kind, _, name = key.rpartition(".")
        if kind not in ("", "activation", "task"):
            raise ValueError(f"parameter {key!r}: must begin with 'activation.' or 'task.'")
        in_activation, in_task = name in aliases, name in of_task
        if not kind and in_activation and in_task:
            raise ValueError(
                f"parameter {key!r}: both {record.name} and the task have one; write"
                f" 'activation.{key}' or 'task.{key}'"
            )
        if in_activation and kind != "task":
            if aliases[name] in own:
                raise ValueError(f"parameter {key!r}: {aliases[name]!r} is given twice")
            own[aliases[name]] = value
        elif in_task and kind != "activation":
            if name in settings:
                raise ValueError(f"parameter {key!r}: {name!r} is given twice")
            settings[name] = value
        else:
            raise ValueError(unknown("parameter", key, [*aliases, *of_task, TRAINABLE]))
    return Options(
        _numbers(record, own), _trainable(record, params.get(TRAINABLE)), **_recipe(task, settings)
    )


def _numbers(record: Activation, own: Mapping[str, Any]) -> dict[str, Any]:
    try:
        values = {name: record.complete({name: value})[name] for name, value in own.items()}
        real = [n for n in values if record.params[n].domain != "integer"]
        return values | {n: float(values[n]) for n in real if isinstance(values[n], int)}
    except TypeError as error:
        raise ValueError(str(error)) from None


def _trainable(record: Activation, given: bool | str | Iterable[str] | None) -> tuple[str, ...]:
    if not (given is None or isinstance(given, (bool, str, list, tuple))):
        raise ValueError(f"trainable must be true, false or a list of names, got {given!r}")
    try:
        return trained_names(record, given)
    except TypeError as error:
        raise ValueError(f"trainable: {error}") from None


def _recipe(task: Task, settings: Mapping[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {
        "lr": task.recipe.lr,
        "weight_decay": task.recipe.weight_decay,
        "batch_size": task.recipe.batch_size,
        "optimizer": task.recipe.optimizer,
        "momentum": None,
        "init": "source",
        "init_scale": 1.0,
        "sites": task.sites,
        "split": "test",
    } | {name: value for name, value in settings.items() if name not in task.settings}
    model = dict(task.settings) | {n: v for n, v in settings.items() if n in task.settings}
    for name, default in task.settings.items():
        if not isinstance(default, bool):
            number(model[name], name, above=0)
            model[name] = float(model[name])
        elif not isinstance(model[name], bool):
            raise ValueError(f"{name} must be true or false, got {model[name]!r}")
    for name, allowed in CHOICES.items():
        if values[name] not in allowed:
            raise ValueError(f"{name} must be one of {', '.join(allowed)}; got {values[name]!r}")
    number(values["lr"], "lr", above=0)
    number(values["weight_decay"], "weight_decay", least=0)
    values["lr"], values["weight_decay"] = float(values["lr"]), float(values["weight_decay"])
    whole(values["batch_size"], "batch_size", least=1)
    number(values["init_scale"], "init_scale", above=0)
    values["init_scale"] = float(values["init_scale"])
    if values["momentum"] is not None:
        values["momentum"] = _momentum(values["momentum"], values["optimizer"])
    return values | {"model": model}


def _momentum(value: Any, optimizer: str) -> float:
    if optimizer in WITHOUT_MOMENTUM:
        raise ValueError(f"momentum: the optimizer {optimizer} has none, got {value!r}")
    number(value, "momentum", least=0)
    if value >= 1:
        raise ValueError(f"momentum must be a number below 1, got {value!r}")
    return float(value)


def number(value: Any, name: str, least: float = float("-inf"), above: float | None = None) -> None:
    """ValueError unless value is a finite number, at least `least` or above `above`."""
    good = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not (good and abs(value) < float("inf") and value >= least) or (
        above is not None and value <= above
    ):
        limit = f"above {above}" if above is not None else f"{least} or more"
        raise ValueError(f"{name} must be a number {limit}, got {value!r}")


def whole(value: Any, name: str, least: int) -> None:
    """ValueError unless value is an integer, at least `least`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"{name} must be a whole number, {least} or more; got {value!r}")


def seed_list(seeds: int | Iterable[int]) -> tuple[int, ...]:
    """Seeds in ascending order: 10 means 0 to 9; a list is taken as it is."""
    if isinstance(seeds, (str, bytes, Mapping)):
        raise ValueError(f"seeds must be a number or a list of whole numbers, got {seeds!r}")
    if isinstance(seeds, Iterable):
        listed = [s.item() if isinstance(s, np.integer) else s for s in seeds]
        for seed in listed:
            whole(seed, "seeds", least=0)
        if not listed or len(set(listed)) < len(listed):
            raise ValueError(f"seeds must be one or more, each once; got {listed!r}")
        return tuple(sorted(listed))
    whole(seeds, "seeds", least=1)
    return tuple(range(seeds))
