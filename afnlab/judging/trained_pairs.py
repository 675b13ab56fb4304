"""What an idea and its baseline come to at the same seeds, by runs that are trained or there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import afnlab
from afnlab.compare.confirmation import confirmed_seeds, fresh_judgings
from afnlab.compare.run_tables import chosen_ends
from afnlab.errors import shown
from afnlab.judging import trained_before
from afnlab.judging.kept_runs import kept_runs
from afnlab.judging.standings import Before
from afnlab.judging.trained_before import judged_as
from afnlab.judging.versions import versions
from afnlab.messages import distinct_endings
from afnlab.registry import Activation
from afnlab.runs.run_spec import RunSpec, TrainingSpec
from afnlab.runs.seed_pairs import seed_pairs
from afnlab.runs.storage import runs_folder
from afnlab.runs.storage.location import folder, place
from afnlab.runs.storage.record_schema import is_training
from afnlab.runs.sweeps.local_executor import Executor
from afnlab.runs.sweeps.run_sweep import execute_missing
from afnlab.training.space import TUNE, Space, space

MOST_NAMED = 3  # parts of the code in an error


@dataclass(frozen=True)
class TrainedPairs:
    """The runs of an idea and its baseline on one task.

    Attributes:
        task: what both are trained on.
        idea, against: references of the two, or names.
        idea_parameters: values of the idea's own parameters.
        parameters: what both are given beside, of the notebook `train`.
        runs: the folder or URL of the runs; None: the usual one.
        executor: where they are executed.
        first: the first of the seeds by which they are judged.
        fresh: whether these are seeds that have picked nothing, which are kept apart; see
            `afnlab.judging.trained_before`.
    """

    task: str
    idea: str
    against: str
    idea_parameters: Mapping[str, object]
    parameters: Mapping[str, object]
    executor: Executor
    runs: str | Path | None = None
    first: int = 0
    fresh: bool = False

    def specs(self) -> tuple[TrainingSpec, TrainingSpec]:
        """What is to be run of the idea and of the baseline, checked.

        Raises:
            ValueError: for what a run may not be given, or if both are one.
        """
        shared = {"task": self.task, **self.parameters, "seeds": [0]}
        idea, against = (
            RunSpec.make("train", {**shared, "activation": name, **parameters})
            for name, parameters in ((self.idea, self.idea_parameters), (self.against, {}))
        )
        if idea.group == against.group:
            raise ValueError(f"{self.idea} is the baseline itself, trained in the same way")
        assert isinstance(idea, TrainingSpec)
        assert isinstance(against, TrainingSpec)
        return idea, against

    def functions(self) -> list[tuple[Activation, Mapping[str, Any], Sequence[str]]]:
        """The idea and the baseline, each with its parameters and those that are trained."""
        trainings = [spec.training for spec in self.specs()]
        return [(t.activation, t.options.activation, t.options.trainable) for t in trainings]

    @property
    def groups(self) -> tuple[str, str]:
        """Those of the runs of the idea and of the baseline."""
        idea, against = self.specs()
        return idea.group, against.group

    @property
    def kept_in(self) -> str | Path | None:
        """The folder or URL in which their runs are kept."""
        return fresh_judgings(self.runs) if self.fresh else self.runs

    def versions(self) -> dict[str, str]:
        """What may be earlier versions of the idea: by their group what each is called."""
        return versions(self.specs()[0], kept_runs(self.runs))

    def trained_before(self, goes_on: bool = False) -> Before:
        """The seeds that were trained before this judging began.

        Args:
            goes_on: whether it began with the first run of it that is there; else it begins now.
        """
        first = self.first if goes_on else None
        return trained_before.trained_before(self.runs, self.groups, first, self.versions())

    def seen(self) -> int:
        """How many seeds of the idea the folder of runs holds, or one of those below it."""
        return len(self.trained_before().idea)

    def confirmed(self) -> set[int]:
        """The seeds with which a confirmation of `afnlab.compare.confirm` has trained the idea."""
        return confirmed_seeds(self.runs, self.specs()[0].group)

    def differ(self, groups: Sequence[str]) -> str:
        """What sets trainings of other groups apart from those of today, in words.

        Args:
            groups: of the idea and of the baseline, as an entry of a ledger holds them.

        Returns:
            The code and the parameters that differ, by the records of such runs.
        """
        where = folder(self.kept_in)
        there = {r["group"]: r for r in runs_folder.records(where) if is_training(r)}
        code: set[str] = set()
        differences: set[str] = set()
        for group, spec in zip(groups, self.specs(), strict=False):
            if group == spec.group or group not in there:
                continue
            record = there[group]
            code |= {name for name, _ in record.get("code", {}).items() ^ spec.code.units.items()}
            then: Mapping[str, Any] = record["parameters"]
            differences |= {
                f"another {name} ({shown(then.get(name))}, here {shown(value)})"
                for name, value in spec.normal.items()
                if name != "label" and then.get(name) != value
            }
            if (version := record["versions"].get("afnlab")) != afnlab.__version__:
                differences.add(f"another afnlab ({version}, here {afnlab.__version__})")
        if not code | differences:
            return f"other code than there is now, of which {where} holds no runs"
        names = sorted(code)
        more = ", ..." if len(names) > MOST_NAMED else ""
        other = f"other code than there is now ({', '.join(names[:MOST_NAMED])}{more})"
        return " and ".join([*([other] if names else []), *sorted(differences)])

    @property
    def tuning(self) -> Space | None:
        """What both tune at every seed; None: nothing."""
        return space(self.parameters[TUNE]) if TUNE in self.parameters else None

    def edges(self, pairs: Iterable[Mapping[str, Any]]) -> list[tuple[str, str, list[str]]]:
        """Where tunings chose an end of what was tried; nowhere if nothing is tuned.

        Args:
            pairs: what was found, with the `seed` and the `run` of both, as a ledger holds it.

        Returns:
            As `afnlab.compare.tuning_summary.at_edges`.
        """
        among = self.tuning
        if among is None:
            return []
        where = folder(self.kept_in)
        there = {r["id"]: r for r in runs_folder.records(where) if is_training(r)}
        names = distinct_endings((self.idea, self.against))
        used = {
            (name, run): there[run]
            for pair in pairs
            for name, run in zip(names, pair["run"], strict=False)
            if run in there
        }
        return chosen_ends(where, ((name, one) for (name, _), one in used.items()), among)

    def results(self, seeds: Sequence[int]) -> dict[int, dict[str, Any]]:
        """Train the seeds that no run holds; by seed what both came to after the last epoch.

        Args:
            seeds: which.

        Returns:
            What `seed_pairs` finds of them.

        Raises:
            RunFailed: if a run fails.
            ValueError: as `specs`.
        """
        specs, where = self.specs(), self.kept_in
        judged = judged_as([spec.group for spec in specs], self.first)
        wanted = [replace(spec.until(seeds), judged=judged) for spec in specs]
        outcome = execute_missing(
            wanted, "judge", runs=where, executor=self.executor, report=lambda _: None
        )
        if outcome.failed:
            raise outcome.failed[0][1]
        pairs = seed_pairs(place(where).folder, *specs)
        return {seed: pairs[seed] for seed in seeds}
