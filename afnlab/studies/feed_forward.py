"""Feed-forward layers of transformers: their sizes, their results by seed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from afnlab import stats
from afnlab.errors import ParameterError
from afnlab.feedforward import FeedForward, form_name
from afnlab.training.engine import train
from afnlab.training.tasks import Task, get_task

Layers = Sequence[tuple[str, str]]  # activation and form of each


def sizes(layers: Layers, d: int) -> pd.DataFrame:
    """Hidden units and parameters of layers of width d.

    Args:
        layers: activation and form of each.
        d: the size of input and output.

    Returns:
        One row per layer.
    """
    built = {form_name(*layer): FeedForward(d, *layer) for layer in layers}
    counts = {n: (m.down.in_features, m.parameter_count) for n, m in built.items()}
    return pd.DataFrame.from_dict(counts, "index", columns=["hidden units", "parameters"])


def results(
    layers: Layers, seeds: int | Iterable[int], task: str | Task = "names-gpt", **options: Any
) -> pd.DataFrame:
    """Train a task's network with each layer.

    Args:
        layers: activation and form of each.
        seeds: the same for all.
        task: one with the setting `form`.
        options: further arguments of `afnlab.train`; its `params` are for all layers.

    Returns:
        What the task is judged by: one row per seed, one column per layer.
    """
    params = options.pop("params", None) or {}
    column = get_task(task).metric.column
    return pd.DataFrame(
        {
            form_name(name, form): train(
                task, name, params={**params, "form": form}, seeds=seeds, **options
            ).final[column]
            for name, form in layers
        }
    )


def in_parts(values: pd.DataFrame, one: str, other: str, size: int) -> pd.DataFrame:
    """The difference of two layers on the first seeds, on the next, and so on, and on all.

    Args:
        values: see `results`.
        one, other: columns of it.
        size: seeds of a part; the last may have fewer.

    Returns:
        A row a part: mean paired difference, its 95 % confidence interval by the sign-flip test,
        see `stats.difference_interval`, and p of that test.
    """
    for name in (one, other):
        if name not in values:
            raise ParameterError("layer", name, f"one of {', '.join(map(str, values))}")
    differences = values[one] - values[other]
    rows = {}
    for part in [differences[i : i + size] for i in range(0, len(differences), size)]:
        rows[f"seeds {part.index[0]} to {part.index[-1]}"] = _compared(part)
    rows["all"] = _compared(differences)
    return pd.DataFrame.from_dict(rows, "index", columns=["difference", "low", "high", "p"])


def _compared(differences: pd.Series) -> tuple[float, float, float, float]:
    d = differences.to_numpy()
    return *stats.difference_interval(d), stats.sign_flip_p(d)
