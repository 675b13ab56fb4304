"""Beyond the final values: what follows from the epochs and their times."""

from __future__ import annotations

import numpy as np
import pandas as pd

from afnlab.measures import ACCURACY, Measure
from afnlab.stats import mean_intervals


def bands(history: pd.DataFrame, column: str = ACCURACY.column) -> pd.DataFrame:
    """Mean over the seeds with its 95 % interval: columns label, epoch, mean, low, high."""
    parts = []
    for label, part in history.groupby("label", sort=False):
        wide = part.pivot(index="epoch", columns="seed", values=column)
        intervals = pd.DataFrame(mean_intervals(wide.to_numpy()), columns=["mean", "low", "high"])
        parts.append(intervals.assign(label=label, epoch=wide.index))
    return pd.concat(parts, ignore_index=True)[["label", "epoch", "mean", "low", "high"]]


def cost(history: pd.DataFrame) -> pd.Series:
    """Seconds of an epoch of one model, by label: the fastest epoch, which was disturbed least."""
    return history.groupby("label").seconds.min()


def median_cost(history: pd.DataFrame) -> pd.Series:
    """Seconds of an epoch of one model, by label: what half of the epochs took at most."""
    return history.groupby("label").seconds.median()


def unsteadiness(history: pd.DataFrame) -> float:
    """Ratio of a label's median epoch time to its fastest; the median of it over labels."""
    seconds = history.groupby("label").seconds
    return float((seconds.median() / seconds.min()).median())


def milestones(history: pd.DataFrame, target: float, measure: Measure = ACCURACY) -> pd.DataFrame:
    """How soon each label's seeds reach a value of the metric.

    Args:
        history: columns label, seed, epoch, seconds, and that of the metric.
        target: the value, as the history has it.
        measure: the metric.

    Returns:
        By label: reached (how many seeds), epochs and seconds (medians over all seeds of the first
        time; infinite if fewer than half reach it), area (mean over the epochs), deviation (the
        standard deviation) and worst (of the final values).
    """
    ordered = history.sort_values(["label", "seed", "epoch"])
    seeds = ordered.groupby(["label", "seed"])
    ordered = ordered.assign(clock=seeds.seconds.cumsum())
    there = measure.sign * ordered[measure.column] >= measure.sign * target
    first = ordered[there].groupby(["label", "seed"]).first()
    final = seeds[measure.column].last()
    every = first.reindex(final.index)[["epoch", "clock"]]
    by_label = every.groupby("label")
    table = pd.DataFrame({"reached": by_label.epoch.count()})
    medians = every.fillna(np.inf).groupby("label").median()
    table["epochs"], table["seconds"] = medians.epoch, medians.clock
    table["area"] = ordered.groupby("label")[measure.column].mean()
    ends = final.groupby("label")
    table["deviation"] = ends.std()
    table["worst"] = ends.min() if measure.better == "higher" else ends.max()
    return table
