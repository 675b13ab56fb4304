"""Whether a report is what its runs say, and whether its runs can be repeated to the bit."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from afnlab.analysis import export, report, tables
from afnlab.runs import RunFailed, RunSpec, execute, store
from afnlab.training.machine import machine
from afnlab.training.options import whole

CLOCK = "seconds"  # the one column that is not meant to repeat


def verify(
    page: str | Path,
    *,
    rerun: int = 1,
    seed: int = 0,
    runs: str | Path | None = None,
    report_to: Callable[[str], None] = print,
) -> bool:
    """Recompute a report's tables from its runs, and make `rerun` of the runs again.

    page: the report's folder or a file in it; seed: which runs are repeated is drawn with it; runs:
    where the runs are, if not where they were. Says line by line what agrees; True if all does.
    ValueError if there is no report, or its runs are gone.
    """
    whole(rerun, "rerun", least=0)
    target = Path(page) if Path(page).is_dir() else Path(page).parent
    state = report.read_state(target)
    if "tables" not in state:
        raise ValueError(f"{page}: is no report with a {report.STATE}; write one: `afnlab report`")
    folder = Path(runs) if runs else Path(state["folder"])
    good = True
    for recipe in state["tables"]:
        problems = list(_table_problems(recipe, target, folder))
        report_to(f"{recipe['csv']}: " + ("; ".join(problems) or _same(recipe)))
        good &= not problems
    ids = [run for recipe in state["tables"] for run in recipe["runs"]]
    for run in random.Random(seed).sample(ids, min(rerun, len(ids))):
        problem = _rerun_problem(folder, run)
        report_to(f"run {run[:8]}: {problem or 'made again, the same bits'}")
        good &= not problem
    return good


def _same(recipe: dict[str, Any]) -> str:
    return f"recomputed from {len(recipe['runs'])} runs, every digit the same"


def _table_problems(recipe: dict[str, Any], target: Path, folder: Path) -> Iterator[str]:
    gone = [run for run in recipe["runs"] if not store.is_there(folder, run)]
    if gone:
        listed = ", ".join(run[:8] for run in gone)
        raise ValueError(f"{folder}: lacks runs of this report ({listed}); give their folder: runs")
    for run, digest in recipe["runs"].items():
        if report.history_hash(folder, run) != digest:
            yield f"the history of run {run[:8]} is not what it was"
    records = [store.read_record(folder / run / store.RECORD) for run in recipe["runs"]]
    history = store.histories(folder, records)
    history["label"] = history.group.map(recipe["labels"])
    table = tables.compare(history, recipe["baseline"], recipe["classes"], recipe["margin"])
    path = target / export.TABLES / recipe["csv"]
    if not path.is_file():
        yield "the table is gone"
        return
    again, kept = export.as_csv(table).splitlines(), path.read_text(encoding="utf-8").splitlines()
    for old, new in zip(kept, again, strict=False):
        if old != new:
            yield f"the line of {old.partition(',')[0]} is not what its runs give"
    if len(kept) != len(again):
        yield f"{len(kept) - 1} rows, its runs give {len(again) - 1}"


def _rerun_problem(folder: Path, run: str) -> str:
    """Make a run again in a folder that is thrown away; what is not as it was, or nothing."""
    record = store.read_record(folder / run / store.RECORD)
    try:
        spec = RunSpec.of_record(record)
        if spec.group != record["group"]:
            return "its code has changed since, so it cannot be made again by this version"
        with tempfile.TemporaryDirectory(prefix="afnlab-verify-") as scratch:
            done = execute(spec, Path(scratch), threads=record["environment"]["threads"])
            histories = [pd.read_parquet(p / store.HISTORY) for p in (folder / run, done)]
    except (ValueError, RunFailed) as error:
        return f"could not be made again: {error}"
    old, new = (h.drop(columns=CLOCK) for h in histories)
    if old.equals(new):
        return ""
    if old.shape != new.shape:
        return f"the bits differ: {len(old)} rows of history before, {len(new)} now"
    columns = [str(name) for name in old if not old[name].equals(new[name])]
    return f"the bits differ in {', '.join(columns)}{_elsewhere(record)}"


def _elsewhere(record: dict[str, Any]) -> str:
    """What is not the same here as where the run was made, as far as its record tells."""
    import torch  # noqa: PLC0415

    here = machine(torch.device(record["environment"]["device"]))
    then = record["environment"]
    names = ("device_name", "torch", "numpy", "platform", "python")
    other = [f"{n} {then[n]}, here {here[n]}" for n in names if then.get(n) != here[n]]
    return f"; made elsewhere: {'; '.join(other)}" if other else ", on the same kind of machine"
