"""What a source printed, beside what was measured."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pandas as pd

from afnlab.paths import find, shared
from afnlab.stats import mean_interval, prediction_interval, welch_interval

COLUMNS = ["where", "activation", "metric", "printed", "printed_runs", "measured"]
COLUMNS += ["measured_low", "measured_high", "seeds", "verdict", "why"]
NONE = "not comparable"


def published(name: str, exact: bool = False) -> pd.DataFrame:
    """What a source printed: a file of `data/published`, such as "srelu-mnist".

    exact: keep values as they are printed, as text, since their digits say how they were rounded.
    """
    path = find("published", name, ".csv")
    types = {"value": str, "deviation": str} if exact else None
    return pd.read_csv(path, dtype=types).dropna(axis="columns", how="all")


def known() -> set[str]:
    """The names of the files that tell what sources printed."""
    return {path.name for path in shared("published").glob("*.csv")}


def metric(name: str) -> Callable[[pd.DataFrame], pd.Series] | None:
    """What a printed metric is of a label's history: a value a seed, in the printed unit."""
    after = re.fullmatch(r"mean accuracy \(%\) over epochs after (\d+)", name)
    if after:
        first = int(after[1])
        return lambda h: 100 * h[h.epoch > first].groupby("seed").test_accuracy.mean()
    last: Callable[[pd.DataFrame], pd.DataFrame] = lambda h: (  # noqa: E731
        h[h.epoch == h.epoch.max()].set_index("seed").sort_index()
    )
    return {
        "accuracy": lambda h: last(h).test_accuracy,
        "accuracy (%)": lambda h: 100 * last(h).test_accuracy,
        "average loss": lambda h: last(h).test_loss,
        "test loss": lambda h: last(h).test_loss,
        "mean accuracy (%) over all epochs": lambda h: 100 * h.groupby("seed").test_accuracy.mean(),
    }.get(name)


def judge(
    printed: str, values: np.ndarray, runs: int = 1, deviation: float | None = None
) -> tuple[str, str]:
    """Whether (n,) measured values agree with a printed one, and by which rule.

    printed: as it stands in the source, since its last digit says how far rounding may have moved
    it; runs, deviation: of how many trainings it is the mean, and how much they deviate. A mean of
    several: Welch's interval of the difference must hold 0. A single one: it must lie in the
    prediction interval. Both at 95 %, widened by half a unit of the last printed digit.
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
        return NONE, f"the source does not say how much its {runs} runs deviate"
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
) -> pd.DataFrame:
    """Every printed row beside what the runs measured: columns COLUMNS, one row a printed one.

    printed: as `published(name, exact=True)`; history: with a column `label`; epochs: of the runs;
    own_epochs: what the task trains, taken for rows whose source does not say; changed: what sets
    the runs apart from the printed ones, if anything does.
    """
    rows = []
    for row in printed.to_dict("records"):
        label = row.get("label")
        label = label if isinstance(label, str) else row["activation"]
        values, measure = np.empty(0), metric(row["metric"])
        own = history[history.label == label]
        if measure is not None and len(own):
            values = measure(own).to_numpy(float)
        why = _apart(row, len(own) > 0, epochs, own_epochs, changed)
        runs, deviation = int(row["runs"]), row.get("deviation")
        deviation = None if pd.isna(deviation) else float(deviation)
        found = (NONE, why) if why else judge(row["value"], values, runs, deviation)
        mean, low, high = mean_interval(values) if len(values) else (np.nan,) * 3
        facts = [row["where"], row["activation"], row["metric"], row["value"], runs]
        rows.append([*facts, mean, low, high, len(values), *found])
    return pd.DataFrame(rows, columns=COLUMNS)


def _apart(row: dict, there: bool, epochs: float, own_epochs: float, changed: str) -> str:
    """Why a printed row cannot be compared with what was run, or nothing."""
    asked = row.get("epochs")
    asked = own_epochs if asked is None or pd.isna(asked) else float(asked)
    if metric(row["metric"]) is None:
        return "this metric is not recorded"
    if not there:
        return "not among these runs"
    if changed:
        return changed
    if epochs != asked:
        return f"printed for {asked:g} epochs, measured after {epochs:g}"
    if int(row["runs"]) > 1 and row.get("deviation_of") == "unclear":
        return "the source does not say what its printed deviation is of"
    return ""


def summary(table: pd.DataFrame) -> str:
    """One sentence on a table of `beside`."""
    counts = table.verdict.value_counts()
    agree, differ, none = (int(counts.get(v, 0)) for v in ("agrees", "differs", NONE))
    return (
        f"Of {len(table)} printed numbers, these runs agree with {agree} and differ from {differ};"
        f" {none} cannot be compared."
    )
