"""The functions behind a comparison: afnlab's own by name, a user's as its runs kept it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from afnlab.compare.training_facts import Trained
from afnlab.registry import Activation, get_activation, list_activations
from afnlab.runs.storage import function_values


def built_in(one: Trained) -> Activation | None:
    """The activation of a training, if it is elementwise and one of afnlab's."""
    if one.activation not in list_activations():
        return None
    record = get_activation(one.activation)
    return record if record.elementwise else None


def used(one: Trained, runs: Sequence[Path]) -> np.ndarray | None:
    """The values of an elementwise activation as it was trained with; None if they are not known,
    or were not the same throughout. runs: the folders of its runs."""
    if one.is_user_defined:
        table = kept(runs)
        return table.used.to_numpy() if table is not None and "used" in table else None
    record = built_in(one)
    if record is None or record.stochastic or one.trainable:
        return None
    with suppress(ValueError, TypeError), torch.no_grad():  # it has other parameters today
        return function_values.used(record, one.parameters).numpy()
    return None


def kept(runs: Sequence[Path]) -> pd.DataFrame | None:
    """What the first of these runs that has it kept of its activation: x, value, slope, used."""
    for run in runs:
        with suppress(OSError, ValueError):
            table = pd.read_parquet(run / function_values.FILE)
            if {"x", "value", "slope"} <= set(table):
                return table
    return None
