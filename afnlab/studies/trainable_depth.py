"""The depth to which a network can be trained, by the theory of signal propagation and in fact.

Schoenholz, Gilmer, Ganguli and Sohl-Dickstein (2017) found that random networks can be trained up
to about six times the depth scale of their correlation. This study repeats their experiment on the
digits, for any activation. What the theory's prediction must not depend on is the same for all, or
relative to the function: values of sigma_w are multiples of the one at which the ordered phase of
the activation ends, networks begin with a variance of 1 at every sigma_w, and each is trained at
several learning rates, of which the best counts, since gradients grow or vanish with depth.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise, product
from math import inf, nan, sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import spearmanr
from torch import Tensor, nn

from afnlab.figures.style import ORANGE, Picture, row_name, styled
from afnlab.printing import title_of
from afnlab.registry import Activation, get_activation
from afnlab.signal import MeanField, depth_scale
from afnlab.training.data import digits
from afnlab.training.engine import train_members
from afnlab.training.members import Member, with_tensor
from afnlab.training.models import MakeActivation
from afnlab.training.options import resolve
from afnlab.training.plan import configure, plan
from afnlab.training.recorder import history_of
from afnlab.training.tasks import Recipe, Task
from afnlab.usercode.lookup import expanded
from afnlab.usercode.mainguard import refuse_while_importing

SIGMA_B = sqrt(0.05)  # as in the paper
RATIOS = (0.6, 0.8, 0.95, 1.05, 1.25, 1.6)  # of sigma_w to that at the end of order
DEPTHS = (2, 4, 8, 16, 32, 64)
RATES = (0.001, 0.01, 0.1)
WIDTH = 100
METRIC = Task.metric  # of the digits
COLUMNS = ["activation", "depth", "sigma_w", "lr", "seed", "train_loss", "test_loss"]
COLUMNS += [METRIC.column, "diverged"]
TRAINED = 0.5  # its value from which on a network counts as trained
SCALES = 6  # depth scales up to which the paper found networks trainable
LEAST, MOST, HALVINGS = 0.05, 50.0, 16  # of sigma_w, where the end of order is looked for
POINTS = 17  # of the line in the figure
FAR = 1e6  # the variance at which a network counts whose variance grows for ever


def end_of_order(ref: str | Activation, sigma_b: float = SIGMA_B, **params: object) -> float:
    """The largest sigma_w of the ordered phase, for networks that begin with a variance of 1.

    Beyond it chi_1 is above 1, or the variance grows without limit.

    Args:
        ref, params: an elementwise activation.
        sigma_b: of the biases.

    Returns:
        The value, to a relative error of about 1e-4.

    Raises:
        ValueError: if there is no such end from 0.05 to 50.
    """

    def ordered(sigma_w: float) -> bool:
        point = MeanField(ref, sigma_w, sigma_b, **params).settled
        return point is not None and point.chi <= 1

    low, high = LEAST, MOST
    if not ordered(low) or ordered(high):
        label = get_activation(ref).label
        raise ValueError(f"{label}: no sigma_w from {LEAST:g} to {MOST:g} ends its ordered phase")
    for _ in range(HALVINGS):
        middle = sqrt(low * high)
        low, high = (middle, high) if ordered(middle) else (low, middle)
    return low


def task(depth: int, sigma_b: float = SIGMA_B, width: int = WIDTH) -> Task:
    """A network on the digits, with the setting sigma_w.

    Args:
        depth: the number of hidden layers.
        sigma_b: standard deviation of the biases, below 1.
        width: units of a hidden layer.

    Returns:
        The task.
    """
    return Task(
        f"digits-depth-{depth}",
        digits,
        partial(_network, depth, width, sigma_b),
        Recipe(epochs=10, batch_size=32, lr=0.01, weight_decay=0.0, optimizer="sgd"),
        settings={"sigma_w": 1.5},
        summary=f"{depth} hidden layers of {width} on 8 x 8 digits, by gradient descent",
    )


def _network(
    depth: int, width: int, sigma_b: float, activation: MakeActivation, sigma_w: float | Tensor
) -> nn.Module:
    """Normal weights and biases; the first pre-activations have a variance of 1."""
    mean_square = float(digits().inputs.square().mean())
    first = sqrt((1 - sigma_b**2) / mean_square)
    sizes = [64, *[width] * depth]
    layers: list[nn.Module] = []
    for i, (inputs, outputs) in enumerate(pairwise(sizes)):
        layer = nn.Linear(inputs, outputs)
        nn.init.normal_(layer.weight, std=(float(sigma_w) if i else first) / sqrt(inputs))
        nn.init.normal_(layer.bias, std=sigma_b)
        layers += [layer, activation()]
    last = nn.Linear(width, 10)
    nn.init.normal_(last.weight, std=1 / sqrt(width))
    nn.init.zeros_(last.bias)
    return nn.Sequential(*layers, last)


def study(
    ref: str | Activation,
    sigmas: Sequence[float] | None = None,
    depths: Sequence[int] = DEPTHS,
    rates: Sequence[float] = RATES,
    seeds: int = 3,
    epochs: int | None = None,
    progress: bool | None = None,
    file: str | Path | None = None,
    **options: Any,
) -> pd.DataFrame:
    """Train networks of every depth, sigma_w and learning rate; those of one depth are one stack.

    A sigma_w at which a depth is not trained, at no rate, is not tried at greater depths.

    Args:
        ref: an elementwise activation, by name, reference or object.
        sigmas: values of sigma_w above 0; None: `RATIOS` times `end_of_order`.
        depths: numbers of hidden layers, ascending.
        rates: learning rates.
        seeds, epochs, progress: as in `afnlab.train`.
        file: a CSV file to which the rows of each depth are added; what it holds of this
            activation is not trained again.
        **options: what `afnlab.train` takes besides (limit_train, limit_test, device).

    Returns:
        One row per depth, sigma_w, rate and seed, after the last epoch: activation, depth, sigma_w,
        lr, seed, train_loss, test_loss, the metric, diverged.

    Raises:
        ValueError: for an argument that is not allowed, which the message names.
    """
    refuse_while_importing("a study")
    record = get_activation(ref)
    if sigmas is None:
        end = end_of_order(record)
        sigmas = [round(ratio * end, 4) for ratio in RATIOS]
    kept = None if file is None else expanded(file)
    parts = [_kept(kept, record.label)]
    for depth in depths:
        trained = pd.concat(parts, ignore_index=True)
        if depth in set(trained.depth):
            continue
        remaining = [s for s in sigmas if trained.empty or _trained(trained).get(s, False)]
        if not remaining:
            break
        config = configure(task(depth), record, seeds=seeds, epochs=epochs, **options)
        pairs = list(product(remaining, rates))
        parts_of_depth = [
            resolve(config.task, record, {"sigma_w": s, "lr": rate}, config.options)
            for s, rate in pairs
        ]
        members = [
            Member(seed, with_tensor(o, "model", "sigma_w"))
            for o in parts_of_depth
            for seed in config.seeds
        ]
        columns = np.repeat(np.array(pairs), len(config.seeds), axis=0).T.tolist()
        labels = dict(zip(("sigma_w", "lr"), columns, strict=True))
        names = config.seeds * len(pairs)
        recorders = train_members(plan(config), members, names, progress=progress, labels=labels)
        history = history_of(recorders)
        last = history[history.epoch == history.epoch.max()]
        parts.append(last.assign(activation=record.label, depth=depth)[COLUMNS])
        if kept is not None:
            parts[-1].to_csv(kept, mode="a", header=not kept.exists(), index=False)
    return pd.concat(parts, ignore_index=True)


def _kept(file: Path | None, label: str) -> pd.DataFrame:
    if file is None or not file.is_file():
        return pd.DataFrame(columns=COLUMNS)
    rows = pd.read_csv(file)
    if [*rows.columns] != COLUMNS:
        raise ValueError(
            f"file must be a new one, or have the columns {', '.join(COLUMNS)}; {file} has"
            f" {', '.join(map(str, rows.columns))}"
        )
    return rows[rows.activation == label]


def values(measured: pd.DataFrame) -> pd.DataFrame:
    """The metric at the best learning rate, as the mean over the seeds.

    Args:
        measured: of `study`.

    Returns:
        One row per sigma_w, one column per depth; missing where nothing was trained.
    """
    means = measured.groupby(["sigma_w", "depth", "lr"])[METRIC.column].mean()
    return means.groupby(level=["sigma_w", "depth"]).max().unstack()


def _trained(results: pd.DataFrame) -> pd.Series:
    """Whether all depths so far were trained, by sigma_w."""
    return (values(results) >= TRAINED).all(axis=1)


def table(
    measured: pd.DataFrame, ref: str | Activation, sigma_b: float = SIGMA_B, **params: object
) -> pd.DataFrame:
    """Depths that were trained, beside the depth scales of the theory.

    Args:
        measured: of `study`, of one activation.
        ref, params: the activation.
        sigma_b: of the biases, as in the study.

    Returns:
        One row per sigma_w: deepest (the largest depth at which `values` reach 0.5, all smaller
        ones too; 0: none), depth scale (of the correlation, in layers; missing where variances do
        not settle), six scales, gradient scale (the layers in which the squared norm of the
        gradient changes by a factor e; where variances grow, that of large variances), phase
        ("ordered", "chaotic", or "no limit" where variances do not settle).
    """
    means = values(measured)
    trained = (means >= TRAINED).cummin(axis=1)
    rows = []
    for sigma_w in means.index:
        field = MeanField(ref, float(sigma_w), sigma_b, **params)
        point = field.settled
        phase = "no limit" if point is None else "ordered" if point.chi <= 1 else "chaotic"
        deepest = int(trained.columns[trained.loc[sigma_w]].to_numpy().max(initial=0))
        scale = nan if point is None else field.depth
        chi = float(field.chi(FAR)) if point is None else point.chi
        rows.append((sigma_w, deepest, scale, SCALES * scale, depth_scale(chi), phase))
    columns = ["sigma_w", "deepest", "depth scale", "six scales", "gradient scale", "phase"]
    return pd.DataFrame(rows, columns=columns).set_index("sigma_w")


def rank_correlation(
    tables: Sequence[pd.DataFrame], scale: str = "depth scale", draws: int = 2000
) -> tuple[float, float, float]:
    """Spearman's rank correlation of the depths trained and a scale of the theory.

    The rows of one activation share its function and its weights, so what is resampled for the
    interval are the activations, with all of their rows.

    Args:
        tables: of `table`, one for each activation. Rows without the scale are left out.
        scale: "depth scale" or "gradient scale".
        draws: of the bootstrap.

    Returns:
        The correlation over all rows, and the ends of its 95 % interval (percentiles of the
        bootstrap); missing for a single activation.
    """
    parts = [
        t[["deepest", scale]].dropna().replace(inf, np.finfo(float).max).to_numpy() for t in tables
    ]
    random = np.random.default_rng(0)
    correlation = _spearman(parts)
    if len(parts) < 2:
        return correlation, nan, nan
    drawn = [
        _spearman([parts[i] for i in random.integers(0, len(parts), len(parts))])
        for _ in range(draws)
    ]
    low, high = np.nanpercentile(drawn, [2.5, 97.5])
    return correlation, float(low), float(high)


def _spearman(parts: Sequence[np.ndarray]) -> float:
    """Over the rows of all parts; missing where a column has one value only."""
    rows = np.concatenate(parts)
    if min(len(np.unique(column)) for column in rows.T) < 2:
        return nan
    return float(spearmanr(*rows.T).statistic)


def figure(measured: pd.DataFrame, ref: str | Activation, sigma_b: float = SIGMA_B) -> Figure:
    """The digits' metric by sigma_w and depth, with six depth scales of the theory as a line.

    Args:
        measured: of `study`.
        ref: the activation.
        sigma_b: of the biases, as in the study.

    Returns:
        The figure.
    """
    with styled():
        drawn = Picture(figsize=(4.6, 3.4), layout="constrained")
        ax = drawn.subplots()
        image = draw(ax, measured, ref, sigma_b)
        ax.legend(loc="upper right")
        drawn.colorbar(image, ax=ax, label=f"test {title_of(METRIC)}")
    return drawn


def draw(ax: Axes, measured: pd.DataFrame, ref: str | Activation, sigma_b: float = SIGMA_B) -> Any:
    """Draw the content of `figure`.

    Args:
        ax: where.
        measured, ref, sigma_b: as for `figure`.

    Returns:
        The coloured mesh.
    """
    means = values(measured).T
    tried = means.columns.to_numpy(dtype=float)
    image = ax.pcolormesh(
        tried,
        range(len(means)),
        METRIC.scale * means.to_numpy(dtype=float),
        cmap="Blues",
        vmin=0,
        vmax=METRIC.scale,
        shading="nearest",
    )
    sigmas = np.linspace(tried.min(), tried.max(), POINTS)
    fields = [MeanField(ref, float(s), sigma_b) for s in sigmas]
    scales = [nan if field.settled is None else SCALES * field.depth for field in fields]
    depths = np.asarray(means.index, dtype=float)
    shown = np.clip(scales, depths[0] / 2, depths[-1] * 2)
    rows = np.interp(np.log(shown), np.log(depths), np.arange(len(depths)))
    ax.plot(sigmas, rows, color=ORANGE, label=f"{SCALES} depth scales")
    ax.set_yticks(range(len(depths)), [f"{d:g}" for d in depths])
    ax.set(xlabel="sigma_w", ylabel="hidden layers", title=row_name(get_activation(ref).label, 30))
    ax.grid(visible=False)
    return image
