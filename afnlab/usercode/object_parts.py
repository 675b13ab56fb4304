"""What an object consists of: its attributes, what it encloses, its code, or what it is called."""

from __future__ import annotations

import copyreg
import hashlib
import sys
import weakref
from collections.abc import Iterable, Iterator
from dataclasses import is_dataclass
from functools import singledispatch
from pathlib import Path
from types import (
    BuiltinFunctionType,
    CellType,
    CodeType,
    FunctionType,
    GetSetDescriptorType,
    MappingProxyType,
    MethodType,
    ModuleType,
)

from afnlab.usercode.code_parts import named, of_code
from afnlab.usercode.library_types import by_name, described
from afnlab.usercode.loaded import is_own

_C = ("PyCapsule", "pybind11")  # how types of what a library's functions in C belong to begin
_MADE = 1 << 9  # among the flags of a class: Python code may have made it


@singledispatch
def within(value: object) -> Iterable[object]:
    """What an object consists of, as further objects and plain values.

    Those of a user's functions and classes are its code and what that names of the user's, of a
    library's its name; of what is neither its fields, or what `pickle` would keep of it.
    """
    yield type(value)
    known = described(value)
    if known is not None:
        yield from known
    elif is_dataclass(value):  # its `__reduce__` may say no more than where it is found
        yield state_of(value)
    elif name := _only_one(value):
        yield name
    else:
        yield from _as_pickled(value)
        if is_own(type(value)):  # which may have said less to `pickle`
            yield state_of(value)


def _as_pickled(value: object) -> Iterator[object]:
    reduce = copyreg.dispatch_table.get(type(value))
    reduced = reduce(value) if reduce else value.__reduce_ex__(4)
    if isinstance(reduced, str):  # what its module calls so, with a function that it wraps
        yield from _in_module(value, reduced)
        return
    make, arguments, *state = reduced
    yield from (make, arguments, *(by_name(value, one) for one in state[:1]))
    for one in state[1:]:  # iterators of what is in a list or a table
        yield [*one] if isinstance(one, Iterator) else one


@within.register
def _(value: FunctionType) -> Iterator[object]:
    if original := vars(value).get("_torchdynamo_orig_callable"):  # compiled, it does the same
        yield original
        return
    yield from map(_enclosed, value.__closure__ or ())
    yield from (value.__defaults__, value.__kwdefaults__, by_name(value, vars(value)))
    if is_own(value):
        yield value.__code__
        yield from named(value)
    else:
        yield from (value.__globals__.get("__name__"), value.__code__.co_qualname)


@within.register
def _(value: CodeType) -> Iterator[object]:
    return of_code(value)


@within.register
def _(value: BuiltinFunctionType) -> Iterator[object]:
    yield from _in_module(value, value.__qualname__)
    bound = value.__self__
    if not isinstance(bound, ModuleType) and type(bound).__name__.partition("_")[0] not in _C:
        yield bound


@within.register
def _(value: type) -> Iterator[object]:
    made_here = value.__flags__ & _MADE and not _is_there(
        value, sys.modules.get(value.__module__), value.__qualname__
    )
    if not is_own(value) and not made_here:
        yield from (value.__module__, value.__qualname__)
        return
    yield from (type(value), value.__bases__, by_name(value, vars(value)))


@within.register
def _(value: ModuleType) -> Iterator[object]:
    if not is_own(value):
        yield value.__name__
        return
    yield value.__name__.rpartition(".")[2]
    yield {n: one for n, one in sorted(vars(value).items()) if not n.startswith("__")}


@within.register
def _(value: MethodType) -> Iterable[object]:
    return value.__func__, value.__self__


@within.register(staticmethod)
@within.register(classmethod)
def _(value: staticmethod | classmethod) -> Iterable[object]:
    return (value.__func__,)


@within.register
def _(value: property) -> Iterable[object]:
    return value.fget, value.fset, value.fdel


@within.register
def _(value: GetSetDescriptorType) -> Iterable[object]:
    return value.__objclass__, value.__name__


@within.register
def _(value: weakref.ref) -> Iterable[object]:
    return (value(),)


@within.register
def _(value: MappingProxyType) -> Iterable[object]:
    return [part for item in value.items() for part in item]


@within.register
def _(value: dict) -> Iterator[object]:
    yield from (part for item in value.items() for part in item)
    if type(value) is not dict:
        yield from (type(value), getattr(value, "default_factory", None), state_of(value))


@within.register
def _(value: list) -> Iterator[object]:
    yield from value
    if type(value) is not list:
        yield from (type(value), state_of(value))


def _only_one(value: object) -> str | None:
    """What the module of a library's type calls this object, as torch calls one channels_last."""
    module = sys.modules.get(type(value).__module__)
    if module is None or is_own(module):
        return None
    return next((name for name, one in [*vars(module).items()] if one is value), None)


def _in_module(value: object, name: str) -> Iterator[object]:
    """What is found in a module under a name; the code of a compiled one is its file."""
    if hasattr(value, "__wrapped__"):  # a function with a cache
        yield value.__wrapped__
        return
    home = getattr(value, "__module__", None) or _home(value, name)
    module = sys.modules.get(str(home))
    if not isinstance(value, BuiltinFunctionType) and not _is_there(value, module, name):
        raise TypeError(f"{name} is in no module")
    of_user = module is not None and is_own(module)
    yield from (None if of_user else home, name)
    file = Path(getattr(module, "__file__", None) or "")
    if of_user and file.is_file() and file.suffix != ".py":
        yield hashlib.sha256(file.read_bytes()).digest()


def _home(value: object, name: str) -> str | None:
    """A library's module that has this under its name; several: the shortest."""
    homes = [
        home
        for home, module in [*sys.modules.items()]
        if isinstance(module, ModuleType) and vars(module).get(name) is value and not is_own(module)
    ]
    return min(homes, key=lambda home: (len(home), home), default=None)


def state_of(value: object) -> object:
    """The attributes of an object, also those of `__slots__`."""
    return by_name(value, object.__getstate__(value))


def _enclosed(cell: CellType) -> object:
    try:
        return cell.cell_contents
    except ValueError:  # nothing has been put into it yet
        return None


def _is_there(value: object, module: ModuleType | None, name: str) -> bool:
    """Whether a module has this under its name; what a function makes has no such place."""
    place: object = module
    for part in name.split("."):
        place = getattr(place, part, None)
    return place is value
