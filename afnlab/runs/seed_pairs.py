"""What two trainings came to at the same seeds, from the runs of a folder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import isfinite
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from afnlab.measures import Measure
from afnlab.runs.one_function import TrainedRun, require_alike
from afnlab.runs.storage import record_schema, runs_folder
from afnlab.runs.storage.record_schema import is_training

Pair = Mapping[str, Any]
FRESH = 10_000_000  # seeds from here on confirm, and have chosen nothing


class Grouped(Protocol):
    """What is trained, whatever its seeds: the group of its runs, and what it is called."""

    @property
    def group(self) -> str: ...

    @property
    def label(self) -> str: ...


def seed_pairs(folder: Path, idea: Grouped, against: Grouped) -> dict[int, dict[str, Any]]:
    """By seed what an idea and its baseline came to after the last epoch.

    Args:
        folder: the folder of runs.
        idea, against: the two trainings, whatever their seeds.

    Returns:
        For every seed that both have: `idea` and `against`, None where a value is not finite;
        `lost`, the value that such a one counts as (chance, or the worst that there can be), None
        if the metric has neither; `run`, the ids of both runs. Where two runs hold the same seed,
        the older one counts.

    Raises:
        ValueError: if the runs were not all made with the same data, or those of one of the two
            not with the same function and network.
    """
    groups = (idea.group, against.group)
    records = [r for r in runs_folder.records(folder) if r["group"] in groups and is_training(r)]
    if not records:
        return {}
    names = {idea.group: idea.label, against.group: against.label}
    require_alike(TrainedRun(names[r["group"]], folder, r) for r in records)
    measure = record_schema.measure(records[0])
    history = runs_folder.histories(folder, records)
    last = history[history.epoch == history.epoch.max()]
    rows = zip(last.group, last.seed, last[measure.column], last.run, strict=True)
    values = {(group, int(seed)): (_stored(value), run) for group, seed, value, run in rows}
    lost = measure.worst if measure.chance is None else measure.chance
    made = {}
    for seed in sorted({seed for _, seed in values}):
        both = [values.get((group, seed)) for group in groups]
        if None not in both:
            (one, first), (other, second) = both  # type: ignore[misc]
            made[seed] = {"idea": one, "against": other, "lost": lost, "run": [first, second]}
    return made


def _stored(value: float) -> float | None:
    return float(value) if isfinite(value) else None


def differences(pairs: Iterable[Pair], measure: Measure) -> np.ndarray:
    """Paired differences, of which those above 0 are better.

    A value that is not finite counts as `lost`, the metric's chance level or its worst bound; where
    it has neither, as the worst value of either network up to that seed. That is the same for both
    networks of a pair and known without later seeds, so differences that were symmetric stay so.

    Args:
        pairs: as of `seed_pairs`, in the order of the seeds.
        measure: the metric.
    """
    paired: list[float] = []
    worst: float | None = None
    for pair in pairs:
        values = [pair["idea"], pair["against"]]
        known = [measure.sign * v for v in values if v is not None]
        worst = min([*known, *([] if worst is None else [worst])], default=None)
        level = pair.get("lost")
        lost = (worst or 0.0) if level is None else measure.sign * level
        one, other = (lost if v is None else measure.sign * v for v in values)
        paired.append(one - other)
    largest = np.finfo(float).max  # of two values whose difference overflows
    return np.clip(np.array(paired, dtype=float), -largest, largest)
