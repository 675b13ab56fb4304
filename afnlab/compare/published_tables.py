"""What a source printed, beside what was measured."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import pandas as pd

from afnlab.measures import ACCURACY, Measure
from afnlab.paths import find, shared
from afnlab.printing import title_of
from afnlab.stats import mean_interval, prediction_interval, welch_interval

COLUMNS = ["where", "activation", "metric", "printed", "printed_runs", "measured"]
COLUMNS += ["measured_low", "measured_high", "seeds", "verdict", "why"]
NONE = "not comparable"
LOSSES = ("test loss", "average loss")


def published(name: str, exact: bool = False) -> pd.DataFrame:
    """The numbers that a source printed.

    Args:
        name: a file of `data/published`, such as "srelu-mnist".
        exact: keep values as they are printed, as strings, since their digits say how they were
            rounded.
    """
    path = find("published", name, ".csv")
    types = {"value": str, "deviation": str} if exact else None
    return pd.read_csv(path, dtype=types).dropna(axis="columns", how="all")


def known() -> set[str]:
    """The names of the files with what sources printed."""
    return {path.name for path in shared("published").glob("*.csv")}


def metric(
    name: str, measures: Sequence[Measure] = (ACCURACY,)
) -> Callable[[pd.DataFrame], pd.Series] | None:
    """The function from a label's history to a printed metric: a value per seed, in its unit.

    Args:
        name: "test loss", or what a metric is called, with its unit ("accuracy (%)") or without
            ("accuracy", as histories have it); also "mean accuracy (%) over all epochs" and
            "... over epochs after 100".
        measures: the metrics that the runs recorded.
    """
    for measure in measures:
        for title, scale in ((title_of(measure), measure.scale), (measure.name, 1.0)):
            mean = re.fullmatch(
                rf"mean {re.escape(title)} over (all epochs|epochs after (\d+))", name
            )
            if name == title or mean:
                return partial(_values, measure.column, scale, int(mean[2] or 0) if mean else None)
    return partial(_values, "test_loss", 1.0, None) if name in LOSSES else None


def _values(column: str, scale: float, after: int | None, history: pd.DataFrame) -> pd.Series:
    """By seed: the last value of a column, or its mean over the epochs after one."""
    if after is not None:
        return scale * history[history.epoch > after].groupby("seed")[column].mean()
    last = history[history.epoch == history.epoch.max()].set_index("seed").sort_index()
    return scale * last[column]


def judge(
    printed: str, values: np.ndarray, runs: int = 1, deviation: float | None = None
) -> tuple[str, str]:
    """Whether measured values agree with a printed one, and by which rule.

    A mean of several trainings agrees if Welch's confidence interval of the difference contains 0;
    a single one, if it lies in the prediction interval of one more training. Both have a level of
    95 %, and are widened by half a unit of the last printed digit.

    Args:
        printed: the value as it is printed, since its last digit says how it was rounded.
        values: (n,) measured values.
        runs: the number of trainings of which the printed value is the mean.
        deviation: the standard deviation between these trainings.
    """
    values = np.asarray(values, dtype=float)
    if len(values) < 2:
        return NONE, "one measured seed says nothing about how much seeds differ"
    if not np.isfinite(values).all():
        return NONE, "a measured value is not finite"
    half = 0.5 * 10.0 ** -len(printed.partition(".")[2])
    value = float(printed)
    if runs == 1:
        _, low, high = prediction_interval(values)
        inside = low - half <= value <= high + half
        return ("agrees" if inside else "differs"), "95 % prediction interval of one run"
    if deviation is None:
        return NONE, f"the source does not state the standard deviation of its {runs} runs"
    ours = (float(values.mean()), float(values.std(ddof=1)), len(values))
    _, low, high = welch_interval(ours, (value, deviation, runs))
    inside = low - half <= 0 <= high + half
    return ("agrees" if inside else "differs"), "95 % Welch interval of the difference"


def beside(
    printed: pd.DataFrame,
    history: pd.DataFrame,
    epochs: float,
    own_epochs: float,
    changed: str = "",
    measures: Sequence[Measure] = (ACCURACY,),
) -> pd.DataFrame:
    """Every printed row beside the measurements of the runs.

    Args:
        printed: a table of `published(name, exact=True)`.
        history: with a column `label`.
        epochs: those of the runs.
        own_epochs: those of the task, for rows whose source does not state them.
        changed: in what the runs differ from the printed ones, if in anything.
        measures: the metrics that the runs recorded.

    Returns:
        One row per printed row, with the columns COLUMNS.
    """
    rows = []
    for row in printed.to_dict("records"):
        label = row.get("label")
        label = label if isinstance(label, str) else row["activation"]
        values, measured = np.empty(0), metric(row["metric"], measures)
        rows_of_label = history[history.label == label]
        if measured is not None and len(rows_of_label):
            values = measured(rows_of_label).to_numpy(float)
        why = "this metric is not recorded"
        if measured is not None:
            why = _apart(row, len(rows_of_label) > 0, epochs, own_epochs, changed)
        runs, deviation = int(row["runs"]), row.get("deviation")
        deviation = None if pd.isna(deviation) else float(deviation)
        judged = (NONE, why) if why else judge(row["value"], values, runs, deviation)
        mean, low, high = mean_interval(values) if len(values) else (np.nan,) * 3
        facts = [row["where"], row["activation"], row["metric"], row["value"], runs]
        rows.append([*facts, mean, low, high, len(values), *judged])
    return pd.DataFrame(rows, columns=COLUMNS)


def _apart(row: dict, there: bool, epochs: float, own_epochs: float, changed: str) -> str:
    """Why a printed row cannot be compared with what was run, or nothing."""
    asked = row.get("epochs")
    asked = own_epochs if asked is None or pd.isna(asked) else float(asked)
    if not there:
        return "not among these runs"
    if changed:
        return changed
    if epochs != asked:
        return f"printed for {asked:g} epochs, measured after {epochs:g}"
    if int(row["runs"]) > 1 and row.get("deviation_of") == "unclear":
        return "the source does not say of what its printed standard deviation is"
    return ""


def summary(table: pd.DataFrame) -> str:
    """One sentence on a table of `beside`."""
    counts = table.verdict.value_counts()
    agree, differ, none = (int(counts.get(v, 0)) for v in ("agrees", "differs", NONE))
    return (
        f"Of {len(table)} printed numbers, these runs agree with {agree} and differ from {differ};"
        f" {none} cannot be compared."
    )
