"""The comparison of anybody's results: a table with a row a method and seed, or a row an epoch."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import floor, isfinite, log10
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from afnlab.compare import answers, caveats, summary_table, wandb_chart
from afnlab.errors import shown
from afnlab.measures import Measure
from afnlab.messages import plain
from afnlab.usercode.lookup import spelling, unknown

if TYPE_CHECKING:
    from afnlab.training.result import Result

KEY = "value"  # of the metric, whatever its name
LISTED = 5  # rows that a message names
_STATES = ("state", "status")  # columns of W&B and MLflow that say how a run ended


@dataclass(frozen=True)
class ForeignComparison:
    """What a table says.

    Attributes:
        name: where it is from.
        history: label, seed, epoch and the metric's column.
        measure: what the values are.
        baseline: the label with which the others are compared.
        margin: the largest difference that does not matter, or None.
        examples: how many each value is of; 0: unknown.
    """

    name: str
    history: pd.DataFrame
    measure: Measure
    baseline: str
    margin: float | None = None
    examples: int = 0

    @cached_property
    def table(self) -> pd.DataFrame:
        """The comparison, see `afnlab.compare.compare_histories`."""
        return summary_table.compare_histories(
            self.history, self.baseline, margin=self.margin, metric=self.measure
        )

    @cached_property
    def final(self) -> pd.DataFrame:
        """Seeds x labels: the value after the last epoch."""
        return summary_table.final_values(self.history, self.measure.column)

    @property
    def answers(self) -> dict[str, str]:
        """What the numbers say, by question, see `afnlab.compare.answers.answers`."""
        told = (self.examples, self.margin, None, self.measure)
        return answers.answers(self.table, self.baseline, *told)

    @property
    def notes(self) -> list[str]:
        """What else has to be known to read the table."""
        note = (
            "Rows are paired by seed: that helps where a seed means the same start, order or split"
            " for every method, and tells nothing about other data or settings."
        )
        missing = caveats.no_baseline(self.baseline, self.table.index)
        return [
            *filter(None, [missing]),
            *caveats.within_margin(self.table, self.margin, self.measure),
            *caveats.unequal_seeds(self.final),
            note,
            *caveats.pairing(self.final, self.baseline),
        ]


def compare_table(
    table: str | Path | pd.DataFrame,
    *,
    label: str = "label",
    seed: str = "seed",
    value: str = "value",
    epoch: str = "",
    better: Literal["higher", "lower"] = "higher",
    unit: str = "",
    baseline: str = "",
    margin: float | None = None,
) -> ForeignComparison:
    """Compare the results in a table of any origin.

    Args:
        table: A CSV file, or a data frame. One row a method and seed; with `epoch` one row an
            epoch, of which the last counts. The exports of W&B's and of MLflow's tables of runs are
            such. W&B's export of a chart, a column a run, is read too if the runs' names end in
            their seeds (relu-seed3).
        label, seed, value, epoch: The columns: what is compared, what pairs it, the number, the
            epoch or step. A column's last part will do where no other has it, acc for metrics.acc.
        better: Whether "higher" or "lower" values are better.
        unit: Of the values, as it is printed.
        baseline: The label with which the others are compared; "": ReLU, or the first of the table.
        margin: The largest difference that does not matter, in the unit of the values.

    Returns:
        The comparison, with `.table`, `.answers`, `.notes` and `.final`.

    Raises:
        ValueError: A column is not there or not of numbers, a value is missing, a method has a seed
            twice, the baseline is not among the labels, or the margin is not above 0.
    """
    name, given = _read(table)
    metric = value
    if wandb_chart.is_chart(given):
        metric, given = wandb_chart.read(name, given, value)
        label, seed, value, epoch = *given.columns, ""
    columns = {"label": label, "seed": seed, KEY: value} | ({"epoch": epoch} if epoch else {})
    found = {own: _column(name, given, text) for own, text in columns.items()}
    history = pd.DataFrame({own: given[column] for own, column in found.items()})
    history["label"] = history["label"].map(lambda v: v if isinstance(v, float) else plain(v))
    history[KEY] = _numbers(name, given, found[KEY])
    for own in ("label", "seed", *(["epoch"] if epoch else [])):
        if (empty := history[own].isna()).any():
            raise ValueError(f"{name}: {found[own]} is empty in {_rows(empty)}")
    keys = ["label", "seed", *(["epoch"] if epoch else [])]
    if (twice := history.duplicated(keys)).any():
        first = history[twice].iloc[0]
        at = f"{first.label} with seed {first.seed}" + (f" at {first.epoch}" if epoch else "")
        more = "" if epoch else "; name the column of epochs or steps, or leave one row of each"
        raise ValueError(f"{name}: {at} stands there more than once, in {_rows(twice)}{more}")
    labels = list(dict.fromkeys(history.label))
    against = _baseline(name, baseline, labels)
    measure = Measure(
        name=plain(metric), key=KEY, unit=unit, better=better, decimals=_decimals(history)
    )
    summary_table.check_margin(margin, measure)
    history = summary_table.as_history(history, measure)
    return ForeignComparison(name, history, measure, against, margin)


def compare_results(
    results: Mapping[str, Result], *, baseline: str = "", margin: float | None = None
) -> ForeignComparison:
    """Compare trainings of one task, as `afnlab.train` and `afnlab.tune` return them.

    Args:
        results: By label, such as {"mine": afnlab.train(...), "relu": afnlab.train(...)}.
        baseline: The label with which the others are compared; "": ReLU, or the first.
        margin: The largest difference that does not matter, as differences are printed: points of
            accuracy, dB.

    Returns:
        The comparison, with `.table`, `.answers`, `.notes` and `.final`;
        `afnlab.report.comparison` shows it.

    Raises:
        ValueError: There are no results, they are judged by different metrics, the baseline is not
            among the labels, or the margin is not above 0.
    """
    names = dict.fromkeys(one.task.metric.name for one in results.values())
    if len(names) != 1:
        raise ValueError(
            f"results must be judged by one metric, got {' and '.join(names) or 'none'}"
        )
    first = next(iter(results.values())).info
    measure = Measure.read(first["measures"][0])
    against = _baseline("results", baseline, list(results))
    summary_table.check_margin(margin, measure, measure.scale)
    columns = ["label", "seed", "epoch", measure.column, "test_loss", "diverged"]
    parts = [one.history.assign(label=label) for label, one in results.items()]
    history = summary_table.as_history(pd.concat(parts, ignore_index=True)[columns], measure)
    limit = None if margin is None else margin / measure.scale
    tasks = dict.fromkeys(one.task.name for one in results.values())
    examples = first["examples"]["test"]
    return ForeignComparison(", ".join(tasks), history, measure, against, limit, examples)


def _baseline(name: str, wanted: str, labels: Sequence[str]) -> str:
    """The label that is meant, in any spelling; ValueError if none is. "": relu, or the first."""
    if wanted in labels:
        return wanted
    spelled = {spelling(one): one for one in reversed(labels)}
    found = spelled.get(spelling(wanted or summary_table.BASELINE), "" if wanted else labels[0])
    if not found:
        raise ValueError(f"{name}: {unknown('baseline', wanted, labels)}")
    return found


def _read(table: str | Path | pd.DataFrame) -> tuple[str, pd.DataFrame]:
    if isinstance(table, pd.DataFrame):
        name, found = "the table", table.reset_index(drop=True)
    else:
        name = plain(table)
        if not Path(table).is_file():
            raise ValueError(f"{name}: no such file")
        try:
            found = pd.read_csv(table)
        except (ValueError, OSError) as error:  # of pandas' parser, of the encoding, of the system
            raise ValueError(f"{name}: cannot be read as CSV: {plain(error)}") from None
    if found.empty:
        raise ValueError(f"{name}: holds no rows")
    return name, found


def _column(name: str, table: pd.DataFrame, wanted: str) -> str:
    """The column of this name, or the only one whose last part is it: metrics.acc for acc."""
    columns = [c for c in table.columns if isinstance(c, str)]
    if wanted in columns:
        return wanted
    ending = [c for c in columns if re.split(r"[./]", c)[-1].strip() == wanted]
    if len(ending) == 1:
        return ending[0]
    if ending:
        several = ", ".join(map(plain, ending))
        raise ValueError(f"{name}: {wanted} may be any of the columns {several}; give one in full")
    raise ValueError(f"{name}: {unknown('column', wanted, [*map(plain, columns)])}")


def _numbers(name: str, table: pd.DataFrame, column: str) -> pd.Series:
    values = pd.to_numeric(table[column], errors="coerce").astype(float)
    if (lost := values.isna() | values.isin([np.inf, -np.inf])).any():
        state = next((c for c in table.columns if str(c).lower() in _STATES), None)
        first = table[lost].iloc[0]
        how = f" ({state}: {shown(first[state])})" if state else ""
        raise ValueError(
            f"{name}: {column} must be a number in every row, got {shown(first[column])} in"
            f" {_rows(lost)}{how}; take these rows out, or write what such a run counts as"
        )
    return values


def _rows(which: pd.Series) -> str:
    """Rows as a file has them, whose first is the head."""
    at = [str(i + 2) for i in np.flatnonzero(which)]
    more = f" and {len(at) - LISTED} more" if len(at) > LISTED else ""
    return f"row{'s' * (len(at) > 1)} {', '.join(at[:LISTED])}{more}"


def _decimals(history: pd.DataFrame) -> int:
    """Enough for two digits of what the seeds of one label differ by."""
    spread = history.groupby("label")[KEY].std().median()
    if not isfinite(spread) or spread <= 0:
        spread = history[KEY].abs().max() / 1000
    return 2 if not spread > 0 else min(max(1 - floor(log10(spread)), 0), 12)
