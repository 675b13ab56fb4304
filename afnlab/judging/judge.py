"""Judging an idea: pairs of seeds are trained until the evidence decides, and no longer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Unpack

import numpy as np

from afnlab import stats
from afnlab.compare.formatting import signed
from afnlab.errors import ParameterError
from afnlab.judging.campaign import (
    AGAIN,
    OTHER,
    TASK,
    Campaign,
    check_margin,
    same_values,
    values_of,
)
from afnlab.judging.ledger import Ledger, ledger_file
from afnlab.judging.standings import BETTER, WORSE, Standing
from afnlab.judging.trained_pairs import TrainedPairs
from afnlab.messages import counted, inform
from afnlab.registry import get_activation
from afnlab.runs.sweeps.local_executor import Executor, Local
from afnlab.training.plan import Conditions
from afnlab.training.space import TUNE, space
from afnlab.training.tasks import get_task
from afnlab.training.tune import tuning_of
from afnlab.usercode.mainguard import refuse_while_importing

BASELINE, BATCH = "relu", 8  # seeds that are trained at once; a stack costs little more than one
_NOT_SHARED = {  # parameters of the notebook that a judgement decides itself
    "task": "the task is an argument of its own",
    "activation": "the idea and the baseline are arguments of their own",
    "seeds": "seeds are added until the evidence decides",
    "out": "runs are kept in the folder of runs",
    "params": "parameters are given one by one",
}
_SETTINGS = ("options", "epochs", "dtype", "limit_train", "limit_test")
_STAGES = {TASK: "", AGAIN: ", fresh seeds", OTHER: ", fresh seeds"}


@dataclass(frozen=True)
class Judgement:
    """What the evidence says of an idea.

    Attributes:
        idea: what it is called here.
        standing: its entry, with what was found at every seed.
        ledger: the campaign that it is part of.
    """

    idea: str
    standing: Standing
    ledger: Ledger

    def __repr__(self) -> str:
        return "\n".join(self.lines)

    @property
    def verdict(self) -> str:
        """One of "better", "worse", "equivalent" and "open".

        Of a campaign that confirms what is better, "improvement" or "not confirmed" stand in place
        of "better".
        """
        return self.standing.verdict

    @property
    def seeds(self) -> int:
        """How many seeds of the task the verdict is from."""
        return self.standing.decision().seeds

    @property
    def e_value(self) -> float:
        """Of the evidence that the idea is better; it was needed to reach `needed`."""
        return self.standing.e_value

    @property
    def e_value_worse(self) -> float:
        """Of the evidence that the idea is worse; 40 decide at the usual level."""
        return self.standing.e_value_worse

    @property
    def needed(self) -> float:
        """The e-value from which on an idea counts as better."""
        return self.standing.needed

    def interval(self, stage: str = TASK) -> stats.Interval:
        """The mean difference, above 0 for better, and limits that hold at any time of stopping.

        Args:
            stage: "task", "again" (the same task with fresh seeds) or "other" (the other task).
        """
        used = self.standing.differences(stage)[: self.standing.decision(stage).seeds]
        if not len(used):
            return stats.Interval(np.nan, -np.inf, np.inf)
        low, high = stats.confidence_sequence(used, self.standing.campaign.level)[-1]
        return stats.Interval(float(used.mean()), float(low), float(high))

    @property
    def lines(self) -> list[str]:
        """The verdict in words."""
        standing, campaign = self.standing, self.standing.campaign
        found = [f"{self.idea} against {campaign.against} on {campaign.task}: {self.verdict}"]
        found += [self._line(s) for s in campaign.stages if standing.seeds.get(s)]
        found.append(campaign.recipe)
        way, e_value, needed = BETTER, self.e_value, self.needed
        if self.verdict == WORSE:
            way, e_value, needed = WORSE, self.e_value_worse, standing.needed_worse
        found.append(f"evidence for {way}: an e-value of {e_value:.3g}, {needed:.3g} needed")
        if self.verdict == BETTER and not campaign.confirm:
            where = "" if self.ledger.path is None else ", with another ledger,"
            found.append(f"one task; --confirm TASK{where} asks for an improvement on another one")
        if standing.entry["name"] != self.idea:
            found.append(f"the same function was entered as {standing.entry['name']}")
        if standing.entry["seen"]:
            seen = counted(standing.entry["seen"], "seed")
            found.append(f"{seen} of it had been trained before it was entered")
        if self.ledger.path is not None:
            at = f"entry {standing.position} of {len(self.ledger.standings)}"
            found.append(f"{at} in {self.ledger.path}, which ends in {self.ledger.head[:12]}")
        return found

    def difference(self, stage: str = TASK) -> str:
        """The mean difference as it is printed, in the metric's own direction.

        Args:
            stage: as of `interval`.
        """
        measure, mean = self.standing.campaign.measure_of(stage), self.interval(stage).mean
        return signed(measure, measure.sign * mean)

    def _line(self, stage: str) -> str:
        campaign, decided = self.standing.campaign, self.standing.decision(stage)
        measure, (_, low, high) = campaign.measure_of(stage), self.interval(stage)
        ends = sorted((measure.sign * low, measure.sign * high))
        unit = "" if measure.points in measure.name else f"{measure.points} of "
        way = " (lower is better)" if measure.better == "lower" else ""
        told = (
            f"{campaign.task_of(stage)}{_STAGES[stage]}: {decided.verdict} after"
            f" {counted(decided.seeds, 'seed')}, {self.difference(stage)} {unit}{measure.name}{way}"
        )
        if not np.isfinite(ends).all():
            return told
        first, last = (signed(measure, end) for end in ends)
        kind = f"{100 * campaign.level:g} % interval, valid at any time of stopping"
        return f"{told}; {kind}: [{first}, {last}]"

    def described(self) -> dict[str, Any]:
        """All of it as JSON can hold it; limits that are infinite are None."""
        campaign = self.standing.campaign
        stages = {}
        for stage in filter(self.standing.seeds.get, campaign.stages):
            decided, found = self.standing.decision(stage), self.interval(stage)
            limits = [v if np.isfinite(v) else None for v in (found.low, found.high)]
            stages[stage] = {
                "task": campaign.task_of(stage),
                "verdict": decided.verdict,
                "seeds": decided.seeds,
                "metric": campaign.measure_of(stage).key,
                "improvement": found.mean,
                "interval": limits,
                "differences": self.standing.differences(stage)[: decided.seeds].tolist(),
            }
        return {
            "idea": self.idea,
            "entered_as": self.standing.entry["name"],
            "against": campaign.against,
            "task": campaign.task,
            "tune": campaign.settings.get(TUNE),
            "verdict": self.verdict,
            "seeds": self.seeds,
            "e_value": self.e_value,
            "e_value_worse": self.e_value_worse,
            "needed": self.needed,
            "level": self.standing.level,
            "position": self.standing.position,
            "seen": self.standing.entry["seen"],
            "stages": stages,
            "ledger": None if self.ledger.path is None else str(self.ledger.path),
            "head": self.ledger.head,
        }

    def figure(self) -> Any:
        """The evidence seed by seed, and the intervals that hold at any time."""
        from afnlab.figures.evidence import evidence  # noqa: PLC0415  (brings plotting)

        campaign, decided = self.standing.campaign, self.standing.decision()
        found = self.standing.differences()[: decided.seeds]
        return evidence(
            found,
            campaign.measure_of(TASK),
            against=campaign.against,
            needed=self.needed,
            margin=campaign.margin,
            level=campaign.level,
        )


def judge(
    idea: str,
    against: str | None = None,
    task: str | None = None,
    *,
    margin: float | None = None,
    confirm: str | None = None,
    ledger: str | Path | None = None,
    most: int | None = None,
    level: float | None = None,
    own_seeds: bool | None = None,
    tune: int | Mapping[str, Any] | None = None,
    params: Mapping[str, object] | None = None,
    runs: str | Path | None = None,
    jobs: int = 1,
    report: Callable[[str], None] | None = None,
    **conditions: Unpack[Conditions],
) -> Judgement:
    """Train an idea and a baseline at the same seeds until the evidence decides between them.

    The test may be looked at after every seed: at any time of stopping a wrong verdict has a
    probability of 1 - level at most. With a ledger, the expected share of false ones among all
    that is called better in it is 1 - level at most, however many ideas are tried.

    Args:
        idea: a name, or `path/my.py:thing`.
        against: the baseline, likewise; None: that of the ledger, or relu.
        task: a name, or `path/my.py:thing`; None: that of the ledger.
        margin: the largest difference that does not matter, in the unit in which differences are
            printed (points of accuracy, dB); None: nothing is called equivalent.
        confirm: another task. What is better is then trained with fresh seeds on both tasks, and is
            called an improvement if it is better there too.
        ledger: the file of the campaign, which is made if it is not there. What it says of task,
            baseline, parameters, margin, confirmation, level and number of seeds holds where
            nothing is given.
        most: the number of seeds after which the verdict is "open"; None: 40.
        level: the confidence level; None: 0.95.
        own_seeds: whether every idea of the campaign has seeds of its own, for which the baseline
            is trained anew; None: all ideas share those of the baseline.
        tune: at every seed, idea and baseline choose their own settings first, as `afnlab.tune`
            does, and are compared at what they chose: among so many candidates for the learning
            rate and the scale of the initial weights, or among those of a mapping as `afnlab.tune`
            takes it. 0: none is tuned; None: as the ledger has it, or 0.
        params: parameters of the idea, and of the task for both, as in `afnlab.train`.
        runs: the folder or URL of the runs. Seeds that it holds are not trained again.
        jobs: how many runs are executed at once.
        report: takes a line before the first seed and after each batch of seeds; None: the logger
            `afnlab`.
        **conditions: as in `afnlab.train`: epochs, device, dtype, limit_train, limit_test.

    Returns:
        A `Judgement`: verdict, e-value, interval, figure.

    Raises:
        RunFailed: if a run fails. What was found before is kept.
        ValueError: for an argument that is not allowed, a baseline that is the idea itself, or a
            ledger that is of another campaign or has been edited.
    """
    refuse_while_importing("afnlab.judge")
    asked = _Asked.of(idea, against, task, confirm, ledger, tune, params, conditions)
    executor = Local(jobs)
    stages = asked.stages(runs, executor)
    campaign = asked.campaign(stages, margin, most=most, level=level, own_seeds=own_seeds)
    values = values_of(*stages[TASK].functions()[0])
    if same_values(values, campaign.values):
        raise ValueError(
            f"{idea} is the baseline {asked.against} itself: both have the same values and slopes"
        )
    specs = {stage: pairs.specs() for stage, pairs in stages.items()}
    book = Ledger.begin(ledger, campaign)
    code = {stage: [spec.group for spec in pair] for stage, pair in specs.items()}
    chosen = specs[TASK][0].training
    name = chosen.labelled(asked.shared)
    seen = 0 if ledger is None else sum(stages[stage].seen() for stage in stages if stage != AGAIN)
    standing = book.enter(name, values, chosen.options.trainable, code, seen)
    begun = None
    with executor:
        while (stage := standing.stage) is not None:
            if standing.entry["code"].get(stage) != code[stage]:
                raise ValueError(
                    f"{book.path}: entry {standing.position}, {standing.entry['name']}, was begun"
                    " with other code than there is now and is not decided; go back to that code,"
                    " or begin another ledger"
                )
            first, done = standing.next_seed, len(standing.seeds.get(stage, ()))
            seeds = range(first, first + min(BATCH, campaign.most - done))
            if stage != begun:
                (report or inform)(_beginning(name, campaign, stage))
                begun = stage
            standing = book.look(standing.entry["id"], stage, stages[stage].found(seeds))
            _report(standing, stage, report or inform)
    return Judgement(name, standing, book)


def check_campaign(
    against: str,
    task: str,
    *,
    ledger: str | Path,
    confirm: str | None = None,
    most: int | None = None,
    tune: int | Mapping[str, Any] | None = None,
    **conditions: Unpack[Conditions],
) -> None:
    """Whether ideas may be judged in this way under the ledger, before any is trained.

    Args:
        against: as of `judge`.
        task: as of `judge`.
        ledger: as of `judge`; it may not be there yet.
        confirm: as of `judge`.
        most: as of `judge`.
        tune: as of `judge`.
        **conditions: as of `judge`.

    Raises:
        ValueError: as `judge`.
    """
    idea = "tanh" if against == BASELINE else BASELINE  # any that is not the baseline
    asked = _Asked.of(idea, against, task, confirm, ledger, tune, None, conditions)
    stages = asked.stages(None, Local(1))
    campaign = asked.campaign(stages, None, most=most, level=None, own_seeds=None)
    if asked.known is not None:
        asked.known.require(campaign, ledger)


def _beginning(idea: str, campaign: Campaign, stage: str) -> str:
    """What a stage is going to train; the first seeds may take minutes."""
    tuning = campaign.settings.get(TUNE)
    each = "1 training"
    if tuning is not None:
        among = space(tuning)
        chosen = among.count * among.selection_seeds if among.count > 1 else 0
        each = f"about {chosen + 2} trainings"  # the recipe and the choice are trained to the end
    return (
        f"{idea} against {campaign.against} on {campaign.task_of(stage)}{_STAGES[stage]}:"
        f" {counted(min(BATCH, campaign.most), 'seed')} at a time, {campaign.most} at most;"
        f" each seed is {each} of each"
    )


def _report(standing: Standing, stage: str, report: Callable[[str], None]) -> None:
    count = counted(len(standing.seeds.get(stage, ())), "seed")
    found, task = standing.decision(stage).verdict, standing.campaign.task_of(stage)
    goes = " so far" if standing.stage == stage else ""
    report(f"{standing.entry['name']} on {task}{_STAGES[stage]}: {found}{goes} after {count}")


@dataclass(frozen=True)
class _Asked:
    """What is judged, and how; where nothing was said, as the ledger has it."""

    idea: str
    against: str
    task: str
    confirm: str
    known: Campaign | None
    own: Mapping[str, object]
    shared: Mapping[str, object]
    tuning: Mapping[str, object]

    @classmethod
    def of(
        cls,
        idea: str,
        against: str | None,
        task: str | None,
        confirm: str | None,
        ledger: str | Path | None,
        tune: int | Mapping[str, Any] | None,
        params: Mapping[str, object] | None,
        conditions: Mapping[str, Any],
    ) -> _Asked:
        known = None
        if ledger is not None and ledger_file(ledger).exists():
            known = Ledger.read(ledger).campaign
        if task is None:
            if known is None:
                message = (
                    "name a task with --task (in Python task=), such as digits-mlp;"
                    " there is no ledger yet to take it from"
                )
                raise ParameterError("task", task, message=message)
            task = known.task
        if against is None:
            against = known.against if known else BASELINE
        if confirm is None:
            confirm = known.confirm if known else ""
        parameters = get_activation(idea).params
        names = {n for p, q in parameters.items() for n in (p, *q.aliases)}
        given = dict(params or {})
        for name in given:
            if name in _NOT_SHARED:
                raise ValueError(f"parameter {name!r} cannot be set: {_NOT_SHARED[name]}")
        conditions = {n: v for n, v in conditions.items() if v is not None}
        alone = conditions if tune is None else {**conditions, TUNE: tune}
        for name in given.keys() & alone.keys():
            raise ValueError(f"{name} is given twice: {given[name]} and {alone[name]}")
        if tune is None:
            inherited = known.settings.get(TUNE) if known else None
            tune = given.pop(TUNE, inherited)  # type: ignore[assignment]  # checked by tuning_of
        own = {n: v for n, v in given.items() if n in names or n == "trainable"}
        shared = {n: v for n, v in given.items() if n not in own} | conditions
        if known is not None:
            shared = {**known.given, **shared}
        return cls(idea, against, task, confirm, known, own, shared, tuning_of(tune))

    def stages(self, runs: str | Path | None, executor: Executor) -> dict[str, TrainedPairs]:
        """How each stage trains; the other task by its own recipe, tuned if the first is."""
        tuned = {TUNE: self.tuning} if self.tuning else {}
        both = {**self.shared, **tuned}
        one = TrainedPairs(self.task, self.idea, self.against, self.own, both, executor, runs)
        made = {TASK: one}
        if self.confirm:
            made |= {AGAIN: one, OTHER: replace(one, task=self.confirm, parameters=tuned)}
        return made

    def campaign(
        self,
        stages: Mapping[str, TrainedPairs],
        margin: float | None,
        **given: object,
    ) -> Campaign:
        """The campaign that it would be part of."""
        _, against = stages[TASK].specs()
        measure = against.training.task.metric
        known = self.known
        settings: dict[str, Any] = {}
        for name, value in given.items():
            if value is not None or known is not None:
                settings[name] = getattr(known, name) if value is None else value
        if margin is not None:
            check_margin(margin)
        stored = None if margin is None else margin / measure.scale
        if margin is None and known is not None:
            stored = known.margin
        other = get_task(self.confirm).metric.described() if self.confirm else {}
        normal = against.normal
        return Campaign(
            task=against.training.task.name,
            against=against.training.activation.label,
            given={n: v if _is_plain(v) else str(v) for n, v in self.shared.items()},
            settings={name: normal[name] for name in (*_SETTINGS, TUNE) if name in normal},
            values=values_of(*stages[TASK].functions()[1]),
            measure=measure.described(),
            confirm=self.confirm,
            confirm_measure=other,
            margin=stored,
            **settings,
        )


def _is_plain(value: object) -> bool:
    """Whether JSON holds a value as it is."""
    if isinstance(value, (list, tuple)):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, (str, int, float))
