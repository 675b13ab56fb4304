"""What an object is made of, to be compared with one from another file or an earlier import."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import partial, singledispatch
from math import prod
from types import CellType, CodeType, FunctionType, MethodType, ModuleType

from afnlab.usercode.loaded import PRIVATE, is_installed

_LARGEST = 4096  # numbers of an array that are looked at
_NO_PART = (  # of what a class does
    *("__doc__", "__module__", "__qualname__", "__dict__", "__weakref__"),
    *("__firstlineno__", "__static_attributes__"),
)
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")  # in memory


def made_of(value: object) -> str:
    """An object's values and code as a text, which is the same for two that do the same.

    A user's functions count by their code and by what that names of the user's, not by the file or
    the lines that they stand in; those of libraries by their names; both with what they enclose.

    Args:
        value: a part of a task, say.
    """
    return repr(_parts(value, {}))


def _parts(value: object, known: dict[int, object]) -> object:
    """The same as tuples, lists and plain values.

    known: what has been met, by its id; it is kept there so that nothing else gets that id.
    """
    if value is None or isinstance(value, (bool, int, float, complex, str, bytes)):
        return value
    if isinstance(value, ModuleType):
        return value.__name__.rpartition(".")[2]
    if isinstance(value, tuple):
        return tuple(_parts(part, known) for part in value)
    if id(value) in known:
        return "as above"
    known[id(value)] = value
    return type(value).__name__, [_parts(part, known) for part in _within(value)]


@singledispatch
def _within(value: object) -> Iterable[object]:
    """What an object consists of."""
    if hasattr(value, "__wrapped__"):  # a function with a cache
        return [value.__wrapped__]
    if is_dataclass(value):
        return [type(value), *(getattr(value, one.name) for one in fields(value))]
    if hasattr(value, "dtype") and hasattr(value, "shape") and hasattr(value, "tolist"):
        small = prod(value.shape) <= _LARGEST
        return [str(value.dtype), tuple(value.shape), value.tolist() if small else None]
    if _is_own(type(value)):
        return [type(value), getattr(value, "__dict__", None)]
    return [_ADDRESS.sub("", repr(value))]


@_within.register
def _(value: FunctionType) -> Iterator[object]:
    yield from map(_enclosed, value.__closure__ or ())
    yield from (value.__defaults__, value.__kwdefaults__)
    if not _is_own(value):
        yield from (value.__module__, value.__qualname__)
        return
    codes = list(_codes(value.__code__))
    constants = [c for code in codes for c in code.co_consts if not isinstance(c, CodeType)]
    yield from ((code.co_code, code.co_names) for code in codes)
    yield [constant for constant in constants if constant != value.__doc__]
    names = dict.fromkeys(name for code in codes for name in code.co_names)
    for one in (value.__globals__[name] for name in names if name in value.__globals__):
        yield one
        if isinstance(one, ModuleType) and _is_own(one):
            yield [getattr(one, name) for name in names if hasattr(one, name)]


@_within.register
def _(value: type) -> Iterable[object]:
    if not _is_own(value):
        return value.__module__, value.__qualname__
    return *value.__bases__, {n: one for n, one in vars(value).items() if n not in _NO_PART}


@_within.register
def _(value: MethodType) -> Iterable[object]:
    return value.__func__, value.__self__


@_within.register(staticmethod)
@_within.register(classmethod)
def _(value: staticmethod | classmethod) -> Iterable[object]:
    return (value.__func__,)


@_within.register
def _(value: property) -> Iterable[object]:
    return value.fget, value.fset


@_within.register
def _(value: partial) -> Iterable[object]:
    return value.func, value.args, value.keywords


@_within.register
def _(value: Mapping) -> Iterable[object]:
    return [part for item in value.items() for part in item]


@_within.register
def _(value: list) -> Iterable[object]:
    return value


@_within.register(set)
@_within.register(frozenset)
def _(value: set | frozenset) -> Iterable[object]:
    return sorted(value, key=repr)


def _codes(code: CodeType) -> Iterator[CodeType]:
    """The code of a function and of those inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _enclosed(cell: CellType) -> object:
    try:
        return cell.cell_contents
    except ValueError:  # nothing has been put into it yet
        return None


def _is_own(value: FunctionType | type | ModuleType) -> bool:
    """Whether a user has written it: it is no library's."""
    name = value.__name__ if isinstance(value, ModuleType) else str(value.__module__)
    if name.partition(".")[0] == "afnlab" and not name.startswith(PRIVATE):
        return False
    if isinstance(value, FunctionType):
        file = value.__code__.co_filename
    else:
        file = getattr(inspect.getmodule(value), "__file__", None) or ""
    return name == "__main__" or (bool(file) and not is_installed(file))
