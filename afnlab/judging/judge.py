"""Judging an idea: pairs of seeds are trained until the evidence decides, and no longer."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any, Unpack

from afnlab import stats
from afnlab.compare import axis_ends, tuning_summary
from afnlab.errors import ParameterError
from afnlab.judging.campaign import AGAIN, MOST, OTHER, TASK, Campaign, same_values, values_of
from afnlab.judging.confirmed import confirmation_of
from afnlab.judging.judgement import Judgement
from afnlab.judging.kept_runs import kept_runs
from afnlab.judging.ledger import Ledger
from afnlab.judging.looked_at_before import confirmations, judgings
from afnlab.judging.standings import Standing, offset
from afnlab.judging.trained_before import fresh_first, start_of
from afnlab.judging.trained_pairs import TrainedPairs
from afnlab.judging.trial import Trial
from afnlab.messages import counted, inform, spoken
from afnlab.runs.conventions import DEFAULT_BASELINE
from afnlab.runs.notebook_parameters.parsing import command
from afnlab.runs.sweeps.local_executor import Local
from afnlab.training.plan import Conditions
from afnlab.training.rehearsal import rehearse
from afnlab.training.space import TUNE, space
from afnlab.usercode.mainguard import refuse_while_importing

LIMITS = ("epochs", "limit_train", "limit_test")  # conditions with a flag of their own
AT_ONCE = 0.05  # seconds per seed, below which nothing was trained
BATCH = 8  # seeds that are trained at once; a stack costs little more than one


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
    fresh: bool = False,
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
        fresh: judge by seeds alone with which neither idea nor baseline has been trained, so that
            they have picked nothing. A later call goes on with the same ones.
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
    trial = Trial.of(idea, against, task, confirm, ledger, tune, params, conditions)
    executor = Local(jobs)
    stages = trial.stages(runs, executor)
    # Now: a task that writes a cache when it is tried is another one from then on.
    rehearse(spec.training for pairs in stages.values() for spec in pairs.specs())
    campaign = trial.campaign(stages, margin, most=most, level=level, own_seeds=own_seeds)
    values = values_of(*stages[TASK].functions()[0])
    if same_values(values, campaign.values):
        raise ValueError(
            f"{idea} is the baseline {campaign.against} itself: both have the same values and"
            " slopes"
        )
    if fresh and campaign.confirm:
        message = "fresh cannot be given with confirm, which judges by fresh seeds as well"
        raise ParameterError("fresh", message=message)
    specs = {stage: pairs.specs() for stage, pairs in stages.items()}
    code = {stage: [spec.group for spec in pair] for stage, pair in specs.items()}
    alone = ledger is None  # then it goes on with the runs of an earlier call
    versions = stages[TASK].versions()
    first = None
    if fresh:
        first = fresh_first(runs, code[TASK], campaign.most, alone, versions)
    book = Ledger.begin(ledger, campaign)
    chosen = specs[TASK][0].training
    name = chosen.labelled(trial.shared)
    before = {
        stage: replace(pairs, first=(first or 0) + offset(stage)).trained_before(goes_on=alone)
        for stage, pairs in stages.items()
    }
    seen = sum(len(its.idea) for stage, its in before.items() if stage != AGAIN)
    called = sorted({*versions.values()})
    standing = book.enter(name, values, chosen.options.trainable, code, seen, before, first, called)
    if fresh and not standing.is_fresh:
        entered = f"entry {standing.position}, {standing.entry['name']}"
        message = f"{book.path}: {entered}, is not of fresh seeds; judge it in another ledger"
        raise ParameterError("fresh", message=message)
    stages = {
        stage: replace(pairs, first=standing.first(stage), fresh=standing.is_fresh)
        for stage, pairs in stages.items()
    }
    begun = None  # the stage that was announced last
    with executor:
        while (stage := standing.stage) is not None:
            if (begun_with := standing.entry["code"].get(stage, [])) != code[stage]:
                stands = (
                    f"{book.path}: entry {standing.position}, {standing.entry['name']}, is open"
                )
                raise ValueError(
                    f"{stands} after {_count(standing, stage)} and was begun with"
                    f" {stages[stage].differ(begun_with)}; go back to that, or judge the idea in"
                    " another ledger, which can be merged with this one"
                )
            first, done = standing.next_seed, len(standing.seeds.get(stage, ()))
            seeds = range(first, first + min(BATCH, campaign.most - done))
            if stage != begun:
                _announce(name, standing, stage, report or inform)
                begun = stage
            began = monotonic()
            standing = book.look(standing.entry["id"], stage, stages[stage].results(seeds))
            _log_standing(standing, stage, (monotonic() - began) / len(seeds), report or inform)
    notes = [*_not_fresh(standing, stages), *_at_edges(standing, stages)]
    again = "" if campaign.confirm or standing.is_fresh else _freshly(trial, campaign, book, runs)
    confirmation = confirmation_of(runs, code[TASK])
    earlier = _said_earlier(standing, runs, code[TASK], versions, alone)
    return Judgement(name, standing, book, tuple(notes), confirmation, again, earlier)


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
    # Any that is not the baseline.
    idea = "tanh" if against == DEFAULT_BASELINE else DEFAULT_BASELINE
    trial = Trial.of(idea, against, task, confirm, ledger, tune, None, conditions)
    stages = trial.stages(None, Local(1))
    campaign = trial.campaign(stages, None, most=most, level=None, own_seeds=None)
    if trial.known is not None:
        trial.known.require(campaign, ledger)


def _said_earlier(
    standing: Standing,
    runs: str | Path | None,
    groups: Sequence[str],
    versions: Mapping[str, str],
    alone: bool,
) -> tuple[str, ...]:
    """What was said of the idea, or of earlier versions of it, before this judging began."""
    kept = kept_runs(runs)
    began: datetime | None = datetime.fromisoformat(standing.entry["at"])
    if alone:  # the entry is of now, the first of the runs may be of an earlier call
        began = start_of(kept, groups, standing.first())
    firsts = [standing.first(stage) for stage in standing.campaign.stages]
    said = judgings(kept, groups, versions, firsts, standing.campaign, began)
    return (*said, *confirmations(runs, versions, groups[1]))


def _announce(idea: str, standing: Standing, stage: str, log: Callable[[str], None]) -> None:
    """Say what a stage is going to train, which may take minutes, and where that is in vain."""
    campaign = standing.campaign
    if stage == TASK and campaign.too_few:
        log(campaign.too_few)
    tuning = campaign.settings.get(TUNE)
    each = "1 training"
    if tuning is not None:
        among = space(tuning)
        chosen = among.count * among.selection_seeds if among.count > 1 else 0
        each = f"about {chosen + 2} trainings"  # the recipe and the choice are trained to the end
    log(
        f"{idea} against {campaign.against} on {standing.place_of(stage)}:"
        f" {counted(min(BATCH, campaign.most), 'seed')} at a time, {campaign.most} at most;"
        f" each seed is {each} of each"
    )


def _freshly(trial: Trial, campaign: Campaign, book: Ledger, runs: str | Path | None) -> str:
    """The command that judges the same by fresh seeds alone; with a ledger, in another one."""
    scale = campaign.measure_of(TASK).scale
    flags = {
        "against": trial.against,
        "task": trial.task,
        "margin": None if campaign.margin is None else f"{campaign.margin * scale:g}",
        "level": None if campaign.level == stats.LEVEL else campaign.level,
        "most": None if campaign.most == MOST else campaign.most,
        "tune": axis_ends.in_a_line(trial.tuning) if trial.tuning else None,
        "ledger": book.path and book.path.with_stem(f"{book.path.stem}-fresh"),
        "runs": runs,
    }
    words = [trial.idea]
    for flag, value in flags.items():
        words += [] if value is None else [f"--{flag}", str(value)]
    for name, chosen in {**trial.shared, **trial.idea_parameters}.items():
        text = chosen if isinstance(chosen, str) else json.dumps(chosen, default=str)
        words += [f"--{name.replace('_', '-')}", text] if name in LIMITS else ["-p", name, text]
    return command("judge", *words, *(["--own-seeds"] if campaign.own_seeds else []), "--fresh")


def _not_fresh(standing: Standing, stages: Mapping[str, TrainedPairs]) -> list[str]:
    """That seeds which are called fresh had been trained by another confirmation."""
    notes = []
    for stage in filter(standing.seeds.get, (AGAIN, OTHER)):
        used = {pair["seed"] for pair in standing.seeds[stage]}
        if same := used & stages[stage].confirmed():
            place = standing.place_of(stage)
            seeds = counted(len(same), "seed")
            notes.append(f"{place}: {seeds} of these had a confirmation by afnlab confirm as well")
    return notes


def _at_edges(standing: Standing, stages: Mapping[str, TrainedPairs]) -> list[str]:
    """Where tunings chose an end of what was tried, and how one has them try more."""
    among = stages[TASK].tuning  # of all stages
    if among is None:
        return []
    by_stage = {stage: stages[stage].edges(results) for stage, results in standing.seeds.items()}
    notes = [
        f"{standing.place_of(stage)}: {note}"
        for stage, edges in by_stage.items()
        for note in tuning_summary.notes(edges, among)
    ]
    ends = dict.fromkeys((name, end) for edges in by_stage.values() for name, end, _ in edges)
    wider = axis_ends.widened(among, ends, partial(_accept, stages.values()))
    if wider != among.normal():
        line = axis_ends.in_a_line(wider)
        notes.append(f"to try more there: --tune '{line}' (in Python tune=)")
    return notes


def _accept(stages: Iterable[TrainedPairs], name: str, axis: object) -> bool:
    """Whether the idea and the baseline may tune a parameter so in all stages."""
    tuning = {TUNE: axis_ends.alone(name, axis)}
    try:
        for stage in stages:
            replace(stage, parameters={**stage.parameters, **tuning}).specs()
    except ValueError:
        return False
    return True


def _log_standing(
    standing: Standing, stage: str, seconds: float, log: Callable[[str], None]
) -> None:
    """Say how a stage stands, and how long it may take.

    seconds: what each of the last seeds took; nothing is said of a time where they were there.
    """
    verdict, place = standing.decision(stage).verdict, standing.place_of(stage)
    said = f"{standing.entry['name']} on {place}: {verdict}"
    after = f"after {_count(standing, stage)}"
    if standing.stage != stage:
        log(f"{said} {after}")
        return
    seeds_left = standing.campaign.most - len(standing.seeds[stage])
    time = (
        f"; {spoken(seeds_left * seconds)} left at most, as the last went"
        if seconds > AT_ONCE
        else ""
    )
    log(f"{said} so far {after}{time}")


def _count(standing: Standing, stage: str) -> str:
    return counted(len(standing.seeds.get(stage, ())), "seed")
