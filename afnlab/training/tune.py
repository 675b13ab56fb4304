"""Tuning: each replicate chooses its own setting on validation examples, and is evaluated once."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import torch

from afnlab.errors import ParameterError
from afnlab.registry import Activation, get_activation
from afnlab.training.engine import train_members
from afnlab.training.members import Member
from afnlab.training.options import Options, resolve, seed_list
from afnlab.training.plan import Plan, plan
from afnlab.training.recorder import Recorder, history_of, table_names
from afnlab.training.result import Result, result
from afnlab.training.settings import torch_defaults
from afnlab.training.space import TUNE, Range, Space, space
from afnlab.training.streams import stream
from afnlab.training.tasks import Task, get_task
from afnlab.usercode.mainguard import refuse_while_importing

FAIR = {"lr": {"from": 3e-4, "to": 0.1, "log": True}, "init_scale": [0.5, 1.0, 2.0], "budget": 8}


@torch_defaults()
def tune(
    task: str | Task,
    activation: str | Activation,
    among: Space | Mapping[str, Any] | None = None,
    *,
    params: Mapping[str, Any] | None = None,
    seeds: int | Iterable[int] = 12,
    epochs: float | None = None,
    device: str | torch.device | None = None,
    dtype: str = "float32",
    limit_train: int | None = None,
    limit_test: int | None = None,
    record: Iterable[str] = (),
    keep_weights: bool = False,
    progress: bool | None = None,
) -> Result:
    """Tune an activation, and evaluate it at its own best setting.

    A seed is a replicate of the whole procedure. Replicate r trains every candidate with selection
    seeds of its own, on the training examples less a fifth held out for validation. It takes the
    candidate with the highest mean validation accuracy (then the lower loss), trains with seed r on
    all training examples, and is evaluated once on the test examples. At one seed all activations
    have the same candidates, weights and batches, so results are paired. A comparison of replicates
    compares activations with their tuning, and includes the noise of the choice.

    Args:
        task, activation: as in `afnlab.train`.
        among: the candidates, see `afnlab.training.space.space`; None: eight, with learning rates
            from 3e-4 to 0.1 and initial weights scaled by 0.5, 1 or 2.
        params: parameters that all candidates share, as in `afnlab.train`; `split` may not be one.
        seeds: the number of replicates, or a list of seeds. The rest is as in `afnlab.train`.

    Returns:
        A `Result` of the trainings at the chosen settings, with more tables: `candidates` (one row
        per replicate, candidate and selection seed: seed, candidate, drawn (at random, neither the
        recipe nor a point of the grid), selection, the parameters, validation_loss,
        validation_accuracy, diverged), `chosen` (seed, candidate, parameters), `fixed` (the
        history of the same seeds at the fixed recipe) and, if this tuning contains cheaper ones
        (`Space.cheaper`), `cheaper`: the results of the same seeds with those (the last epoch of a
        history, and which candidate of how many, by how many selection seeds).

    Raises:
        ValueError: for an argument that is not allowed, which the message names.
    """
    refuse_while_importing("afnlab.tune")
    task, chosen = get_task(task), get_activation(activation)
    among = among if isinstance(among, Space) else space(FAIR if among is None else among)
    given = {} if params is None else dict(params)
    base, listed, tables = (
        checked(task, chosen, among, given),
        seed_list(seeds),
        table_names(record),
    )
    options = {
        seed: [resolve(task, chosen, given | own) for own in among.candidates(seed)]
        for seed in listed
    }
    limits = {"epochs": epochs, "device": device, "dtype": dtype, "limit_train": limit_train}
    final = plan(task, chosen, base, **limits, limit_test=limit_test)  # type: ignore[arg-type]
    judging = replace(
        plan(task, chosen, replace(base, split="validation"), **limits),  # type: ignore[arg-type]
        curves=False,
    )

    judged = _judged(judging, among, options, progress)
    best = {seed: best_candidate(judged[judged.seed == seed]) for seed in listed}
    plain = {seed: tried.index(base) for seed, tried in options.items() if base in tried}
    recipe = [Member(seed, base) for seed in listed]
    members = [Member(seed, options[seed][best[seed]]) for seed in listed]
    cheap = _cheap_choices(among, judged, listed)
    known = {*best.items(), *plain.items()}
    left = sorted({(seed, number) for seed, _, _, number in cheap} - known)
    # In one stack, since steps of a small one cost little less; nothing to choose: both are one.
    parts = [
        dict(zip(listed, recipe, strict=True)),
        dict(zip(listed, members, strict=True)) if members != recipe else {},
        {at: Member(seed, options[seed][number]) for at, (seed, number) in enumerate(left)},
    ]
    of_recipe, of_chosen, of_left = _train_parts(final, parts, tables, keep_weights, progress)
    own = of_chosen or of_recipe
    made = result(task, chosen, base, listed, own, final.data, final.device, keep_weights)
    fixed = history_of(of_recipe)
    ends = _ends(fixed, {s: (s, n) for s, n in plain.items()})
    ends |= _ends(made.history, {s: (s, n) for s, n in best.items()})
    if left:
        ends |= _ends(history_of(of_left), dict(enumerate(left)))
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


def checked(task: Task, record: Activation, among: Space, params: Mapping[str, Any]) -> Options:
    """The options of the fixed recipe; ParameterError if it or an end of an axis is invalid."""
    for name in ("split", "task.split"):
        if name in params or name in among.axes:
            said = "split is set by the tuning: candidates are judged on validation examples"
            raise ParameterError(name if name in params else TUNE, message=said)
    for name, axis in among.axes.items():
        if name in params:
            message = f"parameter {name!r} is given twice, fixed and to be tuned"
            raise ParameterError(name, params[name], message=message)
        for value in (axis.low, axis.high) if isinstance(axis, Range) else axis:
            try:
                resolve(task, record, {**params, name: value})
            except ParameterError as error:
                message = f"{TUNE}: {error}"
                raise ParameterError(TUNE, value, at=(name,), message=message) from None
    return resolve(task, record, params)


def _values(options: Options, among: Space) -> list[Any]:
    """What a setting means for the parameters that are tuned: also where it leaves them alone."""
    known = options.activation | options.model | vars(options)
    return [known.get(name.rpartition(".")[2]) for name in among.axes]


def _judged(
    how: Plan, among: Space, options: Mapping[int, list[Options]], progress: bool | None
) -> pd.DataFrame:
    """A row a replicate, candidate and selection seed, with what validation says of it."""
    rows, tried = [], []
    for seed, settings in options.items():
        for number, own in enumerate(settings):
            for turn in range(among.selection_seeds):
                drawn = among.budget is not None and number > 0
                rows.append([seed, number, drawn, turn, *_values(own, among)])
                # Trials of their own weights and batches: independent, as tuning curves need them.
                start = stream(seed, "selection") + number * among.selection_seeds + turn
                tried.append(Member(start, replace(own, split="validation")))
    table = pd.DataFrame(rows, columns=["seed", "candidate", "drawn", "selection", *among.axes])
    if all(len(settings) == 1 for settings in options.values()):  # nothing to choose
        return table.assign(validation_loss=np.nan, validation_accuracy=np.nan, diverged=False)
    recorders = train_members(how, tried, range(len(tried)), progress=progress)
    history = history_of(recorders)
    return table.assign(
        validation_loss=history.test_loss.to_numpy(),
        validation_accuracy=history.test_accuracy.to_numpy(),
        diverged=history.diverged.to_numpy(),
    )


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
    found, waiting = [], iter(numbers)
    for part in parts:
        names = {next(waiting): name for name in part}
        found.append([own for r in recorders if (own := r.of(names)).seeds])
    return found


_Ends = dict[
    tuple[int, int], dict[Hashable, Any]
]  # by seed and candidate, what a training ended with


def _ends(history: pd.DataFrame, keys: Mapping[int, tuple[int, int]]) -> _Ends:
    """The last rows of a history, by the keys of those of its members that have one."""
    last = history[history.epoch == history.epoch.max()].to_dict("records")
    return {keys[row["seed"]]: row for row in last if row["seed"] in keys}


def _cheap_choices(
    among: Space, judged: pd.DataFrame, seeds: Iterable[int]
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
            best_candidate(rows[(rows.candidate < count) & (rows.selection < turns)]),
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


def best_candidate(rows: pd.DataFrame) -> int:
    """The candidate with the highest mean validation accuracy; ties: lower loss, then the first.

    A candidate that diverged with one of its seeds is taken only if all candidates have.
    """
    means = rows.groupby("candidate").agg(
        diverged=("diverged", "any"),
        accuracy=("validation_accuracy", "mean"),
        loss=("validation_loss", "mean"),
    )
    order = means.assign(accuracy=-means.accuracy).reset_index()
    return int(order.sort_values(["diverged", "accuracy", "loss", "candidate"]).candidate.iloc[0])
