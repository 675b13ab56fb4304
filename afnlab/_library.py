"""The public names of the library half; loading it fills the registry and connects the kernels."""

from afnlab import activations as _activations  # noqa: F401  (fills the registry)
from afnlab import autorot, functional, native, nn, signal
from afnlab.measures import Measure
from afnlab.registering import register
from afnlab.registry import (
    Activation,
    Param,
    activation,
    get_activation,
    list_activations,
    register_backend,
)
from afnlab.replacing import replace, undo_replace
from afnlab.sites import activation_sites
from afnlab.training.data import Data
from afnlab.training.engine import train
from afnlab.training.initial import gain
from afnlab.training.metrics import Loss, Metric
from afnlab.training.result import Result
from afnlab.training.tasks import Recipe, Task, get_task, list_tasks
from afnlab.training.tune import tune

__all__ = [
    "Activation",
    "Data",
    "Loss",
    "Measure",
    "Metric",
    "Param",
    "Recipe",
    "Result",
    "Task",
    "activation",
    "activation_sites",
    "autorot",
    "functional",
    "gain",
    "get_activation",
    "get_task",
    "list_activations",
    "list_tasks",
    "native",
    "nn",
    "register",
    "register_backend",
    "replace",
    "signal",
    "train",
    "tune",
    "undo_replace",
]
