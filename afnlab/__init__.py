"""afnlab: is an activation function any good?"""

from afnlab import _startup  # noqa: F401  (before all that takes long, or may be hijacked)

# isort: split
import importlib
import sys
from typing import TYPE_CHECKING

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

__version__ = "0.1.0"
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


_LATER = (
    "compare",
    "figures",
    "functions",
    "judging",
    "live",
    "report",
    "runs",
    "search",
    "stats",
    "studies",
    "widgets",
)

if TYPE_CHECKING:
    from afnlab import compare as compare
    from afnlab import figures as figures
    from afnlab import functions as functions
    from afnlab import judging as judging
    from afnlab import live as live
    from afnlab import report as report
    from afnlab import runs as runs
    from afnlab import search as search
    from afnlab import stats as stats
    from afnlab import studies as studies
    from afnlab import widgets as widgets
    from afnlab.judging import judge as judge
else:

    def __getattr__(name: str) -> object:
        """The other rooms load on first use: they bring Jupyter and plotting."""
        if name in _LATER:
            return importlib.import_module(f"afnlab.{name}")
        if name == "judge":
            return importlib.import_module("afnlab.judging").judge
        this = sys.modules[__name__]
        raise AttributeError(f"module 'afnlab' has no attribute {name!r}", name=name, obj=this)


def __dir__() -> list[str]:
    """The public names, for completion."""
    return sorted(
        {*__all__, *_LATER, "judge", *(name for name in globals() if name.startswith("__"))}
    )
