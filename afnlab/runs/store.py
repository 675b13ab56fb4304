"""The folder of runs, read: one whole folder a run, `<id>/record.json` and what it names."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from afnlab.runs.sources import digest

SCHEMA = 3
RECORD, HISTORY, NOTEBOOK, ERROR = "record.json", "history.parquet", "notebook.ipynb", "error.json"
FAILED = ".failed"
ENVIRONMENT = "AFNLAB_RUNS"
_FIELDS: dict[str, type | tuple[type, ...]] = {
    "schema": int,
    "id": str,
    "group": str,
    "notebook": str,
    "label": str,
    "parameters": dict,
    "given": dict,
    "seeds": list,
    "started": str,
    "seconds": (int, float),
}
_OF_TRAINING: dict[str, type | tuple[type, ...]] = {"metrics": dict, "environment": dict}
_OF_FAILURE: dict[str, type | tuple[type, ...]] = dict.fromkeys(
    ("id", "group", "label", "message", "started"), str
)


def is_training(record: Mapping[str, Any]) -> bool:
    """Whether a record is that of a training notebook."""
    return "options" in record["parameters"]


def is_there(runs: Path, run_id: str) -> bool:
    """Whether a run is complete and readable."""
    try:
        read_record(runs / run_id / RECORD)
    except ValueError:
        return False
    return True


def write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def write_record(folder: Path, record: Mapping[str, Any], files: Iterable[Path]) -> None:
    """Write a run's record, with the size and SHA-256 of its files and a sum over itself."""
    listed = {
        path.relative_to(folder).as_posix(): {
            "bytes": path.stat().st_size,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        }
        for path in files
    }
    full = {"schema": SCHEMA, **record, "files": listed}
    write_json(folder / RECORD, full | {"sum": _sum(full)})


def _sum(record: Mapping[str, Any]) -> str:
    told = {name: value for name, value in record.items() if name != "sum"}
    return digest(json.dumps(told, sort_keys=True))


def read_record(path: Path) -> dict[str, Any]:
    """A run's record; ValueError, with the file's name, if it is not that of a whole run."""
    record = _read(path)
    check_record(record, path, path.parent.name)
    return record


def check_record(record: dict[str, Any], path: Path, run_id: str) -> None:
    """ValueError if a record is not that of a whole run; an old one is brought up to date."""
    _check_fields(path, record, _FIELDS)
    if record["schema"] > SCHEMA:
        raise ValueError(f"{path}: schema {record['schema']} is newer than this afnlab")
    if record["id"] != run_id:
        raise ValueError(f"{path}: is the record of another run, {record['id']}")
    trained = "options" in record["parameters"]
    if trained:
        _check_fields(path, record, _OF_TRAINING)
    if record["schema"] == 1:  # without sums, and from before there were compiled kernels
        record.setdefault("native", False)
        record.setdefault("files", {HISTORY: {}} if trained else {})
    elif record.get("sum") != _sum(record):
        raise ValueError(f"{path}: has been changed since it was written")
    for name, known in record["files"].items():
        try:
            size = (path.parent / name).stat().st_size
        except OSError:
            raise ValueError(f"{path.parent / name}: is missing") from None
        if size != known.get("bytes", size):
            message = f"has {size} bytes, had {known['bytes']} when it was written"
            raise ValueError(f"{path.parent / name}: {message}")


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"{path}: is not a readable record ({error})") from None
    if not isinstance(content, dict):
        raise ValueError(f"{path}: is not a readable record (no mapping)")
    return content


def _check_fields(
    path: Path, content: dict[str, Any], fields: Mapping[str, type | tuple[type, ...]]
) -> None:
    if absent := [name for name in fields if name not in content]:
        raise ValueError(f"{path}: lacks {', '.join(absent)}")
    for name, kind in fields.items():
        if not isinstance(content[name], kind):
            raise ValueError(f"{path}: {name} cannot be {content[name]!r}")


def _all(paths: Iterable[Path], read: Callable[[Path], dict[str, Any]]) -> list[dict[str, Any]]:
    found = []
    for path in sorted(p for p in paths if not p.parent.name.startswith(".")):
        try:
            found.append(read(path))
        except ValueError as error:
            if path.exists():  # or it was removed meanwhile
                warnings.warn(f"left out {error}", stacklevel=3)
    return sorted(found, key=lambda r: (r["started"], r["id"]))


def records(runs: str | Path) -> list[dict[str, Any]]:
    """The records of all whole runs, oldest first; what is not whole is named in a warning."""
    return _all(Path(runs).glob(f"*/{RECORD}"), read_record)


def failures(runs: str | Path) -> list[dict[str, Any]]:
    """What is known of the runs that failed: id, group, label, message, started, ..."""

    return _all(Path(runs).glob(f"{FAILED}/*/{ERROR}"), lambda path: failure(path.parent))


def failure(kept: Path) -> dict[str, Any]:
    """What is known of the run that failed whose folder this is; ValueError if it is not that."""
    facts = _read(kept / ERROR)
    _check_fields(kept / ERROR, facts, _OF_FAILURE)
    return facts


def histories(runs: str | Path, chosen: Iterable[dict[str, Any]]) -> pd.DataFrame:
    """The histories of these runs in one table: run, group, and the history's own columns.

    Where two runs of a group hold the same seed, the older one counts. A file that cannot be read
    is named in a warning.
    """
    import duckdb  # noqa: PLC0415

    ids = pd.DataFrame([(r["id"], r["group"]) for r in chosen], columns=["run", "group"])
    files = [str(f) for run in ids.run if _is_history(f := Path(runs) / run / HISTORY)]
    if not files:
        return pd.DataFrame(columns=["run", "group", "seed", "epoch", "test_accuracy"])
    with duckdb.connect() as db:
        read = db.read_parquet(files, filename=True, union_by_name=True).df()
    read.insert(0, "run", read.pop("filename").map(lambda name: Path(name).parent.name))
    table = ids.merge(read, on="run", sort=False)
    return table.drop_duplicates(["group", "seed", "epoch"], ignore_index=True)


def _is_history(path: Path) -> bool:
    import pyarrow.parquet  # noqa: PLC0415

    try:
        if {"seed", "epoch"} <= set(pyarrow.parquet.read_schema(path).names):
            return True
        reason = "has no columns seed and epoch"
    except FileNotFoundError:
        return False
    except (OSError, ValueError) as error:  # pyarrow's own errors are ValueErrors
        reason = f"is not readable ({error})"
    warnings.warn(f"left out {path}: {reason}", stacklevel=4)
    return False
