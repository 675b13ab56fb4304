"""The tables that runs have beside their histories, of several runs together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from afnlab.compare.decided_rows import counting
from afnlab.compare.tuning_summary import at_edges
from afnlab.runs.storage import runs_folder
from afnlab.runs.storage.record_schema import TrainingRecord
from afnlab.training.space import SELECTION_SEEDS, Space

# The columns that distinguish the rows of a table, by its file.
KEYS = {
    runs_folder.LEARNED: ["label", "seed", "epoch", "site", "parameter", "index"],
    runs_folder.SIGNALS: ["label", "seed", "epoch", "layer"],
    runs_folder.CANDIDATES: ["label", "seed", "candidate", "selection"],
    runs_folder.CHOSEN: ["label", "seed"],
    runs_folder.FIXED: ["label", "seed", "epoch"],
    runs_folder.CHEAPER: ["label", "seed", "candidates", SELECTION_SEEDS],
}


def run_table(
    folder: Path,
    runs: Iterable[tuple[str, TrainingRecord]],
    file: str,
    counted: Mapping[str, int] = {},
) -> pd.DataFrame:
    """A table of all runs that have it, with a column `label`; no row twice, see `KEYS`.

    Args:
        folder: of the runs.
        runs: labels with records.
        file: the name of the table, one of `KEYS`.
        counted: of `decided_rows.counted_seeds`; empty: all seeds count.
    """
    read = runs_folder.readable(
        [(label, record) for label, record in runs if file in record["files"]],
        lambda item: runs_folder.read_table(folder / item[1]["id"], item[1], file),
    )
    tables = [
        counting(table, counted, record["group"]).assign(label=label)
        for (label, record), table in read
    ]
    filled = [table for table in tables if len(table)]
    if not filled:
        return pd.DataFrame()
    return pd.concat(filled, ignore_index=True).drop_duplicates(KEYS[file])


def chosen_ends(
    folder: Path,
    runs: Iterable[tuple[str, TrainingRecord]],
    among: Space,
    counted: Mapping[str, int] = {},
) -> list[tuple[str, str, list[str]]]:
    """Where tunings chose an end of what was tried, see `tuning_summary.at_edges`.

    Args:
        folder: of the runs.
        runs: labels with records.
        among: what was tuned.
        counted: as of `run_table`.
    """
    whole = list(runs)
    files = (runs_folder.CHOSEN, runs_folder.CANDIDATES)
    chosen, tried = (run_table(folder, whole, file, counted) for file in files)
    return at_edges(chosen, tried, among)
