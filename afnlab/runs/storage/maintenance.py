"""Looking after a folder of runs: what is there, what differs, what can go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from afnlab.digits import printed_alone
from afnlab.messages import counted
from afnlab.runs import staleness
from afnlab.runs.file_labels import told_apart
from afnlab.runs.fingerprint import one_look
from afnlab.runs.moved_code import lies_here
from afnlab.runs.storage import atomic_write, record_schema, runs_folder
from afnlab.runs.storage.confirmation_notes import only_to_tell, shows_nothing_by
from afnlab.runs.storage.location import Place
from afnlab.runs.storage.record_schema import (
    FailureRecord,
    Record,
    Stored,
    is_complete,
    is_number,
    is_training,
)
from afnlab.runs.storage.safe_files import is_id

_CODE = "code."  # before the name of a part of a run's code, among the values of its record
_LEAST = 4  # letters of an abbreviated id


@dataclass(frozen=True)
class ListedRun:
    """A run as a list of runs shows it.

    id: of its record. label: what it is called among the others, with its epochs where these are
    not those of its task. started: an ISO date. state: `done`, `stale` (done, but its code has
    changed since) or `failed`; where its code is not here, so that nobody knows, it is `done`.
    seeds: in the order of its record. value: the mean of what a training is judged by; result: the
    same as text. seconds: it took, None where nobody knows. metrics: all that the notebook left, by
    name. here: whether its code is. moved: whether it is in the current folder in place of there.
    """

    id: str
    started: str
    state: str
    label: str
    seeds: tuple[int, ...]
    value: float | None
    result: str
    seconds: float | None
    metrics: Mapping[str, object]
    here: bool
    moved: bool


@one_look()
def listing(folder: Path) -> list[ListedRun]:
    """All runs of a folder, complete or failed, oldest first."""
    facts: list[Record | FailureRecord] = [
        *runs_folder.records(folder),
        *runs_folder.failures(folder),
    ]
    ordered = sorted(facts, key=lambda r: (r["started"], r["id"]))
    return [_listed(one, label) for one, label in zip(ordered, labels(ordered), strict=True)]


def labels(records: Sequence[Record | FailureRecord]) -> list[str]:
    """What runs are called where they are listed together."""
    return told_apart([r["label"] for r in records], [r.get("given", {}) for r in records])


def _listed(facts: Record | FailureRecord, label: str) -> ListedRun:
    code = staleness.state(facts)
    state = "failed" if "message" in facts else "done"
    if state == "done" and code == staleness.CHANGED:
        state = "stale"
    value, result = _result(facts)
    return ListedRun(
        id=facts["id"],
        started=facts["started"],
        state=state,
        label=", ".join(filter(None, [label, _epochs(facts)])),
        seeds=tuple(facts.get("seeds", ())),
        value=value,
        result=result,
        seconds=facts.get("seconds"),
        metrics=cast(Mapping[str, object], facts.get("metrics", {})),
        here=code != staleness.ELSEWHERE,
        moved=code == staleness.ELSEWHERE and is_complete(facts) and lies_here(facts),
    )


def _epochs(facts: Record | FailureRecord) -> str:
    """How many epochs a training has, where its task has others; a failure's record may say
    anything of both."""
    if not is_training(facts):
        return ""
    task, its = facts.get("task"), facts["parameters"]["epochs"]
    usual = task.get("epochs") if isinstance(task, Mapping) else None
    known = is_number(its) and is_number(usual)
    return counted(its, "epoch") if known and its != usual else ""


def _result(facts: Record | FailureRecord) -> tuple[float | None, str]:
    """The mean of what a training is judged by, and its text; none of a run that is no training."""
    if "message" in facts or not is_training(facts):
        return None, ""
    measure = record_schema.measure(facts)
    value = facts["metrics"][measure.column]
    return value, printed_alone(measure, value) if value is not None else f"no {measure.name}"


def find(place: Place, ref: str) -> Record | FailureRecord:
    """The record of the run (or failed run) whose id begins with `ref`; ValueError if not one."""
    there = (*runs_folder.failures(place.folder), *runs_folder.records(place.folder))
    known = {r["id"]: r for r in there}
    matches = [i for i in known if i.startswith(ref)]
    if len(ref) < _LEAST or not matches:
        hint = f"; give {_LEAST} letters or more" if len(ref) < _LEAST else ""
        raise ValueError(f"{place.shown}: no run has the id {ref!r}{hint} (see afnlab runs list)")
    if len(matches) > 1 and ref not in matches:
        raise ValueError(f"{place.shown}: {ref!r} may be {' or '.join(sorted(matches))}")
    return known[ref if ref in known else matches[0]]


def home(folder: Path, record: Stored) -> Path:
    """The folder that holds a run's files."""
    if not is_id(record["id"]):
        raise ValueError(f"{record['id']!r} is no id of a run")
    return (
        folder / runs_folder.FAILED / record["id"] if "message" in record else folder / record["id"]
    )


def flat(record: object, name: str = "") -> dict[str, object]:
    """A record's values by names such as `environment.device`."""
    if not isinstance(record, Mapping):
        return {name: record}
    values: dict[str, object] = {}
    for key, value in record.items():
        values |= flat(value, f"{name}.{key}" if name else str(key))
    return values


def difference(
    one: Mapping[str, object], other: Mapping[str, object]
) -> list[tuple[str, object, object]]:
    """What differs between two records, one row per value: name, the one's, the other's."""
    left, right = flat(one), flat(other)
    names = [n for n in dict.fromkeys((*left, *right)) if left.get(n, "") != right.get(n, "")]
    return [(n, left.get(n, "-"), right.get(n, "-")) for n in names if n != "sum"]


def with_code_in_a_line(
    differences: Sequence[tuple[str, object, object]],
) -> list[tuple[str, object, object]]:
    """The rows of `difference`, those of the code as one: which parts of it differ, on both sides.

    A run's code has a hundred parts, and their checksums say nothing to a reader.

    Args:
        differences: of `difference`.
    """
    code = [row for row in differences if row[0].startswith(_CODE)]
    rest = [row for row in differences if row not in code]
    if not code:
        return rest

    def parts(side: int) -> str:
        names = [row[0].removeprefix(_CODE) for row in code if row[side] != "-"]
        return f"{counted(len(names), 'part')}: {', '.join(names)}" if names else "-"

    return [*rest, ("code", parts(1), parts(2))]


def remove(place: Place, refs: Sequence[str]) -> list[str]:
    """Delete runs, and say which; ValueError, before any is deleted, for one that is not there, or
    if that would change what is known of confirmations, which counts where p is corrected."""
    ids = [find(place, ref)["id"] for ref in refs]
    records, failures = runs_folder.records(place.folder), runs_folder.failures(place.folder)
    for record in only_to_tell(records, failures, ids):
        raise ValueError(
            f"{record['id']}: {record['label']} is the last run that tells of a confirmation, which"
            " counts where p is corrected; to begin anew, with no confirmation known of, delete the"
            f" folder `{runs_folder.CONFIRMATIONS}` below the runs yourself"
        )
    staying = [r for r in records if r["id"] not in ids]
    for one in failures:
        if one["id"] in ids and (run := shows_nothing_by(one, staying)) is not None:
            raise ValueError(
                f"{one['id']}: {one['label']} failed in a confirmation, which by this alone does"
                f" not count where p is corrected: {run['id']}, {run['label']}, was trained for it"
            )
    for run_id in ids:
        place.remove(run_id)
    return ids


@one_look()
def waste(place: Place, stale: bool = False) -> list[tuple[Path, str]]:
    """What `gc` deletes, and why: what killed processes left, failures that are made good or whose
    code has changed since; with `stale` also whole runs whose code has. What is known of
    confirmations stays: the last run that tells of one, and the failure by which one shows nothing.
    """
    folder = place.folder
    removable = [(p, "left by a process that was killed") for p in atomic_write.abandoned(folder)]
    if place.workshop != folder and place.workshop.is_dir():
        removable += [
            (p, "left by a killed process") for p in atomic_write.abandoned(place.workshop)
        ]
    removable += [
        (p, "set aside, as it was not whole") for p in folder.glob(f"{atomic_write.TORN}*")
    ]
    records, failures = runs_folder.records(folder), runs_folder.failures(folder)
    old = [r for r in records if stale and staleness.state(r) == staleness.CHANGED]
    kept = {r["id"] for r in only_to_tell(records, failures, {r["id"] for r in old})}
    old = [r for r in old if r["id"] not in kept]
    done, gone = {r["id"] for r in records}, {r["id"] for r in old}
    staying = [r for r in records if r["id"] not in gone]
    for facts in failures:
        if facts["id"] in done:
            removable.append((home(folder, facts), f"{facts['label']}: failed, then done"))
        elif shows_nothing_by(facts, staying) is None and (
            staleness.state(facts) == staleness.CHANGED
        ):
            removable.append(
                (home(folder, facts), f"{facts['label']}: failed, its code has changed")
            )
    removable += [(home(folder, r), f"{r['label']}: its code has changed") for r in old]
    return removable


def discard(place: Place, path: Path) -> None:
    """Delete something that `waste` has found."""
    if path.name.startswith("."):  # left by a process of this machine
        atomic_write.discard(path)
    elif path.parent == place.folder / runs_folder.FAILED:
        place.remove_failed(path.name)
    else:
        place.remove(path.name)
