"""Runs: notebooks executed with checked parameters, and the folder that keeps what they leave."""

from afnlab.runs.notebook import Run, RunFailed, execute, parameters
from afnlab.runs.spec import RunSpec
from afnlab.runs.store import load, records
from afnlab.runs.sweep import sweep

__all__ = ["Run", "RunFailed", "RunSpec", "execute", "load", "parameters", "records", "sweep"]
