"""A parameter's value against the task's metric: table, picture, and what can be said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from afnlab.compare.formatting import estimated
from afnlab.compare.summary_table import as_history, printed_interval
from afnlab.figures import metric_axis
from afnlab.figures.style import BLUE, GREY, ORANGE, Picture, log_ticks, styled
from afnlab.measures import ACCURACY, Measure
from afnlab.messages import counted
from afnlab.printing import printed_value
from afnlab.registry import get_activation
from afnlab.stats import difference_interval
from afnlab.training.engine import train
from afnlab.training.scan import grid, scan
from afnlab.training.task_settings import defaults
from afnlab.training.tasks import get_task

__all__ = ["asked", "best", "figure", "final", "flat", "grid", "judged", "scan", "table", "verdict"]


def asked(
    task: str,
    activation: str,
    parameter: str,
    values: Sequence[float] = (),
    default: float | None = None,
    count: int = 9,
) -> tuple[list[float], float]:
    """The values to compare, and the default, of which what is not given is the parameter's own.

    Args:
        task, activation, parameter: as of `scan`.
        values: none: so many over the parameter's range, and its default.
        default: None: that of the activation, or of the task.
        count: how many values over a range.

    Returns:
        Values and default.

    Raises:
        ValueError: for a parameter that cannot be scanned.
    """
    over = grid(task, activation, parameter, count)
    if default is None:
        params, of_task = get_activation(activation).params, defaults(get_task(task).settings)
        default = float(params[parameter].default if parameter in params else of_task[parameter])
    return list(values) or sorted({*over, default}), default


def final(history: pd.DataFrame, measure: Measure = ACCURACY) -> pd.DataFrame:
    """The metric after the last epoch, as it is stored.

    Args:
        history: of `scan`.
        measure: the metric.

    Returns:
        Seeds x values.
    """
    last = as_history(history[history.epoch == history.epoch.max()].assign(label=""), measure)
    return last.pivot(index="seed", columns="value", values=measure.column)


def table(history: pd.DataFrame, measure: Measure = ACCURACY) -> pd.DataFrame:
    """The metric at each value.

    Args:
        history: of `scan`.
        measure: the metric.

    Returns:
        One row per value: seeds, diverged, mean of the metric as it is printed (accuracy in %) with
        its 95 % interval, and how far the best value is ahead, paired by seed, with its interval by
        the sign-flip test, see `stats.difference_interval`.
    """
    values = final(history, measure)
    winner = values[best(history, measure)]
    lead = measure.sign * measure.scale
    diverged = history.groupby(["value", "seed"]).diverged.last().groupby("value").sum()
    rows = []
    for value in values.columns:
        interval = printed_interval(values[value], measure)
        ahead = difference_interval((lead * (winner - values[value])).to_numpy())
        rows.append([len(values), int(diverged.loc[value]), *interval, *ahead])
    names = ["seeds", "diverged", measure.title, "low", "high"]
    names += ["best ahead by", "ahead, low", "ahead, high"]
    return pd.DataFrame(rows, columns=names, index=values.columns)


def best(history: pd.DataFrame, measure: Measure = ACCURACY) -> float:
    """The value of the best mean.

    Args:
        history: of `scan`.
        measure: the metric.
    """
    values = final(history, measure)
    return float(values.columns.to_numpy()[(measure.sign * values.mean()).to_numpy().argmax()])


def flat(history: pd.DataFrame, measure: Measure = ACCURACY) -> list[float]:
    """The values that are not distinguishable from the best: the paired interval contains 0.

    The best is chosen from the same numbers, so this range is rather too small than too large.

    Args:
        history: of `scan`.
        measure: the metric.
    """
    rows = table(history, measure)
    return rows[rows["ahead, low"].fillna(0) <= 0].index.tolist()


def verdict(
    history: pd.DataFrame, parameter: str, default: float, measure: Measure = ACCURACY
) -> str:
    """Where the best is, how flat it is there, and whether the default is among the best.

    Args:
        history: of `scan`.
        parameter: its name.
        default: its default value.
        measure: the metric.

    Returns:
        A few sentences.
    """
    values, top = final(history, measure), best(history, measure)
    tried = sorted(history.value.unique().tolist())
    mean = printed_value(measure, values[top].mean())
    text = f"{measure.best.capitalize()} mean at {parameter} = {top:g}: {mean}"
    text += f" over {counted(len(values), 'seed')}"
    if top in (tried[0], tried[-1]) and len(tried) > 1:
        what = "top" if measure.better == "higher" else "lowest point"
        end = "least" if top == tried[0] else "largest"
        text += f", at the {end} value tried: the {what} may lie beyond it"
    if len(values) == 1:
        return text + ". One seed says nothing about others."
    close = [value for value in flat(history, measure) if value != top]
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
    measure: Measure = ACCURACY,
) -> Figure:
    """The metric's means with 95 % intervals over the values.

    Args:
        history: of `scan`.
        parameter: its name.
        default: marked by a line; None: not marked.
        trained: of `scan` with trainable=True, from the same initial values.
        measure: the metric.

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
            rows = table(data, measure)
            shown = rows[[measure.title, "low", "high"]].to_numpy(dtype=float)
            error = abs(shown[:, 1:] - shown[:, :1]).T
            look: Any = {"color": color, "marker": marker, "linewidth": width}
            size = 3 + 1.5 * width
            ax.errorbar(rows.index, shown[:, 0], error, markersize=size, label=label, **look)
        if default is not None:
            ax.axvline(default, color=GREY, linestyle=":", label=f"default, {default:g}")
        values = history.value.unique()
        if values.min() > 0 and values.max() / values.min() >= 10:
            ax.set_xscale("log")
            log_ticks(ax.xaxis, values.min(), values.max())
        label, title = metric_axis.label(measure), "on held-out validation examples"
        ax.set(xlabel=parameter, ylabel=label, title=title)
        drawn.legend(loc="outside upper right", ncols=3)
    return drawn


def judged(task: str, activation: str, parameter: str, value: float, **options: object) -> str:
    """Train on all training examples at the chosen value, and evaluate on the test examples.

    Args:
        task, activation: as in `afnlab.train`.
        parameter, value: the setting.
        **options: what else `afnlab.train` takes (seeds, epochs, ...).

    Returns:
        A line with the result.
    """
    result = train(task, activation, params={parameter: value}, **options)  # type: ignore[arg-type]
    metric = result.task.metric
    last = as_history(
        result.final.reset_index().assign(label=""), Measure.read(result.info["measures"][0])
    )
    estimate = estimated(metric, *printed_interval(last[metric.column], metric))
    seeds = counted(len(result.seeds), "seed")
    return f"test {metric.name} at {parameter} = {value:g}: {estimate}, {seeds}"
