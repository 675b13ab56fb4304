"""What stands in a sweep's grid: lists, ranges, activations with parameters of their own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from itertools import product
from math import exp, log
from typing import Any

import numpy as np

from afnlab.loading import unknown
from afnlab.spec import get_activation, list_activations

ELEMENTWISE = "elementwise"
RANGE = ("from", "to", "step", "count", "log")
_MOST, _FARTHEST = 100_000, 1e300


class GridError(ValueError):
    """An entry is not right; `at` is where, as keys and positions below its name."""

    def __init__(self, message: str, *at: Any) -> None:
        super().__init__(message)
        self.at = at


def entries(name: str, values: Any) -> list[Any]:
    """The values of one name: those of a list, or of a range `{from: 0, to: 1, step: 0.25}`.

    A range takes from and to, both included, and step (1, between whole numbers) or count; with
    `log: true` its values are as far apart in ratio. `activation: elementwise` stands for every
    elementwise activation. GridError for anything else.
    """
    if name == "activation" and isinstance(values, str) and values == ELEMENTWISE:
        return [n for n in list_activations() if get_activation(n).elementwise]
    if isinstance(values, Mapping):
        return _range(name, values)
    listed = list(values) if isinstance(values, (list, tuple, range, np.ndarray)) else []
    if not listed:
        word = f", or {ELEMENTWISE}" if name == "activation" else ", or a range {from: 1, to: 3}"
        raise GridError(f"{name!r} must be a list with entries{word}")
    for i, item in enumerate(listed if name == "activation" else ()):
        for own, parameters in item.items() if isinstance(item, Mapping) else ():
            if parameters is not None and not isinstance(parameters, Mapping):
                example = f"{{{own}: {{parameter: [1, 2]}}}}"
                message = f"{own!r} must be followed by parameters, such as {example}"
                raise GridError(f"{message}, got {parameters!r}", i)
            for parameter, value in (parameters or {}).items():
                try:
                    _own(parameter, value)
                except GridError as error:
                    raise GridError(str(error), i, own, parameter) from None
    return listed


def points(name: str, value: Any) -> Iterator[dict[str, Any]]:
    """The points of one entry; an item `{name: {parameter: value or list}}` may have many."""
    if name != "activation" or not isinstance(value, Mapping):
        yield {name: value}
        return
    for activation, own in value.items():
        lists = {k: _own(k, v) for k, v in (own or {}).items()}
        for chosen in product(*lists.values()):
            yield {"activation": activation, **dict(zip(lists, chosen, strict=True))}


def together(lists: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The points of lists that go side by side: the first values, the second, and so on."""
    axes = {name: entries(name, values) for name, values in lists.items()}
    lengths = {name: len(axis) for name, axis in axes.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise GridError(f"lists that go together must be equally long; there are: {told}")
    return [
        {n: v for point in combined for n, v in point.items()}
        for row in zip(*axes.values(), strict=True)
        for combined in product(*(points(n, v) for n, v in zip(axes, row, strict=True)))
    ]


def _own(name: str, value: Any) -> list[Any]:
    """The values of an activation's own parameter."""
    single = not isinstance(value, (list, tuple, range, np.ndarray, Mapping))
    return [value] if single else entries(name, value)


def _range(name: str, given: Mapping[str, Any]) -> list[Any]:
    def wrong(message: str) -> GridError:
        return GridError(f"{name!r}: {message}")

    for key, value in given.items():
        if key not in RANGE:
            raise wrong(unknown("key of a range", key, RANGE))
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if key != "log" and not (number and abs(value) <= _FARTHEST):
            raise wrong(f"{key} must be a number, got {value!r}")
    missing = [key for key in ("from", "to") if key not in given]
    if missing or ("step" in given and "count" in given):
        raise wrong("a range takes from, to, and step or count")
    low, high, count = given["from"], given["to"], given.get("count")
    if high < low:
        raise wrong(f"from must not be above to, got {low!r} and {high!r}")
    if given.get("log", False) is True:
        if count is None or low <= 0:
            raise wrong("with log, a range takes from above 0, to, and count")
    elif given.get("log", False) is not False:
        raise wrong(f"log must be true or false, got {given['log']!r}")
    if count is None:
        return _tidy(_stepped(wrong, low, high, given.get("step")), [low, given.get("step", 1)])
    if not isinstance(count, int) or not 2 <= count <= _MOST:
        raise wrong(f"count must be a whole number, 2 to {_MOST}, got {count!r}")
    shares = [i / (count - 1) for i in range(count)]
    if given.get("log"):
        made = [exp(log(low) + s * (log(high) - log(low))) for s in shares]
    else:
        made = [low + s * (high - low) for s in shares]
    return _tidy([float(f"{v:.12g}") for v in made], [low, high])


def _stepped(wrong: Any, low: float, high: float, step: float | None) -> list[float]:
    if step is None and not (isinstance(low, int) and isinstance(high, int)):
        raise wrong("a range of numbers that are not whole takes step or count")
    width = Decimal(str(step if step is not None else 1))
    if width <= 0:
        raise wrong(f"step must be above 0, got {step!r}")
    start = Decimal(str(low))
    count = int((Decimal(str(high)) - start) / width) + 1
    if count > _MOST:
        raise wrong(f"has too many values, may have {_MOST}")
    return [float(start + i * width) for i in range(count)]  # 0.3, not 0.30000000000000004


def _tidy(made: Iterable[float], given: Iterable[Any]) -> list[Any]:
    """Whole numbers where whole numbers were given and all are."""
    made = list(made)
    whole = all(isinstance(g, int) for g in given) and all(v.is_integer() for v in made)
    return [int(v) for v in made] if whole else made
