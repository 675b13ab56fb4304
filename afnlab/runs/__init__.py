"""Runs: notebooks executed with checked parameters, and the folder that keeps what they leave."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from afnlab.runs.execution import RunFailed, execute
    from afnlab.runs.kernel.execute_cells import Means
    from afnlab.runs.notebook import Run, parameters
    from afnlab.runs.notebook_metrics import measured
    from afnlab.runs.run_spec import RunSpec
    from afnlab.runs.storage.location import load
    from afnlab.runs.storage.runs_folder import records
    from afnlab.runs.sweeps.run_sweep import sweep

__all__ = [
    "Means",
    "Run",
    "RunFailed",
    "RunSpec",
    "execute",
    "load",
    "measured",
    "parameters",
    "records",
    "sweep",
]

# Each loads on first use: what only lists runs needs no torch.
_HOMES = {
    "Means": "kernel.execute_cells",
    "Run": "notebook",
    "RunFailed": "execution",
    "RunSpec": "run_spec",
    "execute": "execution",
    "load": "storage.location",
    "measured": "notebook_metrics",
    "parameters": "notebook",
    "records": "storage.runs_folder",
    "sweep": "sweeps.run_sweep",
}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name in _HOMES:
            return getattr(importlib.import_module(f"afnlab.runs.{_HOMES[name]}"), name)
        raise AttributeError(f"module 'afnlab.runs' has no attribute {name!r}", name=name)


def __dir__() -> list[str]:
    """The public names, for completion."""
    return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})
