"""Executing a run again, and whether its numbers are the same bits."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from afnlab.runs import store
from afnlab.runs.cells import Means
from afnlab.runs.executors import Warm
from afnlab.runs.places import Place
from afnlab.runs.spec import RunSpec

# What the last bits of a number may depend on, beside the code, which the id stands for.
MACHINE = ("device", "device_name", "threads", "native", "torch", "numpy", "data")


@dataclass(frozen=True)
class Verdict:
    """What came of a rerun.

    refused: why the numbers were not compared; differ: the tables whose numbers are not the same;
    same: those whose numbers are, to the bit.
    """

    refused: list[str] = field(default_factory=list)
    differ: list[str] = field(default_factory=list)
    same: list[str] = field(default_factory=list)


def rerun(folder: Path, record: Mapping[str, Any], again: Path, timeout: float | None) -> Verdict:
    """Execute a run again, into the folder `again`, and compare.

    As many threads are used as then. ValueError if the code has changed since, so that it would not
    be the same run; RunFailed if it fails.
    """
    spec = RunSpec.of_record(record)
    if spec.id != record["id"]:
        raise ValueError(
            f"{record['id']} ({record['label']}): its code, notebook or parameters have changed"
            f" since, this would be {spec.id}"
        )
    then = record.get("environment", {})
    warm = Warm(Means(threads=then.get("threads"), timeout=timeout))
    try:
        failed = warm.attempt(spec, Place(again))
    finally:
        warm.stop()
    if failed is not None:
        raise failed
    new = store.read_record(again / spec.id / store.RECORD)
    return compare(folder / record["id"], record, again / spec.id, new)


def compare(one: Path, record: Mapping[str, Any], other: Path, again: Mapping[str, Any]) -> Verdict:
    """Compare what two executions of a run left; refused where the machines differ."""
    then, now = (r.get("environment", {}) for r in (record, again))
    reasons = [
        f"{name} was {then.get(name)}, is {now.get(name)}"
        for name in MACHINE
        if then.get(name) != now.get(name)
    ]
    if reasons:
        return Verdict(refused=reasons)
    verdict = Verdict()
    for name in sorted({*record["files"], *again["files"]}):
        if name.endswith(".parquet"):
            same = _numbers(one / name) == _numbers(other / name)
        elif name == store.NOTEBOOK:
            same = "metrics" in record or _outputs(one / name) == _outputs(other / name)
        else:
            same = _bytes(one / name) == _bytes(other / name)
        (verdict.same if same else verdict.differ).append(name)
    return verdict


def _bytes(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _numbers(path: Path) -> list[tuple[str, str, bytes]] | None:
    """The columns of a table, bit by bit, but for times."""
    if not path.is_file():
        return None
    table = pd.read_parquet(path)
    kept = [name for name in table.columns if name != "seconds"]
    return [(n, str(table[n].dtype), _column(table[n])) for n in kept]


def _column(column: pd.Series) -> bytes:
    values = column.to_numpy()
    return repr(values.tolist()).encode() if values.dtype == object else values.tobytes()


def _outputs(path: Path) -> list[Any]:
    """What a notebook's cells printed and returned, as text."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    outputs = [o for c in cells for o in c.get("outputs", ())]
    return [o.get("text", o.get("data", {}).get("text/plain")) for o in outputs]
