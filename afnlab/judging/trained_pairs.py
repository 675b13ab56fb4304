"""What an idea and its baseline come to at the same seeds, by runs that are trained or there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from afnlab.registry import Activation
from afnlab.runs.run_spec import TrainingSpec
from afnlab.runs.storage import record_schema, runs_folder
from afnlab.runs.storage.location import place
from afnlab.runs.storage.record_schema import TrainingRecord, is_training
from afnlab.runs.sweeps import sweep_file
from afnlab.runs.sweeps.local_executor import Executor
from afnlab.runs.sweeps.run_sweep import sweep


@dataclass(frozen=True)
class TrainedPairs:
    """The runs of an idea and its baseline on one task.

    Attributes:
        task: what both are trained on.
        idea, against: references of the two, or names.
        own: values of the idea's own parameters.
        parameters: what both are given beside, of the notebook `train`.
        runs: the folder or URL of the runs; None: the usual one.
        executor: where they are executed.
    """

    task: str
    idea: str
    against: str
    own: Mapping[str, object]
    parameters: Mapping[str, object]
    executor: Executor
    runs: str | Path | None = None

    def specs(self) -> tuple[TrainingSpec, TrainingSpec]:
        """What is to be run of the idea and of the baseline, checked.

        Raises:
            ValueError: for what a run may not be given, or if both are one.
        """
        specs = sweep_file.read(self._sweep([0])).specs()
        if len(specs) < 2:
            raise ValueError(f"{self.idea} is the baseline itself, trained in the same way")
        idea, against = specs
        assert isinstance(idea, TrainingSpec)
        assert isinstance(against, TrainingSpec)
        return idea, against

    def functions(self) -> list[tuple[Activation, Mapping[str, Any]]]:
        """The idea and the baseline, each with the values of its parameters."""
        trainings = [spec.training for spec in self.specs()]
        return [(t.activation, t.options.activation) for t in trainings]

    def found(self, seeds: Sequence[int]) -> dict[int, dict[str, Any]]:
        """Train the seeds that no run holds; by seed what both came to after the last epoch.

        Args:
            seeds: which.

        Returns:
            `idea` and `against`, None where a value is not finite; `lost`, the value that such a
            one counts as, if the metric has one; `run`, the ids of both runs.

        Raises:
            RunFailed: if a run fails.
            ValueError: as `specs`.
        """
        specs = self.specs()
        outcome = sweep(
            self._sweep(seeds),
            runs=self.runs,
            executor=self.executor,
            retry_failed=True,
            report=lambda _: None,
        )
        if outcome.failed:
            raise outcome.failed[0][1]
        folder = place(self.runs).folder
        groups = {spec.group for spec in specs}
        records = [
            r for r in runs_folder.records(folder) if r["group"] in groups and is_training(r)
        ]
        measure = record_schema.measure(records[0])
        history = runs_folder.histories(folder, records)
        last = history[history.epoch == history.epoch.max()].set_index(["group", "seed"])
        rows = {key: (v, last.run[key]) for key, v in last[measure.column].items()}
        lost = _level(records)
        found = {}
        for seed in seeds:
            (idea, one), (against, other) = (rows[spec.group, seed] for spec in specs)
            pair = {"idea": _stored(idea), "against": _stored(against), "lost": lost}
            found[seed] = {**pair, "run": [one, other]}
        return found

    def _sweep(self, seeds: Sequence[int]) -> dict[str, object]:
        idea = {self.idea: dict(self.own)} if self.own else self.idea
        return {
            "parameters": {"task": self.task, **self.parameters},
            "grid": {"activation": [idea, self.against]},
            "seeds": list(seeds),
        }


def _stored(value: float) -> float | None:
    return float(value) if isfinite(value) else None


def _level(records: Sequence[TrainingRecord]) -> float | None:
    """What a value that is not finite counts as: chance, or the worst that there can be."""
    measure = record_schema.measure(records[0])
    return measure.worst if measure.chance is None else measure.chance
