"""What all ideas of a campaign are judged by, fixed before the first of them is trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from math import inf
from typing import Any

import torch
from torch import Tensor

from afnlab import stats
from afnlab.derivatives import derivatives
from afnlab.errors import ParameterError, one_line, shown
from afnlab.functions.check import near, points
from afnlab.measures import Measure
from afnlab.registry import Activation
from afnlab.runs.seed_pairs import FRESH
from afnlab.training.options import whole
from afnlab.training.space import TUNE, space

TASK, AGAIN, OTHER = "task", "again", "other"  # the stages, in the order in which they are decided
MOST = 40  # seeds of a stage
BLOCK = 1_000  # of seeds of an idea that has its own
STRICTEST = 0.999999  # the largest confidence level
_RTOL, _ATOL = 1e-9, 1e-12  # values of one function, written in two ways
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

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", tuple(self.values))
        whole(self.most, "most", least=1, most=BLOCK if self.own_seeds else FRESH)
        if not 0.5 <= self.level <= STRICTEST:
            raise ParameterError("level", self.level, f"0.5 to {STRICTEST}")
        if self.margin is not None:
            check_margin(self.margin)
        if self.confirm == self.task:
            raise ParameterError("confirm", self.confirm, "another task than the one judged on")

    @property
    def recipe(self) -> str:
        """What of their training idea and baseline choose for themselves, in words."""
        tuning = self.settings.get(TUNE)
        if tuning is None:
            return "both by the task's recipe, which may suit one of them: --tune tunes each"
        return f"each tuned at every seed: {space(tuning).description}"

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
        """It as a ledger holds it."""
        return asdict(self) | {"values": list(self.values)}

    @classmethod
    def read(cls, described: Mapping[str, Any]) -> Campaign:
        """The campaign of a ledger; ValueError for what is none."""
        known = {f.name for f in fields(cls)}
        kinds = {"task": str, "against": str, "confirm": str, "values": list, "own_seeds": bool}
        kinds |= dict.fromkeys(("given", "settings", "measure", "confirm_measure"), dict)
        is_one = isinstance(described, Mapping) and set(described) == known
        if not (is_one and all(isinstance(described[n], kind) for n, kind in kinds.items())):
            raise ValueError("its first line does not describe a campaign")
        return cls(**described)

    def require(self, asked: Campaign, name: object) -> None:
        """ValueError, with what differs, if its ledger may not take what is asked."""
        pairs = {
            "task": (self.task, asked.task),
            "baseline": (self.against, asked.against),
            "function of the baseline": (self.values, asked.values),
            "metric": (self.measure, asked.measure),
            **{
                f"setting {key}": (self.settings.get(key), asked.settings.get(key))
                for key in {**self.settings, **asked.settings}
            },
            "other task, for confirmation,": (self.confirm, asked.confirm),
            "metric of the other task": (self.confirm_measure, asked.confirm_measure),
            "margin": (self.margin, asked.margin),
            "level": (self.level, asked.level),
            "number of seeds at most": (self.most, asked.most),
            "choice of own seeds": (self.own_seeds, asked.own_seeds),
        }
        for what, (there, here) in pairs.items():
            same = same_values(there, here) if "function" in what else there == here  # type: ignore[arg-type]
            if not same:
                values = "" if "function" in what else f" ({shown(there)}, here {shown(here)})"
                raise ValueError(
                    f"{name}: is the ledger of another campaign; its {what} differs{values}"
                )


def check_margin(margin: float) -> None:
    """ParameterError for a margin, in whatever unit, that is none."""
    if isinstance(margin, bool) or not isinstance(margin, (int, float)) or not 0 < margin < inf:
        raise ParameterError("margin", margin, "a finite number above 0")


def values_of(
    record: Activation, params: Mapping[str, Any], trained: Sequence[str] = ()
) -> tuple[float, ...]:
    """What a function is recognized by.

    That is its values where `afnlab check` looks at functions, its slopes at those of these points
    where no kink is likely, and for every trained parameter the derivative of a sum of its values,
    since functions of equal values can be trained in different ways.

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
    x, smooth = points(), near()

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
