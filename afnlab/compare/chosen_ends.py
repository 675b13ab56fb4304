"""Where the tunings of runs chose an end of what was tried, by their tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from afnlab.compare.decided_rows import counting
from afnlab.compare.tuning_summary import at_edges, choices
from afnlab.runs.storage import runs_folder
from afnlab.runs.storage.record_schema import TrainingRecord
from afnlab.training.space import Space


def chosen_ends(
    folder: Path,
    runs: Iterable[tuple[str, TrainingRecord]],
    among: Space,
    numbers: Mapping[str, int] = {},
) -> list[tuple[str, str, list[str]]]:
    """Where tunings chose an end of what was tried, see `tuning_summary.at_edges`.

    Args:
        folder: of the runs.
        runs: labels with records.
        among: what was tuned.
        numbers: of the seeds that count, by group, see `decided_rows.counted_seeds`; empty: all do.
    """
    file = runs_folder.CHOSEN
    read = runs_folder.readable(
        [(label, record) for label, record in runs if file in record["files"]],
        lambda item: runs_folder.read_table(folder / item[1]["id"], item[1], file),
    )
    tables = [
        counting(table, numbers, record["group"]).assign(label=label)
        for (label, record), table in read
    ]
    if not tables:
        return []
    every = pd.concat(tables, ignore_index=True).drop_duplicates(["label", "seed"])
    return at_edges(choices(every, among))
