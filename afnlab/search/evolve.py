"""The search: expressions evolve by short trainings, and the best are sent to the judge."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Unpack

import numpy as np

from afnlab.judging.campaign import same_values, values_of
from afnlab.judging.judge import check_campaign, judge
from afnlab.judging.judgement import Judgement
from afnlab.messages import inform
from afnlab.registry import get_activation
from afnlab.runs.conventions import DEFAULT_BASELINE
from afnlab.runs.seed_pairs import FRESH
from afnlab.search import grammar
from afnlab.search.candidate import Candidate
from afnlab.search.grammar import Expression
from afnlab.training.engine import train
from afnlab.training.options import whole
from afnlab.training.plan import Conditions
from afnlab.training.tasks import get_task
from afnlab.training.tune import tune, tuning_of, validated
from afnlab.usercode.lookup import expanded

SCREENING = tuple(range(2 * FRESH, 2 * FRESH + 2))  # seeds that choose, and are never judged
GENERATIONS = 3  # between two ideas that are judged
_KEPT = 3  # one in so many survives a generation
_TRIES = 200  # expressions that are drawn for one that may be judged


def search(
    task: str,
    against: str = DEFAULT_BASELINE,
    *,
    ledger: str | Path,
    out: str | Path = "ideas",
    ideas: int = 5,
    population: int = 12,
    seed: int = 0,
    confirm: str | None = None,
    most: int | None = None,
    tune: int | Mapping[str, Any] | None = None,
    runs: str | Path | None = None,
    jobs: int = 1,
    report: Callable[[str], None] | None = None,
    **conditions: Unpack[Conditions],
) -> list[Judgement]:
    """Evolve expressions, and judge the best ones within a campaign.

    An expression may be judged if `afnlab check` finds nothing wrong with it, if it is no straight
    line, and if by the theory of signals it keeps gradients in scale. Expressions are compared by
    two seeds of their own on validation examples. Between two ideas that are judged there are
    three generations. The choice by short trainings is optimistic, which is why its seeds and
    examples are not those of the judge.

    Args:
        task: what is trained.
        against: the baseline.
        ledger: the file of the campaign. A search that is repeated with the same arguments finds
            its ideas there, and does not judge them again.
        out: the folder in which each expression becomes a file with an ordinary activation.
        ideas: how many are judged.
        population: how many expressions a generation has.
        seed: of the draws of expressions.
        confirm: as in `afnlab.judge`.
        most: as in `afnlab.judge`.
        tune: as in `afnlab.judge`; expressions are then compared at their best candidates too.
        runs: as in `afnlab.judge`.
        jobs: as in `afnlab.judge`.
        report: takes lines on what happens; None: the logger `afnlab`.
        **conditions: as in `afnlab.judge`.

    Returns:
        The judgements, in the order in which they were made.

    Raises:
        RunFailed: if a run fails.
        ValueError: as `afnlab.judge`.
    """
    whole(ideas, "ideas", least=1, most=10_000)
    whole(population, "population", least=3, most=10_000)
    whole(seed, "seed", least=0, most=2**63 - 1)
    check_campaign(
        against, task, ledger=ledger, confirm=confirm, most=most, tune=tune, **conditions
    )
    among, log = tuning_of(tune), report or inform
    state = _Search(task, expanded(out), population, seed, conditions, among, log)
    state.tried.append(values_of(get_activation(against), {}))
    judgements = []
    for _ in range(ideas):
        chosen = state.next()
        if chosen is None:
            log("no further expression may be judged")
            break
        made = judge(
            chosen.reference,
            against,
            task,
            confirm=confirm,
            ledger=ledger,
            most=most,
            tune=tune,
            runs=runs,
            jobs=jobs,
            report=report,
            **conditions,
        )
        judgements.append(made)
    return judgements


@dataclass
class _Search:
    """The generation of a search, and what it has tried."""

    task: str
    folder: Path
    population: int
    seed: int
    conditions: Any
    among: Mapping[str, Any]
    log: Callable[[str], None]
    tried: list[tuple[float, ...]] = field(default_factory=list)
    scored: list[tuple[float, Candidate]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)
        self.judged: set[str] = set()

    def next(self) -> Candidate | None:
        """The best candidate of some further generations that has not been judged."""
        for _ in range(GENERATIONS):
            self._generation()
        candidates = [(s, c) for s, c in self.scored if c.reference not in self.judged]
        if not candidates:
            return None
        best = max(candidates, key=lambda one: one[0])[1]
        self.judged.add(best.reference)
        self.log(f"{best.record.name}: {best.expression.python()}")
        return best

    def _generation(self) -> None:
        """Children of the best, drawn until there are enough that may be judged."""
        ranked = sorted(self.scored, key=lambda one: -one[0])
        parents = [c.expression for _, c in ranked[: max(2, self.population // _KEPT)]]
        new: list[tuple[float, Candidate]] = []
        for _ in range(_TRIES):
            if len(new) >= self.population:
                break
            made = self._child(parents)
            candidate = self._candidate(made) if made.is_written else None
            if candidate is not None:
                new.append((self._score(candidate), candidate))
        self.scored = sorted([*ranked, *new], key=lambda one: -one[0])[: 4 * self.population]

    def _child(self, parents: Sequence[Expression]) -> Expression:
        if len(parents) < 2 or self.rng.random() < 0.2:
            return grammar.drawn(self.rng)
        one, other = (parents[int(i)] for i in self.rng.integers(len(parents), size=2))
        if self.rng.random() < 0.5:
            return grammar.mutated(self.rng, one)
        return grammar.crossed(self.rng, one, other)

    def _candidate(self, made: Expression) -> Candidate | None:
        """The expression in its file, if it may be judged and is a new function."""
        candidate = Candidate.written(made, self.folder, f"search on {self.task}, seed {self.seed}")
        values = candidate.values
        if not any(same_values(values, known) for known in self.tried) and not candidate.refused():
            self.tried.append(values)
            return candidate
        if candidate.is_new:  # what an earlier search found, or a user keeps there, stays
            candidate.path.unlink()
        return None

    def _score(self, candidate: Candidate) -> float:
        """The mean of the metric on validation examples; higher is better."""
        metric = get_task(self.task).metric
        options = {"seeds": SCREENING, "progress": False, **self.conditions}
        if self.among:
            table = tune(self.task, candidate.record, self.among, **options).candidates
            assert table is not None
            value = metric.sign * validated(table, metric)
        else:
            result = train(self.task, candidate.record, params={"split": "validation"}, **options)
            value = metric.sign * float(result.final[metric.column].mean())
        return value if np.isfinite(value) else -np.inf
