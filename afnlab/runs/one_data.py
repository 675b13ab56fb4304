"""Whether runs were made with the same data: no id covers it, and every record holds its digest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import torch

from afnlab.messages import counted, some
from afnlab.runs.run_spec import RunSpec, TrainingSpec
from afnlab.runs.storage.record_schema import FURTHER, TrainingRecord, is_training
from afnlab.training.files import given_folder
from afnlab.training.options import TASK_PARAMS
from afnlab.training.plan import plan

DIGITS, LISTED = 8, 4  # of a digest, or of an id, that are shown; and how many of them
_SPLIT = "split"  # the one of the options of every task that chooses among the data
_BEGINS = 67280421310721  # the seed of torch's generator in every new process, as a kernel is one


class OtherData(NamedTuple):
    """Runs that were made with other data than their task has now, and the digest of that."""

    now: str
    runs: list[TrainingRecord]


def require_one_data(runs: Iterable[tuple[str, TrainingRecord]]) -> None:
    """Refuse to compare runs, or to pool their seeds, that were not made with the same data.

    Runs whose settings ask for other data (a limit, a setting of the task) may have other.

    Args:
        runs: the record of each, and what its row is called.

    Raises:
        ValueError: if there are several data, with the rows and the runs of each.
    """
    asked: dict[str, dict[str, list[tuple[str, str]]]] = {}
    for row, record in runs:
        made = asked.setdefault(_asked(record), {})
        made.setdefault(_digest(record), []).append((row, record["id"]))
    for made in asked.values():
        if len(made) > 1:
            said = "; ".join(f"{d[:DIGITS]}: {_rows(its)}" for d, its in made.items())
            raise ValueError(
                f"these runs were made with different data, which are neither pooled nor compared;"
                f" the SHA-256 of their data begins with {said}. What the task reads was edited"
                " between them: `afnlab runs rm ID ...` removes what is no longer wanted, and"
                " sweep makes it again"
            )


def other_data(
    specs: Iterable[RunSpec], records: Iterable[Mapping[str, object]]
) -> dict[str, OtherData]:
    """The runs that would be kept, and were made with other data than their tasks have now.

    The data of a user's own task is read for it, and that of one of afnlab's where a folder of
    data sets is given, which may hold others. Data that cannot be read here is not compared.

    Args:
        specs: what is to be run.
        records: of the runs that are there.

    Returns:
        Them, by the group.
    """
    kept: dict[str, list[TrainingRecord]] = {}
    for record in records:
        if is_training(record):
            kept.setdefault(record["group"], []).append(record)
    read: dict[object, str] = {}
    other = {}
    for spec in specs:
        if spec.group not in kept or not isinstance(spec, TrainingSpec) or not _may_change(spec):
            continue
        one = spec.training
        which = (id(one.task), repr(one.options.data), one.options.split)
        key = (*which, one.limit_train, one.limit_test)
        if key not in read:
            read[key] = _now(spec)
        its = [r for r in kept[spec.group] if read[key] and _digest(r) not in ("", read[key])]
        if its:
            other[spec.group] = OtherData(read[key], its)
    return other


def require_todays_data(specs: Iterable[RunSpec], records: Iterable[Mapping[str, object]]) -> None:
    """Refuse to add to runs, or to take them as they are, that were made with other data.

    Args:
        specs: what is to be run.
        records: of the runs that are there.

    Raises:
        ValueError: see `other_data`; with these runs, and how one goes on.
    """
    listed = list(specs)
    refuse({s.group: s.label for s in listed}, other_data(listed, records))


def refuse(labels: Mapping[str, str], other: Mapping[str, OtherData]) -> None:
    """ValueError for runs that were made with other data, by the labels of their groups."""
    if not other:
        return
    runs = [(labels[group], r["id"]) for group, its in other.items() for r in its.runs]
    first = next(iter(other.values()))
    ids = " ".join(run[:DIGITS] for _, run in runs)
    them = "them" if len(runs) > 1 else "it"
    were = "were" if len(runs) > 1 else "was"
    raise ValueError(
        f"{counted(len(runs), 'run')} here {were} made with other data than the task reads now"
        f" (SHA-256 {_digest(first.runs[0])[:DIGITS]}..., now {first.now[:DIGITS]}...):"
        f" {_rows(runs)}. So nothing is added to {them}, and nothing was run. To make {them} again"
        f" with the data of today, remove {them} first: afnlab runs rm {ids}; to keep {them}"
        " beside the new ones, make those in another folder: --runs FOLDER (in Python runs=)"
    )


def _rows(runs: Sequence[tuple[str, str]]) -> str:
    """Runs by their rows, in words."""
    rows: dict[str, list[str]] = {}
    for row, run in runs:
        rows.setdefault(row, []).append(run[:DIGITS])
    said = []
    for row, ids in rows.items():
        said.append(f"{row} (run{'s' if len(ids) > 1 else ''} {some(ids, LISTED)})")
    return some(said, LISTED, "row")


def _digest(record: TrainingRecord) -> str:
    return str(record.get("environment", {}).get("data", ""))


def _asked(record: TrainingRecord) -> str:
    """What of a training's settings chooses its data, or may."""
    normal = record["parameters"]
    options = {
        name: value
        for name, value in normal["options"].items()
        if name == _SPLIT or name not in TASK_PARAMS
    }
    limits = (normal.get("limit_train"), normal.get("limit_test"))
    parts = (normal["task"], *limits, sorted(options.items()), normal.get(FURTHER))
    return repr(parts)


def _may_change(spec: TrainingSpec) -> bool:
    """Whether a task may read other data another time: afnlab's own data sets have checksums."""
    return bool(spec.task_code) or given_folder() is not None


def _now(spec: TrainingSpec) -> str:
    """The digest of the data that a training would have now; empty: nobody can tell."""
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(_BEGINS)
            return plan(spec.training).data.fingerprint
    except (Exception, SystemExit):
        return ""  # it is somebody's code, or its files are elsewhere; the training will say
