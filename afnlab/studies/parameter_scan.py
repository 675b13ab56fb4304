"""A parameter's value against accuracy: the table, the picture, and what can be said."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from afnlab.compare.formatting import estimate
from afnlab.figures.style import BLUE, GREY, ORANGE, Picture, styled
from afnlab.messages import counted
from afnlab.stats import accuracy_interval, mean_interval
from afnlab.training.engine import train
from afnlab.training.scan import grid, scan

__all__ = ["best", "figure", "final", "flat", "grid", "judged", "scan", "table", "verdict"]


def final(history: pd.DataFrame) -> pd.DataFrame:
    """Accuracy after the last epoch.

    Args:
        history: of `scan`.

    Returns:
        Seeds x values, in %.
    """
    last = history[history.epoch == history.epoch.max()]
    return 100 * last.pivot(index="seed", columns="value", values="test_accuracy")


def table(history: pd.DataFrame) -> pd.DataFrame:
    """Accuracy at each value.

    Args:
        history: of `scan`.

    Returns:
        One row per value: seeds, diverged, mean accuracy (%) with its 95 % interval, and how far
            the
        best value is ahead, paired by seed, with its interval.
    """
    accuracy = final(history)
    winner = accuracy[best(history)]
    diverged = history.groupby(["value", "seed"]).diverged.last().groupby("value").sum()
    rows = []
    for value in accuracy.columns:
        column = accuracy[value].to_numpy()
        own, behind = accuracy_interval(column), mean_interval(winner.to_numpy() - column)
        rows.append([len(column), int(diverged.loc[value]), *own, *behind])
    names = ["seeds", "diverged", "accuracy (%)", "low", "high"]
    names += ["best ahead by", "ahead, low", "ahead, high"]
    return pd.DataFrame(rows, columns=names, index=accuracy.columns)


def best(history: pd.DataFrame) -> float:
    """The value of the highest mean accuracy.

    Args:
        history: of `scan`.
    """
    accuracy = final(history)
    return float(accuracy.columns.to_numpy()[accuracy.mean().to_numpy().argmax()])


def flat(history: pd.DataFrame) -> list[float]:
    """The values that are not distinguishable from the best: the paired interval contains 0.

    The best is chosen from the same numbers, so this range is rather too small than too large.

    Args:
        history: of `scan`.
    """
    found = table(history)
    return found[found["ahead, low"].fillna(0) <= 0].index.tolist()


def verdict(history: pd.DataFrame, parameter: str, default: float) -> str:
    """Where the maximum is, how flat it is, and whether the default lies in it.

    Args:
        history: of `scan`.
        parameter: its name.
        default: its default value.

    Returns:
        A few sentences.
    """
    accuracy, top = final(history), best(history)
    tried = sorted(history.value.unique().tolist())
    text = f"Highest mean at {parameter} = {top:g}: {accuracy[top].mean():.2f} %"
    text += f" over {counted(len(accuracy), 'seed')}"
    if top in (tried[0], tried[-1]) and len(tried) > 1:
        end = "least" if top == tried[0] else "largest"
        text += f", at the {end} value tried: the top may lie beyond it"
    if len(accuracy) == 1:
        return text + ". One seed says nothing about others."
    close = [value for value in flat(history) if value != top]
    listed = ", ".join(f"{value:g}" for value in close)
    text += f". Not distinguishable from it: {listed or 'none'}"
    nearest = min(tried, key=lambda value: abs(value - default))
    if abs(nearest - default) > 1e-6 * abs(default):
        return f"{text}; the default {default:g} was not tried."
    where = (
        "is it"
        if nearest == top
        else "is one of these"
        if nearest in close
        else "is distinguishable from it"
    )
    return f"{text}; the default {default:g} {where}."


def figure(
    history: pd.DataFrame,
    parameter: str,
    default: float | None = None,
    trained: pd.DataFrame | None = None,
) -> Figure:
    """Mean accuracy with 95 % intervals over the values.

    Args:
        history: of `scan`.
        parameter: its name.
        default: marked by a line; None: not marked.
        trained: of `scan` with trainable=True, from the same initial values.

    Returns:
        The figure.
    """
    with styled():
        drawn = Picture(figsize=(7, 3.4), layout="constrained")
        ax = drawn.subplots()
        # Where the two agree, the thin one lies on the thick one, and both are seen.
        for data, label, color, marker, width in (
            (history, "fixed", BLUE, "o", 3.5),
            (trained, "trained from there", ORANGE, "s", 1.2),
        ):
            if data is None:
                continue
            rows = table(data)
            shown = rows[["accuracy (%)", "low", "high"]].to_numpy(dtype=float)
            error = abs(shown[:, 1:] - shown[:, :1]).T
            look: Any = {"color": color, "marker": marker, "linewidth": width}
            size = 3 + 1.5 * width
            ax.errorbar(rows.index, shown[:, 0], error, markersize=size, label=label, **look)
        if default is not None:
            ax.axvline(default, color=GREY, linestyle=":", label=f"default, {default:g}")
        values = history.value.unique()
        if values.min() > 0 and values.max() / values.min() >= 10:
            ax.set_xscale("log")
            ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            ax.xaxis.set_major_formatter("{x:g}")
            ax.xaxis.set_minor_formatter(NullFormatter())
        ax.set(xlabel=parameter, ylabel="accuracy (%)", title="on held-out validation examples")
        drawn.legend(loc="outside upper right", ncols=3)
    return drawn


def judged(task: str, activation: str, parameter: str, value: float, **options: object) -> str:
    """Train on all training examples at the chosen value, and evaluate on the test examples.

    Args:
        task, activation: as in `afnlab.train`.
        parameter, value: the setting.
        **options: what else `afnlab.train` takes (seeds, epochs, ...).

    Returns:
        A line with the test accuracy.
    """
    result = train(task, activation, params={parameter: value}, **options)  # type: ignore[arg-type]
    accuracy = estimate(*accuracy_interval(100 * result.final.test_accuracy), unit=" %")
    seeds = counted(len(result.seeds), "seed")
    return f"test accuracy at {parameter} = {value:g}: {accuracy}, {seeds}"
