"""The ends of what is tuned, and a tuning with more room beyond them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from math import prod
from typing import Any

from afnlab.training.space import BUDGET, FARTHEST, MOST, Range, Space

_STEPS = (1.0, 0.5, 0.25, 0.125)  # of the usual one, to widen an axis by
_TWICE = 2  # as large, or half as large, at most: the next of whole numbers, as of batch sizes


def end_of(among: Space, name: str, end: str) -> float:
    """The value at an end of an axis.

    Args:
        among: the space.
        name: the axis.
        end: "low" or "high".
    """
    axis = among.axes[name]
    values = [axis.low, axis.high] if isinstance(axis, Range) else _numbers(axis)
    return values[0 if end == "low" else -1]


def _numbers(axis: Iterable[object]) -> list[float]:
    listed = (v for v in axis if isinstance(v, (int, float)) and not isinstance(v, bool))
    return sorted(listed)


def widened(
    among: Space,
    ends: Iterable[tuple[str, str]],
    accepted: Callable[[str, object], bool] = lambda name, axis: True,
) -> dict[str, object]:
    """The space with more room at some ends of its axes, as a sweep file's `tune` has it.

    A logarithmic range gets another decade, another range is made half as long again, and a list
    gets one more value, at the ratio or the distance of the two beside it, but of whole numbers
    none that is more than twice or less than half the last; less where so much is not accepted.
    What is not below 0 stays so: an end at 0 has no room. Nor has a single value, which says
    nothing of a step, or what is no number. A budget that held all values of the lists does so
    still.

    Args:
        among: the space.
        ends: names of axes, each with "low" or "high".
        accepted: whether all that are to tune it may do so with this axis, by its name.

    Returns:
        As `Space.normal`; the same where there is no room.
    """
    wider: dict[str, Any] = among.normal()
    for name, end in ends:
        for step in _STEPS:
            longer = _longer(among.axes[name], wider[name], end, step)
            if longer != wider[name] and accepted(name, longer):
                wider[name] = longer
                break
    lists = [len(axis) for axis in among.axes.values() if not isinstance(axis, Range)]
    if len(lists) == len(among.axes) and among.budget == prod(lists) + 1:  # with the recipe
        wider[BUDGET] = min(prod(len(wider[name]) for name in among.axes) + 1, MOST)
    return wider


def _longer(axis: Collection[object] | Range, normal: object, end: str, step: float) -> object:
    """An axis as `Space.normal` has it, longer at an end by a share of the usual step; the same
    where there is no room."""
    if isinstance(axis, Range) and isinstance(normal, dict):
        last, key, up = (axis.low, "from", 1) if end == "low" else (axis.high, "to", -1)
        inside = last * 10.0**up if axis.log else last + up * (axis.high - axis.low) / 2
        beyond = _beyond(last, inside, axis.log, step)
        return normal if beyond is None else {**normal, key: beyond}
    assert not isinstance(axis, Range)
    assert isinstance(normal, list)
    values = _numbers(axis)
    if len(values) < len(axis) or len(values) < 2:
        return normal
    last, before = values[:2] if end == "low" else values[:-3:-1]
    whole = all(isinstance(one, int) for one in values)
    beyond = _beyond(last, before, values[0] > 0, step, whole)
    if beyond is None:
        return normal
    return [beyond, *normal] if end == "low" else [*normal, beyond]


def alone(name: str, axis: object) -> dict[str, object]:
    """A tuning of nothing but one parameter.

    Args:
        name: the parameter.
        axis: its values or its range, as `afnlab.training.space.space` takes it.
    """
    return {name: axis, **({BUDGET: 2} if isinstance(axis, Mapping) else {})}


def in_a_line(tuning: Mapping[str, object]) -> str:
    """A tuning as a sweep file or the command line takes it: "{lr: {from: 0.001, ...}, ...}"."""
    return re.sub(r'"(\w+)":', r"\1:", json.dumps(tuning))


def _beyond(
    last: float, before: float, ratio: bool, step: float, whole: bool = False
) -> float | None:
    """What follows `last` as that follows `before`, or a part of the step; None: there is none.

    Nothing that is not below 0 is followed by what is. whole: only whole numbers are meant.
    """
    if ratio:
        factor = last / before
        if whole:
            factor = min(max(factor, 1 / _TWICE), _TWICE)
        value = last * factor**step
    else:
        value = last + step * (last - before)
    if abs(value) > FARTHEST:
        return None
    value = round(value) if whole else float(f"{value:{'.3g' if ratio else '.6g'}}")
    if last >= 0:
        value = max(value, type(value)(0))
    follows = value < last if last < before else value > last
    return value if follows and (value > 0 or not ratio) else None
