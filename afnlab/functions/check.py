"""Check any activations with large inputs, and their gradients against their values."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from types import FunctionType

import pandas as pd
import torch
from torch import nn

from afnlab.activation_record import Activation
from afnlab.derivatives import derivatives
from afnlab.errors import shown, with_article
from afnlab.functions.numbers import DTYPES, few, name_of
from afnlab.functions.quotients import Function
from afnlab.functions.slopes import Made, misderived
from afnlab.messages import inform
from afnlab.registry import get_activation, list_activations
from afnlab.usercode.lookup import defined, imported, load

FAULTS = ("values", "slopes", "derivative")
COLUMNS = (*FAULTS, "note", "left out")


def check(refs: Sequence[str] = ()) -> pd.DataFrame:
    """Check activations, and return their problems.

    Args:
        refs: names of ours, `path/my.py:thing` or `package.module:thing`, where the thing is an
            afnlab activation, a torch module class that needs no arguments, or a function of a
            tensor; `path/my.py` alone, if it holds one such thing; or a package, for all module
            classes in it. Without any: all of ours.

    Returns:
        One row per activation, with empty texts where there is nothing to say. What is wrong:
        "values" and "slopes": the first that is not finite, at a few |x| up to 1e4, in float64,
        float32, bfloat16 and float16 (where the value of float64 fits in); "derivative": a slope
        that is not the derivative, and the one of the values there. No fault: "note". "left out":
        why it could not be checked.

    Slopes in float64 are compared with those of the values at 59,000 numbers up to 1e4 in size, of
    which no two neighbours are further apart than 0.14 % of them (below 6e-5: than 1e-7; below
    6e-8: than an eighth of them). So a fault is found if it is wider than that; where the function
    bends or jumps between neighbours, as a sine of 50 x does, it is looked for at some 1,500 of
    them only, evenly spread. A slope is wrong if it is off from those of both sides, and from all
    that lie between, by more than differences may be off and by more than 1.2e-7 of itself, to
    which float32 is exact. Differences are off by 1e-12 to 1e-9 of a smooth function of usual size,
    and by no more than 1e-6 of the steepest slope nearby unless the values are noisier than that;
    such slopes are left open. A straight-through gradient is wrong in this sense.

    Slopes in float32 are compared with float64's at the same numbers and parameters, and in half
    types at all their numbers up to 1e4. They are wrong if they are off by more than 16 units in
    their last place (half types: 4), and than 1.2e-7 of the steepest slope nearby (to which 1 is
    rounded in float32), and more than roundings explain: that is 4 times (in float32 16 times) the
    largest error of 32 runs in which float64 computes the same operations and rounds what they take
    and return to the type, up or down at random (`functions.rounding`). Before a type's slope is
    called wrong, float64's is compared with the values at the same number.

    A note says, in this order: that what is given in float64 is computed in another type; that a
    slope is off at a single number, as where the kinks of two terms cancel; that it is exact to
    float32's digits only; or where a slope is right in float64, and loses most in another type by
    roundings.

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
    words |= {"note": "note: {}", "left out": "left out: {}"}
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
    notes = int((kept["note"] != "").sum())
    noted = f"; {notes} with a note" if notes else ""
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
        The columns of `check` but the last: values, slopes, derivative, note. The first three,
        `FAULTS`, are wrong.
    """
    made = _made(subject)
    values, slopes = _infinite(made)
    return [values, slopes, *misderived(made, nan_too=not slopes)]


def infinite(subject: object) -> list[str]:
    """The first two problems alone, which take less time.

    Args:
        subject: as in `problems`.

    Returns:
        The columns "values" and "slopes" of `check`.
    """
    return _infinite(_made(subject))


def _infinite(made: Made) -> list[str]:
    """The first value and the first slope that are not finite where those of float64 fit in."""
    precise = made(torch.float64)
    _require_elementwise(precise)
    exact, slopes = derivatives(precise, few(torch.float64), 1)
    texts = ["", ""]
    for dtype in DTYPES:
        x = few(dtype)
        most = torch.finfo(dtype).max
        fits = [(v.abs() < most) | ~v.isfinite() for v in (exact, slopes)]
        for column, got in enumerate(derivatives(made(dtype), x, 1)):
            wrong = ~got.isfinite() & fits[column]
            if wrong.any() and not texts[column]:
                at = int(wrong.nonzero()[0])
                texts[column] = f"{got[at]:g} at x = {x[at]:g} ({name_of(dtype)})"
    return texts


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


def _made(subject: object) -> Made:
    """What makes the function. Parameters that a module draws at random are the same each time."""

    def module(dtype: torch.dtype, then: torch.dtype | None = None) -> nn.Module:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            made: nn.Module = subject()  # type: ignore[operator]
        return made.to(dtype).to(then or dtype).eval()

    if isinstance(subject, type) and issubclass(subject, nn.Module):
        return module
    if not callable(subject):
        raise TypeError(f"{with_article(type(subject).__name__)} cannot be called")
    return lambda dtype, then=None: subject
