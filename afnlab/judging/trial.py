"""What is judged: an idea and a baseline, and how both are trained, completed by the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from afnlab.errors import ParameterError
from afnlab.judging.campaign import AGAIN, OTHER, ROLES, TASK, Campaign, check_margin, values_of
from afnlab.judging.ledger import Ledger, ledger_file
from afnlab.judging.references import is_own, kept, located
from afnlab.judging.trained_pairs import TrainedPairs
from afnlab.registry import canonical_name, get_activation
from afnlab.runs.conventions import DEFAULT_BASELINE
from afnlab.runs.sweeps.local_executor import Executor
from afnlab.runs.task_code import CODE, code_of
from afnlab.training.space import TUNE
from afnlab.training.tasks import get_task
from afnlab.training.tune import tuning_of

_NOT_SHARED = {  # parameters of the notebook that a judgement decides itself
    "task": "the task is an argument of its own",
    "activation": "the idea and the baseline are arguments of their own",
    "seeds": "seeds are added until the evidence decides",
    "out": "runs are kept in the folder of runs",
    "params": "parameters are given one by one",
}
SETTINGS = ("options", "epochs", "dtype", "limit_train", "limit_test")  # that a campaign fixes
_MACHINE = ("device",)  # of the conditions, those that belong to no recipe


@dataclass(frozen=True)
class Trial:
    """What is judged, and how; where nothing is given, as the ledger has it.

    Attributes:
        idea, against: references of the idea and of its baseline, or names.
        task: what both are trained on.
        confirm: the other task, on which what is better is confirmed; "": none is.
        known: the campaign of the ledger; None: there is no ledger yet.
        folder: the ledger's, whether it is there yet or not; without one, the working folder.
        idea_parameters: values of the idea's own parameters.
        shared: what both are given for their training.
        tuning: what both tune at every seed; empty: nothing.
    """

    idea: str
    against: str
    task: str
    confirm: str
    known: Campaign | None
    folder: Path
    idea_parameters: Mapping[str, object]
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
    ) -> Trial:
        book = None
        if ledger is not None and ledger_file(ledger).exists():
            book = Ledger.read(ledger)
        if task is None:
            if book is None:
                message = (
                    "name a task with --task (in Python task=), such as digits-mlp;"
                    " there is no ledger yet to take it from"
                )
                raise ParameterError("task", task, message=message)
            task = _find(book, "task")
        if against is None:
            against = _find(book, "against") if book else DEFAULT_BASELINE
        if confirm is None:
            confirm = _find(book, "confirm") if book else ""
        known = book.campaign if book else None
        folder = Path.cwd() if ledger is None else ledger_file(ledger).parent
        parameters = get_activation(idea).params
        names = {n for p, q in parameters.items() for n in (p, *q.aliases)}
        values = dict(params or {})
        for name in values:
            if name in _NOT_SHARED:
                raise ValueError(f"parameter {name!r} cannot be set: {_NOT_SHARED[name]}")
        conditions = {n: v for n, v in conditions.items() if v is not None}
        alone = conditions if tune is None else {**conditions, TUNE: tune}
        for name in values.keys() & alone.keys():
            raise ValueError(f"{name} is given twice: {values[name]} and {alone[name]}")
        if tune is None:
            inherited = known.settings.get(TUNE) if known else None
            tune = values.pop(TUNE, inherited)  # type: ignore[assignment]  # checked by tuning_of
        of_idea = {n: v for n, v in values.items() if n in names or n == "trainable"}
        shared = {n: v for n, v in values.items() if n not in of_idea} | conditions
        if known is not None:
            shared = {**known.given, **shared}
        return cls(idea, against, task, confirm, known, folder, of_idea, shared, tuning_of(tune))

    def stages(self, runs: str | Path | None, executor: Executor) -> dict[str, TrainedPairs]:
        """How each stage trains.

        The other task is trained by its own recipe: tuned if the first is, and on the same device.
        """
        tuned = {TUNE: self.tuning} if self.tuning else {}
        both = {**self.shared, **tuned}
        one = TrainedPairs(
            self.task, self.idea, self.against, self.idea_parameters, both, executor, runs
        )
        if not self.confirm:
            return {TASK: one}
        machine = {name: self.shared[name] for name in _MACHINE if name in self.shared}
        other = replace(one, task=self.confirm, parameters={**machine, **tuned})
        return {TASK: one, AGAIN: one, OTHER: other}

    def campaign(
        self,
        stages: Mapping[str, TrainedPairs],
        margin: float | None,
        **options: object,
    ) -> Campaign:
        """The campaign that it is part of.

        Args:
            stages: as of `stages`.
            margin: the margin as it is printed; None: the ledger's, or none.
            **options: most, level, own_seeds; None: the ledger's, or as usual.
        """
        _, against = stages[TASK].specs()
        training = against.training
        measure = training.task.metric
        known = self.known
        settings: dict[str, Any] = {}
        for name, value in options.items():
            if value is not None or known is not None:
                settings[name] = getattr(known, name) if value is None else value
        if margin is not None:
            check_margin(margin)
        stored = None if margin is None else margin / measure.scale
        if margin is None and known is not None:
            stored = known.margin
        other = get_task(self.confirm) if self.confirm else None
        tasks = {"task": (training.task, self.task)}
        if other is not None:
            tasks["confirm"] = (other, self.confirm)
        code = {role: code_of(reference) for role, (one, reference) in tasks.items() if is_own(one)}
        users = {role: tasks[role][1] for role in code}
        if not training.activation.built_in:
            users["against"] = self.against
        normal = against.normal
        return Campaign(
            task=training.task.name,
            against=training.activation.label,
            given={n: v if _is_plain(v) else str(v) for n, v in self.shared.items()},
            settings={name: normal[name] for name in (*SETTINGS, TUNE) if name in normal},
            values=values_of(*stages[TASK].functions()[1]),
            measure=measure.described(),
            confirm="" if other is None else other.name,
            confirm_measure={} if other is None else other.metric.described(),
            margin=stored,
            references={role: kept(reference, self.folder) for role, reference in users.items()},
            code=code,
            **settings,
        )


def _find(book: Ledger, role: str) -> str:
    """What finds a ledger's task, baseline or other task, whatever the working folder is.

    ValueError if the ledger does not hold where it is, or if it is no longer there.
    """
    campaign = book.campaign
    name, reference = getattr(campaign, role), campaign.references.get(role)
    what, flag = f"its {ROLES[role]} {name}", f"name it with --{role} (in Python {role}=)"
    if reference is None:
        if role != "against":
            campaign.require_known(role, book.path)
        elif canonical_name(name) is None:
            old = "was begun by an earlier afnlab and does not hold where"
            raise ValueError(f"{book.path}: {old} {what} is; {flag}")
        return str(name)
    where = located(reference, book.folder).rpartition(":")[0]
    if where.endswith(CODE) and not Path(where).is_file():
        raise ValueError(f"{book.path}: {what} was in {where}, which is not there; {flag}")
    return located(reference, book.folder)


def _is_plain(value: object) -> bool:
    """Whether JSON holds a value as it is."""
    if isinstance(value, (list, tuple)):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, (str, int, float))
