"""afnlab: is an activation function any good?"""

from afnlab import activations as _activations  # noqa: F401  (fills the registry)
from afnlab import autorot, functional, native, nn
from afnlab.replacing import replace
from afnlab.spec import Activation, Param, activation, get_activation, list_activations
from afnlab.training.data import Data
from afnlab.training.engine import train
from afnlab.training.initial import gain
from afnlab.training.record import Result
from afnlab.training.tasks import Recipe, Task, get_task, list_tasks

__version__ = "0.1.0"
__all__ = [
    "Activation",
    "Data",
    "Param",
    "Recipe",
    "Result",
    "Task",
    "activation",
    "autorot",
    "functional",
    "gain",
    "get_activation",
    "get_task",
    "list_activations",
    "list_tasks",
    "native",
    "nn",
    "replace",
    "train",
]


def __getattr__(name: str) -> object:
    """`runs`, `analysis` and `widgets` load on first use: they bring Jupyter and plotting."""
    if name in ("runs", "analysis", "widgets"):
        import importlib  # noqa: PLC0415

        return importlib.import_module(f"afnlab.{name}")
    raise AttributeError(f"module 'afnlab' has no attribute {name!r}")
