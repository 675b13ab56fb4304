"""Runs: notebooks executed with checked parameters, and the folder that keeps what they leave."""

from afnlab.runs.execution import RunFailed, execute
from afnlab.runs.kernel.execute_cells import Means
from afnlab.runs.notebook import Run, parameters
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
    "parameters",
    "records",
    "sweep",
]
