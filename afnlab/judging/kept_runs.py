"""All runs that a judging has to know of: those of its folder, and those kept apart below it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from afnlab.compare.confirmation import confirmation_runs, fresh_judgings
from afnlab.runs.storage import location, runs_folder
from afnlab.runs.storage.record_schema import Record


class KeptRun(NamedTuple):
    """A run: the folder of runs that holds it, and its record."""

    folder: Path
    record: Record


def kept_runs(runs: str | Path | None) -> list[KeptRun]:
    """The runs of a folder, of its confirmations and of its fresh judgings.

    Args:
        runs: the folder or its URL; None: the usual one.
    """
    places: list[str | Path | None] = [runs]
    for below in (confirmation_runs, fresh_judgings):
        try:
            places.append(below(runs))
        except ValueError:  # it holds such runs itself
            continue
    folders = [location.folder(one) for one in places]
    return [KeptRun(folder, r) for folder in folders for r in runs_folder.records(folder)]
