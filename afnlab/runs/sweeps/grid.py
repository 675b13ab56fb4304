"""What stands in a sweep's grid: lists, ranges, activations with parameters of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import product
from math import exp, log, prod
from typing import Any, NamedTuple

import numpy as np

from afnlab.errors import shown
from afnlab.registry import get_activation, list_activations
from afnlab.runs.notebook_parameters.encoding import size
from afnlab.spellings import unknown

ELEMENTWISE = "elementwise"
RANGE = ("from", "to", "step", "count", "log")
MOST_RUNS = 10_000  # of a sweep
_MOST, _FARTHEST = 100_000, 1e300

Position = tuple[object, ...]  # keys and positions that lead to an entry of a sweep


class Entry(NamedTuple):
    """A value that a run is given, and where it stands."""

    value: Any
    at: Position = ()


Point = dict[str, Entry]  # what a run is given by one axis of the grid, by name


class GridError(ValueError):
    """An entry is not right; `at` is where, as keys and positions below its name."""

    def __init__(self, message: str, *at: object) -> None:
        super().__init__(message)
        self.at = at


def counted_runs(number: int, *at: object) -> int:
    """A number of runs that a sweep may have; GridError for more."""
    if number > MOST_RUNS:
        message = f"asks for {number:,} runs, a sweep may have {MOST_RUNS:,}: make several sweeps"
        raise GridError(message, *at)
    return number


def axis(name: str, values: object, at: Position = ()) -> list[Point]:
    """All points of one name's list, range or choice, which stands at this place."""
    listed = entries(name, values)
    counted_runs(sum(_count(name, value) for value in listed))
    return [p for i, value in enumerate(listed) for p in points_of(name, Entry(value, (*at, i)))]


def entries(name: str, values: object) -> list[object]:
    """The values of one name: those of a list, or of a range `{from: 0, to: 1, step: 0.25}`.

    A range takes from and to, both included, and step (1, between whole numbers) or count; with
    `log: true` its values are as far apart in ratio. `activation: elementwise` stands for every
    elementwise activation. GridError for anything else.
    """
    if name == "activation" and isinstance(values, str) and values == ELEMENTWISE:
        return [n for n in list_activations() if get_activation(n).elementwise]
    if isinstance(values, Mapping):
        return [*_range(name, values)]
    listed: list[object] = []
    if isinstance(values, (list, tuple, range, np.ndarray)) and getattr(values, "ndim", 1) > 0:
        if (number := size(values) if isinstance(values, range) else len(values)) > _MOST:
            raise GridError(f"{shown(name)} has {shown(number)} values, may have {_MOST:,}")
        listed = list(values)
    if not listed:
        word = f", or {ELEMENTWISE}" if name == "activation" else ", or a range {from: 1, to: 3}"
        raise GridError(f"{shown(name)} must be a list with entries{word}")
    for i, item in enumerate(listed if name == "activation" else ()):
        for activation, parameters in item.items() if isinstance(item, Mapping) else ():
            if parameters is not None and not isinstance(parameters, Mapping):
                example = f"{{{activation}: {{parameter: [1, 2]}}}}"
                message = f"{activation!r} must be followed by parameters, such as {example}"
                raise GridError(f"{message}, got {shown(parameters)}", i)
            for parameter, value in (parameters or {}).items():
                try:
                    _parameter_values(parameter, value)
                except GridError as error:
                    raise GridError(str(error), i, activation, parameter) from None
    return listed


def points_of(name: str, entry: Entry) -> Iterator[Point]:
    """The points of one entry; an item `{name: {parameter: value or list}}` may have many."""
    value, at = entry
    if name != "activation" or not isinstance(value, Mapping):
        yield {name: entry}
        return
    for activation, parameters in value.items():
        inside = (*at, activation)
        lists = {
            key: [
                Entry(one, (*inside, key, i))
                for i, one in enumerate(_parameter_values(key, listed))
            ]
            for key, listed in (parameters or {}).items()
        }
        for chosen in product(*lists.values()):
            yield {"activation": Entry(activation, inside), **dict(zip(lists, chosen, strict=True))}


def _count(name: str, value: object) -> int:
    """How many points an entry has."""
    if name != "activation" or not isinstance(value, Mapping):
        return 1
    return sum(
        prod(len(_parameter_values(k, v)) for k, v in (parameters or {}).items())
        for parameters in value.values()
    )


def together(lists: Mapping[str, object], at: Position = ()) -> list[Point]:
    """The points of lists that go side by side: the first values, the second, and so on."""
    axes: dict[str, list[Entry]] = {}
    for name, values in lists.items():
        try:
            axes[name] = [Entry(v, (*at, name, i)) for i, v in enumerate(entries(name, values))]
        except GridError as error:
            raise GridError(str(error), name, *error.at) from None
    lengths = {name: len(entered) for name, entered in axes.items()}
    if len(set(lengths.values())) > 1:
        lengths_text = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise GridError(f"lists that go together must be equally long; there are: {lengths_text}")
    rows = list(zip(*axes.values(), strict=True))
    counted_runs(
        sum(prod(_count(n, e.value) for n, e in zip(axes, row, strict=True)) for row in rows)
    )
    return [
        merged(combined)
        for row in rows
        for combined in product(*(points_of(n, e) for n, e in zip(axes, row, strict=True)))
    ]


def merged(combined: Iterable[Point]) -> Point:
    """Several points as one; GridError, at the later of the two, for a name that two give."""
    made: Point = {}
    for point in combined:
        for name, entry in point.items():
            if name in made:
                raise GridError(f"parameter {shown(name)} is given twice", *entry.at)
            made[name] = entry
    return made


def _parameter_values(name: str, value: object) -> list[object]:
    """The values of an activation's own parameter."""
    single = not isinstance(value, (list, tuple, range, np.ndarray, Mapping))
    return [value] if single else entries(name, value)


def _range(name: str, mapping: Mapping[str, Any]) -> list[float]:
    def wrong(message: str) -> GridError:
        return GridError(f"{shown(name)}: {message}")

    for key, value in mapping.items():
        if key not in RANGE:
            raise wrong(unknown("key of a range", key, RANGE))
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if key != "log" and not (number and abs(value) <= _FARTHEST):
            raise wrong(f"{key} must be a number, got {shown(value)}")
    missing = [key for key in ("from", "to") if key not in mapping]
    if missing or ("step" in mapping and "count" in mapping):
        raise wrong("a range takes from, to, and step or count")
    low, high, count = mapping["from"], mapping["to"], mapping.get("count")
    if high < low:
        raise wrong(f"from must not be above to, got {shown(low)} and {shown(high)}")
    if mapping.get("log", False) is True:
        if count is None or low <= 0:
            raise wrong("with log, a range takes from above 0, to, and count")
    elif mapping.get("log", False) is not False:
        raise wrong(f"log must be true or false, got {shown(mapping['log'])}")
    if count is None:
        return _tidy(_stepped(wrong, low, high, mapping.get("step")), [low, mapping.get("step", 1)])
    if not isinstance(count, int) or not 2 <= count <= _MOST:
        raise wrong(f"count must be a whole number, 2 to {_MOST}, got {shown(count)}")
    shares = [i / (count - 1) for i in range(count)]
    if mapping.get("log"):
        made = [exp(log(low) + s * (log(high) - log(low))) for s in shares]
    else:
        made = [low + s * (high - low) for s in shares]
    return _tidy([float(f"{v:.12g}") for v in made], [low, high])


def _stepped(
    wrong: Callable[[str], GridError], low: float, high: float, step: float | None
) -> Sequence[float]:
    if step is None and not (isinstance(low, int) and isinstance(high, int)):
        raise wrong("a range of numbers that are not whole takes step or count")
    width = Decimal(str(step if step is not None else 1))
    if width <= 0:
        raise wrong(f"step must be above 0, got {shown(step)}")
    start = Decimal(str(low))
    count = int((Decimal(str(high)) - start) / width) + 1
    if count > _MOST:
        raise wrong(f"has {shown(count)} values, may have {_MOST}")
    if isinstance(low, int) and isinstance(step if step is not None else 1, int):
        return [low + i * int(width) for i in range(count)]
    return [float(start + i * width) for i in range(count)]  # 0.3, not 0.30000000000000004


def _tidy(made: Iterable[float], inputs: Iterable[object]) -> list[float]:
    """Whole numbers where whole numbers were given and all are."""
    made = list(made)
    whole = all(isinstance(g, int) for g in inputs) and all(float(v).is_integer() for v in made)
    return [int(v) for v in made] if whole else made
