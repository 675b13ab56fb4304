"""Which runs of a sweep are there already, and which are left to do."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from afnlab import stats
from afnlab.messages import LISTED, counted, enumerated, some
from afnlab.runs.conventions import DEFAULT_BASELINE
from afnlab.runs.execution import RunFailed
from afnlab.runs.one_data import OtherData, other_data, refuse
from afnlab.runs.run_spec import RunSpec, TrainingSpec
from afnlab.runs.seed_lists import filled, typed
from afnlab.runs.setting import TrainingSetting
from afnlab.runs.storage import runs_folder
from afnlab.runs.storage.record_schema import FailureRecord, Record
from afnlab.runs.sweeps import sweep_file
from afnlab.runs.sweeps.labels import labels
from afnlab.runs.sweeps.until_decided import Comparisons, baselines
from afnlab.runs.training_notebook import SEED, has_one_seed
from afnlab.runs.whereabouts import made_elsewhere


class Planned(NamedTuple):
    """What a sweep is to make.

    name: the sweep's; specs: the runs; notes: what is to be known before they start; comparisons:
    what is decided about them, where their seeds are added until it is; None: these are fixed.
    most: how many seeds a run has at most there.
    """

    name: str
    specs: Sequence[RunSpec]
    notes: list[str]
    comparisons: Comparisons | None = None
    most: int = 0


@dataclass(frozen=True)
class RunStatus:
    """How a spec stands: what is left of it to run, and how that failed when it was tried.

    elsewhere: the folder that a run that is there worked in, see `whereabouts.made_elsewhere`.
    other: the runs that are there and were made with other data, see `one_data.other_data`.
    more: the seeds of its group that are there and were not asked for.
    run: the id of what is left to run, else of the last run of its group.
    then: where seeds are added until decided, what is to be known beyond the next of them.
    """

    spec: RunSpec
    missing: RunSpec | None
    failure: RunFailed | None = None
    elsewhere: str = ""
    other: OtherData | None = None
    more: tuple[int, ...] = ()
    run: str = ""
    then: str = ""


def standings(specs: Iterable[RunSpec], runs: Path) -> Iterator[RunStatus]:
    """How specs stand in a folder; missing are the seeds that no whole run of their group holds."""
    if not runs.is_dir():
        return standings_among(specs, [], [])
    records, failures = runs_folder.records(runs, entire=True), runs_folder.failures(runs)
    listed = list(specs)
    other = other_data(listed, records)
    return (
        replace(standing, other=other.get(standing.spec.group))
        for standing in standings_among(listed, records, failures, runs)
    )


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
            its = last[spec.group]
            elsewhere = made_elsewhere(its, spec.folder, spec.parameters)
            yield RunStatus(spec, None, elsewhere=elsewhere, more=more, run=its["id"])
        else:
            yield RunStatus(spec, missing, failed.get(missing.id), more=more, run=missing.id)


def check_data(listed: Iterable[RunStatus]) -> None:
    """ValueError if runs that would be kept were made with other data, with how one goes on."""
    standing = list(listed)
    named = labels(one.spec for one in standing)
    refuse(named, {one.spec.group: one.other for one in standing if one.other})


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
        return Planned(plan.name, chosen, too_few(chosen, plan.baseline or DEFAULT_BASELINE))
    comparisons = Comparisons.of(specs, plan.baseline or DEFAULT_BASELINE).only(chosen)
    notes = comparisons.too_few(plan.most_seeds)
    return Planned(plan.name, comparisons.runs, notes, comparisons, plan.most_seeds)


def check_evidence(comparisons: Comparisons, records: Iterable[Record]) -> None:
    """ValueError as of `check_data`, for all runs that verdicts are made of: also of what is
    decided, to which nothing is to be added."""
    specs = comparisons.evidence
    refuse(labels(specs), other_data(specs, records))


def next_batch(comparisons: Comparisons, most: int, runs: Path) -> list[RunStatus]:
    """How the runs of a sweep stand that adds seeds until decided: what it would make next of each,
    and, in `then`, what comes after that.

    Args:
        comparisons: of the sweep.
        most: how many seeds a run has at most.
        runs: the folder of runs.

    Raises:
        ValueError: see `check_evidence`.
    """
    records, failures = runs_folder.records(runs, entire=True), runs_folder.failures(runs)
    check_evidence(comparisons, records)
    decided = comparisons.decided(runs, most)
    batch = comparisons.wanted(decided, most)
    due, seen = ({s.group: s for s in its} for its in (batch, comparisons.looked_at(decided)))
    asked = [(seen | due)[s.group] for s in comparisons.runs if s.group in seen | due]
    listed = list(standings_among(asked, records, failures, runs))
    failed = {one.spec.group for one in listed if one.failure is not None}
    going_on = {spec.group for spec in comparisons.wanted(decided, most, failed)}

    def then(spec: RunSpec) -> str:
        decision = decided.get(spec.group)
        if spec.group in going_on:
            return f"then more until decided, at most {most}" if len(spec.seeds) < most else ""
        if decision is None or spec.group in due:
            return ""
        return f"{decision.verdict} after {counted(decision.seeds, 'seed')}"

    return [replace(one, then=then(one.spec)) for one in listed]


def too_few(specs: Iterable[RunSpec], baseline: str) -> list[str]:
    """A line where the rows of settings have too few seeds for any test, against one of them.

    Settings with as many rows and seeds share a line. The rows of a notebook that is run once for
    each seed are all compared with one of them, whatever task they name.

    Args:
        specs: of a sweep.
        baseline: what the rows are compared with, a label or an activation.
    """
    specs = list(specs)
    tasks: dict[tuple[tuple[int, ...], int], dict[str, None]] = {}
    for part, _ in baselines([s for s in specs if isinstance(s, TrainingSpec)], baseline):
        seeds = max((spec.seeds for spec in part), key=len)
        tasks.setdefault((seeds, len(part) - 1), {})[part[0].setting.task] = None
    measuring: dict[Path, dict[str, list[int]]] = {}
    for spec in specs:
        seed = spec.parameters.get(SEED)
        if (
            not isinstance(spec, TrainingSpec)
            and isinstance(seed, int)
            and has_one_seed(spec.known)
        ):
            row = {name: value for name, value in spec.parameters.items() if name != SEED}
            measuring.setdefault(spec.notebook, {}).setdefault(repr(row), []).append(seed)
    for notebook, rows in measuring.items():
        seeds = max(map(tuple, rows.values()), key=len)
        tasks.setdefault((seeds, len(rows) - 1), {})[notebook.name] = None
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


def unequal(standings: Sequence[RunStatus]) -> list[str]:
    """A line where some rows will have more seeds than the others, as after an edit of one of them,
    which is trained anew with the seeds that are asked for alone.

    Args:
        standings: of a sweep's specs.
    """
    settings: dict[TrainingSetting, list[RunStatus]] = {}
    for one in standings:
        if isinstance(one.spec, TrainingSpec):
            settings.setdefault(one.spec.setting, []).append(one)
    called = labels(one.spec for one in standings)
    every: set[int] = set()
    rows: dict[tuple[int, int], list[str]] = {}
    for listed in settings.values():  # whose rows are compared
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
        f"{some(names, LISTED)} {'have' if len(names) > 1 else 'has'} {counted(there, 'seed')},"
        f" of which this sweep asks for {asked}"
        for (there, asked), names in rows.items()
    ]
    more = typed(sorted(every))
    flag = shlex.join(["--seeds", more])
    return [f"{'; '.join(said)}: {flag} (in Python seeds={more}) gives every row as many"]
