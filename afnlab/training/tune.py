"""Tuning: each replicate chooses its own setting on validation examples, and is evaluated once."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Unpack

import numpy as np
import pandas as pd

from afnlab.errors import ParameterError
from afnlab.measures import ACCURACY, Measure
from afnlab.registry import Activation
from afnlab.training.engine import train_members
from afnlab.training.members import Member
from afnlab.training.options import Options, resolve
from afnlab.training.plan import Conditions, Config, Plan, configure, plan
from afnlab.training.recorder import Recorder, history_of
from afnlab.training.result import Result, result
from afnlab.training.settings import torch_defaults
from afnlab.training.space import BUDGET, MOST, TUNE, Space, space
from afnlab.training.streams import stream
from afnlab.training.task_parts import Part, watched
from afnlab.training.tasks import Task
from afnlab.usercode.mainguard import refuse_while_importing

# The ranges of sweeps/default.yaml, so that every tuning that names none asks the same question.
# With 2 as the greatest scale, more replicates of GELU on the digits chose it than chance explains.
FAIR = {
    "lr": {"from": 3e-4, "to": 0.1, "log": True},
    "init_scale": {"from": 0.5, "to": 4.0, "log": True},
    "budget": 8,
}


def tuning_of(tuning: int | Mapping[str, object] | None) -> dict[str, object]:
    """What is tuned, as `afnlab.training.space.space` takes it; empty if nothing is.

    Args:
        tuning: a number of candidates for what `afnlab.tune` tunes by itself, a mapping that says
            all, or 0 or None for nothing.

    Raises:
        ParameterError: for anything else.
    """
    if isinstance(tuning, Mapping):
        return space(tuning).normal()
    if tuning is None or (tuning == 0 and not isinstance(tuning, bool)):
        return {}
    if isinstance(tuning, bool) or not isinstance(tuning, int) or not 1 <= tuning <= MOST:
        allowed = f"a number of candidates, 0 to {MOST}, or a mapping"
        raise ParameterError(TUNE, tuning, allowed)
    return space({**FAIR, BUDGET: tuning}).normal()


@torch_defaults()
def tune(
    task: str | Task,
    activation: str | Activation,
    among: Space | Mapping[str, object] | None = None,
    *,
    params: Mapping[str, object] | None = None,
    seeds: int | Iterable[int] = 12,
    progress: bool | None = None,
    **conditions: Unpack[Conditions],
) -> Result:
    """Tune an activation, and evaluate it at its own best setting.

    A seed is a replicate of the whole procedure. Replicate r trains every candidate with selection
    seeds of its own, on the training examples less a fifth held out for validation. It takes the
    candidate with the best mean of the task's metric on them (then the lower loss), trains with
    seed r on all training examples, and is evaluated once on the test examples. At one seed all
    activations have the same candidates, weights and batches, so results are paired. A comparison
    of replicates compares activations with their tuning, and includes the noise of the choice.

    Args:
        task, activation: as in `afnlab.train`.
        among: the candidates, see `afnlab.training.space.space`; None: eight, with learning rates
            from 3e-4 to 0.1 and initial weights scaled by 0.5 to 4, both on a log scale.
        params: parameters that all candidates share, as in `afnlab.train`; `split` may not be one.
        seeds: the number of replicates, or a list of seeds.
        progress: as in `afnlab.train`.
        **conditions: as in `afnlab.train`: epochs, device, dtype, limit_train, limit_test, record,
            keep_weights.

    Returns:
        A `Result` of the trainings at the chosen settings, with more tables: `candidates` (one row
        per replicate, candidate and selection seed: seed, candidate, drawn (at random, neither the
        recipe nor a point of the grid), selection, the parameters, validation_loss,
        validation_accuracy or that of the task's metric, diverged), `chosen` (seed, candidate,
        parameters), `fixed` (the history of the same seeds at the fixed recipe) and, if this tuning
        contains cheaper ones (`Space.cheaper`), `cheaper`: the results of the same seeds with those
        (the last epoch of a history, and which candidate of how many, by how many selection seeds).

    Raises:
        ValueError: for an argument that is not allowed, which the message names.
    """
    refuse_while_importing("afnlab.tune")
    config = configure(
        task,
        activation,
        params=params,
        seeds=seeds,
        **conditions,
        tuning=among if isinstance(among, Space) else space(FAIR if among is None else among),
    )
    return tune_configured(config, progress)


@torch_defaults()
def tune_configured(config: Config, progress: bool | None = None) -> Result:
    """Tune what has been checked already; see `tune`."""
    with watched(config.task, config.activation) as parts:
        return _tuned(config, progress, parts)


def _tuned(config: Config, progress: bool | None, made_of: Mapping[str, Part]) -> Result:
    among, base, listed = config.tuning, config.options, config.seeds
    assert among is not None
    options = {
        seed: [
            resolve(config.task, config.activation, params, base)
            for params in among.candidates(seed)
        ]
        for seed in listed
    }
    final = plan(config)
    judging = plan(replace(config, limit_test=None), "validation", curves=False)

    judged = _judged(judging, among, options, progress)
    metric = config.task.metric
    best = {seed: best_candidate(judged[judged.seed == seed], metric) for seed in listed}
    plain = {seed: tried.index(base) for seed, tried in options.items() if base in tried}
    recipe = [Member(seed, base) for seed in listed]
    members = [Member(seed, options[seed][best[seed]]) for seed in listed]
    cheap = _cheap_choices(among, judged, listed, metric)
    known = {*best.items(), *plain.items()}
    others = sorted({(seed, number) for seed, _, _, number in cheap} - known)
    # In one stack, since steps of a small one cost little less; nothing to choose: both are one.
    parts = [
        dict(zip(listed, recipe, strict=True)),
        dict(zip(listed, members, strict=True)) if members != recipe else {},
        {at: Member(seed, options[seed][number]) for at, (seed, number) in enumerate(others)},
    ]
    tables, keep = config.record, config.keep_weights
    of_recipe, of_chosen, of_others = _train_parts(final, parts, tables, keep, progress)
    made = result(config, of_chosen or of_recipe, final.data, made_of)
    fixed = history_of(of_recipe)
    ends = _ends(fixed, {s: (s, n) for s, n in plain.items()})
    ends |= _ends(made.history, {s: (s, n) for s, n in best.items()})
    if others:
        ends |= _ends(history_of(of_others), dict(enumerate(others)))
    picked = [
        [seed, best[seed], *_values(m.options, among)]
        for seed, m in zip(listed, members, strict=True)
    ]
    return replace(
        made,
        candidates=judged,
        chosen=pd.DataFrame(picked, columns=["seed", "candidate", *among.axes]),
        fixed=fixed,
        cheaper=_cheaper(cheap, ends),
        own_options={member.seed: member.options for member in members},
    )


def _values(options: Options, among: Space) -> list[object]:
    """What a setting means for the parameters that are tuned: also where it leaves them alone."""
    known = options.activation | options.model | vars(options)
    return [known.get(name.rpartition(".")[2]) for name in among.axes]


def _judged(
    how: Plan, among: Space, options: Mapping[int, list[Options]], progress: bool | None
) -> pd.DataFrame:
    """One row per replicate, candidate and selection seed, with what validation says of it."""
    rows, tried = [], []
    for seed, settings in options.items():
        for number, setting in enumerate(settings):
            for turn in range(among.selection_seeds):
                drawn = among.budget is not None and number > 0
                rows.append([seed, number, drawn, turn, *_values(setting, among)])
                # Trials of their own weights and batches: independent, as tuning curves need them.
                start = stream(seed, "selection") + number * among.selection_seeds + turn
                tried.append(Member(start, replace(setting, split="validation")))
    table = pd.DataFrame(rows, columns=["seed", "candidate", "drawn", "selection", *among.axes])
    metric = how.task.metric
    validation = metric.validation
    if all(len(settings) == 1 for settings in options.values()):  # nothing to choose
        return table.assign(**{"validation_loss": np.nan, validation: np.nan}, diverged=False)
    labels = {name: table[name].tolist() for name in ("candidate", "selection")}
    recorders = train_members(how, tried, table.seed.tolist(), progress=progress, labels=labels)
    history = history_of(recorders).sort_values(["seed", *labels])  # as the table is
    columns = {"validation_loss": "test_loss", validation: metric.column, "diverged": "diverged"}
    return table.assign(**{name: history[column].to_numpy() for name, column in columns.items()})


def _train_parts(
    how: Plan,
    parts: Sequence[Mapping[int, Member]],
    tables: Iterable[str],
    keep_weights: bool,
    progress: bool | None,
) -> list[list[Recorder]]:
    """Train several sets of named networks together; what was recorded of each."""
    members = [replace(m, part=at) for at, part in enumerate(parts) for m in part.values()]
    numbers = range(len(members))
    recorders = train_members(how, members, numbers, tables, keep_weights, progress)
    recorded, waiting = [], iter(numbers)
    for part in parts:
        names = {next(waiting): name for name in part}
        recorded.append([of_part for r in recorders if (of_part := r.of(names)).seeds])
    return recorded


_Ends = dict[
    tuple[int, int], dict[Hashable, Any]
]  # by seed and candidate, what a training ended with


def _ends(history: pd.DataFrame, keys: Mapping[int, tuple[int, int]]) -> _Ends:
    """The last rows of a history, by the keys of those of its members that have one."""
    last = history[history.epoch == history.epoch.max()].to_dict("records")
    return {keys[row["seed"]]: row for row in last if row["seed"] in keys}


def _cheap_choices(
    among: Space, judged: pd.DataFrame, seeds: Iterable[int], measure: Measure
) -> list[tuple[int, int, int, int]]:
    """What the cheaper tunings within this one choose.

    As (seed, candidates, selection seeds, the number of the candidate that is chosen).
    """
    tried = {seed: judged[judged.seed == seed] for seed in seeds}
    return [
        (
            seed,
            count,
            turns,
            best_candidate(rows[(rows.candidate < count) & (rows.selection < turns)], measure),
        )
        for count, turns in among.cheaper
        for seed, rows in tried.items()
    ]


def _cheaper(chosen: list[tuple[int, int, int, int]], ends: _Ends) -> pd.DataFrame | None:
    """What the cheaper tunings come to."""
    rows = [
        {**ends[seed, number], "seed": seed}
        | {"candidates": count, "selection_seeds": turns, "candidate": number}
        for seed, count, turns, number in chosen
    ]
    return pd.DataFrame(rows) if rows else None


def best_candidate(rows: pd.DataFrame, measure: Measure = ACCURACY) -> int:
    """The candidate with the best mean on validation examples; ties: lower loss, then the first.

    A candidate that diverged with one of its seeds is taken only if all candidates have.
    """
    means = rows.groupby("candidate").agg(
        diverged=("diverged", "any"),
        value=(measure.validation, "mean"),
        loss=("validation_loss", "mean"),
    )
    order = means.assign(worse=-measure.sign * means.value).reset_index()
    return int(order.sort_values(["diverged", "worse", "loss", "candidate"]).candidate.iloc[0])


def validated(candidates: pd.DataFrame, measure: Measure) -> float:
    """What the chosen candidates have on validation examples: the mean over the replicates.

    Args:
        candidates: the table of a `Result`.
        measure: what the task is judged by.
    """
    values = []
    for _, rows in candidates.groupby("seed"):
        chosen = rows.candidate == best_candidate(rows, measure)
        values.append(rows.loc[chosen, measure.validation].mean())
    return float(np.mean(values))
