"""Rows to which seeds were added until the evidence decided, by a sweep or a judge."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from afnlab.runs.storage.record_schema import TrainingRecord


def is_added(run: TrainingRecord) -> bool:
    """Whether a run was made because the evidence had not decided.

    Args:
        run: its record.
    """
    return bool(run.get("until_decided"))


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
        and (every or any(map(is_added, runs)) or _seeds(filter(is_added, its)) & _seeds(runs))
    ]


def _seeds(runs: Iterable[TrainingRecord]) -> set[int]:
    return {seed for run in runs for seed in run["seeds"]}
