"""Check any activations with large inputs, and their gradients against their values."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from types import FunctionType

import pandas as pd
import torch
from torch import Tensor, nn

from afnlab.activation_record import Activation
from afnlab.derivatives import derivatives
from afnlab.errors import shown, with_article
from afnlab.functions.rounding import unexplained
from afnlab.messages import inform
from afnlab.registry import get_activation, list_activations
from afnlab.usercode.lookup import defined, imported, load

Function = Callable[[Tensor], Tensor]

DTYPES = (torch.float64, torch.float32, torch.bfloat16, torch.float16)
SIZES = (0.5, 1.0, 3.0, 10.0, 20.0, 50.0, 100.0, 1e3, 1e4)
FAULTS = ("values", "slopes", "derivative")
COLUMNS = (*FAULTS, "rounded", "left out")
HALF = (torch.bfloat16, torch.float16)
STEP, TOLERANCE = 1e-6, 1e-3  # of the difference quotient, and what it may be off
UNITS = 4  # in the last place of a half type, which a slope may be off without a word
# What a slope in a half type may be off besides. Half types compute in float32, where a formula
# such as 1 + erf(x) rounds to this much of 1. A slope of 1e-10 that becomes 0 moves no weight: it
# is lost beside any other that it is added to.
ROUNDING = torch.finfo(torch.float32).eps


def check(refs: Sequence[str] = ()) -> pd.DataFrame:
    """Check activations, and return their problems.

    Args:
        refs: names of ours, `path/my.py:thing` or `package.module:thing`, where the thing is an
            afnlab activation, a torch module class that needs no arguments, or a function of a
            tensor; `path/my.py` alone, if it holds one such thing; or a package, for all module
            classes in it. Without any: all of ours.

    Returns:
        One row per activation, with empty texts where there is nothing to say. What is wrong:
        "values" and "slopes": the first that is not finite for |x| up to 1e4, in float64, float32,
        bfloat16 and float16 (where the value of float64 fits in); "derivative": where the slope is
        not that of the values, in float64 within |x| <= 8, or else where a slope in bfloat16 or
        float16 is not finite, or off by more than roundings explain. No fault, though digits are
        lost: "rounded": where a slope is right in float64, and off in a half type by more than 4
        units in its last place and the rounding of 1 in float32 (1.2e-7), as far as roundings
        explain. Half types are looked at at all their numbers up to 1e4 in size. Roundings explain
        4 times the largest error of 32 runs in which float64 computes the same operations and
        rounds the result of each to the half type, up or down at random (`functions.rounding`).
        "left out": why it could not be checked.

    Raises:
        ValueError: for a reference that cannot be found.
    """
    rows: dict[str, list[str]] = {}
    for ref in refs or list_activations():
        for name, candidate in _things_of(ref):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                rows[ref if name in rows else name] = _row(candidate)
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(COLUMNS))


def lines(table: pd.DataFrame) -> list[str]:
    """The problems and notes as lines of text.

    Args:
        table: of `check`.

    Returns:
        One line per activation of which there is anything to say.
    """
    words = {"values": "value {}", "slopes": "slope {}", "derivative": "slope {}"}
    words |= {"rounded": "note: slope {}", "left out": "left out: {}"}
    texts = {
        name: "; ".join(words[str(column)].format(text) for column, text in row.items() if text)
        for name, row in table.iterrows()
    }
    wide = max(map(len, map(str, texts)), default=0)
    return [f"{name:{wide}}  {text}" for name, text in texts.items() if text]


def summary(table: pd.DataFrame) -> str:
    """The numbers of functions that were checked, are wrong, are rounded, and were left out.

    Args:
        table: of `check`.

    Returns:
        One line.
    """
    kept = table[table["left out"] == ""]
    said = {
        "values": "a value that is not finite",
        "slopes": "a slope that is not finite",
        "derivative": "a slope that is not the derivative",
    }
    counts = {words: (kept[column] != "").sum() for column, words in said.items()}
    wrong = ", ".join(f"{n} with {words}" for words, n in counts.items() if n)
    rounded = int((kept["rounded"] != "").sum())
    noted = f"; {rounded} with a slope that is rounded in a half type" if rounded else ""
    omitted = f"; {len(table) - len(kept)} left out" if len(kept) < len(table) else ""
    return (
        f"{len(kept)} checked: {wrong or 'nothing wrong'}{noted}" if len(kept) else "none checked"
    ) + omitted


def faulty(table: pd.DataFrame) -> bool:
    """True if anything is wrong; a slope that is merely rounded is not.

    Args:
        table: of `check`.
    """
    return bool((table[list(FAULTS)] != "").any(axis=None))


def unchecked(table: pd.DataFrame, refs: Sequence[str]) -> bool:
    """True if something that was named itself could not be checked.

    Args:
        table: of `check`.
        refs: what `check` was given.
    """
    named = [ref.rpartition(":")[2] for ref in refs]
    omitted = table.index[table["left out"] != ""]
    return any({name, name.rpartition(":")[0]} & {*named, *refs} for name in omitted)


def _things_of(ref: str) -> Iterator[tuple[str, object]]:
    """The names and things that a reference stands for."""
    if not isinstance(ref, str):
        raise TypeError(f"a reference must be a text, got {shown(ref)}")
    if ref.endswith(".py"):
        yield _only_one_of(ref)
        return
    if ":" in ref:
        yield ref.rpartition(":")[2], load(ref, object, "")
        return
    try:
        yield ref, get_activation(ref)
        return
    except ValueError as error:
        unknown = error
    try:
        package = imported(ref, ref)
    except ValueError as error:
        cause = error.__cause__
        absent = isinstance(cause, (ModuleNotFoundError, ValueError))
        raise unknown if absent else error from None
    kinds = {name: thing for name, thing in vars(package).items() if isinstance(thing, type)}
    modules = {n: k for n, k in kinds.items() if issubclass(k, nn.Module) and k is not nn.Module}
    if not modules:
        raise ValueError(f"{ref}: holds no torch module class; name a thing of it, {ref}:THING")
    yield from modules.items()


def _only_one_of(file: str) -> tuple[str, object]:
    """The one thing in a file that can be checked, under its whole reference; told which it is."""
    held = defined(f"{file}:", object)
    there = {n: t for n, t in held.items() if not n.startswith("_")}
    names = [n for n, t in there.items() if isinstance(t, Activation)]
    names = names or [n for n, t in there.items() if _is_made_in(held["__name__"], t)]
    if len(names) != 1:
        several = f" (there are: {', '.join(names)})" if names else ""
        raise ValueError(f"{file}: which function of it? write {file}:NAME{several}")
    inform(f"{file}: {names[0]} is what there is to check in it")
    return f"{file}:{names[0]}", there[names[0]]


def _is_made_in(module: object, thing: object) -> bool:
    """Whether it is a function, or a class of torch modules, of that module itself."""
    is_class = isinstance(thing, type) and issubclass(thing, nn.Module)
    return (is_class or isinstance(thing, FunctionType)) and thing.__module__ == module


def _row(candidate: object) -> list[str]:
    try:
        return [*problems(candidate), ""]
    except Exception as error:  # it is somebody else's code
        return ["", "", "", "", next(iter(str(error).splitlines()), type(error).__name__)]


def problems(subject: object) -> list[str]:
    """Check one activation, and return its problems.

    Args:
        subject: an activation, a module class or a function.

    Returns:
        The columns of `check` but the last: values, slopes, derivative, rounded. The first three,
        `FAULTS`, are wrong.
    """
    precise = _function(subject, torch.float64)
    _require_elementwise(precise)
    exact, slopes = derivatives(precise, _grid(torch.float64), 1)
    texts = ["", ""]
    for dtype in DTYPES:
        x = _grid(dtype)
        most = torch.finfo(dtype).max
        fits = [(v.abs() < most) | ~v.isfinite() for v in (exact, slopes)]
        for column, got in enumerate(derivatives(_function(subject, dtype), x, 1)):
            wrong = ~got.isfinite() & fits[column]
            if wrong.any() and not texts[column]:
                at = int(wrong.nonzero()[0])
                texts[column] = f"{got[at]:g} at x = {x[at]:g} ({str(dtype)[6:]})"
    underived = _underived(precise)
    return [*texts, *((underived, "") if underived else _misrounded(subject, not texts[1]))]


@torch.no_grad()
def _require_elementwise(function: Function) -> None:
    x = torch.linspace(-3, 3, 8, dtype=torch.float64)
    y = function(x)
    if y.shape != x.shape:
        raise TypeError("not elementwise")
    if not torch.equal(function(x).nan_to_num(), y.nan_to_num()):
        raise TypeError("random")
    if not torch.allclose(function(x[2:5]), y[2:5], equal_nan=True):
        raise TypeError("not elementwise")


def _function(candidate: object, dtype: torch.dtype, then: torch.dtype | None = None) -> Function:
    """A function of tensors of this type; or of type `then`, with parameters as this one rounds."""
    if isinstance(candidate, type) and issubclass(candidate, nn.Module):
        return candidate().to(dtype).to(then or dtype).eval()
    if not callable(candidate):
        raise TypeError(f"{with_article(type(candidate).__name__)} cannot be called")
    return candidate


def _grid(dtype: torch.dtype) -> Tensor:
    """0, and points of either sign ever further out."""
    return torch.tensor([0.0, *(s * v for v in SIZES for s in (-1, 1))], dtype=dtype)


def near() -> Tensor:
    """Points around 0, none of them at a place where functions like to have a kink."""
    return torch.linspace(-7.93, 8.07, 161, dtype=torch.float64)


def points() -> Tensor:
    """The points at which `check` evaluates a function in float64, far out and around 0."""
    return torch.cat([_grid(torch.float64), near()])


def _underived(function: Function) -> str:
    """The first point where the slope is the difference quotient of neither side."""
    x = near()
    y, slope = derivatives(function, x, 1)
    left, right = ((function(x + s) - y).detach() / s for s in (-STEP, STEP))
    off = torch.minimum((left - slope).abs(), (right - slope).abs())
    wrong = (off > TOLERANCE * (1 + slope.abs())) & slope.isfinite()
    if not wrong.any():
        return ""
    at = int(wrong.nonzero()[0])
    return f"{slope[at]:.4g} at x = {x[at]:.2f}, where it is {right[at]:.4g}"


def _misrounded(candidate: object, infinite_too: bool) -> tuple[str, str]:
    """Slopes in half types that are not those of float64: the first wrong and the worst rounded.

    A slope taken from a rounded value loses its digits where the value is nearly constant.
    infinite_too: whether slopes that are not finite count, where the value is.
    """
    rounded = ""
    for dtype in HALF:
        kind = torch.finfo(dtype)
        x = torch.arange(-(2**15), 2**15).to(torch.int16).view(dtype)
        x = x[x.abs() <= max(SIZES)].sort()[0]
        y, slope = (v.double() for v in derivatives(_function(candidate, dtype), x, 1))
        precise = _function(candidate, dtype, torch.float64)
        true = derivatives(precise, x.double(), 1)[1]
        unit = kind.eps * true.abs().clamp(min=kind.smallest_normal)
        error = ((slope - true).abs() - ROUNDING).nan_to_num(nan=torch.inf)
        seen = y.isfinite() & (true.abs() < kind.max) & (slope.isfinite() | infinite_too)
        off = seen & (error > UNITS * unit)
        at = off.nonzero()[:, 0]
        wrong = unexplained(precise, x[at].double(), true[at], error[at], dtype)
        name = str(dtype)[6:]
        if wrong.any():
            first = int(at[wrong][0])
            place = f"{x[first]:g} ({name})"
            return f"{slope[first]:.4g} at x = {place}, where it is {true[first]:.4g}", ""
        if len(at) and not rounded:
            worst = int(at[error[at].argmax()])
            rounded = f"{slope[worst]:.4g} at x = {x[worst]:g}, where it is {true[worst]:.4g}"
            rounded += f": rounded in {name}, right in float64"
    return "", rounded
