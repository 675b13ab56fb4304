"""What a parameter's declaration allows: its annotation, and the comment behind it."""

from __future__ import annotations

import ast
import difflib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from afnlab.errors import shown
from afnlab.listing import listed

_BASIC: dict[str, tuple[type, ...]] = {
    "int": (int,),
    "float": (float, int),
    "str": (str,),
    "bool": (bool,),
    "list": (list, tuple),
    "tuple": (tuple, list),
    "dict": (dict,),
    "Path": (Path, str),
}
_MAKE: dict[str, type] = {"float": float, "list": list, "tuple": tuple, "Path": Path}
_OTHER_NAMES = {"List": "list", "Tuple": "tuple", "Dict": "dict", "Sequence": "list"}
_NUMBER = r"[-+]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_RANGE = re.compile(rf"\s*({_NUMBER})?\s*\.\.\s*({_NUMBER})?(?=$|[\s,;:)])")
_CHOICES = re.compile(r"\s*one of:?\s+([^;]+)", re.IGNORECASE)


_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "a text",
    "bool": "true or false",
    "list": "a list",
    "tuple": "a list",
    "dict": "a mapping",
    "Path": "a path",
}


def words(kind: ast.expr) -> str:
    """What an annotation allows, for a message; how it is written, where that says it best."""
    match kind:
        case ast.Constant(value=str(text)):
            return words(ast.parse(text, mode="eval").body)
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            said = f"{words(left)} or {words(right)}"
            return said.replace("a whole number or a number", "a number")
        case ast.Subscript(value=outer, slice=inner) if _name(outer) == "Optional":
            return f"{words(inner)} or None"
        case ast.Subscript(value=outer, slice=ast.Tuple(elts=[inner, *_])) if (
            _name(outer) == "Annotated"
        ):
            return words(inner)
        case ast.Subscript():
            return ast.unparse(kind)
    return _WORDS.get(_name(kind)) or ast.unparse(kind)


class Misfit(ValueError):
    """A value is not of the annotated kind; `at` is where in it, as positions and keys."""

    def __init__(self, value: object) -> None:
        super().__init__(value)
        self.at: tuple[object, ...] = ()


def fit(kind: ast.expr | None, value: object) -> Any:  # noqa: PLR0911  (a case each)
    """`value` as its annotation wants it: an int as a float, a list as a tuple, a text as a Path.

    Misfit if the annotation does not allow it. Annotations that are not about plain values allow
    everything.
    """
    match kind:
        case None:
            return value
        case ast.Constant(value=None):
            return _only(value is None, value)
        case ast.Constant(value=str(text)):
            return fit(ast.parse(text, mode="eval").body, value)
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _any_of([left, right], value)
        case ast.Subscript(value=outer, slice=inner):
            parts = list(inner.elts) if isinstance(inner, ast.Tuple) else [inner]
            return _generic(_name(outer), parts, value)
    name = _name(kind)
    types = _BASIC.get(name)
    if types is None:
        return value
    _only(isinstance(value, types) and isinstance(value, bool) == (name == "bool"), value)
    make = _MAKE.get(name)
    try:
        return value if make is None or isinstance(value, make) else make(value)
    except OverflowError:  # of a whole number that no float holds
        raise Misfit(value) from None


def _name(node: ast.expr) -> str:
    name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
    return _OTHER_NAMES.get(name, name)


def _only(allowed: bool, value: object) -> object:
    if not allowed:
        raise Misfit(value)
    return value


def _any_of(kinds: list[ast.expr], value: object) -> object:
    fitting = []
    for kind in kinds:
        try:
            fitting.append(fit(kind, value))
        except Misfit:
            continue
    _only(bool(fitting), value)
    return next((v for v in fitting if type(v) is type(value)), fitting[0])


def _generic(name: str, parts: list[ast.expr], value: object) -> object:  # noqa: PLR0911
    if name == "Literal":
        allowed = [ast.literal_eval(p) for p in parts]
        return _only(any(value == a and type(value) is type(a) for a in allowed), value)
    if name == "Annotated":
        return fit(parts[0], value)
    if name == "Optional":
        return _any_of([*parts, ast.Constant(None)], value)
    if name == "Union":
        return _any_of(parts, value)
    outer = fit(ast.Name(name), value)
    if name == "list":
        return [_inner(parts[0], v, i) for i, v in enumerate(outer)]
    if name == "dict" and len(parts) == 2:
        return {_inner(parts[0], k, k): _inner(parts[1], v, k) for k, v in outer.items()}
    if name == "tuple":
        if len(parts) == 2 and isinstance(parts[1], ast.Constant) and parts[1].value is ...:
            parts = [parts[0]] * len(outer)
        _only(len(parts) == len(outer), value)
        return tuple(_inner(p, v, i) for i, (p, v) in enumerate(zip(parts, outer, strict=True)))
    return outer


def _inner(kind: ast.expr, value: object, at: object) -> object:
    """What stands at a place of a value, as its annotation wants it."""
    try:
        return fit(kind, value)
    except Misfit as misfit:
        misfit.at = (at, *misfit.at)
        raise


def readable(kind: ast.expr | None) -> None:
    """ValueError or SyntaxError for an annotation that cannot be understood: `"list["`."""
    for node in ast.walk(kind) if kind is not None else ():
        if isinstance(node, ast.Subscript) and _name(node.value) in ("Literal", "Annotated"):
            choices(node)
            return
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            ast.parse(node.value, mode="eval")


def like(default: object) -> ast.expr | None:
    """The annotation that a default stands for where there is none; numbers are of one kind."""
    if isinstance(default, (int, float)) and not isinstance(default, bool):
        return ast.BinOp(ast.Name("int"), ast.BitOr(), ast.Name("float"))
    name = "Path" if isinstance(default, Path) else type(default).__name__
    return ast.Name(name) if name in _BASIC else None


def choices(kind: ast.expr | None) -> list[object]:
    """What a `Literal` allows; of other annotations, nothing."""
    if isinstance(kind, ast.Subscript) and _name(kind.value) == "Literal":
        inner = kind.slice
        return [ast.literal_eval(p) for p in getattr(inner, "elts", [inner])]
    return []


@dataclass(frozen=True)
class Limits:
    """A range, both ends included, or choices; None: no limit."""

    low: float | None = None
    high: float | None = None
    choices: tuple[object, ...] = ()

    def refusal(self, value: object) -> tuple[str, tuple[int, ...]] | None:
        """Why a value (or one in a list) is not allowed: what it must be, and where in it the
        fault is; None if it is."""
        if isinstance(value, (list, tuple)) and value not in self.choices:
            refusals = ((i, self.refusal(v)) for i, v in enumerate(value))
            return next(((why[0], (i, *why[1])) for i, why in refusals if why), None)
        if self.choices and not any(_same(value, c) for c in self.choices):
            return one_of(self.choices, value), ()
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            return None
        if not self._holds(value):
            if self.low is not None and self.high is not None:
                return f"must be {self.low:g} to {self.high:g}, got {shown(value)}", ()
            limit = f"{self.low:g} or more" if self.low is not None else f"{self.high:g} or less"
            return f"must be {limit}, got {shown(value)}", ()
        return None

    def _holds(self, value: float) -> bool:
        above = self.low is None or value >= self.low
        return above and (self.high is None or value <= self.high)


def one_of(allowed: list[object] | tuple[object, ...], value: object) -> str:
    """What is allowed, what was given, and the nearest spelling."""
    near = difflib.get_close_matches(
        shown(value).strip("'"), list(map(str, allowed)), n=1, cutoff=0.5
    )
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"must be one of {listed(map(str, allowed))}; got {shown(value)}{hint}"


def limits(kind: ast.expr | None, comment: str) -> Limits | None:
    """The limits that a comment sets, or a text within `Annotated`: `0..10`, `one of: a, b`."""
    texts = [comment]
    if isinstance(kind, ast.Subscript) and _name(kind.value) == "Annotated":
        constants = [p for p in getattr(kind.slice, "elts", [])[1:] if isinstance(p, ast.Constant)]
        texts += [c.value for c in constants if isinstance(c.value, str)]
    for text in texts:
        if (match := _RANGE.match(text)) and any(match.groups()):
            low, high = (None if t is None else float(t) for t in match.groups())
            return Limits(low, high)
        if match := _CHOICES.match(text):
            return Limits(choices=tuple(_literal(w.strip()) for w in match[1].split(",")))
    return None


def _literal(word: str) -> object:
    try:
        return ast.literal_eval(word)
    except (ValueError, SyntaxError):
        return word


def _same(value: object, choice: object) -> bool:
    return value == choice and isinstance(value, bool) == isinstance(choice, bool)
