"""A sweep that adds seeds to its runs until the evidence decides about each of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from afnlab import stats
from afnlab.messages import counted
from afnlab.runs.file_labels import baseline_of, told_apart
from afnlab.runs.run_spec import RunSpec, TrainingSpec
from afnlab.runs.seed_pairs import differences, seed_pairs

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
        against: by the group of a run the spec of its baseline; the baselines have none.
        specs: by group, in the order of the sweep.
    """

    specs: Mapping[str, TrainingSpec]
    against: Mapping[str, TrainingSpec]

    @classmethod
    def of(cls, specs: Sequence[RunSpec], baseline: str) -> Comparisons:
        """Pair every run with the baseline on its task.

        Args:
            specs: the runs of the sweep.
            baseline: a label or an activation, see `afnlab.runs.file_labels.baseline_of`.

        Raises:
            ValueError: if they are no trainings, if a task lacks the baseline, or if several of its
                runs are called so.
        """
        trainings = {spec.group: spec for spec in specs if isinstance(spec, TrainingSpec)}
        if len(trainings) < len(specs):
            raise ValueError("seeds can be added until decided only to trainings, as of 'train'")
        against: dict[str, TrainingSpec] = {}
        for part, chosen in baselines(trainings.values(), baseline):
            if chosen is None:
                raise ValueError(
                    "seeds are added until decided against a baseline, and"
                    f" {part[0].training.task.name} has none among the runs: {baseline}"
                )
            against |= {s.group: chosen for s in part if s.group != chosen.group}
        return cls(trainings, against)

    def decided(self, folder: Path, most: int) -> dict[str, stats.Decision]:
        """What the runs of a folder say of each comparison, by the first `most` seeds.

        All comparisons with one baseline, which `afnlab compare` has in one table, together have an
        error of 5 % at most, by Holm's procedure.
        """
        decisions: dict[str, stats.Decision] = {}
        for base in dict.fromkeys(spec.group for spec in self.against.values()):
            groups = [group for group, spec in self.against.items() if spec.group == base]
            paired = [self._differences(group, folder, most) for group in groups]
            decisions |= dict(zip(groups, stats.decide_together(paired), strict=True))
        return {group: decisions[group] for group in self.against}

    def _differences(self, group: str, folder: Path, most: int) -> np.ndarray:
        spec = self.specs[group]
        pairs = seed_pairs(folder, spec, self.against[group]) if folder.is_dir() else {}
        known = [pairs[seed] for seed in _whole(pairs, most)]
        return differences(known, spec.training.task.metric)

    def wanted(self, decided: Mapping[str, stats.Decision], most: int) -> list[RunSpec]:
        """The specs that need seeds, each with all that it should then have."""
        counts: dict[str, int] = {}
        for group, decision in decided.items():
            if decision.verdict == "open" and decision.seeds < most:
                count = min(most, decision.seeds + BATCH)
                for one in (group, self.against[group].group):
                    counts[one] = max(count, counts.get(one, 0))
        return [
            spec.until(range(counts[group]))
            for group, spec in self.specs.items()
            if group in counts
        ]

    def lines(self, decided: Mapping[str, stats.Decision]) -> list[str]:
        """The decisions in words."""
        specs = self.specs.values()
        parameters = [spec.parameters for spec in specs]
        whole, short = (
            dict(zip(self.specs, told_apart(labels, parameters), strict=True))
            for labels in ([s.label for s in specs], [s.training.label for s in specs])
        )
        return [
            f"{whole[group]}: {decision.verdict}, against"
            f" {short[self.against[group].group]}, after {counted(decision.seeds, 'seed')}"
            for group, decision in decided.items()
        ]


def baselines(
    trainings: Iterable[TrainingSpec], baseline: str
) -> list[tuple[list[TrainingSpec], TrainingSpec | None]]:
    """The runs of each task, and the one that is their baseline; None: none of them is."""
    parts: dict[tuple[str, str], list[TrainingSpec]] = {}
    for spec in trainings:
        parts.setdefault((spec.training.task.name, spec.task_code), []).append(spec)
    rows = [{n: spec.row for n, spec in enumerate(part)} for part in parts.values()]
    chosen = [baseline_of(baseline, one) for one in rows]
    return [
        (part, None if n is None else part[n])
        for part, n in zip(parts.values(), chosen, strict=True)
    ]


def _whole(pairs: Mapping[int, object], most: int) -> range:
    """The seeds from 0 on that are all there."""
    return range(next((seed for seed in range(most) if seed not in pairs), most))
