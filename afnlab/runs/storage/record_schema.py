"""What a record holds: every field and its type, all the way down; pydantic checks values by it."""

from __future__ import annotations

import re
import reprlib
import sys
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any, NotRequired, TypeGuard, TypeVar, cast

from pydantic import ConfigDict, PlainValidator, TypeAdapter, ValidationError, with_config
from pydantic_core import ErrorDetails
from typing_extensions import TypedDict

from afnlab.digits import printed_alone
from afnlab.measures import Measure, accuracy_of
from afnlab.messages import counted
from afnlab.runs.storage.safe_files import is_id, is_name
from afnlab.training.space import space


def _that(holds: Callable[[object], bool]) -> PlainValidator:
    """A validator of values for which something holds; they stay as they are."""

    def check(value: object) -> object:
        if not holds(value):
            raise ValueError
        return value

    return PlainValidator(check)


def is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: object) -> TypeGuard[float]:
    """Whether it is a finite real number, as a float can hold it."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return False
    return abs(value) <= sys.float_info.max


def _is_date(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(datetime.fromisoformat(value))
    except ValueError:
        return False


def _is_space(value: object) -> bool:
    try:
        space(value)
    except ValueError:
        return False
    return True


def _are_measures(value: object) -> bool:
    """Whether these are descriptions of metrics, one at least, and no two of one key."""
    if not isinstance(value, list):
        return False
    try:
        keys = [Measure.read(described).key for described in value]
    except (ValueError, AttributeError, TypeError):
        return False
    return 0 < len(keys) == len(set(keys))


def _is_sha256(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[0-9a-f]{64}", value) is not None


FiniteNumber = Annotated[float, _that(is_number)]
Count = Annotated[int, _that(lambda value: is_whole(value) and 0 <= value < 1 << 63)]
Seed = Annotated[int, _that(lambda value: is_whole(value) and abs(value) < 1 << 64)]
# Epochs of a training, of which the last may be a part.
Length = Annotated[float, _that(lambda value: is_number(value) and 0 < value < 1 << 31)]
Date = Annotated[str, _that(_is_date)]
Sha256 = Annotated[str, _that(_is_sha256)]
RunId = Annotated[str, _that(is_id)]
FileName = Annotated[str, _that(is_name)]  # of a file within a folder
Described = Annotated[dict[str, object], _that(lambda value: _are_measures([value]))]  # a metric

extendable = with_config(
    ConfigDict(extra="allow", strict=True)
)  # what else stands there is no fault


@extendable
class Git(TypedDict):
    """The commit of afnlab's own code; None where git does not say."""

    commit: str | None
    dirty: bool | None


@extendable
class File(TypedDict):
    """A file of a run; a record of the first schema may lack both."""

    bytes: NotRequired[Count]
    sha256: NotRequired[Sha256]


@extendable
class _Told(TypedDict):
    """What a record of any kind may hold."""

    native: NotRequired[bool]
    code: NotRequired[dict[str, str]]
    settings: NotRequired[dict[str, object]]
    named: NotRequired[str]
    task: NotRequired[object]
    folder: NotRequired[object]
    git: NotRequired[Git | None]
    sum: NotRequired[Sha256]


@extendable
class Judged(TypedDict):
    """For which judging a run was made: the groups of both, and the first of its seeds."""

    idea: str
    baseline: str
    first: Count


@extendable
class _Whole(_Told):
    schema: Count
    id: RunId
    group: str
    notebook: str
    label: str
    given: dict[str, object]
    seeds: list[Seed]
    until_decided: NotRequired[bool]
    confirmation: NotRequired[dict[str, str]]
    judged: NotRequired[Judged]
    started: Date
    seconds: FiniteNumber
    files: NotRequired[dict[str, File]]


@extendable
class RunRecord(_Whole):
    """The record of a whole run."""

    parameters: dict[str, object]
    metrics: NotRequired[dict[str, FiniteNumber | None]]
    environment: NotRequired[dict[str, Any]]
    versions: NotRequired[dict[str, str]]


@extendable
class TrainingOptions(TypedDict):
    """The settings of a training; a task may have others of its own."""

    lr: NotRequired[FiniteNumber | None]
    weight_decay: NotRequired[FiniteNumber]
    batch_size: NotRequired[Count]
    optimizer: NotRequired[str]
    momentum: NotRequired[FiniteNumber | None]
    init: NotRequired[str]
    init_scale: NotRequired[FiniteNumber]
    sites: NotRequired[str]
    split: NotRequired[str]


FURTHER = "further"  # among the parameters of a training: those of a user's own notebook


@extendable
class TrainingParameters(TypedDict):
    """The parameters of a training, in their normal form.

    further: those that only a user's own notebook declares.
    """

    task: str
    activation: str
    label: str
    epochs: Length
    device: str
    options: TrainingOptions
    tune: NotRequired[Annotated[dict[str, object], _that(_is_space)]]
    further: NotRequired[dict[str, object]]


@extendable
class Examples(TypedDict):
    train: Count
    test: Count


@extendable
class Environment(TypedDict):
    """What a training was made with."""

    examples: Examples
    evaluated: str
    classes: NotRequired[Count | None]
    measures: NotRequired[Annotated[list[dict[str, object]], _that(_are_measures)]]
    data: str
    dtype: str
    device: str
    device_name: str
    python: str
    torch: str
    numpy: str
    platform: str
    threads: Count
    determinism: NotRequired[dict[str, object]]


@extendable
class TrainingRecord(_Whole):
    """The record of a whole run that trained an activation on a task."""

    parameters: TrainingParameters
    metrics: dict[str, FiniteNumber | None]
    environment: Environment
    versions: dict[str, str]


@extendable
class FailureRecord(_Told):
    """What is known of a run that failed."""

    id: RunId
    group: str
    label: str
    message: str
    started: Date
    notebook: NotRequired[str]
    parameters: NotRequired[dict[str, object]]
    given: NotRequired[dict[str, object]]
    seeds: NotRequired[list[Seed]]
    confirmation: NotRequired[dict[str, str]]
    seconds: NotRequired[FiniteNumber]
    versions: NotRequired[dict[str, str]]


Record = RunRecord | TrainingRecord
Stored = Record | FailureRecord
Kind = TypeVar("Kind", bound=Mapping[str, Any])


# By which the record of a training by afnlab's engine is told from that of a notebook's own.
OF_TRAININGS = ("task", "activation", "label", "epochs", "options")


def is_training(record: Mapping[str, object]) -> TypeGuard[TrainingRecord]:
    """Whether a record is that of a training by afnlab's engine, not of a notebook's own."""
    normal = record.get("parameters")
    return isinstance(normal, dict) and set(OF_TRAININGS) <= set(normal)


def is_complete(record: Stored) -> TypeGuard[Record]:
    """Whether a record is that of a complete run, not of one that failed."""
    return "message" not in record


def began(record: Stored) -> datetime:
    """When a run began, by its record."""
    at = datetime.fromisoformat(record["started"])
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def seeds_of(records: Iterable[TrainingRecord]) -> set[int]:
    """The seeds of trainings, by their records."""
    return {seed for record in records for seed in record["seeds"]}


def measures(record: Mapping[str, Any]) -> tuple[Measure, ...]:
    """The metrics of a training, by its record: what its task is judged by, and further ones.

    A record from before tasks named their metrics is one of accuracy.
    """
    environment = record.get("environment", {})
    described = environment.get("measures")
    if described is None:
        return (accuracy_of(environment.get("classes")),)
    return tuple(Measure.read(each) for each in described)


def measure(record: Mapping[str, Any]) -> Measure:
    """What the task of a training is judged by, by its record."""
    return measures(record)[0]


def result(record: TrainingRecord) -> str:
    """The mean of what a training is judged by, in words: "test accuracy 93.12 %"."""
    of, value = measure(record), record["metrics"][measure(record).column]
    return f"test {of.name} {printed_alone(of, value) if value is not None else 'not finite'}"


def seeds_in_words(record: TrainingRecord) -> str:
    """How many seeds a training has, and of how many the loss did not stay finite."""
    seeds, lost = counted(len(record["seeds"]), "seed"), record["metrics"].get("diverged") or 0
    return f"{seeds}, of which {lost:g} diverged" if lost else seeds


def checked(content: Mapping[str, Any], kind: type[Kind]) -> Kind:
    """A record's content, as it is; ValueError, naming field and value, if it is not of a kind."""
    try:
        _adapter(cast(Hashable, kind)).validate_python(content)
    except ValidationError as error:
        raise ValueError(_misfit(error.errors(include_url=False, include_context=False))) from None
    if kind is TrainingRecord:
        _check_value(cast(TrainingRecord, content))
    for name in content.get("files", {}):
        if not is_name(name):
            raise ValueError(f"files cannot hold {reprlib.repr(name)}")
    return cast(Kind, content)


def _check_value(record: TrainingRecord) -> None:
    """ValueError if a training's record has no value of its metric, or one that cannot be."""
    metrics, judged = record["metrics"], measure(record)
    value = metrics.get(judged.column)
    unknown = value is None and judged.column in metrics and metrics.get("diverged")
    if not unknown and not (value is not None and is_number(value) and judged.contains(value)):
        place = f"metrics.{judged.column}" if judged.column in metrics else "metrics"
        raise ValueError(f"{place} cannot be {reprlib.repr(metrics.get(judged.column, metrics))}")


@cache
def _adapter(kind: Hashable) -> TypeAdapter:
    return TypeAdapter(cast(type, kind))


def _misfit(errors: Sequence[ErrorDetails]) -> str:
    """What is wrong with a record: what it lacks, or else the first value that cannot be."""
    if absent := [e["loc"][0] for e in errors if e["type"] == "missing" and len(e["loc"]) == 1]:
        return f"lacks {', '.join(map(str, absent))}"
    first = errors[0]
    place = first["loc"][:-1] if first["type"] == "missing" else first["loc"]
    return f"{'.'.join(map(str, place))} cannot be {reprlib.repr(first['input'])}"
