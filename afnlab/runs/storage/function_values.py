"""The values of a user's own activation, kept with its run so that nobody has to load its file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import torch

from afnlab.registry import Activation

FILE = "function.parquet"
SPAN, POINTS = 8.0, 1601


def grid() -> torch.Tensor:
    """Where functions are looked at: -8 to 8, by hundredths."""
    return torch.linspace(-SPAN, SPAN, POINTS, dtype=torch.float64)


def used(record: Activation, params: Mapping[str, Any]) -> torch.Tensor:
    """The values of an activation at the parameters that a training gave it."""
    return record(grid(), **params) + 0.0  # -0.0 is 0.0


def sampled(record: Activation, params: Mapping[str, object], trained: bool) -> pd.DataFrame:
    """An elementwise activation at its defaults: x, value, slope; and `used`, its values at the
    parameters of a training, if none of them was trained, and nothing in it is random.

    What draws from torch's generator without saying so draws the same numbers in every run, or its
    runs would look like those of different functions.
    """
    x = grid().requires_grad_()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        y = record(x)
        (slope,) = torch.autograd.grad(y.sum(), x)
        table = {"x": grid().numpy(), "value": y.detach().numpy(), "slope": slope.numpy()}
        if not (trained or record.stochastic):
            table["used"] = used(record, params).detach().numpy()
    return pd.DataFrame(table)
