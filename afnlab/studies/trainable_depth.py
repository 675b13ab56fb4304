"""How deep a network can be trained, by the theory of signal propagation and by training.

Schoenholz, Gilmer, Ganguli and Sohl-Dickstein (2017) found that random networks can be trained up
to about six times the depth scale of their correlation. This study repeats their experiment on the
digits, for any activation: plain gradient descent, normal weights and biases, and for each pair of
depth and sigma_w several seeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from math import inf, sqrt
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy.stats import spearmanr
from torch import Tensor, nn

from afnlab.figures.style import ORANGE, Picture, styled
from afnlab.registry import Activation, get_activation
from afnlab.signal import MeanField
from afnlab.training.data import digits
from afnlab.training.engine import train_members
from afnlab.training.members import Member, with_tensor
from afnlab.training.models import MakeActivation
from afnlab.training.options import resolve
from afnlab.training.plan import configure, plan
from afnlab.training.recorder import history_of
from afnlab.training.tasks import Recipe, Task
from afnlab.usercode.mainguard import refuse_while_importing

SIGMA_B = sqrt(0.05)  # as in the paper
SIGMAS = (0.8, 1.0, 1.2, 1.4, 1.6, 1.8, 2.0, 2.4, 2.8)
DEPTHS = (2, 4, 8, 12, 16, 24, 32, 48, 64)
WIDTH = 100
METRIC = Task.metric  # of the digits
TRAINED = 0.5  # its value from which on a network counts as trained
SCALES = 6  # depth scales up to which the paper found networks trainable


def task(depth: int, sigma_b: float = SIGMA_B, width: int = WIDTH) -> Task:
    """A network on the digits, with the setting sigma_w.

    Args:
        depth: the number of hidden layers.
        sigma_b: standard deviation of the biases.
        width: units of a hidden layer.

    Returns:
        The task.
    """
    return Task(
        f"digits-depth-{depth}",
        digits,
        partial(_network, depth, width, sigma_b),
        Recipe(epochs=20, batch_size=32, lr=0.01, weight_decay=0.0, optimizer="sgd"),
        settings={"sigma_w": 1.5},
        summary=f"{depth} hidden layers of {width} on 8 x 8 digits, by gradient descent",
    )


def _network(
    depth: int, width: int, sigma_b: float, activation: MakeActivation, sigma_w: float | Tensor
) -> nn.Module:
    """Normal weights and biases; the first and the last layer give values of variance 1.

    Inputs are divided by their root mean square, so that the variance of the pre-activations begins
    at sigma_w^2 + sigma_b^2, as if a layer of variance 1 had come before.
    """
    scale = float(digits().inputs.square().mean().sqrt())
    sizes = [64, *[width] * depth]
    layers: list[nn.Module] = []
    for i, (inputs, outputs) in enumerate(pairwise(sizes)):
        layer = nn.Linear(inputs, outputs)
        nn.init.normal_(layer.weight, std=float(sigma_w) / sqrt(inputs) / (1 if i else scale))
        nn.init.normal_(layer.bias, std=sigma_b)
        layers += [layer, activation()]
    last = nn.Linear(width, 10)
    nn.init.normal_(last.weight, std=1 / sqrt(width))
    nn.init.zeros_(last.bias)
    return nn.Sequential(*layers, last)


def study(
    ref: str | Activation,
    sigmas: Sequence[float] = SIGMAS,
    depths: Sequence[int] = DEPTHS,
    seeds: int = 5,
    epochs: int | None = None,
    progress: bool | None = None,
    **options: Any,
) -> pd.DataFrame:
    """Train networks of every depth and sigma_w; those of one depth are one stack.

    Args:
        ref: an elementwise activation, by name, reference or object.
        sigmas: values of sigma_w above 0.
        depths: numbers of hidden layers.
        seeds, epochs, progress: as in `afnlab.train`.
        **options: what `afnlab.train` takes besides (limit_train, limit_test, device).

    Returns:
        One row per depth, sigma_w and seed, after the last epoch: depth, sigma_w, seed, train_loss,
        test_loss, the metric, diverged.

    Raises:
        ValueError: for an argument that is not allowed, which the message names.
    """
    refuse_while_importing("a study")
    record = get_activation(ref)
    parts = []
    for depth in depths:
        config = configure(task(depth), record, seeds=seeds, epochs=epochs, **options)
        own = [resolve(config.task, record, {"sigma_w": s}, config.options) for s in sigmas]
        members = [
            Member(seed, with_tensor(o, "model", "sigma_w")) for o in own for seed in config.seeds
        ]
        labels = {"sigma_w": np.repeat(sigmas, len(config.seeds)).tolist()}
        names = config.seeds * len(sigmas)
        recorders = train_members(plan(config), members, names, progress=progress, labels=labels)
        history = history_of(recorders)
        last = history[history.epoch == history.epoch.max()]
        parts.append(last.assign(depth=depth))
    columns = ["depth", "sigma_w", "seed", "train_loss", "test_loss", METRIC.column, "diverged"]
    return pd.concat(parts, ignore_index=True)[columns]


def table(
    found: pd.DataFrame, ref: str | Activation, sigma_b: float = SIGMA_B, **params: Any
) -> pd.DataFrame:
    """Depths that were trained, beside the depth scale of the theory.

    Args:
        found: of `study`.
        ref, params: the activation.
        sigma_b: of the biases, as in the study.

    Returns:
        One row per sigma_w: deepest (the largest depth whose mean over the seeds reaches 0.5, all
        smaller ones too; 0: none), depth scale (in layers; infinite at the edge of chaos), six
        scales, phase ("ordered", "chaotic", or "no limit" where variances do not settle).
    """
    values = found.groupby(["sigma_w", "depth"])[METRIC.column].mean().unstack()
    trained = (values >= TRAINED).cummin(axis=1)
    rows = []
    for sigma_w in values.index:
        field = MeanField(ref, float(sigma_w), sigma_b, **params)
        point = field.settled
        phase = "no limit" if point is None else "ordered" if point.chi <= 1 else "chaotic"
        deepest = int(trained.columns[trained.loc[sigma_w]].to_numpy().max(initial=0))
        rows.append((sigma_w, deepest, field.depth, SCALES * field.depth, phase))
    columns = ["sigma_w", "deepest", "depth scale", "six scales", "phase"]
    return pd.DataFrame(rows, columns=columns).set_index("sigma_w")


def rank_correlation(tables: Sequence[pd.DataFrame], draws: int = 2000) -> tuple[float, ...]:
    """Spearman's rank correlation of the depths trained and the depth scales.

    Args:
        tables: of `table`, of one or more activations. Rows without a depth scale, since variances
            do not settle, are left out.
        draws: of the bootstrap over rows.

    Returns:
        The correlation, and the ends of its 95 % interval (bootstrap percentiles).
    """
    rows = pd.concat(tables)
    rows = rows[rows.phase != "no limit"]
    values = rows[["deepest", "depth scale"]].replace(inf, 1e9).to_numpy()
    random = np.random.default_rng(0)
    picked = (values[random.integers(0, len(values), len(values))] for _ in range(draws))
    with np.errstate(invalid="ignore"):
        drawn = [spearmanr(*p.T).statistic for p in picked if len(np.unique(p, axis=0)) > 2]
    ends = np.nanpercentile(drawn, [2.5, 97.5])
    return (float(spearmanr(*values.T).statistic), *map(float, ends))


def figure(found: pd.DataFrame, ref: str | Activation, sigma_b: float = SIGMA_B) -> Figure:
    """The digits' metric by sigma_w and depth, with six depth scales of the theory as a line.

    Args:
        found: of `study`.
        ref: the activation.
        sigma_b: of the biases, as in the study.

    Returns:
        The figure.
    """
    values = found.groupby(["depth", "sigma_w"])[METRIC.column].mean().unstack()
    tried = values.columns.to_numpy(dtype=float)
    sigmas = np.linspace(tried.min(), tried.max(), 41)
    scales = [SCALES * MeanField(ref, float(s), sigma_b).depth for s in sigmas]
    with styled():
        drawn = Picture(figsize=(4.6, 3.4), layout="constrained")
        ax = drawn.subplots()
        image = ax.pcolormesh(
            values.columns,
            range(len(values)),
            METRIC.scale * values.to_numpy(),
            cmap="Blues",
            vmin=0,
            vmax=METRIC.scale,
            shading="nearest",
        )
        depths = np.asarray(values.index, dtype=float)
        shown = np.clip(scales, depths[0] / 2, depths[-1] * 2)
        rows = np.interp(np.log(shown), np.log(depths), np.arange(len(depths)))
        ax.plot(sigmas, rows, color=ORANGE, label=f"{SCALES} depth scales")
        ax.set_yticks(range(len(depths)), [f"{d:g}" for d in depths])
        ax.set(xlabel="sigma_w", ylabel="hidden layers", title=get_activation(ref).label)
        ax.grid(visible=False)
        ax.legend(loc="upper right")
        drawn.colorbar(image, ax=ax, label=f"test {METRIC.title}")
    return drawn
