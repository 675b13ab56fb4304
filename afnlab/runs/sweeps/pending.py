"""Which runs of a sweep are there already, and which are left to do."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from afnlab import stats
from afnlab.messages import counted, enumerated
from afnlab.runs.execution import RunFailed
from afnlab.runs.run_spec import RunSpec, TrainingSpec
from afnlab.runs.seed_lists import filled, typed
from afnlab.runs.setting import TrainingSetting
from afnlab.runs.storage import runs_folder
from afnlab.runs.storage.record_schema import FailureRecord, Record
from afnlab.runs.sweeps import sweep_file
from afnlab.runs.sweeps.until_decided import Comparisons
from afnlab.runs.whereabouts import made_elsewhere

BASELINE = "relu"  # of a sweep whose runs are compared and that names none


class Planned(NamedTuple):
    """What a sweep is to make.

    name: the sweep's; specs: the runs; notes: what is to be known before they start; comparisons:
    what is decided about them, where their seeds are added until it is; None: these are fixed.
    """

    name: str
    specs: Sequence[RunSpec]
    notes: list[str]
    comparisons: Comparisons | None = None


@dataclass(frozen=True)
class RunStatus:
    """How a spec stands: what is left of it to run, and how that failed when it was tried.

    elsewhere: the folder that a run that is there worked in, see `whereabouts.made_elsewhere`.
    """

    spec: RunSpec
    missing: RunSpec | None
    failure: RunFailed | None = None
    elsewhere: str = ""


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
        if missing is None:
            elsewhere = made_elsewhere(last[spec.group], spec.folder)
            yield RunStatus(spec, None, elsewhere=elsewhere)
        else:
            yield RunStatus(spec, missing, failed.get(missing.id))


def planned(
    source: str | Path | Mapping[str, object] | sweep_file.Sweep,
    only: Mapping[str, object] | None = None,
    here: bool = True,
    report: Callable[[str], None] | None = None,
    **overrides: object,
) -> Planned:
    """The runs of a sweep with the values in `only`; see `sweep`.

    Where seeds are added until decided, the baselines of those that are compared are among them.
    """
    plan = source if isinstance(source, sweep_file.Sweep) else sweep_file.read(source)
    specs = plan.specs(here=here, report=report, **overrides)
    chosen = sweep_file.chosen(specs, only or {})
    if plan.most_seeds is None or overrides.get("seeds") is not None:
        return Planned(plan.name, chosen, too_few(chosen))
    comparisons = Comparisons.of(specs, plan.baseline or BASELINE).only(chosen)
    notes = comparisons.too_few(plan.most_seeds)
    return Planned(plan.name, comparisons.runs, notes, comparisons)


def too_few(specs: Iterable[RunSpec]) -> list[str]:
    """A line where the rows of settings have too few seeds for any test, against one of them.

    Settings with as many rows and seeds share a line.
    """
    rows: dict[TrainingSetting, list[tuple[int, ...]]] = {}
    for spec in specs:
        if isinstance(spec, TrainingSpec):
            rows.setdefault(spec.setting, []).append(spec.seeds)
    tasks: dict[tuple[tuple[int, ...], int], dict[str, None]] = {}
    for setting, its in rows.items():
        tasks.setdefault((max(its, key=len), len(its) - 1), {})[setting.task] = None
    lines = []
    for (seeds, count), names in tasks.items():
        if count and len(seeds) < (least := stats.seeds_needed(count)):
            more = typed(filled(least, [seeds]))
            lines.append(
                f"{enumerated([*names])}: with {counted(len(seeds), 'seed')} and"
                f" {counted(count, 'comparison')} no difference can pass a test at 5 %; that takes"
                f" {least} seeds: {shlex.join(['--seeds', more])} (in Python seeds={more})"
            )
    return lines
