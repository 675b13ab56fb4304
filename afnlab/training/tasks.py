"""Named experiments: data, network, recipe, and what the source of each printed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from torch import nn

from afnlab.loading import load, unknown
from afnlab.training import cifar, data
from afnlab.training.models import mlp, rotated_mlp


@dataclass(frozen=True)
class Recipe:
    """How a task trains. AdamW's weight decay is decoupled; the last, smaller batch is kept."""

    epochs: int
    batch_size: int
    lr: float = 1e-3
    weight_decay: float = 1e-4
    optimizer: str = "adamw"


@dataclass(frozen=True)
class Task:
    """An experiment into which any activation can be put.

    name: what it is called; data: returns the `Data`.
    model: given a function that makes an activation module, returns the network, which maps inputs
    (batch, ...) to logits (batch, classes).
    settings: what else the model takes by name, with defaults: true or false, or numbers above 0; a
    run may set them like any parameter of the task.
    sites: whether the places of an activation share one module ("shared") or have each its own
    ("each"), and so their own learned parameters.
    source: where the experiment comes from; published: the file of `data/published` that holds what
    it printed.
    """

    name: str
    data: Callable[[], data.Data]
    model: Callable[..., nn.Module]
    recipe: Recipe
    sites: Literal["each", "shared"] = "each"
    settings: Mapping[str, bool | float] = field(default_factory=dict)
    summary: str = ""
    source: str = ""
    published: str = ""

    def __reduce__(self) -> str | tuple:
        if _TASKS.get(self.name) is self:
            return get_task, (self.name,)
        return super().__reduce__()


# Keras's RMSprop, as in the source's notebook; "rmsprop" is torch's, with eps outside the root.
_ARP = Recipe(epochs=20, batch_size=128, weight_decay=0.0, optimizer="rmsprop-keras")
_ARP_SETTINGS = {"auto_rot": True, "classic": False, "L": 4.0}

_TASKS = {
    task.name: task
    for task in (
        Task(
            "digits-mlp",
            data.digits,
            mlp(64, 64, 32, 10),
            Recipe(epochs=40, batch_size=64),
            summary="MLP 64-64-32-10 on scikit-learn's 8 x 8 digits (1,347 to train, 450 to test)",
            source="afnlab",
        ),
        Task(
            "mnist-mlp",
            data.mnist,
            mlp(784, 128, 64, 10),
            Recipe(epochs=20, batch_size=256),
            sites="shared",
            summary="MLP 784-128-64-10 on MNIST (60,000 to train, 10,000 to test)",
            source="SReLU, evaluation 1; batch size and scaling to [0, 1] are afnlab's",
            published="srelu-mnist.csv",
        ),
        Task(
            "cifar10-arp",
            cifar.cifar10_grey,
            rotated_mlp(1024, 50, 50, 40, 40, 30, 10),
            _ARP,
            settings=_ARP_SETTINGS,
            summary="deep MLP 1024-50-50-40-40-30-10, Auto-Rotating, on CIFAR-10 in grey",
            source="Auto-Rotating Perceptrons, example notebook",
            published="arp-cifar10.csv",
        ),
        Task(
            "digits-arp",
            data.digits,
            rotated_mlp(64, 50, 50, 40, 40, 30, 10),
            replace(_ARP, epochs=40, batch_size=32),
            settings=_ARP_SETTINGS,
            summary="deep MLP 64-50-50-40-40-30-10, Auto-Rotating, on 8 x 8 digits",
            source="afnlab",
        ),
    )
}


def list_tasks() -> tuple[str, ...]:
    """The names of all built-in tasks, sorted."""
    return tuple(sorted(_TASKS))


def get_task(ref: str | Task) -> Task:
    """The task of this name, or of a user's own: `path/my.py:mytask`, `package.module:mytask`.

    ValueError for an unknown one, with the nearest spelling.
    """
    if isinstance(ref, Task):
        return ref
    if isinstance(ref, str) and ":" in ref:
        return load(ref, Task, "make it an afnlab.Task(...)")
    if ref not in _TASKS:
        raise ValueError(unknown("task", ref, _TASKS))
    return _TASKS[ref]
