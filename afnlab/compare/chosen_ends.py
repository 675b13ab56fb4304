"""What the tables of tuned runs say: where tunings chose an end, and what tuning has changed."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from afnlab.compare.tuning_summary import at_edges
from afnlab.runs.storage import runs_folder
from afnlab.runs.storage.record_schema import TrainingRecord
from afnlab.training.space import Space


def chosen_ends(
    folder: Path, runs: Iterable[tuple[str, TrainingRecord]], among: Space
) -> list[tuple[str, str, list[str]]]:
    """Where tunings chose an end of what was tried, see `tuning_summary.at_edges`.

    Args:
        folder: of the runs.
        runs: labels with records.
        among: what was tuned.
    """
    whole = list(runs)
    chosen = labelled(folder, whole, runs_folder.CHOSEN, ["label", "seed"])
    keys = ["label", "seed", "candidate", "selection"]
    return at_edges(chosen, labelled(folder, whole, runs_folder.CANDIDATES, keys), among)


def labelled(
    folder: Path, runs: Iterable[tuple[str, TrainingRecord]], file: str, keys: list[str]
) -> pd.DataFrame:
    """A table of all runs that have it, with a column `label`; one row for each of the keys.

    Args:
        folder: of the runs.
        runs: labels with records.
        file: the name of the table.
        keys: the columns that tell its rows apart.
    """
    read = runs_folder.readable(
        [(label, record) for label, record in runs if file in record["files"]],
        lambda item: runs_folder.read_table(folder / item[1]["id"], item[1], file),
    )
    filled = [table.assign(label=label) for (label, _), table in read if len(table)]
    if not filled:
        return pd.DataFrame()
    return pd.concat(filled, ignore_index=True).drop_duplicates(keys)
