"""What is tuned: the values or the range of each parameter, and the candidates among them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from math import exp, log
from typing import Any

import numpy as np

from afnlab.loading import unknown
from afnlab.training.options import whole

BUDGET, SELECTION_SEEDS = "budget", "selection_seeds"
_RANGE = ("from", "to", "log", "count")
MOST = 10_000  # candidates
FARTHEST = 1e300  # the ends of a range
EDGE = 0.1  # of a range, from either end


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
        """Where a value lies between low (0) and high (1)."""
        low, high, at = (log(v) if self.log else v for v in (self.low, self.high, value))
        return (at - low) / (high - low)


@dataclass(frozen=True)
class Space:
    """The parameters that are tuned.

    axes: by name, the values to try, or a range to draw from. budget: how many candidates; the
    first is the fixed recipe, the others are drawn; None: the whole grid of the values.
    selection_seeds: how many trainings judge a candidate, in each replicate.
    """

    axes: Mapping[str, tuple[Any, ...] | Range]
    budget: int | None = None
    selection_seeds: int = 2

    def candidates(self, seed: int) -> list[dict[str, Any]]:
        """What a replicate tries, the same for every activation; an empty one is the fixed recipe.

        A larger budget keeps the candidates of a smaller one. Drawn candidates are independent,
        of each other and of those of other replicates, and uniform over each axis; of a grid each
        point is drawn once at most.
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

    def _drawn(self, seed: int, index: int) -> dict[str, Any]:
        made = {}
        for name, axis in self.axes.items():
            share = _uniform(seed, index, name)
            made[name] = axis.at(share) if isinstance(axis, Range) else axis[int(share * len(axis))]
        return made

    def edge(self, name: str, value: Any) -> str:
        """ "low" or "high" if a value lies at an end of its axis, else empty."""
        axis = self.axes[name]
        if isinstance(axis, Range):
            share = axis.share(value)
            return "low" if share < EDGE else "high" if share > 1 - EDGE else ""
        numbers = [v for v in axis if isinstance(v, (int, float)) and not isinstance(v, bool)]
        if len(numbers) < len(axis) or len(axis) < 2:
            return ""
        return "low" if value == min(numbers) else "high" if value == max(numbers) else ""


def _uniform(seed: int, index: int, name: str) -> float:
    """A number in [0, 1) for a replicate, a candidate and a parameter, the same everywhere."""
    words = np.random.SeedSequence([seed, index, *name.encode()]).generate_state(2)
    return (int(words[0]) << 21 | int(words[1]) >> 11) / 2**53


def space(given: Mapping[str, Any]) -> Space:
    """The space that a mapping describes.

    Args:
        given: by name, a list of values, `{from: 1e-3, to: 0.1, log: true}`, or the same with
            `count` for so many values; and `budget` and `selection_seeds`, see `Space`.

    Raises:
        ValueError: naming the entry, its value and what is allowed.
    """
    if not isinstance(given, Mapping):
        raise ValueError(f"tune must be a mapping of parameters, got {given!r}")
    axes = {n: _axis(n, a) for n, a in given.items() if n not in (BUDGET, SELECTION_SEEDS)}
    if not axes:
        raise ValueError("tune must name a parameter, such as {'lr': [0.001, 0.01]}; got none")
    budget = given.get(BUDGET)
    drawn = [name for name, axis in axes.items() if isinstance(axis, Range)]
    if budget is not None:
        whole(budget, f"tune: {BUDGET}", least=1)
    elif drawn:
        raise ValueError(f"tune: a {BUDGET} is needed, since {drawn[0]} is drawn from a range")
    points = 1
    for axis in axes.values():
        points *= len(axis) if isinstance(axis, tuple) else MOST
    if not drawn and budget is not None and budget > points + 1:
        raise ValueError(
            f"tune: {BUDGET} must be {points + 1} or less, the recipe and {points} points; got"
            f" {budget}"
        )
    count = points if budget is None else budget
    if count > MOST:
        raise ValueError(f"tune: there may be {MOST:,} candidates, not {count:,}")
    seeds = given.get(SELECTION_SEEDS, 2)
    whole(seeds, f"tune: {SELECTION_SEEDS}", least=1)
    return Space(axes, budget, seeds)


def _axis(name: Any, given: Any) -> tuple[Any, ...] | Range:
    if not isinstance(name, str):
        raise ValueError(f"tune: the name of a parameter must be a text, got {name!r}")
    if isinstance(given, Mapping):
        return _range(name, given)
    if isinstance(given, (str, bytes)) or not isinstance(given, (list, tuple)) or not given:
        raise ValueError(
            f"tune: {name} must be a list of values or a range {{from: .., to: ..}}, got {given!r}"
        )
    if len({repr(v) for v in given}) < len(given):
        raise ValueError(f"tune: {name} must have each value once, got {list(given)!r}")
    return tuple(given)


def _range(name: str, given: Mapping[str, Any]) -> tuple[Any, ...] | Range:
    for key in given:
        if key not in _RANGE:
            raise ValueError(unknown("key of a range", key, _RANGE, of=f"tune: {name}"))
    for key in ("from", "to"):
        value = given.get(key)
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not number or not abs(value) <= FARTHEST:  # type: ignore[arg-type]
            raise ValueError(f"tune: {name}: {key} must be a number, got {value!r}")
    low, high, wide = given["from"], given["to"], given.get("log", False)
    if not isinstance(wide, bool):
        raise ValueError(f"tune: {name}: log must be true or false, got {wide!r}")
    if low >= high:
        raise ValueError(f"tune: {name}: from must be below to, got {low!r} and {high!r}")
    if wide and low <= 0:
        raise ValueError(f"tune: {name}: with log, from must be above 0, got {low!r}")
    made = Range(float(low), float(high), wide)
    if "count" not in given:
        return made
    whole(given["count"], f"tune: {name}: count", least=2)
    if given["count"] > MOST:
        raise ValueError(f"tune: {name}: count must be {MOST:,} or less, got {given['count']!r}")
    return tuple(made.at(i / (given["count"] - 1)) for i in range(given["count"]))
