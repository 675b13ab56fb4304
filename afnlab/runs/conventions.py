"""Names that notebooks and sweeps agree on with afnlab; apart, since these need no torch."""

from __future__ import annotations

OUT = "out"  # the parameter that says where a notebook leaves what it made; afnlab sets it
ACTIVATION = "activation"  # the parameter whose value is a name of a run by itself
# Parameters that name a task or activations, so that their values may be references to files.
REFERENCES = ("task", ACTIVATION, "activations")
DEFAULT_BASELINE = "relu"  # where runs are compared and nothing names a baseline
