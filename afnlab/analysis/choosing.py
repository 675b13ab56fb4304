"""Choosing the runs of a comparison."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from afnlab.analysis import costs, notes, tables
from afnlab.analysis.selection import Selection
from afnlab.errors import shown
from afnlab.loading import unknown
from afnlab.runs import places, store, sweepfile
from afnlab.runs.spec import RunSpec


def select(
    runs: str | Path | None = None,
    sweep: str | Path = "",
    baseline: str = "",
    margin: float | None = None,
    speed: str | Path = "",
    **overrides: Any,
) -> list[Selection]:
    """The runs to compare, one selection a task.

    runs: the folder or URL (None: `$AFNLAB_RUNS` or `runs`). sweep: take the runs of this sweep
    file, with `overrides` (epochs, seeds, ...) as it was run; empty: all runs whose code is still
    what it was. baseline: a label, or an activation: then of its rows the one with the fewest
    settings; empty: the sweep's own, or relu; where it is not among a task's runs, nothing is
    compared with it. margin: a difference of accuracy too small to matter, a fraction. speed: what
    `afnlab bench activations --json FILE` wrote; empty: `speed.json` in the folder, if it is there.
    ValueError, with what to do, if there are no runs, or none has the baseline that was given.
    """
    folder = places.folder(runs)
    if not folder.is_dir():
        raise ValueError(f"{folder}: no such folder; make runs first, with `afnlab sweep`")
    if margin is not None and not 0 < margin < 1:
        raise ValueError(f"margin must be above 0 and below 1 (a fraction), got {shown(margin)}")
    every = store.records(folder)
    records = [r for r in every if "task" in r["parameters"]]
    left: dict[str, Any] = {"stale": 0, "foreign": (), "absent": ()}
    benchmark = folder / costs.FILE if not speed else Path(speed)
    given: dict[str, Any] = {"margin": margin}
    given["speed"] = costs.read(benchmark) if speed or benchmark.is_file() else None
    named = baseline
    if sweep:
        plan = sweepfile.read(sweep)
        baseline = baseline or plan.baseline
        asked = [spec for spec in plan.specs(**overrides) if spec.training is not None]
        if not asked:
            what = f"{Path(plan.notebook).name}, which is no training with a task and an activation"
            raise ValueError(f"{sweep}: is about {what}; `afnlab runs list` shows its metrics")
        groups = {spec.group for spec in asked}
        chosen = [r for r in records if r["group"] in groups]
        found = {r["group"] for r in chosen}
        specs = [spec for spec in asked if spec.group in found]
        left["absent"] = _absent(asked, records, folder)
    else:
        current = {r["id"]: _current(r) for r in records}
        specs = [spec for spec in current.values() if spec is not None]
        chosen = [r for r in records if current[r["id"]] is not None]
        left["stale"] = len(records) - len(chosen)
        left["foreign"] = tuple(
            Path(r["notebook"]).name for r in every if "task" not in r["parameters"]
        )
        left["absent"] = tuple(
            (path.name[:8], _reason(path))
            for path in sorted((folder / store.FAILED).glob("*"))
            if not store.is_there(folder, path.name)
        )
    if not chosen:
        why = notes.left_out(**left)
        of = f" of {sweep}" if sweep else ""
        raise ValueError(
            " ".join(
                [f"{folder}: holds no runs{of} to compare; make them with `afnlab sweep`.", *why]
            )
        )
    parts = _by_setting(specs)
    given["among"] = len(parts) > 1
    made = [  # what is left out is said once
        _one_task(folder, part, chosen, baseline or tables.BASELINE, given | ({} if at else left))
        for at, part in enumerate(parts)
    ]
    if named and all(s.baseline not in s.specs for s in made):
        labels = dict.fromkeys(label for s in made for label in s.specs)
        raise ValueError(unknown("baseline", named, labels))
    return made


def _absent(
    specs: Iterable[RunSpec], records: Iterable[dict[str, Any]], folder: Path
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
            reason = _reason(folder / store.FAILED / spec.id)
            if spec.group not in done and _settings(spec.normal) in made:
                reason += " since its code has changed"
            found.append((spec.label, what + reason))
    return tuple(found)


def _settings(normal: Mapping[str, Any]) -> str:
    """The parameters of a run but its seeds, to be told from another's."""
    return json.dumps({**normal, "seeds": None}, sort_keys=True)


def _reason(failed: Path) -> str:
    """Why a run is missing: the error it ended with, or that it was not made."""
    try:
        facts = json.loads((failed / store.ERROR).read_text(encoding="utf-8"))
        return f"failed: {facts['message'].splitlines()[0]}"
    except OSError:
        return "not run"
    except (ValueError, KeyError, IndexError):
        return "failed"


def _current(record: dict[str, Any]) -> RunSpec | None:
    """The spec of a record, if it would still be the same run."""
    try:
        spec = RunSpec.of_record(record)
        return spec if spec.group == record["group"] else None
    except (ValueError, KeyError):
        return None


def _by_setting(specs: Iterable[RunSpec]) -> list[list[RunSpec]]:
    """Specs by what must be equal in a comparison: task, epochs, limits, precision, device."""
    parts: dict[tuple, dict[str, RunSpec]] = {}
    for spec in specs:
        asked = spec.training
        assert asked is not None
        key = (asked.task.name, asked.epochs, asked.limit_train, asked.limit_test)
        parts.setdefault((*key, asked.dtype, asked.device), {}).setdefault(spec.group, spec)
    return [list(part.values()) for part in parts.values()]


def _plainest(baseline: str, labelled: Mapping[str, RunSpec]) -> str:
    """Where no row is the baseline as it is by default: of the rows that are it, the shortest."""
    its = [n for n, s in labelled.items() if s.training and s.training.activation.label == baseline]
    return min(its, key=lambda label: (len(label), label), default=baseline)


def _one_task(
    folder: Path,
    specs: list[RunSpec],
    records: list[dict[str, Any]],
    baseline: str,
    given: dict[str, Any],
) -> Selection:
    asked = [spec.training for spec in specs if spec.training is not None]
    every = [set(one.told.items()) for one in asked] if len(asked) > 1 else [set()]
    shared = dict(sorted(set.intersection(*every)))  # said once, and not in every label
    labelled: dict[str, RunSpec] = {}
    for spec, one in zip(specs, asked, strict=True):
        label = one.labelled(without=shared)
        while label in labelled:  # the same function and settings from two sources
            label += " *"
        labelled[label] = spec
        if one.label == baseline:
            baseline = label
    if baseline not in labelled:
        baseline = _plainest(baseline, labelled)
    groups = {spec.group for spec in specs}
    own = [r for r in records if r["group"] in groups]
    return Selection(folder, labelled, own, baseline, shared=shared, **given)
