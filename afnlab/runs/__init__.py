"""Runs: notebooks executed with checked parameters, and the folder that keeps what they leave."""

from afnlab.runs.cells import Means
from afnlab.runs.execution import RunFailed, execute
from afnlab.runs.notebook import Run, parameters
from afnlab.runs.places import load
from afnlab.runs.spec import RunSpec
from afnlab.runs.store import records
from afnlab.runs.sweep import sweep

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
