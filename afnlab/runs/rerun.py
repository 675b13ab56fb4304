"""Executing a run again, and whether its numbers are the same bits."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from afnlab.runs.kernel.execute_cells import Means
from afnlab.runs.relocation import planned_again
from afnlab.runs.storage import runs_folder, safe_files
from afnlab.runs.storage.location import Place, guarded
from afnlab.runs.storage.record_schema import Record
from afnlab.runs.sweeps.worker import Worker

# What the last bits of a number may depend on, beside the code, which the id stands for.
MACHINE = ("device", "device_name", "threads", "native", "torch", "numpy", "data")
TIME = "seconds"  # what a metric, or a column of a table, that is no result is called
KEYS = ("seed", "epoch", "step", "site", "parameter", "index")  # what names a row of a table


@dataclass(frozen=True)
class BitComparison:
    """What came of a rerun.

    refused: why the numbers were not compared; differ: the metrics that are not the same, and the
    files whose numbers are not, each with the first that is not; same: what is, to the bit.
    """

    refused: list[str] = field(default_factory=list)
    differ: list[str] = field(default_factory=list)
    same: list[str] = field(default_factory=list)


def rerun(
    folder: Path,
    record: Record,
    again: Path,
    timeout: float | None = None,
    worker: Worker | None = None,
    code: str | Path | None = None,
    begun: Callable[[], object] = lambda: None,
    report: Callable[[str], object] = lambda line: None,
) -> BitComparison:
    """Execute a run again, with as many threads as then, and compare the two.

    Args:
        folder: where the run is kept.
        record: that of the run.
        again: the folder that the new run is written into.
        timeout: seconds that it may take.
        worker: one that several reruns share (`worker_for`); None: one of its own.
        code: the folder in which files of the run's code are looked for that are not where they
            were; None: the current one.
        begun: called when it is clear that the run can be executed.
        report: takes lines on which files of the run's code are taken.

    Returns:
        What is the same, and what is not.

    Raises:
        ValueError: The code has changed since, so that it would not be the same run, or is not
            here, or lies in the folder of runs itself, or the folder that the run worked in is not
            here and the current one does not hold its files, or a file of the run is not what was
            written.
        RunFailed: The new run failed.
    """
    spec = planned_again(record, guarded(folder), code, report)
    begun()
    executor = worker or worker_for(record, timeout)
    try:
        failed = executor.attempt(spec, Place(again))
    finally:
        if worker is None:
            executor.stop()
    if failed is not None:
        raise failed
    new = runs_folder.read_record(again / spec.id / runs_folder.RECORD)
    return compare(folder / record["id"], record, again / spec.id, new)


def worker_for(record: Record, timeout: float | None = None) -> Worker:
    """A worker with as many threads as a run had."""
    return Worker(Means(threads=threads_of(record), timeout=timeout))


def threads_of(record: Record) -> int | None:
    return record.get("environment", {}).get("threads")


def compare(one: Path, record: Record, other: Path, again: Record) -> BitComparison:
    """Compare what two executions of a run left; refused where the machines differ."""
    reasons = list(_unlike(*(r.get("environment", {}) for r in (record, again))))
    if reasons:
        return BitComparison(refused=reasons)
    metrics = (r.get("metrics", {}) for r in (record, again))
    bits = BitComparison(differ=list(_other_metrics(*metrics)))
    for name in sorted({*record["files"], *again["files"]}):
        if name not in record["files"] or not (other / name).is_file():
            why = "there only once"
        else:
            old, new = runs_folder.read_file(one, record, name), safe_files.read(other / name)
            why = _difference(name, old, new, "metrics" in record)
        if why:
            bits.differ.append(f"{name} ({why})")
        else:
            bits.same.append(name)
    return bits


def _unlike(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """What is not as it was, of what the last bits may depend on; a record may not tell all."""
    for name in MACHINE:
        if then.get(name) != now.get(name):
            yield f"{name} was {then.get(name)}, is {now.get(name)}"
    was, is_now = (e.get("determinism", {}) for e in (then, now))
    for name in was.keys() & is_now.keys():
        if was[name] != is_now[name]:
            yield f"{name} was {was[name]}, is {is_now[name]}"


def _other_metrics(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """The metrics that differ in a bit, times aside, each with what it was and is."""
    for name in sorted((then.keys() | now.keys()) - {TIME}):
        if name not in then or name not in now:
            yield f"metric {name} (there only once)"
        elif repr(then[name]) != repr(now[name]):
            yield f"metric {name} (was {then[name]}, is {now[name]})"


def _difference(name: str, old: bytes, new: bytes, has_metrics: bool) -> str:
    """What two files of one name differ in; empty if they say the same."""
    if name.endswith(".parquet"):
        return _other_numbers(*(pd.read_parquet(BytesIO(data)) for data in (old, new)))
    if name == runs_folder.NOTEBOOK:
        return "" if has_metrics or _outputs(old) == _outputs(new) else "other outputs"
    return "" if old == new else "other bytes"


def _other_numbers(old: pd.DataFrame, new: pd.DataFrame) -> str:
    """Where two tables differ in a bit, times aside; empty if nowhere."""
    old, new = (table.drop(columns=TIME, errors="ignore") for table in (old, new))
    if old.dtypes.to_dict() != new.dtypes.to_dict():
        return "other columns"
    if len(old) != len(new):
        return f"{len(old)} rows, now {len(new)}"
    for name in old:
        rows = np.flatnonzero(old[name].map(repr) != new[name].map(repr))
        if len(rows):
            first = old.iloc[rows[0]]
            at = ", ".join(f"{key} {first[key]}" for key in KEYS if key in old and key != name)
            return f"{name} at {at}: was {first[name]}, is {new[name].iloc[rows[0]]}"
    return ""


def _outputs(notebook: bytes) -> list[object]:
    """What a notebook's cells printed and returned, as text."""
    cells = json.loads(notebook)["cells"]
    outputs = [o for c in cells for o in c.get("outputs", ())]
    return [o.get("text", o.get("data", {}).get("text/plain")) for o in outputs]
