"""Slopes that are not the derivative: of float64 beside the values, of other types beside it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from afnlab.derivatives import derivatives
from afnlab.functions.numbers import DTYPES, many, name_of, plainest
from afnlab.functions.quotients import (
    Contradictions,
    Function,
    contradictions,
    contradictions_at,
    noise_of,
    steepest_within,
)
from afnlab.functions.rounding import unexplained

EPS = {dtype: torch.finfo(dtype).eps for dtype in DTYPES}
# What slopes in types coarser than float64 may be off without a word. First, units in the last
# place; torch's kernels of digamma and others are exact to 8 of float32. Then, a unit of float32 in
# the steepest slope nearby: half types compute in float32 too, where a formula such as 1 + erf(x)
# rounds to this much of 1. A slope of 1e-10 that becomes 0 moves no weight: it is lost beside any
# other that it is added to.
UNITS = {torch.float32: 16, torch.bfloat16: 4, torch.float16: 4}
NOTED = UNITS[torch.float16] * EPS[torch.float16]  # of a slope, whose loss is worth a note
SAMPLE = 2048  # numbers at which it is tried first whether roundings explain errors
VERIFIED = 64  # numbers at which errors are largest, where float64's slope is verified


class Made(Protocol):
    """What makes a function of tensors of a type."""

    def __call__(self, dtype: torch.dtype, then: torch.dtype | None = None) -> Function:
        """The function of tensors of `dtype`; or of `then`, with parameters as `dtype` rounds."""


@dataclass(frozen=True)
class Finding:
    """What is said of a slope.

    Attributes:
        text: the slope of the code, where, and that of the values.
        is_fault: whether it is wrong; else it is a note.
        error: by how much the slope is off, infinite for float64.
    """

    text: str
    is_fault: bool
    error: float = math.inf


def misderived(made: Made, nan_too: bool) -> tuple[str, str]:
    """Where a slope is not the derivative, or else what is to be noted of slopes.

    Args:
        made: makes the function.
        nan_too: whether slopes count that are not finite where the value is.

    Returns:
        A slope of float64 that is not that of the values, or one of a coarser type that is off from
        float64's by more than roundings explain; empty if there is none. The note that matters
        most; empty if there is none, or something is wrong.
    """
    notes = []
    for finding in _findings(made, nan_too):
        if finding.is_fault:
            return finding.text, ""
        notes.append(finding)
    return "", max(notes, key=lambda note: note.error).text if notes else ""


def _findings(made: Made, nan_too: bool) -> Iterator[Finding]:
    for dtype in DTYPES[1:]:
        x = many(dtype)
        precise = made(dtype, torch.float64)
        y, slope = derivatives(precise, x.double(), 1)
        if dtype == torch.float32:
            wrong = contradictions(precise, x.double(), y, slope)
            yield from _of_float64(wrong, x.double(), slope, nan_too)
        yield from _of_type(made(dtype), x, precise, (y, slope), nan_too)


def _of_type(
    function: Function, x: Tensor, precise: Function, exact: tuple[Tensor, Tensor], nan_too: bool
) -> Iterator[Finding]:
    """What there is to say of slopes at numbers of a coarser type, where float64 has the exact
    values and slopes."""
    dtype, x = x.dtype, x.double()
    values, true = exact
    y, slope = (v.double() for v in derivatives(function, x.to(dtype), 1))
    error = _beyond_rounding(x, slope, true, dtype)
    off = (error > 0) & (true.abs() < torch.finfo(dtype).max)
    off &= y.isfinite() & (slope.isfinite() | nan_too)
    if not off.any():
        return
    lost = torch.where(off & (error > NOTED * true.abs()), error, 0)
    wrong = _unexplained(precise, x, true, error, off.nonzero()[:, 0], dtype)
    # Is it this type's slope that is off, or float64's?
    at = torch.cat([wrong, lost.topk(VERIFIED).indices]).unique()
    noise = noise_of(x, values, true)
    of_float64 = contradictions_at(precise, *(v[at] for v in (x, values, true, noise)))
    yield from _of_float64(of_float64, x[at], true[at], nan_too)
    right = torch.ones_like(off)
    right[at[of_float64.at]] = False
    wrong, lost = wrong[right[wrong]], torch.where(right, lost, 0)
    if len(wrong):
        i = int(wrong[plainest(x[wrong])])
        yield Finding(_compared(slope[i], x[i], dtype, true[i]), is_fault=True)
    if lost.any():
        i = int(lost.argmax())
        text = f"slope {slope[i]:.4g} at x = {x[i]:g}, where it is {true[i]:.4g}"
        text += f": rounded in {name_of(dtype)}, right in float64"
        yield Finding(text, is_fault=False, error=float(lost[i]))


def _beyond_rounding(x: Tensor, slope: Tensor, true: Tensor, dtype: torch.dtype) -> Tensor:
    """By how much slopes of a type are off, where that is more than it rounds a number to; else 0.

    A slope taken from a rounded value loses its digits where the value is nearly constant.
    """
    kind = torch.finfo(dtype)
    unit = kind.eps * true.abs().clamp(min=kind.smallest_normal)
    error = (slope - true).abs().nan_to_num(nan=torch.inf)
    off = error > UNITS[dtype] * unit
    if off.any():
        error = error - EPS[torch.float32] * steepest_within(x, true)
        off &= error > UNITS[dtype] * unit
    return torch.where(off, error, 0)


def _unexplained(
    precise: Function, x: Tensor, true: Tensor, error: Tensor, at: Tensor, dtype: torch.dtype
) -> Tensor:
    """Those of the indices where roundings explain no error; a sample of them is tried first."""
    for step in (max(len(at) // SAMPLE, 1), 1):
        some = at[::step]
        wrong = some[unexplained(precise, x[some], true[some], error[some], dtype)]
        if len(wrong) or step == 1:
            break
    return wrong


def _of_float64(
    wrong: Contradictions, x: Tensor, slope: Tensor, nan_too: bool
) -> Iterator[Finding]:
    """What there is to say of slopes that are not those of the values."""

    def plain(among: Tensor) -> str:
        at = wrong.at[among]
        i = plainest(x[at])
        sides = (wrong.left[among][i], wrong.right[among][i])
        return _compared(slope[at[i]], x[at[i]], torch.float64, *sides)

    code_slope = slope[wrong.at]
    counts = code_slope.isfinite() | nan_too
    coarse = counts & ((code_slope - wrong.left).abs() <= EPS[torch.float32] * wrong.left.abs())
    alone = counts & wrong.alone & ~coarse
    fault = counts & ~alone & ~coarse
    if fault.any():
        hint = " (a straight-through gradient?)" if wrong.flat[fault].all() else ""
        yield Finding(plain(fault) + hint, is_fault=True)
    if wrong.excused:
        name = name_of(wrong.excused)
        yield Finding(f"values are computed in {name} where x is float64", is_fault=False)
    if alone.any():
        yield Finding(f"slope {plain(alone)}; at no other number nearby", is_fault=False)
    if coarse.any():
        yield Finding(f"slope {plain(coarse)}: exact in float32 only", is_fault=False)


def _compared(slope: Tensor, x: Tensor, dtype: torch.dtype, *true: Tensor) -> str:
    """The slope of the code at x, and that of the values, if need be on the left and right."""
    code_slope, *sides = (float(v) + 0.0 for v in (slope, *true))  # no zero has a sign
    apart = (n for n in range(4, 17) if all(f"{code_slope:.{n}g}" != f"{v:.{n}g}" for v in sides))
    digits = next(apart, 17)
    has = " on the left and ".join(dict.fromkeys(f"{v:.{digits}g}" for v in sides))
    has += " on the right" if " on " in has else ""
    place = f"{code_slope:.{digits}g} at x = {float(x) + 0.0:.8g} ({name_of(dtype)})"
    return f"{place}, where its values have {has}"
