"""A parameter's value against the task's metric: table, picture, and what can be said.

The default is what the other values are compared with, since it was chosen before the numbers were
seen. The value of the best mean was not, so no test singles it out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from afnlab import stats
from afnlab.compare.baseline_differences import difference_interval
from afnlab.compare.formatting import (
    difference,
    equation,
    estimated,
    interval,
    limits,
    number,
    p_value,
    sided,
)
from afnlab.compare.summary_table import as_history, differences, printed_interval
from afnlab.figures import metric_axis
from afnlab.figures.style import BLUE, GREY, ORANGE, Picture, log_ticks, styled
from afnlab.measures import ACCURACY, Measure
from afnlab.messages import counted, enumerated
from afnlab.printing import printed_value, title_of
from afnlab.registry import get_activation
from afnlab.training.engine import train
from afnlab.training.scan import grid, scan
from afnlab.training.task_settings import defaults
from afnlab.training.tasks import get_task

__all__ = [
    "asked",
    "best",
    "figure",
    "final",
    "flat",
    "grid",
    "judged",
    "outcome",
    "printed_table",
    "scan",
    "table",
    "verdict",
]

DIFFERENCE = {  # columns of `differences`, as the table names them
    "difference": "difference to default",
    "adjusted_low": "difference, low",
    "adjusted_high": "difference, high",
}


def asked(
    task: str,
    activation: str,
    parameter: str,
    values: Sequence[float] = (),
    default: float | None = None,
    count: int = 9,
) -> tuple[list[float], float]:
    """The values to compare, and the default, of which what is not given is the parameter's own.

    The default is always among the values, since the others are compared with it.

    Args:
        task, activation, parameter: as of `scan`.
        values: none: so many over the parameter's range.
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
    chosen = list(values)
    if not chosen:
        chosen = sorted({*over, default})
    elif _among(chosen, default) is None:
        chosen.append(default)
    return chosen, default


def _among(values: Sequence[float], default: float) -> float | None:
    """The default as it stands among the values, but for rounding; None if it does not."""
    nearest = min(values, key=lambda value: abs(value - default))
    return nearest if abs(nearest - default) <= 1e-6 * abs(default) else None


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


def table(
    history: pd.DataFrame, measure: Measure = ACCURACY, default: float | None = None
) -> pd.DataFrame:
    """The metric at each value.

    Args:
        history: of `scan`.
        measure: the metric.
        default: the value that the others are compared with; None, or one that was not tried: they
            are compared with none.

    Returns:
        One row per value: seeds, diverged, mean of the metric as it is printed (accuracy in %) with
        its 95 % interval; and where there is a default, the difference to it, paired by seed, with
        its interval, its p-value and the verdict, all of them corrected by Holm for the number of
        other values. The default is chosen before the numbers are seen, as the best is not.
    """
    values = final(history, measure)
    diverged = history.groupby(["value", "seed"]).diverged.last().groupby("value").sum()
    rows = [
        [len(values), int(diverged.loc[value]), *printed_interval(values[value], measure)]
        for value in values.columns
    ]
    names = ["seeds", "diverged", title_of(measure), "low", "high"]
    shown = pd.DataFrame(rows, columns=names, index=values.columns)
    compared = _against(values, default, measure)
    if compared is None:
        return shown
    for name, title in DIFFERENCE.items():
        shown[title] = measure.scale * compared[name]
    shown["p (Holm)"] = compared.p_holm.map(p_value)
    return shown.join(compared.verdict)


def printed_table(
    history: pd.DataFrame, measure: Measure = ACCURACY, default: float | None = None
) -> pd.DataFrame:
    """The texts of `table`: intervals in one column each, and words where there is none.

    Args:
        history, measure, default: as of `table`.

    Returns:
        One row per value. Of equal seeds an interval is "all equal", and where the seeds are too
        few for one at the corrected level, that of the difference is "no bounds".
    """
    rows = table(history, measure, default)
    shown = rows[["seeds", "diverged"]].astype(str)
    shown[title_of(measure)] = [number(mean, measure.form) for mean in rows[title_of(measure)]]
    ends = zip(rows["low"], rows["high"], strict=True)
    shown["95 % interval"] = [limits(low, high, measure.form) for low, high in ends]
    if "verdict" in rows:
        gap, low, high = (rows[title] for title in DIFFERENCE.values())
        shown[gap.name] = [sided(mean, measure.signed_form) for mean in gap]
        shown["its interval"] = [
            (limits(least, most, measure.signed_form) or "no bounds") if np.isfinite(mean) else ""
            for mean, least, most in zip(gap, low, high, strict=True)
        ]
        shown = shown.join(rows[["p (Holm)", "verdict"]])
    return shown


def _against(values: pd.DataFrame, default: float | None, measure: Measure) -> pd.DataFrame | None:
    """Each value against the default, of the columns of `compare_histories`; None without one.

    values: of `final`.
    """
    tried = [float(value) for value in values.columns]
    base = None if default is None else _among(tried, default)
    if base is None:
        return None
    compared = differences(values.set_axis(list(map(str, tried)), axis=1), str(base), None, measure)
    return compared.set_axis(values.columns)


def best(history: pd.DataFrame, measure: Measure = ACCURACY) -> float:
    """The value of the best mean.

    Args:
        history: of `scan`.
        measure: the metric.
    """
    values = final(history, measure)
    return float(values.columns.to_numpy()[(measure.sign * values.mean()).to_numpy().argmax()])


def flat(history: pd.DataFrame, measure: Measure = ACCURACY) -> list[float]:
    """The values among which the best one is with 95 % confidence, whichever has the best mean: see
    `stats.may_be_best`.

    Args:
        history: of `scan`.
        measure: the metric.
    """
    values = final(history, measure)
    tried = [float(value) for value in values.columns]
    may = stats.may_be_best(measure.sign * values.to_numpy())
    return [value for value, stays in zip(tried, may, strict=True) if stays]


def verdict(
    history: pd.DataFrame, parameter: str, default: float, measure: Measure = ACCURACY
) -> str:
    """A sentence on the best mean, the values that are better than the default, and the flat top.

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
    if len(tried) > 1:
        text += f". Being picked as the best of {len(tried)}, this mean is optimistic"
    compared = _against(values, default, measure)
    if compared is None:
        return f"{text}. The default {default:g} was not tried."
    if len(tried) == 1:
        return f"{text}. No other value was compared with the default {default:g}."
    close = flat(history, measure)
    among = "any of these" if len(close) == len(tried) else f"among {_listed(close)}"
    among = f"{close[0]:g}" if len(close) == 1 else among
    said = _better(compared, parameter, default, len(values))
    return f"{text}. {said} With 95 % confidence the best of the values tried is {among}."


def outcome(
    history: pd.DataFrame, parameter: str, default: float, measure: Measure = ACCURACY
) -> dict[str, float]:
    """The numbers of `verdict`, for `afnlab.runs.measured`.

    Args:
        history: of `scan`.
        parameter: its name.
        default: its default value.
        measure: the metric.

    Returns:
        The value of the best mean, that mean as it is printed, and how many values are better than
        the default.
    """
    values, top = final(history, measure), best(history, measure)
    compared = _against(values, default, measure)
    better = 0 if compared is None else int((compared.verdict == "better").sum())
    return {
        f"best {parameter}": top,
        f"validation {measure.name} there": measure.scale * float(values[top].mean()),
        f"values better than {default:g}": better,
    }


def _better(compared: pd.DataFrame, parameter: str, default: float, seeds: int) -> str:
    """Which values are better than the default, by tests of which it is no matter that the best
    mean is picked; compared: of `_against`."""
    by = {verdict: list(part.index) for verdict, part in compared.groupby("verdict")}
    others = len(compared) - 1
    if "too few seeds" in by:
        return (
            f"With {counted(seeds, 'seed')} no value can be shown to be better than the default"
            f" {default:g}: {counted(others, 'comparison')} with it take"
            f"{'s' if others == 1 else ''} {stats.seeds_needed(others)} seeds."
        )
    better, worse, open_ones = (by.get(n, []) for n in ("better", "worse", "not distinguishable"))
    said = f"No value is shown to be better than the default {default:g}"
    if better:
        said = f"Better than the default {default:g}: {parameter} = {_listed(better)}"
    if worse:
        said += f"; worse: {_listed(worse)}"
    if open_ones:
        said += f"; not distinguishable from it: {_listed(open_ones)}"
    holm = f", corrected by Holm for {others} comparisons" if others > 1 else ""
    return f"{said} (sign-flip test, paired by seed{holm})."


def _listed(values: Sequence[float]) -> str:
    return enumerated([f"{value:g}" for value in values])


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
        equal = []
        for data, label, color, marker, width in (
            (history, "fixed", BLUE, "o", 3.5),
            (trained, "trained from there", ORANGE, "s", 1.2),
        ):
            if data is None:
                continue
            rows = table(data, measure)
            shown = rows[[title_of(measure), "low", "high"]].to_numpy(dtype=float)
            error = abs(shown[:, 1:] - shown[:, :1]).T
            look: Any = {"color": color, "marker": marker, "linewidth": width}
            size = 3 + 1.5 * width
            ax.errorbar(rows.index, shown[:, 0], error, markersize=size, label=label, **look)
            # Without a bar it would look the surest, and is the one of which least is known.
            alike = rows[rows.low == rows.high][title_of(measure)]
            _hollow(ax, alike, color, marker).set_markersize(size)
            equal += [len(data.seed.unique())] * bool(len(alike))
        if equal:
            label = "both seeds equal" if equal[0] == 2 else f"all {equal[0]} seeds equal"
            none = f"{label}: no interval"
            _hollow(ax, pd.Series(dtype=float), GREY).set_label(none)
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


def _hollow(ax: Axes, means: pd.Series, color: str, marker: str = "o") -> Line2D:
    """Hollow marks on means, which are those of equal seeds."""
    (marks,) = ax.plot(means, color=color, marker=marker, linestyle="", markerfacecolor="white")
    marks.set_zorder(4)
    return marks


def judged(
    task: str,
    activation: str,
    parameter: str,
    value: float,
    default: float | None = None,
    **options: object,
) -> str:
    """Train on all training examples at the chosen value, and evaluate on the test examples.

    Args:
        task, activation: as in `afnlab.train`.
        parameter, value: the setting.
        default: the value that it is compared with, which is trained alike; None: with none.
        **options: what else `afnlab.train` takes (seeds, epochs, ...).

    Returns:
        A line with the result; with a default, its line and the difference, paired by seed.
    """

    def reached(tried: float, remark: str = "") -> tuple[pd.Series, Measure, str]:
        result = train(task, activation, params={parameter: tried}, **options)  # type: ignore[arg-type]
        metric = Measure.read(result.info["measures"][0])
        last = as_history(result.final.reset_index().assign(label=""), metric).set_index("seed")
        at_seeds = last[metric.column]
        estimate = estimated(metric, *printed_interval(at_seeds, metric))
        seeds = counted(len(result.seeds), "seed")
        line = f"test {metric.name} at {parameter} = {tried:g}{remark}: {estimate}, {seeds}"
        return at_seeds, metric, line

    chosen, metric, line = reached(value)
    if default is None:
        return line
    if _among([value], default) is not None:
        return f"{line}; it is the default, so there is nothing to compare it with"
    usual, _, its_line = reached(default, ", the default")
    return "\n".join([line, its_line, _gap((chosen - usual).to_numpy(), metric)])


def _gap(apart: np.ndarray, measure: Measure) -> str:
    """The difference of two values at the same seeds, in a line."""
    said = f"difference, paired by seed: {difference(measure, apart.mean())} {measure.points}"
    if len(apart) == 1:
        return f"{said.rstrip()}; one seed says nothing about others"
    _, low, high = difference_interval(apart, measure)
    p = equation(stats.sign_flip_p(apart))
    return f"{said.rstrip()}, 95 % interval {interval(measure, low, high)}, {p}"
