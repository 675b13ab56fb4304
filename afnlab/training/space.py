"""The search space of a tuning: values or a range of each parameter, and the candidates in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from math import exp, inf, log, prod

import numpy as np

from afnlab.errors import ParameterError
from afnlab.messages import counted
from afnlab.spellings import unknown

TUNE, BUDGET, SELECTION_SEEDS = "tune", "budget", "selection_seeds"
_RANGE = ("from", "to", "log", "count")
MOST = 10_000  # candidates
FARTHEST = 1e300  # the ends of a range
EDGE = 0.1  # of a range, from either end
FEW = 2  # candidates of a tuning that is called cheap: the recipe, and one that is drawn


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, uniform, or uniform in their logarithm."""

    low: float
    high: float
    log: bool = False

    def at(self, share: float) -> float:
        """The value at a share of the way from low to high, to twelve digits."""
        if self.log:
            value = exp(log(self.low) + share * (log(self.high) - log(self.low)))
        else:
            value = self.low + share * (self.high - self.low)
        return min(max(float(f"{value:.12g}"), self.low), self.high)

    def share(self, value: float) -> float:
        """Where a value lies between low (0) and high (1); no logarithm is low enough for 0."""
        if self.log and value <= 0:
            return -inf
        low, high, at = (log(v) if self.log else v for v in (self.low, self.high, value))
        return (at - low) / (high - low)


@dataclass(frozen=True)
class Space:
    """The parameters that are tuned.

    Attributes:
        axes: by name, the values to try, or a range to draw from.
        budget: the number of candidates, of which the first is the fixed recipe and the others are
            drawn; None: the whole grid of the values.
        selection_seeds: how many trainings evaluate a candidate, in each replicate.
    """

    axes: Mapping[str, tuple[object, ...] | Range]
    budget: int | None = None
    selection_seeds: int = 2

    def candidates(self, seed: int) -> list[dict[str, object]]:
        """The candidates of a replicate, the same for all activations; the recipe is an empty one.

        A larger budget keeps the candidates of a smaller one. Drawn candidates are independent of
        each other and of those of other replicates, and uniform over each axis; each point of a
        grid is drawn at most once.
        """
        axes = {n: a for n, a in self.axes.items() if isinstance(a, tuple)}
        grid = [dict(zip(axes, point, strict=True)) for point in product(*axes.values())]
        if self.budget is None:
            return grid
        count = self.budget - 1
        if len(axes) == len(self.axes):
            keys = [_uniform(seed, i, "order") for i in range(len(grid))]
            return [{}, *(grid[i] for i in np.argsort(keys, kind="stable")[:count])]
        return [{}, *(self._drawn(seed, i) for i in range(1, count + 1))]

    def _drawn(self, seed: int, index: int) -> dict[str, object]:
        made = {}
        for name, axis in self.axes.items():
            share = _uniform(seed, index, name)
            made[name] = axis.at(share) if isinstance(axis, Range) else axis[int(share * len(axis))]
        return made

    @property
    def count(self) -> int:
        """The number of candidates of a replicate."""
        if self.budget is not None:
            return self.budget
        return prod(len(axis) for axis in self.axes.values() if isinstance(axis, tuple))

    @property
    def cheaper(self) -> list[tuple[int, int]]:
        """Tunings that this one contains, as (candidates, selection seeds).

        The first two candidates, if they are drawn; and all of them, each evaluated once.
        """
        tunings = []
        if self.budget is not None and self.budget > FEW:
            tunings.append((FEW, self.selection_seeds))
        if self.selection_seeds > 1 and self.count > 1:
            tunings.append((self.count, 1))
        return tunings

    @property
    def label(self) -> str:
        """The parameters and the number of candidates, in a few words."""
        return f"{'+'.join(self.axes)} of {self.count}"

    @property
    def description(self) -> str:
        """The space in words."""
        axes = [
            f"{name} from {axis.low:g} to {axis.high:g}" + " on a log scale" * axis.log
            if isinstance(axis, Range)
            else f"{name} among {', '.join(_short(v) for v in axis)}"
            for name, axis in self.axes.items()
        ]
        if self.budget is None:
            count = f"all {counted(self.count, 'candidate')}"
        else:
            count = f"{counted(self.budget, 'candidate')}, the fixed recipe the first"
        judged = f"{counted(self.selection_seeds, 'training')} each on validation examples"
        return f"{', '.join(axes)}; {count}; {judged}"

    def normal(self) -> dict[str, object]:
        """The space as a mapping of plain values, from which `space` makes the same again."""
        axes = {
            name: {"from": axis.low, "to": axis.high, "log": axis.log}
            if isinstance(axis, Range)
            else list(axis)
            for name, axis in self.axes.items()
        }
        budget = {} if self.budget is None else {BUDGET: self.budget}
        return {**axes, **budget, SELECTION_SEEDS: self.selection_seeds}

    def edge(self, name: str, value: float) -> str:
        """At which end of its axis a value lies: "low", "high" or, if at neither, an empty text."""
        axis = self.axes[name]
        if isinstance(axis, Range):
            share = axis.share(value)
            return "low" if share < EDGE else "high" if share > 1 - EDGE else ""
        numbers = [v for v in axis if isinstance(v, (int, float)) and not isinstance(v, bool)]
        if len(numbers) < len(axis) or len(axis) < 2:
            return ""
        return "low" if value == min(numbers) else "high" if value == max(numbers) else ""


def _short(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _uniform(seed: int, index: int, name: str) -> float:
    """A number in [0, 1) for a replicate, a candidate and a parameter, the same everywhere."""
    words = np.random.SeedSequence([seed, index, *name.encode()]).generate_state(2)
    return (int(words[0]) << 21 | int(words[1]) >> 11) / 2**53


def space(mapping: object) -> Space:
    """The space that a mapping describes.

    Args:
        mapping: by name, a list of values, `{from: 1e-3, to: 0.1, log: true}`, or the same with
            `count` for so many values; and `budget` and `selection_seeds`, see `Space`.

    Raises:
        ParameterError: its name is `tune`, and its message names the entry, the value and what is
            allowed.
    """
    if not isinstance(mapping, Mapping):
        raise _wrong((), mapping, "a mapping of parameters to values or ranges")
    for name in mapping:
        if not isinstance(name, str):
            raise _wrong(("a name in it",), name, "a text")
    axes = {n: _axis(n, a) for n, a in mapping.items() if n not in (BUDGET, SELECTION_SEEDS)}
    if not axes:
        raise _wrong(
            (), dict(mapping), "a mapping that names a parameter, as {'lr': [0.001, 0.01]}"
        )
    budget = mapping.get(BUDGET)
    drawn = [name for name, axis in axes.items() if isinstance(axis, Range)]
    if budget is not None:
        budget = _whole((BUDGET,), budget, 1, MOST)
    elif drawn:
        raise _wrong((BUDGET,), budget, f"a whole number, since {drawn[0]} is drawn from a range")
    points = prod(len(axis) for axis in axes.values() if isinstance(axis, tuple))
    if not drawn and budget is None and points > MOST:
        message = f"{TUNE}: there may be {MOST:,} candidates, not {points:,}; set a {BUDGET}"
        raise ParameterError(TUNE, message=message)
    if not drawn and budget is not None and budget > points + 1:
        raise _wrong((BUDGET,), budget, f"{points + 1} or less: the recipe and {points} points")
    return Space(axes, budget, _whole((SELECTION_SEEDS,), mapping.get(SELECTION_SEEDS, 2), 1, 1000))


def _wrong(at: tuple[str, ...], value: object, allowed: str) -> ParameterError:
    """The error of an entry, by the names that lead to it."""
    return ParameterError(TUNE, value, allowed, at=at, label=": ".join((TUNE, *at)))


def _whole(at: tuple[str, ...], value: object, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise _wrong(at, value, f"a whole number, {least} to {most}")
    return value


def _number(at: tuple[str, ...], value: object) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= FARTHEST:
        return value
    raise _wrong(at, value, "a number")


def _axis(name: str, values: object) -> tuple[object, ...] | Range:
    if isinstance(values, Mapping):
        return _range(name, values)
    if isinstance(values, (str, bytes)) or not isinstance(values, (list, tuple)) or not values:
        raise _wrong((name,), values, "a list of values or a range {from: .., to: ..}")
    if len(values) > MOST:
        raise _wrong((name,), values, f"a list of {MOST:,} values at most")
    if len({repr(v) for v in values}) < len(values):
        raise _wrong((name,), list(values), "a list with each value once")
    return tuple(values)


def _range(name: str, limits: Mapping[str, object]) -> tuple[object, ...] | Range:
    for key in limits:
        if key not in _RANGE:
            message = unknown("key of a range", key, _RANGE, of=f"{TUNE}: {name}")
            raise ParameterError(TUNE, dict(limits), at=(name, key), message=message)
    low, high = (_number((name, key), limits.get(key)) for key in ("from", "to"))
    wide = limits.get("log", False)
    if not isinstance(wide, bool):
        raise _wrong((name, "log"), wide, "true or false")
    if low >= high:
        raise _wrong((name, "from"), low, f"below to, which is {high!r}")
    if wide and low <= 0:
        raise _wrong((name, "from"), low, "above 0 with log")
    made = Range(float(low), float(high), wide)
    if "count" not in limits:
        return made
    count = _whole((name, "count"), limits["count"], 2, MOST)
    return tuple(made.at(i / (count - 1)) for i in range(count))
