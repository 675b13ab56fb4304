"""Rows to which seeds were added until the evidence decided, by a sweep or a judge."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from afnlab.runs.seed_lists import first_seeds
from afnlab.runs.storage.record_schema import TrainingRecord, seeds_of


def is_added(run: TrainingRecord) -> bool:
    """Whether a run was made because the evidence had not decided.

    Args:
        run: its record.
    """
    return bool(run.get("until_decided"))


def counted_seeds(runs: Iterable[TrainingRecord], most: int | None) -> dict[str, int]:
    """How many seeds count, from 0 on, where a sweep adds seeds until the evidence decides.

    Others may be there, of a sweep with other numbers; no verdict of this one is made of them.

    Args:
        runs: their records.
        most: how many seeds a row has at most; None: it is no such sweep.

    Returns:
        The numbers, by the groups of the runs; empty where all seeds count.
    """
    if most is None:
        return {}
    seeds: dict[str, set[int]] = {}
    for run in runs:
        seeds.setdefault(run["group"], set()).update(run["seeds"])
    return {group: len(first_seeds(its, most)) for group, its in seeds.items()}


def counted_runs(runs: list[TrainingRecord], most: int | None) -> list[TrainingRecord]:
    """The runs with seeds that count.

    Args:
        runs: their records.
        most: as of `counted_seeds`; None: all count.
    """
    if most is None:
        return runs
    numbers = counted_seeds(runs, most)
    return [r for r in runs if any(seed < numbers[r["group"]] for seed in r["seeds"])]


def counting(table: pd.DataFrame, counted: Mapping[str, int], group: str = "") -> pd.DataFrame:
    """The lines of a table with the seeds that count.

    Args:
        table: columns seed, and group where its lines are of several.
        counted: of `counted_seeds`; empty: all count.
        group: whose lines they are; empty: as the column says.
    """
    if not counted or table.empty:
        return table
    return table[table.seed < (counted[group] if group else table.group.map(counted))]


def decided_rows(
    rows: Mapping[str, Sequence[TrainingRecord]], baseline: str, every: bool = False
) -> list[str]:
    """The rows to which seeds were added, and those that share one which the baseline was given.

    A baseline is given more seeds for one row; those of the others that have none of them, and
    were fixed in number, are compared by these alone.

    Args:
        rows: the runs of each row, by label.
        baseline: the label with which the others are compared.
        every: whether all are of a sweep that adds seeds until the evidence decides.
    """
    if baseline not in rows:
        return []
    its = rows[baseline]
    return [
        label
        for label, runs in rows.items()
        if label != baseline
        and (every or any(map(is_added, runs)) or seeds_of(filter(is_added, its)) & seeds_of(runs))
    ]
