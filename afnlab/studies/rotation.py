"""The effects of Auto-Rotating layers on trainings and to gradients, as tables and figures."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import product
from typing import Any

import pandas as pd
import torch
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from torch import nn

from afnlab.autorot import AutoRotLinear, input_limits, suggested_L
from afnlab.compare.formatting import estimate
from afnlab.compare.summary_table import printed_gap, printed_interval
from afnlab.errors import shown
from afnlab.figures.signal_curves import signals
from afnlab.figures.style import BLUE, GREY, ORANGE, Picture, plain_ticks, styled
from afnlab.printing import title_of
from afnlab.registry import Activation
from afnlab.stats import Interval, bounded_interval
from afnlab.training.engine import train
from afnlab.training.metrics import CROSS_ENTROPY
from afnlab.training.models import MakeActivation
from afnlab.training.progress import bar, mean_text
from afnlab.training.result import Result
from afnlab.training.tasks import Recipe, Task, get_task

VARIANTS = {"classic": {"classic": True}, "flag off": {"auto_rot": False}, "auto-rotating": {}}
KINDS = ("classic", "batch norm", "auto-rotating")
_COLOURS = dict(zip(KINDS, (GREY, ORANGE, BLUE), strict=True))


def variants(
    task: str | Task, ref: str | Activation, L: float | None = None, **options: Any
) -> dict[str, Result]:
    """The three trainings of the source's example: classic, rotated with its flag off, rotated.

    Args:
        task, ref: task and activation, as in `afnlab.train`.
        L: limit of the dynamic region; None: `suggested_L`.
        **options: what else `afnlab.train` takes (seeds, epochs, ...).

    Returns:
        A `Result` per variant.
    """
    limit = suggested_L(ref) if L is None else L
    params = options.pop("params", {})
    return {
        name: train(task, ref, params={**params, **variant, "L": limit}, **options)
        for name, variant in VARIANTS.items()
    }


def inside(
    task: str | Task, ref: str | Activation, seeds: int = 2, epochs: int = 10, **params: object
) -> Figure:
    """Signals and gradients inside a network, plain and with Auto-Rotating layers.

    Args:
        task: a task with the setting `auto_rot`.
        ref: the activation.
        seeds, epochs: of each training.
        params: what is the same for both, as in `afnlab.train`.

    Returns:
        The figure, see `afnlab.figures.signals`.
    """
    tables = []
    options: Any = {"seeds": seeds, "epochs": epochs, "record": ["signals"]}
    for auto_rot, word in ((False, "plain"), (True, "rotated")):
        result = train(task, ref, params={**params, "auto_rot": auto_rot}, **options)
        assert result.signals is not None
        tables.append(result.signals.assign(label=f"{result.activation.label}, {word}"))
    with styled():
        return signals(pd.concat(tables, ignore_index=True))


def variant_table(results: dict[str, Result]) -> pd.DataFrame:
    """Metric and loss of each variant with 95 % intervals, and the paired difference to classic.

    The interval of the difference is by the sign-flip test, see `stats.difference_interval`.

    Args:
        results: of `variants`.

    Returns:
        One row per variant.
    """
    base, metric = results["classic"].final, results["classic"].task.metric
    rows = []
    for name, result in results.items():
        last = result.final
        row: dict[str, object] = {"model": name, "seeds": len(last)}
        row[title_of(metric)] = _shown(printed_interval(last[metric.column], metric), metric.form)
        row["loss"] = _shown(_of_losses(last.test_loss, result.task), "{:.4f}")
        gap = printed_gap(last[metric.column] - base[metric.column], metric)
        minus = metric.of_differences("minus classic")
        row[minus] = "" if name == "classic" else _shown(gap, metric.form)
        row["same bits as classic"] = "" if name == "classic" else _same(result, results["classic"])
        rows.append(row)
    return pd.DataFrame(rows).set_index("model")


def _of_losses(losses: pd.Series, task: Task) -> Interval:
    """Mean and interval of losses, which is not below 0 where no loss can be."""
    return bounded_interval(losses, low=0.0 if task.loss is CROSS_ENTROPY else None)


def _shown(interval: Interval, form: str) -> str:
    return estimate(*interval, form).replace(" ", "\N{NO-BREAK SPACE}")


def _same(one: Result, other: Result) -> str:
    columns = ["train_loss", "test_loss", one.task.metric.column]
    return "yes" if one.history[columns].equals(other.history[columns]) else "no"


def depth_task(depth: int, kind: str, width: int = 32) -> Task:
    """A task with a deep network on the digits.

    Args:
        depth: the number of hidden layers.
        kind: one of KINDS.
        width: units per hidden layer.

    Raises:
        ValueError: for another kind.
    """
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}; got {shown(kind)}")
    return Task(
        f"digits-depth-{depth}-{kind}",
        get_task("digits-arp").data,
        partial(_deep, depth, kind, width),
        Recipe(epochs=5, batch_size=32, weight_decay=0.0, optimizer="rmsprop-keras"),
        summary=f"{depth} hidden layers of {width}, {kind}, on 8 x 8 digits",
    )


def _deep(depth: int, kind: str, width: int, activation: MakeActivation) -> nn.Module:
    layers: list[nn.Module] = []
    for i in range(depth):
        inputs, after = (64 if i == 0 else width), activation()
        if kind == "auto-rotating":
            low, high = input_limits(after.activation, 0.0, 1.0)  # type: ignore[arg-type]
            limit = suggested_L(after.activation)  # type: ignore[arg-type]
            layers += [AutoRotLinear(inputs, width, L=limit, xmin_lim=low, xmax_lim=high)]
        else:
            layers += [nn.Linear(inputs, width)]
        layers += [nn.BatchNorm1d(width)] if kind == "batch norm" else []
        layers += [after]
    layers += [nn.Linear(width, 10)]
    for layer in layers:
        if isinstance(layer, nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)
    return nn.Sequential(*layers)


def depth_study(
    ref: str | Activation = "sigmoid",
    depths: Sequence[int] = (2, 6, 10, 20),
    seeds: int = 3,
    epochs: int = 3,
) -> pd.DataFrame:
    """Gradient norms of each layer's weights, by depth, kind and epoch.

    Args:
        ref: the activation.
        depths: numbers of hidden layers.
        seeds, epochs: of each training.

    Returns:
        One row per depth, kind, epoch, layer (from 1) and seed, with norm (mean over the epoch's
        steps) and that of the digits' metric.
    """
    parts = []
    options: Any = {"seeds": seeds, "epochs": epochs, "record": ["gradients"], "progress": False}
    trainings = list(product(depths, KINDS))
    with bar(len(trainings) * epochs, "", None) as shown:
        for depth, kind in trainings:
            shown.name(f"{depth} hidden layers, {kind}")
            result = train(depth_task(depth, kind), ref, **options)
            assert result.gradients is not None
            table = result.gradients[result.gradients.parameter.str.endswith("weight")]
            step = 3 if kind == "batch norm" else 2
            position = table.parameter.str.split(".").str[0].astype(int)
            table = table[position % step == 0].assign(layer=position // step + 1)
            metric = result.task.metric
            last = result.history[["seed", "epoch", metric.column]]
            parts.append(table.merge(last, on=["seed", "epoch"]).assign(depth=depth, kind=kind))
            reached = mean_text(metric, torch.tensor(result.final[metric.column].to_list()), "test")
            for _ in range(epochs):
                shown.step(reached)
    columns = ["depth", "kind", "epoch", "layer", "seed", "norm", Task.metric.column]
    return pd.concat(parts, ignore_index=True)[columns]


def depth_table(table: pd.DataFrame) -> pd.DataFrame:
    """Mean of the digits' metric, as it is printed, after the last epoch.

    Args:
        table: of `depth_study`.

    Returns:
        Depths x kinds.
    """
    last, metric = table[table.epoch == table.epoch.max()], Task.metric
    means = last.groupby(["depth", "kind"])[metric.column].mean()
    return (metric.scale * means).round(metric.decimals - 1).unstack()


def depth_figure(table: pd.DataFrame) -> Figure:
    """Gradient norm by layer, one panel per depth: the first epoch dotted, the last solid.

    Args:
        table: of `depth_study`.

    Returns:
        The figure.
    """
    depths = sorted(table.depth.unique())
    with styled():
        figure = Picture(figsize=(9.5, 2.8), layout="constrained")
        axes = figure.subplots(1, len(depths), sharey=True, squeeze=False)[0]
        for ax, depth in zip(axes, depths, strict=True):
            for kind in KINDS:
                part = table[(table.depth == depth) & (table.kind == kind)]
                for epoch, style in ((part.epoch.min(), ":"), (part.epoch.max(), "-")):
                    norms = part[part.epoch == epoch].groupby("layer").norm.mean()
                    label = kind if style == "-" else None
                    ax.plot(norms, style, color=_COLOURS[kind], label=label)
            ax.set(yscale="log", xlabel="layer", title=f"{depth} hidden layers")
            ax.xaxis.set_major_locator(MaxNLocator(4, integer=True))
            plain_ticks(ax.yaxis)
        axes[0].set_ylabel("gradient norm")
        axes[-1].legend()
    return figure
