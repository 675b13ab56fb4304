"""What all ideas of a campaign are judged by, fixed before the first of them is trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from math import inf
from typing import Any, NoReturn

import torch
from torch import Tensor

from afnlab import stats
from afnlab.derivatives import derivatives
from afnlab.errors import ParameterError, one_line, shown
from afnlab.functions.numbers import few
from afnlab.measures import Measure
from afnlab.messages import counted
from afnlab.registry import Activation
from afnlab.runs.seed_pairs import FRESH
from afnlab.training.options import whole
from afnlab.training.space import TUNE, space
from afnlab.training.tasks import canonical_task

TASK, AGAIN, OTHER = "task", "again", "other"  # the stages, in the order in which they are decided
ROLES = {"task": "task", "against": "baseline", "confirm": "other task"}  # what may be one's own
MOST = 40  # seeds of a stage
BLOCK = 1_000  # of seeds of an idea that has its own
STRICTEST = 0.999999  # the largest confidence level
_RTOL, _ATOL = 1e-9, 1e-12  # values of one function, written in two ways
_LATER = {"references", "code"}  # what ledgers of earlier versions do not hold
_NAN = -1e300  # stands for it among values: no function of ours comes to it


@dataclass(frozen=True, kw_only=True)
class Campaign:
    """A baseline, a task, and how strictly ideas are judged.

    Attributes:
        task: the name of the task.
        against: the baseline.
        given: what both were given by name for their training.
        settings: how both are trained, from the normal form of the baseline's parameters.
        values: what the function of the baseline is recognized by, see `values_of`.
        measure: what the task is judged by, as `Measure.described` has it.
        confirm: the name of the other task on which a better idea is confirmed; "": none is.
        confirm_measure: what that one is judged by; empty if there is none.
        margin: the largest difference that does not matter, as values are stored; None: nothing is
            called equivalent.
        level: 1 minus the false discovery rate, and the confidence level of every single verdict.
        most: the number of seeds after which an idea stays open.
        own_seeds: whether every idea has seeds of its own, for which the baseline is trained anew.
        references: of `task`, `against` and `confirm`, by these keys, what finds a user's own
            again; files by the folder of the ledger, see `afnlab.judging.references`.
        code: of the same, but for the baseline, what sets it apart from another of its name.
    """

    task: str
    against: str
    given: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    values: tuple[float, ...] = ()
    measure: Mapping[str, Any]
    confirm: str = ""
    confirm_measure: Mapping[str, Any] = field(default_factory=dict)
    margin: float | None = None
    level: float = stats.LEVEL
    most: int = MOST
    own_seeds: bool = False
    references: Mapping[str, str] = field(default_factory=dict)
    code: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", tuple(self.values))
        whole(self.most, "most", least=1, most=BLOCK if self.own_seeds else FRESH)
        if not 0.5 <= self.level <= STRICTEST:
            raise ParameterError("level", self.level, f"0.5 to {STRICTEST}")
        if self.margin is not None:
            check_margin(self.margin)
        code = self.code
        if self.confirm == self.task and code.get("confirm") == code.get("task"):
            raise ParameterError("confirm", self.confirm, "another task than the one judged on")

    @property
    def recipe(self) -> str:
        """What of their training idea and baseline choose for themselves, in words."""
        tuning = self.settings.get(TUNE)
        if tuning is None:
            return "both by the task's recipe, which may suit one of them: --tune tunes each"
        return f"each tuned at every seed: {space(tuning).description}"

    @property
    def too_few(self) -> str:
        """That so few seeds decide nothing, and how many are the fewest that do; empty if enough.

        It is about differences that are the same at every seed; others take more.
        """
        least = stats.seeds_to_decide(self.level)
        if self.most >= least:
            return ""
        return (
            f"with at most {counted(self.most, 'seed')} not even a difference that is the same at"
            f" every seed is decided; that takes {least}: --most {least} (in Python most={least})"
        )

    @property
    def stages(self) -> tuple[str, ...]:
        """What an idea passes through before it counts as a discovery."""
        return (TASK, AGAIN, OTHER) if self.confirm else (TASK,)

    def task_of(self, stage: str) -> str:
        """The task on which a stage trains."""
        return self.confirm if stage == OTHER else self.task

    def place_of(self, stage: str) -> str:
        """The task of a stage, and with which seeds, in words."""
        return f"{self.task_of(stage)}{', fresh seeds' if stage != TASK else ''}"

    def measure_of(self, stage: str) -> Measure:
        """What a stage is judged by."""
        return Measure.read(self.confirm_measure if stage == OTHER else self.measure)

    def margin_of(self, stage: str) -> float | None:
        """The margin of a stage: it is about the metric of the task, not of another's."""
        return self.margin if stage == TASK else None

    def described(self) -> dict[str, Any]:
        """It as a ledger holds it: as before, where all is afnlab's own, so that digests stay."""
        held = asdict(self) | {"values": list(self.values)}
        return {name: value for name, value in held.items() if value or name not in _LATER}

    @classmethod
    def read(cls, described: Mapping[str, Any]) -> Campaign:
        """The campaign of a ledger; ValueError for what is none."""
        known = {f.name for f in fields(cls)}
        kinds = {"task": str, "against": str, "confirm": str, "values": list, "own_seeds": bool}
        kinds |= dict.fromkeys(("given", "settings", "measure", "confirm_measure", *_LATER), dict)
        is_one = isinstance(described, Mapping) and known - _LATER <= set(described) <= known
        held = {**{name: {} for name in _LATER}, **described} if is_one else {}
        if not (is_one and all(isinstance(held[n], kind) for n, kind in kinds.items())):
            raise ValueError("its first line does not describe a campaign")
        if not all(isinstance(text, str) for name in _LATER for text in held[name].values()):
            raise ValueError("its first line does not describe a campaign")
        return cls(**held)

    def _identity(self, role: str) -> tuple[str, str | None]:
        """What a task is recognized by: its name, and the code of one that is not afnlab's."""
        name = getattr(self, role)
        return canonical_task(name) or name, self.code.get(role)

    def _named(self, role: str) -> str:
        """A task or the baseline in a message: by its name, and where it is one's own."""
        place = f" of {self.references[role]}" if role in self.references else ""
        return f"{shown(getattr(self, role))}{place}"

    def require_known(self, role: str, ledger: object) -> None:
        """ValueError for a task of which its ledger holds no more than a name that is not afnlab's.

        Args:
            role: "task" or "confirm".
            ledger: its file.
        """
        name, code = self._identity(role)
        if name and canonical_task(name) is None and code is None:
            raise ValueError(
                f"{ledger}: was begun by an earlier afnlab and holds no more than the name of its"
                f" {ROLES[role]} {name}, of which there may be several, so no idea can be added;"
                " begin another ledger"
            )

    def require(self, asked: Campaign, name: object) -> None:
        """ValueError, with what differs, if its ledger may not take what is asked."""
        for role, what in (("task", "task"), ("confirm", "other task, for confirmation,")):
            self.require_known(role, name)
            if self._identity(role) != asked._identity(role):
                other = ", with other code" if getattr(self, role) == getattr(asked, role) else ""
                self._differs(what, f"{self._named(role)}, here {asked._named(role)}{other}", name)
        if self.against == asked.against and not same_values(self.values, asked.values):
            functions = f"{self._named('against')}, here {asked._named('against')}"
            self._differs("function of the baseline", functions, name)
        pairs: dict[str, tuple[object, object]] = {
            "baseline": (self.against, asked.against),
            "metric": (self.measure, asked.measure),
            **{
                f"setting {key}": (self.settings.get(key), asked.settings.get(key))
                for key in {**self.settings, **asked.settings}
            },
            "metric of the other task": (self.confirm_measure, asked.confirm_measure),
            "margin": (self.margin, asked.margin),
            "level": (self.level, asked.level),
            "number of seeds at most": (self.most, asked.most),
            "choice of own seeds": (self.own_seeds, asked.own_seeds),
        }
        for what, (there, here) in pairs.items():
            if there != here:
                self._differs(what, f"{shown(there)}, here {shown(here)}", name)

    @staticmethod
    def _differs(what: str, values: str, name: object) -> NoReturn:
        raise ValueError(
            f"{name}: is the ledger of another campaign; its {what} differs ({values}); what is not"
            " given is as the ledger has it, and another file as --ledger takes a campaign of its"
            " own, which cannot be merged with this one"
        )


def check_margin(margin: float) -> None:
    """ParameterError for a margin, in whatever unit, that is none."""
    if isinstance(margin, bool) or not isinstance(margin, (int, float)) or not 0 < margin < inf:
        raise ParameterError("margin", margin, "a finite number above 0")


def values_of(
    record: Activation, params: Mapping[str, Any], trained: Sequence[str] = ()
) -> tuple[float, ...]:
    """What a function is recognized by.

    That is its values at points up to 1e4 in size, its slopes at those of these points where no
    kink is likely, and for every trained parameter the derivative of a sum of its values, since
    functions of equal values can be trained in different ways.

    Args:
        record: the activation, or a function.
        params: the values of its parameters that are not their defaults.
        trained: the names of those that are trained.

    Returns:
        Finite numbers: an infinite one becomes the largest of its sign, nan a number of its own.

    Raises:
        ValueError: if the function fails, or does not return a tensor of the shape of its input.
    """
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)  # what a stochastic activation draws
            numbers = _numbers_of(record, params, trained)
    except Exception as error:  # it is somebody else's code
        name = getattr(record, "label", "the function")
        said = one_line(error) or type(error).__name__
        raise ValueError(f"{name} cannot be evaluated: {said}") from error
    return tuple(numbers.nan_to_num(nan=_NAN).tolist())


def _numbers_of(record: Activation, params: Mapping[str, Any], trained: Sequence[str]) -> Tensor:
    # None of these points around 0 is a place where functions like to have a kink.
    smooth = torch.linspace(-7.93, 8.07, 161, dtype=torch.float64)
    x = torch.cat([few(torch.float64), smooth])

    def summed(value: Tensor, name: str) -> Tensor:
        return (record(smooth, **{**params, name: value}) * smooth.cos()).sum()

    (values,) = derivatives(record, x, 0, **params)
    outputs, slopes = derivatives(record, smooth, 1, **params)
    if (values.shape, outputs.shape) != (x.shape, smooth.shape):
        raise ValueError("it does not return a tensor of the shape of its input")
    starts = record.complete(params) if trained else {}
    grads = [
        derivatives(summed, torch.tensor(float(starts[name]), dtype=x.dtype), 1, name=name)[1]
        for name in trained
    ]
    last = torch.stack(grads).sort().values if grads else x.new_empty(0)  # names do not matter
    return torch.cat([part.double() for part in (values, slopes, last)])


def same_values(one: Sequence[float], other: Sequence[float]) -> bool:
    """Whether two functions are one, as far as rounding tells."""
    if len(one) != len(other):
        return False
    x, y = (torch.tensor(values, dtype=torch.float64) for values in (one, other))
    return torch.allclose(x, y, rtol=_RTOL, atol=_ATOL)
