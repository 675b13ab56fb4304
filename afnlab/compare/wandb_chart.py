"""W&B's export of a chart, one column per run, as a table of one row per method and seed."""

from __future__ import annotations

import re

import pandas as pd

from afnlab.compare.foreign_csv import known, named
from afnlab.messages import LISTED, counted, plain, some
from afnlab.spellings import unknown

TABLE = (
    "export the table of runs instead, with its columns of method, seed and result (Runs > Export >"
    " CSV)"
)
UNNAMED = "value"  # the metric that is asked for where nobody names one
_COLUMN = re.compile(r"(?P<run>.+?) - (?P<metric>.+?)(?P<end>__MIN|__MAX)?")
# A seed is a word of its own at the end: one that says so, or a whole number after a space, "-",
# "_", "/" or "#". So neither the decimals nor the exponent of lr0.1, 1e-3 or lr=0.1 are one, and
# no number that a name and "=" say is another setting's.
_SEEDED = re.compile(
    r"(?P<label>.*?[^\W\d_].*?)"
    r"(?:[\W_]+(?:seed|run|s)[\W_]*|(?<=[^\W_]|[)\]])(?<!\de)[-\s_/#]+)"
    r"(?P<seed>\d+)",
    re.I,
)


def is_chart(table: pd.DataFrame) -> bool:
    """Whether it is one: after the step, every column is "RUN - METRIC", some with a bound."""
    matches = [_COLUMN.fullmatch(str(column)) for column in table.columns[1:]]
    return bool(matches) and all(matches) and any(f and f["end"] for f in matches)


def read(name: str, table: pd.DataFrame, value: str) -> tuple[str, pd.DataFrame, str]:
    """The metric; every run's values: label, seed, step, value; and how names were read.

    A chart has no column of seeds, so a run's name has to end in its own: relu-seed3, gelu 3.

    Args:
        name: of the table, for messages.
        table: the chart's.
        value: the metric, or its last part; `UNNAMED` will do where the chart shows but one.

    Raises:
        ValueError: for another metric, and where names do not say methods and seeds, with how to
            convert the table.
    """
    # By their place, since runs of one name have columns of one name.
    parts = {
        at: f
        for at, c in enumerate(table.columns)
        if at and (f := _COLUMN.fullmatch(str(c))) and not f["end"]
    }
    metrics = list(dict.fromkeys(f["metric"] for f in parts.values()))
    meant = named(metrics, value) or (metrics if value == UNNAMED else [])
    if len(meant) != 1:
        raise ValueError(f"{name}: {unknown('metric', value, metrics)}")
    (metric,) = meant
    made, runs = [], {at: f["run"] for at, f in parts.items() if f["metric"] == metric}
    for at, run in runs.items():
        seeded, there = _SEEDED.fullmatch(run.strip()), known(table.iloc[:, at]).dropna()
        if there.empty:
            raise ValueError(f"{name}: {plain(run)} has no {metric}; take its columns out")
        if seeded is not None:
            steps = table.iloc[:, 0][there.index]
            said = {"label": plain(seeded["label"]), "seed": int(seeded["seed"])}
            made.append(pd.DataFrame({**said, "step": steps, "value": there}))
    seeds = pd.DataFrame(
        [one.iloc[0][["label", "seed"]] for one in made], columns=["label", "seed"]
    )
    if len(made) < len(runs) or (seeds.groupby("label").size() < 2).any():
        raise ValueError(
            f"{name}: is W&B's export of a chart, one column per run, whose names do not all end in"
            f" a seed that pairs them (relu-seed0, relu-seed1); {TABLE}"
        )
    if (twice := seeds.duplicated()).any():
        first = seeds[twice].iloc[0]
        raise ValueError(
            f"{name}: the names of several runs say seed {first.seed} of {first.label}; {TABLE}"
        )
    return metric, pd.concat(made), _read_as(plain(next(iter(runs.values()))), seeds)


def _read_as(run: str, seeds: pd.DataFrame) -> str:
    """What names of runs were taken to say.

    run: the name of the first; seeds: label and seed of every run.
    """
    first, sizes = seeds.iloc[0], seeds.groupby("label", sort=False).size()
    named = [f"{label} ({counted(n, 'seed')})" for label, n in sizes.items()]
    return (
        f"Labels and seeds were read from the names of the runs, {run} as seed {first.seed} of"
        f" {first.label}: {some(named, LISTED, 'label')}. If the number at the end is anything but"
        f" a seed, {TABLE}."
    )
