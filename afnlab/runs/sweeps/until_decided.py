"""A sweep that adds seeds to its runs until the evidence decides about each of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from afnlab import stats
from afnlab.messages import counted
from afnlab.runs.file_labels import baseline_of, told_apart
from afnlab.runs.run_spec import RunSpec, TrainingSpec
from afnlab.runs.seed_lists import first_seeds
from afnlab.runs.seed_pairs import differences, seed_pairs
from afnlab.runs.setting import TrainingSetting
from afnlab.runs.sweeps.labels import labels
from afnlab.runs.within import Within, splitting

BATCH, MOST = 8, 40  # seeds that are added at a time; and after which a run stays open
FORM = "until decided, at most 40"
_ASKED = re.compile(r"until decided(?:, at most ([1-9]\d{0,4}))?")


def most_seeds(value: object) -> int | None:
    """How many seeds `until decided, at most N` allows; None for anything else."""
    match = _ASKED.fullmatch(value.strip()) if isinstance(value, str) else None
    return None if match is None else int(match[1] or MOST)


@dataclass(frozen=True)
class Comparisons:
    """What is decided about each run of a sweep.

    Attributes:
        specs: by group, in the order of the sweep.
        against: by the group of a run the spec of its baseline; the baselines have none.
        asked: the groups of the runs that are asked for; None: all.
    """

    specs: Mapping[str, TrainingSpec]
    against: Mapping[str, TrainingSpec]
    asked: frozenset[str] | None = None

    @classmethod
    def of(cls, specs: Sequence[RunSpec], baseline: str) -> Comparisons:
        """Pair every run with the baseline of its setting.

        Args:
            specs: all runs of the sweep, which share the error.
            baseline: a label or an activation, see `afnlab.runs.file_labels.baseline_of`.

        Raises:
            ValueError: if they are no trainings, if a setting lacks the baseline, or if several of
                its runs are called so.
        """
        trainings = {spec.group: spec for spec in specs if isinstance(spec, TrainingSpec)}
        if len(trainings) < len(specs):
            raise ValueError("seeds can be added until decided only to trainings, as of 'train'")
        against: dict[str, TrainingSpec] = {}
        for part, chosen in baselines(trainings.values(), baseline):
            if chosen is None:
                apart = part[0].setting.apart(spec.setting for spec in trainings.values())
                same = [s.configured for s in trainings.values() if s.setting == part[0].setting]
                its = part[0].configured.under(splitting(same, baseline))
                words = [part[0].training.task.name, apart, *(f"{n}={text}" for n, text in its)]
                where = ", ".join(filter(None, words))
                raise ValueError(
                    "seeds are added until decided against a baseline, and"
                    f" {where} has none among the runs: {baseline}"
                )
            against |= {s.group: chosen for s in part if s.group != chosen.group}
        return cls(trainings, against)

    def only(self, specs: Iterable[RunSpec]) -> Comparisons:
        """These comparisons, where only some of the runs are asked for.

        Nothing else changes by that: neither the baselines nor the level.

        Args:
            specs: those that are asked for.
        """
        return replace(self, asked=frozenset(spec.group for spec in specs))

    @property
    def families(self) -> dict[str, list[str]]:
        """The groups that are compared with one baseline, asked for or not, by its group; those of
        one family, which `afnlab compare` has in one table, share an error of 5 %."""
        families: dict[str, list[str]] = {}
        for group, base in self.against.items():
            families.setdefault(base.group, []).append(group)
        return families

    @property
    def runs(self) -> list[TrainingSpec]:
        """The runs that are asked for, and the baselines of these."""
        if self.asked is None:
            return list(self.specs.values())
        bases = {self.against[group].group for group in self._asked}
        return [s for group, s in self.specs.items() if group in self.asked | bases]

    @property
    def evidence(self) -> list[TrainingSpec]:
        """The runs that verdicts are made of: those of each run that is asked for and its baseline,
        and of all that share the error with it."""
        groups = {group for base, its in self._judged.items() for group in (base, *its)}
        return [spec for group, spec in self.specs.items() if group in groups]

    @property
    def _judged(self) -> dict[str, list[str]]:
        """Those of the families of which a run is asked for."""
        asked = set(self._asked)
        return {base: its for base, its in self.families.items() if not asked.isdisjoint(its)}

    @property
    def _asked(self) -> list[str]:
        return [group for group in self.against if self.asked is None or group in self.asked]

    def decided(self, folder: Path, most: int) -> dict[str, stats.Decision]:
        """What the runs of a folder say of each comparison that is asked for.

        A decision follows from the values at the seeds from 0 on, and not from when they were made
        or looked at.

        Args:
            folder: the folder of runs.
            most: how many seeds count.

        Returns:
            The decisions, by the groups of the runs.
        """
        decisions: dict[str, stats.Decision] = {}
        for groups in self._judged.values():
            paired = [self._differences(group, folder, most) for group in groups]
            decisions |= dict(zip(groups, stats.decide_together(paired), strict=True))
        return {group: decisions[group] for group in self._asked}

    def _differences(self, group: str, folder: Path, most: int) -> np.ndarray:
        spec = self.specs[group]
        pairs = seed_pairs(folder, spec, self.against[group]) if folder.is_dir() else {}
        known = [pairs[seed] for seed in first_seeds(pairs, most)]
        return differences(known, spec.training.task.metric)

    def wanted(
        self, decided: Mapping[str, stats.Decision], most: int, failed: Collection[str] = ()
    ) -> list[RunSpec]:
        """The specs that need seeds, each with all that it should then have.

        Args:
            decided: the decisions, by the groups of the runs.
            most: how many seeds a run has at most.
            failed: the groups that get no more seeds, and with a baseline all that is against it.
        """
        going_on = {
            group: decision
            for group, decision in decided.items()
            if decision.verdict == "open"
            and decision.seeds < most
            and not {group, self.against[group].group}.intersection(failed)
        }
        return self._with_seeds(going_on, lambda seeds: min(most, seeds + BATCH))

    def looked_at(self, decided: Mapping[str, stats.Decision]) -> list[RunSpec]:
        """The specs of what is compared, each with the seeds by which it was.

        Args:
            decided: the decisions, by the groups of the runs.
        """
        return self._with_seeds(decided, lambda seeds: seeds)

    def _with_seeds(
        self, decided: Mapping[str, stats.Decision], number: Callable[[int], int]
    ) -> list[RunSpec]:
        """The runs of these decisions and their baselines; number: of the seeds that each run has
        then, by how many decided about it. A baseline has the most that one of its runs has."""
        counts: dict[str, int] = {}
        for group, decision in decided.items():
            for one in (group, self.against[group].group):
                counts[one] = max(number(decision.seeds), counts.get(one, 0))
        return [
            spec.until(range(counts[group]))
            for group, spec in self.specs.items()
            if counts.get(group)
        ]

    def lines(
        self, decided: Mapping[str, stats.Decision], failed: Collection[str] = ()
    ) -> list[str]:
        """The decisions in words.

        Args:
            decided: the decisions, by the groups of the runs.
            failed: the groups with a run that failed, which therefore got no more seeds.
        """
        if not decided:
            return ["only baselines are asked for: nothing is compared, and no seeds are added"]
        specs = self.specs.values()
        short = told_apart([s.training.label for s in specs], [s.parameters for s in specs])
        named, whole = dict(zip(self.specs, short, strict=True)), labels(specs)
        lines, ended = [], dict.fromkeys(failed, 0)
        for group, decision in decided.items():
            base, still = self.against[group].group, decision.verdict == "open"
            if still and base in ended:
                ended[base] += 1
                continue
            why = "; its next seeds failed" if still and group in ended else ""
            lines.append(
                f"{whole[group]}: {decision.verdict}, against {named[base]}, after"
                f" {counted(decision.seeds, 'seed')}{why}"
            )
        lines += [
            f"{whole[group]}: failed, and is the baseline: {counted(count, 'comparison')} with it"
            f" {'stays' if count == 1 else 'stay'} open"
            for group, count in ended.items()
            if count
        ]
        return lines

    def too_few(self, most: int) -> list[str]:
        """A line where so few seeds hardly decide anything.

        Args:
            most: how many seeds a run has at most.
        """
        lines = []
        for groups in self.families.values():
            asked = [group for group in groups if group in self._asked]
            least = stats.seeds_to_decide(1 - stats.alpha(stats.LEVEL) / len(groups))
            if asked and most < least:
                lines.append(
                    f"{self.specs[asked[0]].training.task.name}: with at most"
                    f" {counted(most, 'seed')} and {counted(len(groups), 'comparison')} not even a"
                    " difference that is the same at every seed is decided; that takes"
                    f" {least} seeds, so at the least 'seeds: until decided, at most {least}'"
                )
        return [*dict.fromkeys(lines)]


def baselines(
    trainings: Iterable[TrainingSpec], baseline: str
) -> list[tuple[list[TrainingSpec], TrainingSpec | None]]:
    """The runs that are compared with one another, and the one that is their baseline; None: none
    of them is."""
    settings: dict[TrainingSetting, list[TrainingSpec]] = {}
    for spec in trainings:
        settings.setdefault(spec.setting, []).append(spec)
    made: list[tuple[list[TrainingSpec], TrainingSpec | None]] = []
    for listed in settings.values():
        parts: dict[Within, list[TrainingSpec]] = {}
        names = splitting([spec.configured for spec in listed], baseline)
        for spec in listed:
            parts.setdefault(spec.configured.under(names), []).append(spec)
        for part in parts.values():
            rows = {n: spec.configured.row(names) for n, spec in enumerate(part)}
            chosen = baseline_of(baseline, rows)
            made.append((part, None if chosen is None else part[chosen]))
    return made
