"""W&B's export of a chart, one column per run, as a table of one row per method and seed."""

from __future__ import annotations

import re

import pandas as pd

from afnlab.messages import plain
from afnlab.spellings import unknown

_COLUMN = re.compile(r"(?P<run>.+?) - (?P<metric>.+?)(?P<end>__MIN|__MAX)?")
_SEEDED = re.compile(r"(?P<label>.*?[^\W\d_].*?)[\W_]*(?:seed|run)?[\W_]*(?P<seed>\d+)", re.I)


def is_chart(table: pd.DataFrame) -> bool:
    """Whether it is one: after the step, every column is "RUN - METRIC", some with a bound."""
    matches = [_COLUMN.fullmatch(str(column)) for column in table.columns[1:]]
    return bool(matches) and all(matches) and any(f and f["end"] for f in matches)


def read(name: str, table: pd.DataFrame, value: str) -> tuple[str, pd.DataFrame]:
    """The metric, and the last value of every run: label, seed, value.

    A chart has no column of seeds, so a run's name has to end in its own: relu-seed3, gelu 3.

    Args:
        name: of the table, for messages.
        table: the chart's.
        value: the metric; where the chart shows but one, any will do.

    Raises:
        ValueError: for another metric, and where names do not say methods and seeds, with how to
            convert the table.
    """
    parts = [f for c in table.columns[1:] if (f := _COLUMN.fullmatch(str(c))) and not f["end"]]
    metrics = list(dict.fromkeys(f["metric"] for f in parts))
    metric = value if value in metrics else metrics[0]
    if len(metrics) > 1 and value not in metrics:
        raise ValueError(f"{name}: {unknown('metric', value, metrics)}")
    made = []
    for one in (f for f in parts if f["metric"] == metric):
        seeded, known = _SEEDED.fullmatch(one["run"].strip()), table[one[0]].dropna()
        if seeded is not None and len(known):
            made.append((plain(seeded["label"]), int(seeded["seed"]), known.iloc[-1]))
    runs = len({f["run"] for f in parts if f["metric"] == metric})
    values = pd.DataFrame(made, columns=["label", "seed", "value"])
    if len(values) < runs or (values.groupby("label").size() < 2).any():
        raise ValueError(
            f"{name}: is W&B's export of a chart, one column per run, whose names do not all end in"
            " a seed that pairs them (relu-seed0, relu-seed1); export the table of runs instead,"
            " with its columns of method, seed and result (Runs > Export > CSV)"
        )
    return metric, values
