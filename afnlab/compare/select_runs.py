"""Choosing the runs of a comparison."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from afnlab.compare import caveats, costs, summary_table
from afnlab.compare.selection import Selection
from afnlab.compare.training_facts import Trained
from afnlab.errors import shown
from afnlab.messages import told_apart
from afnlab.runs import staleness
from afnlab.runs.fingerprint import one_look
from afnlab.runs.run_spec import RunSpec, TrainingSpec
from afnlab.runs.storage import location, runs_folder
from afnlab.runs.storage.record_schema import Record, TrainingRecord, is_training
from afnlab.runs.sweeps import sweep_file
from afnlab.usercode.lookup import unknown


def select(
    runs: str | Path | None = None,
    sweep: str | Path = "",
    baseline: str = "",
    margin: float | None = None,
    speed: str | Path = "",
    **overrides: Any,
) -> list[Selection]:
    """The runs to compare, one selection per task.

    Args:
        runs: the folder or URL; None: `$AFNLAB_RUNS` or `runs`.
        sweep: a sweep file, whose runs are taken; empty: all runs that are not stale.
        baseline: a label, or an activation, which means its row with the fewest settings; empty:
            the sweep's own, or relu. If it is not among a task's runs, nothing is compared with it.
        margin: the largest difference of accuracy, a fraction, that does not matter.
        speed: a file of `afnlab bench activations --json FILE`; empty: `speed.json` in the folder,
            if it is there.
        **overrides: what the sweep was run with in place of its own (epochs, seeds, ...).

    Returns:
        One `Selection` per task and setting.

    Raises:
        ValueError: if there are no runs, or none has the baseline that was given, with what to do;
            or if the margin is not between 0 and 1.
    """
    folder = location.folder(runs)
    if not folder.is_dir():
        raise ValueError(f"{folder}: no such folder; make runs first, with `afnlab sweep`")
    if margin is not None and not 0 < margin < 1:
        raise ValueError(f"margin must be above 0 and below 1 (a fraction), got {shown(margin)}")
    every = runs_folder.records(folder)
    trained = _trained(every)
    records = [r for r in every if is_training(r) and r["id"] in trained]
    failed = {facts["id"]: facts["message"] for facts in runs_folder.failures(folder)}
    elsewhere: set[str] = set()
    left: dict[str, Any] = {"stale": 0, "foreign": (), "absent": ()}
    benchmark = folder / costs.FILE if not speed else Path(speed)
    given: dict[str, Any] = {"margin": margin}
    given["speed"] = _speed(benchmark, named=bool(speed))
    named = baseline
    if sweep:
        plan = sweep_file.read(sweep)
        baseline = baseline or plan.baseline
        asked = [spec for spec in plan.specs(**overrides) if isinstance(spec, TrainingSpec)]
        if not asked:
            what = f"{Path(plan.notebook).name}, which is no training with a task and an activation"
            raise ValueError(f"{sweep}: is about {what}; `afnlab runs list` shows its metrics")
        order = {spec.group: at for at, spec in enumerate(asked)}
        chosen = [r for r in records if r["group"] in order]
        chosen.sort(key=lambda r: order[r["group"]])
        left["absent"] = _absent(asked, records, failed)
    else:
        states = _states(records)
        chosen = [r for r in records if states[r["id"]] != staleness.CHANGED]
        elsewhere = {run for run, state in states.items() if state == staleness.ELSEWHERE}
        left["stale"] = len(records) - len(chosen)
        left["foreign"] = tuple(Path(r["notebook"]).name for r in every if not is_training(r))
        whole = {r["id"] for r in every}
        left["absent"] = tuple(
            (run[:8], _reason(message)) for run, message in failed.items() if run not in whole
        )
    if not chosen:
        why = caveats.left_out(**left)
        of = f" of {sweep}" if sweep else ""
        raise ValueError(
            " ".join(
                [f"{folder}: holds no runs{of} to compare; make them with `afnlab sweep`.", *why]
            )
        )
    parts: dict[tuple, list[TrainingRecord]] = {}
    for record in chosen:
        parts.setdefault(trained[record["id"]].setting, []).append(record)
    given["among"] = len(parts) > 1
    made: list[Selection] = []
    for part in parts.values():
        rows = list({r["group"]: trained[r["id"]] for r in reversed(part)}.values())[::-1]
        own = {"elsewhere": sum(r["id"] in elsewhere for r in part)}
        own |= {} if made else left  # what is left out is said once
        made.append(_one_task(folder, rows, part, baseline or summary_table.BASELINE, given | own))
    if named and all(s.baseline not in s.rows for s in made):
        labels = dict.fromkeys(label for s in made for label in s.rows)
        raise ValueError(unknown("baseline", named, labels))
    return made


def _absent(
    specs: Iterable[RunSpec], records: Iterable[TrainingRecord], failed: Mapping[str, str]
) -> tuple[tuple[str, str], ...]:
    """(label, reason) of every spec, or of its seeds, that no run holds."""
    done: dict[str, set[int]] = {}
    made = []
    for r in records:
        done.setdefault(r["group"], set()).update(r["seeds"])
        made.append(_settings(r["parameters"]))
    found = []
    for spec in specs:
        seeds = [s for s in spec.seeds if s not in done.get(spec.group, ())]
        if seeds:
            what = "" if spec.group not in done else f"seeds {', '.join(map(str, seeds))}: "
            reason = _reason(failed.get(spec.id))
            if spec.group not in done and _settings(spec.normal) in made:
                reason += " since its code has changed"
            found.append((spec.label, what + reason))
    return tuple(found)


def _settings(normal: Mapping[str, Any]) -> str:
    """The parameters of a run but its seeds, to be told from another's."""
    return json.dumps({**normal, "seeds": None}, sort_keys=True)


def _reason(message: str | None) -> str:
    """Why a run is missing: the error it ended with, or that it was not made."""
    return "not run" if message is None else f"failed: {(message.splitlines() or [''])[0]}"


def _speed(path: Path, named: bool) -> costs.Benchmark | None:
    """The speed benchmark; one that merely lies in the folder may be none."""
    if not named and not path.is_file():
        return None
    try:
        return costs.read(path)
    except ValueError as error:
        if named:
            raise
        warnings.warn(f"left out {error}", stacklevel=3)
        return None


@one_look()
def _states(records: Iterable[TrainingRecord]) -> dict[str, str]:
    return {r["id"]: staleness.state(r) for r in records}


def _trained(records: Iterable[Record]) -> dict[str, Trained]:
    """What the trainings among records are, by their ids; one that does not tell is named."""
    found = {}
    for record in records:
        if is_training(record):
            try:
                found[record["id"]] = Trained.of_record(record)
            except ValueError as error:
                warnings.warn(f"left out {error}", stacklevel=3)
    return found


def _plainest(baseline: str, labelled: Mapping[str, Trained]) -> str:
    """Where no row is the baseline as it is by default: of the rows that are it, the shortest."""
    its = [label for label, one in labelled.items() if one.activation == baseline]
    return min(its, key=lambda label: (len(label), label), default=baseline)


def _one_task(
    folder: Path,
    rows: list[Trained],
    records: list[TrainingRecord],
    baseline: str,
    given: dict[str, Any],
) -> Selection:
    every = [set(one.settings.items()) for one in rows] if len(rows) > 1 else [set()]
    shared = dict(sorted(set.intersection(*every)))  # said once, and not in every label
    labelled: dict[str, Trained] = {}
    files = [one.reference for one in rows if one.own and one.reference.endswith(one.activation)]
    named = dict(zip(files, told_apart(files), strict=True))
    for one in rows:
        label = one.labelled(shared, named.get(one.reference, ""))
        while label in labelled:  # the same function and settings from two sources
            label += " *"
        labelled[label] = one
        if one.label == baseline:
            baseline = label
    if baseline not in labelled:
        baseline = _plainest(baseline, labelled)
    return Selection(folder, labelled, records, baseline, shared=shared, **given)
