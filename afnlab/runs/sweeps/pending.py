"""Which runs of a sweep are there already, and which are left to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from afnlab import stats
from afnlab.messages import counted, enumerated
from afnlab.runs.execution import RunFailed
from afnlab.runs.file_labels import told_apart
from afnlab.runs.run_spec import RunSpec, TrainingSpec
from afnlab.runs.storage import runs_folder
from afnlab.runs.storage.record_schema import FailureRecord, Record
from afnlab.runs.sweeps import sweep_file
from afnlab.runs.whereabouts import made_elsewhere

LISTED = 6  # names in a line


@dataclass(frozen=True)
class RunStatus:
    """How a spec stands: what is left of it to run, and how that failed when it was tried.

    elsewhere: the folder that a run that is there worked in, see `whereabouts.made_elsewhere`.
    more: the seeds of its group that are there and were not asked for.
    """

    spec: RunSpec
    missing: RunSpec | None
    failure: RunFailed | None = None
    elsewhere: str = ""
    more: tuple[int, ...] = ()


def standings(specs: Iterable[RunSpec], runs: Path) -> Iterator[RunStatus]:
    """How specs stand in a folder; missing are the seeds that no whole run of their group holds."""
    if not runs.is_dir():
        return standings_among(specs, [], [])
    records, failures = runs_folder.records(runs, entire=True), runs_folder.failures(runs)
    return standings_among(specs, records, failures, runs)


def standings_among(
    specs: Iterable[RunSpec],
    records: Iterable[Record],
    failures: Iterable[FailureRecord],
    runs: Path = Path(),
) -> Iterator[RunStatus]:
    """How specs stand among these runs of a folder."""
    done: dict[str, set[int]] = {}
    last: dict[str, Record] = {}
    for record in records:
        done.setdefault(record["group"], set()).update(record["seeds"])
        last[record["group"]] = record
    kept = runs / runs_folder.FAILED
    failed = {f["id"]: RunFailed(f["message"], kept / f["id"]) for f in failures}
    for spec in specs:
        missing = spec.pending(done.get(spec.group))
        more = tuple(sorted(done.get(spec.group, set()) - set(spec.seeds)))
        if missing is None:
            elsewhere = made_elsewhere(last[spec.group], spec.folder)
            yield RunStatus(spec, None, elsewhere=elsewhere, more=more)
        else:
            yield RunStatus(spec, missing, failed.get(missing.id), more=more)


def planned(
    source: str | Path | Mapping[str, object] | sweep_file.Sweep,
    only: Mapping[str, object] | None = None,
    here: bool = True,
    report: Callable[[str], None] | None = None,
    **overrides: object,
) -> tuple[str, list[RunSpec]]:
    """A sweep's name and its specs, those with the values in `only`; see `sweep`."""
    plan = source if isinstance(source, sweep_file.Sweep) else sweep_file.read(source)
    specs = plan.specs(here=here, report=report, **overrides)
    return plan.name, sweep_file.chosen(specs, only or {})


def labels(specs: Iterable[RunSpec]) -> dict[str, str]:
    """What runs are called where they are listed together, by their groups."""
    listed = list(specs)
    shown = told_apart([one.label for one in listed], [one.parameters for one in listed])
    return {spec.group: label for spec, label in zip(listed, shown, strict=True)}


def too_few(specs: Iterable[RunSpec]) -> list[str]:
    """A line where the rows of tasks have too few seeds for any test, against one of them.

    Tasks with as many rows and seeds share a line.
    """
    rows: dict[tuple[str, str], list[int]] = {}
    for spec in specs:
        if isinstance(spec, TrainingSpec):
            task = spec.training.task.name, spec.task_code
            rows.setdefault(task, []).append(len(spec.seeds))
    tasks: dict[tuple[int, int], list[str]] = {}
    for (name, _), seeds in rows.items():
        tasks.setdefault((max(seeds), len(seeds) - 1), []).append(name)
    return [
        f"{enumerated(names)}: with {counted(most, 'seed')} and {counted(count, 'comparison')} no"
        f" difference can pass a test at 5 %; that takes {least} seeds: --seeds {least} (in Python"
        f" seeds={least})"
        for (most, count), names in tasks.items()
        if count and most < (least := stats.seeds_needed(count))
    ]


def unequal(standings: Sequence[RunStatus]) -> list[str]:
    """A line where some rows will have more seeds than the others, as after an edit of one of them,
    which is trained anew with the seeds that are asked for alone.

    Args:
        standings: of a sweep's specs.
    """
    tasks: dict[tuple[str, str], list[RunStatus]] = {}
    for one in standings:
        if isinstance(one.spec, TrainingSpec):
            tasks.setdefault((one.spec.training.task.name, one.spec.task_code), []).append(one)
    called = labels(one.spec for one in standings)
    every: set[int] = set()
    rows: dict[tuple[int, int], list[str]] = {}
    for listed in tasks.values():  # rows of one task are compared
        seeds = [{*one.spec.seeds, *one.more} for one in listed]
        if all(its == seeds[0] for its in seeds):
            continue
        every.update(*seeds)
        for one in listed:
            if one.more:
                asked = len(one.spec.seeds)
                many = rows.setdefault((asked + len(one.more), asked), [])
                many.append(called[one.spec.group])
    if not rows:
        return []
    said = [
        f"{_some(names)} {'have' if len(names) > 1 else 'has'} {counted(there, 'seed')}, of which"
        f" this sweep asks for {asked}"
        for (there, asked), names in rows.items()
    ]
    first = every == set(range(len(every)))
    number = str(len(every)) if first else str(sorted(every))
    flag = number if first else f"'{number}'"
    return [f"{'; '.join(said)}: --seeds {flag} (in Python seeds={number}) gives every row as many"]


def _some(names: Sequence[str]) -> str:
    more = [f"{len(names) - LISTED} more"] * (len(names) > LISTED)
    return enumerated([*names[:LISTED], *more])
