"""afnlab: is an activation function any good?"""

from afnlab import _startup  # (before all that takes long, or may be hijacked)

# isort: split
import importlib
import sys
from typing import TYPE_CHECKING, Any

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


# Of a command only what needs torch loads it, which takes most of a second; see `cli.entry`.
if TYPE_CHECKING or not _startup.AS_COMMAND:
    from afnlab import autorot, functional, native, nn, signal
    from afnlab._library import (
        Activation,
        Data,
        Loss,
        Measure,
        Metric,
        Param,
        Recipe,
        Result,
        Task,
        activation,
        activation_sites,
        gain,
        get_activation,
        get_task,
        list_activations,
        list_tasks,
        register,
        register_backend,
        replace,
        train,
        tune,
        undo_replace,
    )

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
    from afnlab.judging import judge as judge  # type: ignore[no-redef]
else:

    def __getattr__(name: str) -> Any:
        """The other rooms load on first use: they bring Jupyter and plotting."""
        if name in _LATER:
            return importlib.import_module(f"afnlab.{name}")
        if name == "judge":
            return importlib.import_module("afnlab.judging").judge
        if name in __all__:  # in a command
            return getattr(importlib.import_module("afnlab._library"), name)
        this = sys.modules[__name__]
        raise AttributeError(f"module 'afnlab' has no attribute {name!r}", name=name, obj=this)


def __dir__() -> list[str]:
    """The public names, for completion."""
    return sorted(
        {*__all__, *_LATER, "judge", *(name for name in globals() if name.startswith("__"))}
    )
