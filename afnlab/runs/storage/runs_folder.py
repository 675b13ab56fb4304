"""The folder of runs, read: one whole folder a run, `<id>/record.json` and what it names.

Others may write to the folder. What is not whole, or not what afnlab writes, is left out by itself
and named; it never ends the reading of the others.
"""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import product
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from afnlab.measures import ACCURACY, Measure
from afnlab.messages import masked
from afnlab.runs.fingerprint.syntax import digest
from afnlab.runs.storage import record_schema, safe_files
from afnlab.runs.storage.record_schema import (
    FailureRecord,
    File,
    Record,
    RunRecord,
    TrainingRecord,
    checked,
    is_training,
)
from afnlab.runs.storage.safe_files import LARGEST_JSON, is_id, write_json
from afnlab.training.history_columns import SIGNAL_COLUMNS, history_columns
from afnlab.training.space import BUDGET, SELECTION_SEEDS, TUNE
from afnlab.usercode.lookup import expanded

if TYPE_CHECKING:
    import pandas as pd
    from pyarrow import Table

SCHEMA = 3
RECORD, HISTORY, NOTEBOOK, ERROR = "record.json", "history.parquet", "notebook.ipynb", "error.json"
CONFIRMATIONS = "confirm"  # the folder of these within the folder of the runs that picked
FRESH_JUDGINGS = "judge"  # the same of judgings by fresh seeds alone
FRESH = {CONFIRMATIONS: "confirmations", FRESH_JUDGINGS: "judgings by fresh seeds alone"}
SPEED = "speed.json"  # beside the runs: `afnlab bench activations --json runs/speed.json`
OWN = (RECORD, ERROR)  # what no notebook may leave under that name
FAILED = ".failed"
ENVIRONMENT = "AFNLAB_RUNS"
_READ = (".parquet", ".ipynb")  # what numbers and pages are made of
_OTHER = "is not what was written (its SHA-256 is another)"
LEARNED, SIGNALS, FIXED = "parameters.parquet", "signals.parquet", "fixed.parquet"
CHOSEN, CANDIDATES, CHEAPER = "chosen.parquet", "candidates.parquet", "cheaper.parquet"
TABLES = {  # those whose columns do not depend on the task's metrics
    LEARNED: ("seed", "epoch", "site", "parameter", "index", "value"),
    "gradients.parquet": ("seed", "epoch", "parameter", "norm"),
    "steps.parquet": ("seed", "step", "train_loss"),
    SIGNALS: ("seed", "epoch", *SIGNAL_COLUMNS),
    CHOSEN: ("seed", "candidate"),  # and the parameters that were tuned
}
_WHOLE = (
    *("seed", "epoch", "step", "index", "layer", "call"),
    *("candidate", "selection", "candidates", SELECTION_SEEDS),
)
_TEXT, _TRUTH = ("site", "parameter"), ("diverged", "drawn")
_Item = TypeVar("_Item")
_Read = TypeVar("_Read")
_Kind = TypeVar("_Kind", Record, FailureRecord)
_MOST_ROWS = 1 << 28  # of a table: few bytes may say that they are very many


def is_there(runs: Path, run_id: str) -> bool:
    """Whether a run is complete and every byte of it as it was written."""
    try:
        read_record(runs / run_id / RECORD, entire=True)
    except ValueError:
        return False
    return True


def write_record(folder: Path, record: Mapping[str, object], listed: Iterable[Path]) -> None:
    """Write a run's record, with the size and SHA-256 of its files and a sum over itself.

    ValueError if that is none that could be read again.
    """
    sums = {path.relative_to(folder).as_posix(): safe_files.summed(path) for path in listed}
    full = {"schema": SCHEMA, **record, "files": sums}
    checked(full, RunRecord)
    write_json(folder / RECORD, full | {"sum": sum_of(full)})


def write_failure(folder: Path, facts: Mapping[str, object]) -> None:
    """Write what is known of a run that failed, with a sum over itself; no secret of an address."""
    content = {**facts, "message": masked(str(facts["message"]))}
    write_json(folder / ERROR, content | {"sum": sum_of(content)})


def sum_of(record: Mapping[str, object]) -> str:
    """The sum over itself that a record has as its `sum`."""
    content = {name: value for name, value in record.items() if name != "sum"}
    return digest(json.dumps(content, sort_keys=True))


def read_record(path: Path, entire: bool = False) -> Record:
    """A run's record; ValueError, with the file's name, if it is not that of a whole run.

    The sums of the tables and the notebook are checked; those of all files if `entire`.
    """
    _check_folder(path.parent)
    record = parse_record(_content(path), path)
    check_files(path.parent, record, entire)
    return record


def parse_record(data: bytes, path: Path) -> Record:
    """A record in a file's content; an old one is brought up to date. ValueError if it is none."""
    parsed = _parsed(data, path)
    try:
        record: Record = checked(parsed, RunRecord)
        if record["schema"] > SCHEMA:
            raise ValueError(f"schema {record['schema']} is newer than this afnlab")
        absent = [name for name in ("sum", "files") if name not in record]
        if record["schema"] > 1 and absent:
            raise ValueError(f"lacks {', '.join(absent)}")
        if record["id"] != path.parent.name:
            raise ValueError(f"is the record of another run, {record['id']}")
        if is_training(record):
            record = checked(parsed, TrainingRecord)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    if record["schema"] == 1 and "sum" not in record:  # from before there were compiled kernels
        record.setdefault("native", False)
        record.setdefault("files", {HISTORY: {}} if is_training(record) else {})
    elif record.get("sum") != sum_of(record):
        raise ValueError(f"{path}: has been changed since it was written")
    elif any(not {"bytes", "sha256"} <= set(known) for known in record["files"].values()):
        raise ValueError(f"{path}: files cannot lack sizes or sums")
    return record


def _content(path: Path) -> bytes:
    try:
        return safe_files.read(path, LARGEST_JSON)
    except ValueError as error:
        said = str(error).removeprefix(f"{path}: ")
        raise ValueError(f"{path}: is not a readable record ({said})") from None


def _parsed(data: bytes, path: Path) -> dict[str, object]:
    try:
        content = safe_files.parse_json(data)
    except ValueError as error:
        raise ValueError(f"{path}: is not a readable record ({error})") from None
    if not isinstance(content, dict):
        raise ValueError(f"{path}: is not a readable record (no mapping)")
    return content


def _check_folder(folder: Path) -> None:
    if folder.is_symlink():
        raise ValueError(f"{folder}: is a link, not a run")
    if not is_id(folder.name):
        raise ValueError(f"{folder}: is no run, whose name is an id of 16 digits")


def check_files(run: Path, record: Record, entire: bool = False) -> None:
    """ValueError if a file that a record lists is not there as it was written."""
    for name in record["files"]:
        if name == HISTORY and is_training(record):
            _history(run, record)
        elif name.endswith(_READ):
            read_file(run, record, name)
        elif entire:
            _check_sum(run, record, name)
        else:
            _listed(run, record, name)


def check_sums(run: Path, record: Record) -> None:
    """ValueError if a file that a record lists is not there as it was written, whatever it is."""
    for name in record["files"]:
        _check_sum(run, record, name)


def _check_sum(run: Path, record: Record, name: str) -> None:
    path, known = _listed(run, record, name)
    if not known.items() <= safe_files.summed(path).items():
        raise ValueError(f"{path}: {_OTHER}")


def read_file(run: Path, record: Record, name: str) -> bytes:
    """What a run's file holds; ValueError, with its name, if it is not what was written."""
    path, known = _listed(run, record, name)
    data = safe_files.read(path, known.get("bytes"))
    checksum = hashlib.sha256(data).hexdigest()
    if known.get("sha256", checksum) != checksum:  # records of schema 1 have none
        raise ValueError(f"{path}: {_OTHER}")
    return data


def _listed(run: Path, record: Record, name: str) -> tuple[Path, File]:
    """The path of a run's file, and its size and sum, of which the size is checked."""
    if name not in record["files"]:
        raise ValueError(f"{run / name}: is not listed in its record")
    path, known = safe_files.within(run, name), record["files"][name]
    size = safe_files.size(path)
    if size != known.get("bytes", size):
        raise ValueError(f"{path}: has {size} bytes, had {known['bytes']} when it was written")
    return path, known


def read_table(run: Path, record: Record, name: str) -> pd.DataFrame:
    """A table of a run, of the columns that afnlab writes; ValueError, with its name, if it is not
    what was written, or no such table."""
    data = read_file(run, record, name)
    try:
        tuned = tuned_names(record) if name in (CHOSEN, CANDIDATES) else []
        return _table(data, _columns(record, name), values=tuned).to_pandas()
    except ValueError as error:
        raise ValueError(f"{run / name}: {error}") from None


def _columns(record: Record, name: str) -> tuple[str, ...]:
    """The columns of a training's table."""
    measures = record_schema.measures(record)
    if name == CANDIDATES:
        judged = ("validation_loss", measures[0].validation, "diverged")
        return ("seed", "candidate", "drawn", "selection", *judged)
    history = history_columns(measures)
    if name == CHEAPER:
        return (*history, "candidates", SELECTION_SEEDS, "candidate")
    return history if name in (HISTORY, FIXED) else TABLES[name]


def tuned_names(record: Record) -> list[str]:
    """The parameters that a training has tuned, by its record."""
    tune = record["parameters"].get(TUNE)
    return [n for n in tune if n not in (BUDGET, SELECTION_SEEDS)] if isinstance(tune, dict) else []


def _history(run: Path, record: TrainingRecord) -> Table:
    """The history of a training, as an Arrow table with a row for each of its seeds and epochs."""
    data = read_file(run, record, HISTORY)
    try:
        epochs = ceil(record["parameters"]["epochs"])  # of which the last may be a part
        measures = record_schema.measures(record)
        return _table_of_history(data, measures, tuple(record["seeds"]), epochs)
    except ValueError as error:
        raise ValueError(f"{run / HISTORY}: {error}") from None


@lru_cache(512)  # what `records` has looked at, `histories` need not parse again
def _table_of_history(
    data: bytes, measures: tuple[Measure, ...], seeds: tuple[int, ...], epochs: int
) -> Table:
    table = _table(data, history_columns(measures), len(seeds) * epochs)
    names = ("seed", "epoch", "diverged", "seconds")
    if empty := [name for name in names if table[name].null_count]:
        raise ValueError(f"{empty[0]} is empty in a row")
    # As lists, since pyarrow's way to numpy imports pandas, which takes longer than all of this.
    rows = zip(table["seed"].to_pylist(), table["epoch"].to_pylist(), strict=True)
    if len(table) < len(seeds) * epochs or set(rows) != set(product(seeds, range(1, epochs + 1))):
        raise ValueError("has not one row for each of the record's seeds and epochs")
    diverged = np.array(table["diverged"].to_pylist(), bool)
    for measure in measures:
        _check_values(measure, np.array(table[measure.column].to_pylist(), float), diverged)
    return table


def _check_values(measure: Measure, values: np.ndarray, diverged: np.ndarray) -> None:
    """ValueError if a seed that has not diverged has no value, or any value is out of bounds."""
    known = values[np.isfinite(values)]
    if not (np.isfinite(values) | diverged).all():
        raise ValueError(f"{measure.column} is empty in a row")
    if not (measure.contains(known.min()) and measure.contains(known.max()) if len(known) else 1):
        raise ValueError(f"has a {measure.column} that is out of its bounds")


def _table(
    data: bytes, columns: Iterable[str], most: int = _MOST_ROWS, values: Sequence[str] = ()
) -> Table:
    """The columns of a Parquet file's content, as an Arrow table; ValueError if they are others.

    values: further columns, which may be of any kind that a parameter's value is.
    """
    import pyarrow.parquet  # noqa: PLC0415

    try:
        columns = [*columns, *values]
        file = pyarrow.parquet.ParquetFile(pyarrow.BufferReader(data))
        known = {field.name: field.type for field in file.schema_arrow}
        if absent := [name for name in columns if name not in known]:
            raise ValueError(f"lacks columns {', '.join(absent)}")
        rows = file.metadata.num_rows
        required = [name for name in columns if name not in values]
        if odd := [name for name in required if rows and not _fits(name, known[name])]:
            raise ValueError(f"{odd[0]} cannot be {known[odd[0]]}")
        if rows > most:
            raise ValueError(f"has {rows} rows, may have {most}")
        return file.read(columns=list(columns), use_threads=False)
    except Exception as error:  # pyarrow has many kinds of them
        said = str(error).splitlines() or [type(error).__name__]
        raise ValueError(f"is not readable ({said[0]})") from None


def _fits(column: str, kind: object) -> bool:
    from pyarrow import types  # noqa: PLC0415

    if column in _WHOLE:
        return types.is_integer(kind)
    if column in _TEXT:
        return types.is_string(kind) or types.is_large_string(kind)
    return types.is_boolean(kind) if column in _TRUTH else types.is_floating(kind)


def _entries(runs: Path, file: str) -> Iterator[Path]:
    """The files of this name in the folders of a folder, by name; all that is named as a run is."""
    try:
        names = sorted(path.name for path in runs.iterdir() if not path.name.startswith("."))
    except FileNotFoundError:
        return
    except OSError as error:
        raise ValueError(f"{runs}: cannot be read ({error.strerror})") from None
    for name in names:
        if is_id(name) or os.path.lexists(runs / name / file):
            yield runs / name / file


def _all(paths: Iterable[Path], read: Callable[[Path], _Kind]) -> list[_Kind]:
    loaded = []
    for path in paths:
        try:
            loaded.append(read(path))
        except ValueError as error:
            if os.path.lexists(path.parent):  # or it was removed meanwhile
                warnings.warn(f"left out {error}", stacklevel=3)
    return sorted(loaded, key=lambda r: (r["started"], r["id"]))


def readable(
    items: Iterable[_Item], read: Callable[[_Item], _Read]
) -> Iterator[tuple[_Item, _Read]]:
    """Each item with what it is read as; one that cannot be is named in a warning, and left out."""
    for item in items:
        try:
            yield item, read(item)
        except ValueError as error:
            warnings.warn(f"left out {error}", stacklevel=3)


def records(runs: str | Path, entire: bool = False) -> list[Record]:
    """The records of all complete runs.

    Args:
        runs: the folder.
        entire: check the checksums of all files, not only of those that numbers and pages are made
            of.

    Returns:
        The records, oldest first; a run that is not complete is named in a warning.
    """
    return _all(_entries(expanded(runs), RECORD), lambda path: read_record(path, entire))


def failures(runs: str | Path) -> list[FailureRecord]:
    """What is known of the runs that failed: id, group, label, message, started, ..."""
    folder = Path(runs) / FAILED
    if folder.is_symlink():
        warnings.warn(f"left out {folder}: is a link", stacklevel=2)
        return []
    return _all(_entries(folder, ERROR), lambda path: failure(path.parent))


def failure(kept: Path) -> FailureRecord:
    """What is known of the run that failed whose folder this is; ValueError if it is not that."""
    _check_folder(kept)
    path = kept / ERROR
    return parse_failure(_content(path), path)


def parse_failure(data: bytes, path: Path) -> FailureRecord:
    """What a file says of a run that failed; ValueError if it does not."""
    try:
        facts = checked(_parsed(data, path), FailureRecord)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    if facts["id"] != path.parent.name:
        raise ValueError(f"{path}: is that of another run, {facts['id']}")
    if facts.get("sum", sum_of(facts)) != sum_of(facts):
        raise ValueError(f"{path}: has been changed since it was written")
    return facts


def histories(runs: str | Path, chosen: Iterable[TrainingRecord]) -> pd.DataFrame:
    """The histories of these trainings in one table: run, group, and the history's own columns.

    Where two runs of a group hold the same seed, the older one counts. A history that is not what
    was written, or no table, is named in a warning and left out.
    """
    import pandas as pd  # noqa: PLC0415
    import pyarrow  # noqa: PLC0415

    parts = []
    trainings = filter(is_training, chosen)
    for record, table in readable(trainings, lambda r: _history(Path(runs) / r["id"], r)):
        run, group = (pyarrow.array([record[name]] * len(table)) for name in ("id", "group"))
        parts.append(table.add_column(0, "run", run).add_column(1, "group", group))
    if not parts:
        return pd.DataFrame(columns=["run", "group", *history_columns([ACCURACY])])
    joined = pyarrow.concat_tables(parts, promote_options="permissive").to_pandas()
    return joined.drop_duplicates(["group", "seed", "epoch"], ignore_index=True)
