"""Whether the runs of a row trained the same function, in networks of the same size.

Runs of one group have the same code. What that reads in a way that nobody can foresee, a file with
a name that it puts together, may have been edited between them all the same, and what a run keeps
of its function and of its network tells.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from afnlab.messages import some
from afnlab.runs.one_data import DIGITS, LISTED, require_one_data
from afnlab.runs.storage import function_values, runs_folder
from afnlab.runs.storage.record_schema import TrainingRecord
from afnlab.training.space import TUNE

SAME = {"rtol": 1e-5, "atol": 1e-6}  # far above what another machine or library makes of a value
_VALUES = ("value", "used")  # columns of what a run keeps of its function


class TrainedRun(NamedTuple):
    """A run: what its row is called, the folder of runs that holds it, and its record."""

    row: str
    folder: Path
    record: TrainingRecord


Kinds = list[tuple[str, list[TrainedRun]]]  # what is trained, in words, by which runs


def require_alike(runs: Iterable[TrainedRun]) -> None:
    """Refuse to compare runs of different data, and to pool seeds of different functions.

    Args:
        runs: those that are compared; what is pooled are those of one group.

    Raises:
        ValueError: see `require_one_data`; or if there are several functions, or networks of
            several sizes, within a group, with the runs of each.
    """
    listed = list(runs)
    require_one_data((run.row, run.record) for run in listed)
    groups: dict[str, list[TrainedRun]] = {}
    for run in listed:
        groups.setdefault(run.record["group"], []).append(run)
    for its in groups.values():
        for kinds in (_by_size(its), _by_function(its)):
            if len(kinds) > 1:
                said = "; ".join(f"{what}: {_named(which)}" for what, which in kinds)
                raise ValueError(
                    f"{its[0].row}: these runs have the same code and did not train the same,"
                    f" so their seeds are not pooled: {said}. What the code reads by a name that"
                    " it puts together, or elsewhere than in a file, was changed between them:"
                    " `afnlab runs rm ID ...` removes what is no longer wanted, and sweep makes it"
                    " again"
                )


def _named(runs: Sequence[TrainedRun]) -> str:
    return f"run{'s' * (len(runs) > 1)} {some([r.record['id'][:DIGITS] for r in runs], LISTED)}"


def _by_size(runs: Sequence[TrainedRun]) -> Kinds:
    """Runs by the number of their network's parameters, where no seed chooses that by tuning."""
    sizes: dict[object, list[TrainedRun]] = {}
    for run in runs:
        size = run.record.get("environment", {}).get("parameters")
        if size is not None and TUNE not in run.record["parameters"]:
            sizes.setdefault(size, []).append(run)
    return [(f"a network of {size} parameters", its) for size, its in sizes.items()]


def _by_function(runs: Sequence[TrainedRun]) -> Kinds:
    """Runs by the function that they kept, as far as it is that of a user.

    It was kept at its own parameters and at those that were given, not at what was trained; what
    draws random numbers was kept at their mean.
    """
    by_sum: dict[object, list[TrainedRun]] = {}
    for run in runs:
        if kept := run.record.get("files", {}).get(function_values.FILE):
            by_sum.setdefault(kept.get("sha256", run.record["id"]), []).append(run)
    if len(by_sum) < 2:
        return []
    alike: list[tuple[pd.DataFrame, list[TrainedRun]]] = []
    for its in by_sum.values():
        for table in _table(its[0]):
            same = next((kind for kind in alike if _differ(kind[0], table) is None), None)
            if same is None:
                alike.append((table, list(its)))
            else:
                same[1].extend(its)
    if len(alike) < 2:
        return []
    (first, _), (second, _), *_ = alike
    where = _differ(first, second)
    assert where is not None
    column, at = where
    x = first.x[at]
    return [(f"at {x:g} its value is {table[column][at]:.8g}", its) for table, its in alike]


def _table(run: TrainedRun) -> Iterator[pd.DataFrame]:
    """What a run kept of its function, if it is there as it was written."""
    try:
        data = runs_folder.read_file(
            run.folder / run.record["id"], run.record, function_values.FILE
        )
        table = pd.read_parquet(BytesIO(data))
    except (OSError, ValueError):
        return
    if {"x", _VALUES[0]} <= set(table):
        yield table


def _differ(one: pd.DataFrame, other: pd.DataFrame) -> tuple[str, int] | None:
    """The column and the row in which two tables differ most; None: they are of one function."""
    for column in _VALUES:
        if column in one and column in other and len(one) == len(other):
            values, others = one[column].to_numpy(), other[column].to_numpy()
            apart = ~np.isclose(values, others, equal_nan=True, **SAME)
            if apart.any():
                far = np.where(apart, np.nan_to_num(np.abs(values - others), nan=np.inf), -1.0)
                return column, int(far.argmax())
    return None
