"""The folder of runs: one whole folder a run, so that any number of processes may write."""

from __future__ import annotations

import json
import os
import shutil
import uuid
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

SCHEMA = 1
RECORD, HISTORY, NOTEBOOK = "record.json", "history.parquet", "notebook.ipynb"
FAILED = ".failed"
ENVIRONMENT = "AFNLAB_RUNS"


def default_folder() -> Path:
    """`$AFNLAB_RUNS`, or `runs` in the current folder."""
    return Path(os.environ.get(ENVIRONMENT) or "runs")


def begin(runs: Path, run_id: str) -> Path:
    """A new folder for an attempt at a run; no two attempts share one."""
    folder = runs.resolve() / f".attempt-{run_id}-{uuid.uuid4().hex[:8]}"
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise ValueError(f"{runs}: cannot hold runs ({error})") from None
    return folder


def finish(folder: Path, runs: Path, record: dict[str, Any]) -> Path:
    """Make an attempt the run: one rename. If another was first, its folder stays."""
    (folder / RECORD).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    final = runs.resolve() / record["id"]
    try:
        folder.rename(final)
    except OSError:
        if not (final / RECORD).is_file():
            raise
        shutil.rmtree(folder)
    return final


def keep_failed(folder: Path, runs: Path, run_id: str, message: str) -> Path:
    """Move a failed attempt aside, in place of the last one of the same run."""
    final = runs.resolve() / FAILED / run_id
    final.parent.mkdir(exist_ok=True)
    (folder / "error.txt").write_text(message + "\n", encoding="utf-8")
    shutil.rmtree(final, ignore_errors=True)
    folder.rename(final)
    return final


def is_there(runs: Path, run_id: str) -> bool:
    return (runs / run_id / RECORD).is_file()


def read_record(path: Path) -> dict[str, Any]:
    """A run's record; ValueError if it is not one that this afnlab can read."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        absent = {"schema", "id", "group", "parameters", "seeds", "started"} - set(record)
    except (OSError, ValueError, TypeError) as error:
        raise ValueError(f"{path}: is not a readable record ({error})") from None
    if absent:
        raise ValueError(f"{path}: lacks {', '.join(sorted(absent))}")
    if record["id"] != path.parent.name:
        raise ValueError(f"{path}: is the record of another run, {record['id']}")
    if record["schema"] > SCHEMA:
        raise ValueError(f"{path}: schema {record['schema']} is newer than this afnlab")
    return record


def records(runs: str | Path) -> list[dict[str, Any]]:
    """The records of all complete runs, oldest first; an unreadable one is named in a warning."""
    found = []
    for path in sorted(Path(runs).glob(f"*/{RECORD}")):
        try:
            found.append(read_record(path))
        except ValueError as error:
            warnings.warn(f"left out {error}", stacklevel=2)
    return sorted(found, key=lambda r: (r["started"], r["id"]))


def histories(runs: str | Path, chosen: Iterable[dict[str, Any]]) -> pd.DataFrame:
    """The histories of these runs in one table: run, group, and the history's own columns.

    Where two runs of a group hold the same seed, the older one counts.
    """
    import duckdb  # noqa: PLC0415

    ids = pd.DataFrame([(r["id"], r["group"]) for r in chosen], columns=["run", "group"])
    files = [path for run in ids.run if (path := Path(runs) / run / HISTORY).is_file()]
    if not files:
        return pd.DataFrame(columns=["run", "group", "seed", "epoch", "test_accuracy"])
    with duckdb.connect() as db:
        read = db.read_parquet([str(f) for f in files], filename=True, union_by_name=True).df()
    read.insert(0, "run", read.pop("filename").map(lambda name: Path(name).parent.name))
    table = ids.merge(read, on="run", sort=False)
    return table.drop_duplicates(["group", "seed", "epoch"], ignore_index=True)


def load(folder: str | Path = "runs") -> pd.DataFrame:
    """All complete training runs of a folder, one row a seed and epoch.

    Columns: run, group, task, activation, label, then the history's (seed, epoch, train_loss,
    test_loss, test_accuracy, seconds, diverged). ValueError if there is no such folder.
    """
    if not Path(folder).is_dir():
        raise ValueError(f"{folder}: no such folder")
    chosen = [r for r in records(folder) if "task" in r["parameters"]]
    table = histories(folder, chosen)
    names = ("task", "activation", "label")
    facts = {r["id"]: [r["parameters"].get(n, "") for n in names] for r in chosen}
    for at, name in enumerate(names):
        table.insert(2 + at, name, [facts[run][at] for run in table.run])
    return table
