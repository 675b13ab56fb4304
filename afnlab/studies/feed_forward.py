"""Feed-forward layers of transformers: their sizes, their results by seed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from afnlab import stats
from afnlab.compare.baseline_differences import ALPHA
from afnlab.compare.formatting import equation, sided
from afnlab.errors import ParameterError
from afnlab.feedforward import FeedForward, form_name
from afnlab.messages import counted
from afnlab.training.engine import train
from afnlab.training.tasks import Task, get_task

SIGNED_GAP = "{:+.4f}"
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


def halves(values: pd.DataFrame, one: str, other: str) -> pd.DataFrame:
    """The results of `in_parts` for the first half of the seeds, the second, and all.

    Args:
        values: see `results`.
        one, other: columns of it.

    Returns:
        A row for each, as of `in_parts`.
    """
    return in_parts(values, one, other, size=max(1, -(-len(values) // 2)))


def pairs(values: pd.DataFrame) -> list[tuple[str, str]]:
    """Every layer with the one before it.

    Args:
        values: see `results`.

    Returns:
        Columns of the values, two by two.
    """
    names = list(map(str, values))
    return list(zip(names[1:], names[:-1], strict=True))


def said_of_spread(values: pd.DataFrame) -> str:
    """A sentence on how far the layers' means lie apart, and how far the seeds of a layer do.

    Args:
        values: see `results`.

    Returns:
        A sentence.
    """
    means, each = values.mean(), values.std().median()
    parts = [f"The means of the {counted(len(means), 'layer')} reach from {means.min():.4f} to"]
    parts += [f"{means.max():.4f}, {means.max() - means.min():.4f} apart"]
    if len(means) == 1:
        parts = [f"The mean of the only layer is {means.iloc[0]:.4f}"]
    if len(values) == 1:
        return f"{' '.join(parts)}. One seed says nothing about others."
    of = "the layer" if len(means) == 1 else "a layer (median of the layers)"
    return f"{' '.join(parts)}; the seeds of {of} have a standard deviation of {each:.4f}."


def said_of_halves(values: pd.DataFrame, one: str, other: str) -> str:
    """A sentence on two layers: whether they differ, and whether the `halves` agree.

    Args:
        values: see `results`.
        one, other: columns of it.

    Returns:
        A few sentences.
    """
    table, seeds = halves(values, one, other), len(values)
    gaps, chances = table.difference.to_numpy(float), table.p.to_numpy(float)  # of all the last
    what = f"{one} minus {other} is {sided(gaps[-1], SIGNED_GAP)} over {counted(seeds, 'seed')}"
    needed = stats.seeds_needed(1)
    if seeds < needed:
        return f"{what}, and nothing is shown by that: the test takes {needed} seeds."
    shown = "they differ" if chances[-1] < ALPHA else "they are not shown to differ"
    first, second = gaps[:2]
    signs = "have one sign" if first * second > 0 else "do not have one sign"
    alone = int((chances[:2] < ALPHA).sum())
    by = ("neither shows a difference", "one shows a difference", "both show it")[alone]
    by = by if seeds >= 2 * needed else f"each takes {needed} seeds to show anything"
    ends = f"{sided(first, SIGNED_GAP)} and {sided(second, SIGNED_GAP)}"
    return (
        f"{what}: {shown} ({equation(chances[-1])}). The halves, {ends}, {signs}; by itself, {by}."
    )


def _compared(differences: pd.Series) -> tuple[float, float, float, float]:
    d = differences.to_numpy()
    return *stats.difference_interval(d), stats.sign_flip_p(d)
