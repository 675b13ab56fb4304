"""What the tables of tuned runs say: where tunings chose an end, and what tuning has changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from afnlab.compare.decided_rows import counting
from afnlab.compare.tuning_summary import at_edges
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
    whole = list(runs)
    chosen = labelled(folder, whole, runs_folder.CHOSEN, ["label", "seed"], numbers)
    keys = ["label", "seed", "candidate", "selection"]
    tried = labelled(folder, whole, runs_folder.CANDIDATES, keys, numbers)
    return at_edges(chosen, tried, among)


def labelled(
    folder: Path,
    runs: Iterable[tuple[str, TrainingRecord]],
    file: str,
    keys: list[str],
    numbers: Mapping[str, int] = {},
) -> pd.DataFrame:
    """A table of all runs that have it, with a column `label`; one row for each of the keys.

    Args:
        folder: of the runs.
        runs: labels with records.
        file: the name of the table.
        keys: the columns that distinguish its rows.
        numbers: of the seeds that count, by group, as in `chosen_ends`.
    """
    read = runs_folder.readable(
        [(label, record) for label, record in runs if file in record["files"]],
        lambda item: runs_folder.read_table(folder / item[1]["id"], item[1], file),
    )
    tables = [
        counting(table, numbers, record["group"]).assign(label=label)
        for (label, record), table in read
    ]
    filled = [table for table in tables if len(table)]
    if not filled:
        return pd.DataFrame()
    return pd.concat(filled, ignore_index=True).drop_duplicates(keys)
