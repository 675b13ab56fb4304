"""Which runs are compared: those of a sweep, or all whose code is still what it was."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from afnlab.compare.decided_rows import counted_runs
from afnlab.compare.training_facts import Trained
from afnlab.runs import filtering, staleness
from afnlab.runs.conventions import DEFAULT_BASELINE
from afnlab.runs.notebook_parameters.parsing import command
from afnlab.runs.run_spec import TrainingSpec
from afnlab.runs.setting import TrainingSetting
from afnlab.runs.storage.record_schema import FailureRecord, Record, TrainingRecord, is_training
from afnlab.runs.sweeps import pending, sweep_file
from afnlab.runs.sweeps.labels import labels
from afnlab.runs.within import Configured

AGAIN = "to be run again since its code has changed"  # of a run that is missing


class LackingRow(NamedTuple):
    """A row that a sweep lists and of which there is no run: its group, what lists call it, and
    what it would be, by which its table is known."""

    group: str
    label: str
    configured: Configured


@dataclass(frozen=True)
class Chosen:
    """The trainings to compare, in the order of their rows, and what is not among them.

    baseline: an activation or a label, unless another is asked for; elsewhere: the ids of those
    whose code is not here; stale, foreign, absent, failed, most, asked: see `Selection`;
    wanted: the groups that `only` chooses; None: all; sources: by group what a sweep calls its
    activation now, of which a record may say where it was before its folder was moved; lacking: by
    group the rows of its `TrainingSetting` that the sweep lists and of which there is no run.
    """

    records: list[TrainingRecord]
    baseline: str = DEFAULT_BASELINE
    elsewhere: frozenset[str] = frozenset()
    stale: int = 0
    foreign: tuple[str, ...] = ()
    absent: tuple[tuple[str, str], ...] = ()
    failed: tuple[tuple[str, str], ...] = ()
    most: int | None = None
    asked: Mapping[str, int] = field(default_factory=dict)
    wanted: frozenset[str] | None = None
    sources: Mapping[str, str] = field(default_factory=dict)
    lacking: Mapping[str, Sequence[LackingRow]] = field(default_factory=dict)

    def located(self, trained: Mapping[str, Trained]) -> dict[str, Trained]:
        """These trainings, by their ids, with their activations where they are now."""
        sources = {r["id"]: self.sources.get(r["group"], "") for r in self.records}
        return {
            id: replace(one, reference=sources.get(id) or one.reference)
            for id, one in trained.items()
        }

    def wants(self, records: Sequence[TrainingRecord]) -> bool:
        """Whether one of these runs is wanted."""
        return any(self.wants_group(r["group"]) for r in records)

    def wants_group(self, group: str) -> bool:
        """Whether the runs of this group are wanted."""
        return self.wanted is None or group in self.wanted


def of_sweep(
    sweep: str | Path,
    overrides: Mapping[str, Any],
    trainings: list[TrainingRecord],
    failures: Sequence[FailureRecord],
    runs: str | Path | None,
    only: filtering.Only,
) -> Chosen:
    """The runs of a sweep, in its order, whatever their seeds."""
    plan = sweep_file.read(sweep)
    listed = plan.specs(here=False, **overrides)  # runs are read where no device of theirs is
    asked = [spec for spec in listed if isinstance(spec, TrainingSpec)]
    if not asked:
        what = f"{Path(plan.notebook).name}, which is no training with a task and an activation"
        shown = command("runs", "list", runs=runs)
        compared = command("compare", sweep, runs=runs, metric="NAME")
        raise ValueError(
            f"{sweep}: is about {what}; `{shown}` shows its metrics, and `{compared}` compares one"
        )
    order = {spec.group: at for at, spec in enumerate(asked)}
    wanted = sweep_file.chosen(asked, only)
    there = sorted((r for r in trainings if r["group"] in order), key=lambda r: order[r["group"]])
    most = plan.most_seeds if overrides.get("seeds") is None else None
    there = counted_runs(there, most)
    groups = {r["group"] for r in there}
    made = {_settings(r["parameters"]) for r in trainings if r["group"] not in order}
    absent, called = [], labels(asked)
    settings = {spec.group: spec.setting for spec in asked}
    lacking: dict[TrainingSetting, list[LackingRow]] = {}
    for one in asked:
        if one.group not in groups:
            row = LackingRow(one.group, called[one.group], one.configured)
            lacking.setdefault(one.setting, []).append(row)
    for standing in pending.standings_among(wanted, trainings, failures):
        spec, missing = standing.spec, standing.missing
        if missing is None:
            continue
        failure = standing.failure
        seeds, why = [*missing.seeds], reason(failure.message if failure else None)
        if plan.most_seeds is not None and spec.group in groups:
            if (failed := _next_failed(missing.group, seeds, failures)) is None:
                continue  # it may be decided before it has all
            seeds, why = failed["seeds"], reason(failed["message"])
        if spec.group in groups:
            why = f"seeds {', '.join(map(str, seeds))}: {why}"
        elif failure is None and _settings(spec.normal) in made:
            why = AGAIN
        absent.append((called[spec.group], why))
    return Chosen(
        there,
        plan.baseline or DEFAULT_BASELINE,
        absent=tuple(absent),
        most=most,
        asked={} if most else {spec.group: len(spec.seeds) for spec in asked},
        wanted=frozenset(spec.group for spec in wanted) if only else None,
        sources={spec.group: spec.row.activation for spec in asked},
        lacking={group: lacking.get(setting, []) for group, setting in settings.items()},
    )


def _next_failed(
    group: str, missing: Iterable[int], failures: Iterable[FailureRecord]
) -> FailureRecord | None:
    """How those of the missing seeds failed that a row was to have next; None: they did not."""
    its = (one for one in failures if one["group"] == group and one.get("seeds"))
    return next((one for one in its if {*one["seeds"]} <= {*missing}), None)


def current(
    records: Sequence[Record],
    trainings: list[TrainingRecord],
    failures: Sequence[FailureRecord],
    only: filtering.Only,
) -> Chosen:
    """All trainings whose code is still what it was, as far as it is here."""
    states, whole = staleness.states(trainings), {r["id"] for r in records}
    there = [r for r in trainings if states[r["id"]] != staleness.CHANGED]
    wanted = filtering.chosen(there, filtering.of_record, only) if there else []
    return Chosen(
        there,
        elsewhere=frozenset(i for i, state in states.items() if state == staleness.ELSEWHERE),
        stale=len(trainings) - len(there),
        foreign=tuple(Path(r["notebook"]).name for r in records if not is_training(r)),
        failed=tuple(
            (f"{f['label']}, run {f['id'][:8]}", reason(f["message"]))
            for f in failures
            if f["id"] not in whole and not _is_made_good(f)
        ),
        wanted=frozenset(r["group"] for r in wanted) if only and there else None,
    )


def _is_made_good(failure: FailureRecord) -> bool:
    """Whether the code of a run that failed is known to have changed since."""
    return "code" in failure and staleness.state(failure) == staleness.CHANGED


def _settings(normal: Mapping[str, object]) -> str:
    """The parameters of a run but its seeds, to be distinguished from another's."""
    return json.dumps({**normal, "seeds": None}, sort_keys=True)


def reason(message: str | None) -> str:
    """Why a run is missing: the error it ended with, or that it was not made.

    Args:
        message: of the error; None: there was none.
    """
    return "not run" if message is None else f"failed: {(message.splitlines() or [''])[0]}"
