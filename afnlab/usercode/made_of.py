"""What an object is made of, to be compared with one from another file or an earlier import."""

from __future__ import annotations

import copyreg
import dis
import hashlib
import inspect
import sys
import threading
import weakref
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cached_property, singledispatch
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
from typing import TYPE_CHECKING

from afnlab.usercode.loaded import PRIVATE, is_installed

if TYPE_CHECKING:
    import torch

_NO_PART = (  # of what a class does
    *("__doc__", "__module__", "__qualname__", "__dict__", "__weakref__", "_abc_impl"),
    *("__firstlineno__", "__static_attributes__", "__slotnames__"),
)
_PLAIN = (bool, int, float, complex, str, type(None), type(...), type(NotImplemented))
_LONG = 64  # bytes, from which on they stand as their digest
_C = ("PyCapsule", "pybind11")  # how types of what a library's functions in C belong to begin
_ATTRIBUTES = ("LOAD_ATTR", "LOAD_METHOD")
_MADE = 1 << 9  # among the flags of a class: Python code may have made it
_LOCKS = (type(threading.Lock()), type(threading.RLock()))


class Opaque(ValueError):
    """An object cannot be looked into, so that two of its kind may do the same or not."""


def made_of(value: object) -> str:
    """An object's values and code as a text, which is the same for two that do the same.

    It is one walk through the object: what is no plain value, function, class or module consists
    of what `pickle` would keep of it. A user's functions and classes count by their code and by
    what that names of the user's, not by the file or the lines that they stand in; those of
    libraries by their names; both with what they enclose. What code finds by a text that it makes
    (`globals()[name]`) is not seen.

    Args:
        value: a part of a task, say.

    Returns:
        The text.

    Raises:
        Opaque: a ValueError, if there is anything in it that cannot be looked into.
    """
    try:
        return repr(_parts(value, {}))
    except RecursionError:
        raise Opaque("it is nested too deeply to be looked into") from None


def _parts(value: object, known: dict[int, tuple[int, object]]) -> object:
    """The same as tuples, lists and plain values.

    known: what has been met, by its id, with its number; it is kept there so that nothing else
    gets that id.
    """
    if type(value) in _PLAIN:
        return value
    if type(value) is bytes:
        return value if len(value) <= _LONG else ["digest", hashlib.sha256(value).hexdigest()]
    if type(value) is tuple:
        return tuple(_parts(part, known) for part in value)
    if id(value) in known:
        return ["as above", known[id(value)][0]]
    known[id(value)] = len(known), value
    if isinstance(value, (set, frozenset)):  # which has no order: that of what its parts are
        inside: list[object] = sorted((_parts(one, dict(known)) for one in value), key=repr)
    else:
        inside = [_parts(part, known) for part in _within(value)]
    if isinstance(value, (set, frozenset)) and type(value) not in (set, frozenset):
        inside += [_parts(part, known) for part in (type(value), _state_of(value))]
    return type(value).__name__, inside


@singledispatch
def _within(value: object) -> Iterable[object]:
    """What an object consists of: as `pickle` has it, and of a user's class all attributes."""
    yield type(value)
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor) and value.layout is torch.strided:
        yield from _of_tensor(value)
        return
    if torch is not None and isinstance(value, torch.nn.Module):
        yield _sorted(value, {n: _hooks(n, one) for n, one in vars(value).items()})
        return
    try:
        reduce = copyreg.dispatch_table.get(type(value))
        reduced = reduce(value) if reduce else value.__reduce_ex__(4)
    except Exception:  # of whatever kind: it is another's code
        raise _opaque(value) from None
    if isinstance(reduced, str):  # what its module calls so, with a function that it wraps
        yield from _by_name(value, reduced)
    else:
        make, arguments, *state = reduced
        yield from (make, arguments, *(_sorted(value, one) for one in state[:1]))
        for one in state[1:]:  # iterators of what is in a list or a table
            yield [*one] if isinstance(one, Iterator) else one
    if _is_own(type(value)):  # which may have said less to `pickle`
        yield _state_of(value)


@_within.register
def _(value: FunctionType) -> Iterator[object]:
    yield from map(_enclosed, value.__closure__ or ())
    yield from (value.__defaults__, value.__kwdefaults__, _sorted(value, vars(value)))
    if not _is_own(value):
        yield from (value.__module__, value.__qualname__)
        return
    codes = list(_codes(value.__code__))
    constants = [c for code in codes for c in code.co_consts if not isinstance(c, CodeType)]
    yield from ((code.co_code, code.co_names) for code in codes)
    yield [constant for constant in constants if constant != value.__doc__]
    for code in codes:
        yield from _named(code, value)


@_within.register
def _(value: BuiltinFunctionType) -> Iterator[object]:
    yield from _by_name(value, value.__qualname__)
    bound = value.__self__
    if not isinstance(bound, ModuleType) and type(bound).__name__.partition("_")[0] not in _C:
        yield bound


@_within.register
def _(value: type) -> Iterator[object]:
    made_here = value.__flags__ & _MADE and not _is_there(
        value, sys.modules.get(value.__module__), value.__qualname__
    )
    if not _is_own(value) and not made_here:
        yield from (value.__module__, value.__qualname__)
        return
    yield value.__bases__
    yield {n: one for n, one in sorted(vars(value).items()) if n not in _NO_PART}


@_within.register
def _(value: ModuleType) -> Iterator[object]:
    if not _is_own(value):
        yield value.__name__
        return
    yield value.__name__.rpartition(".")[2]
    yield {n: one for n, one in sorted(vars(value).items()) if not n.startswith("__")}


@_within.register
def _(value: MethodType) -> Iterable[object]:
    return value.__func__, value.__self__


@_within.register(staticmethod)
@_within.register(classmethod)
def _(value: staticmethod | classmethod) -> Iterable[object]:
    return (value.__func__,)


@_within.register
def _(value: property) -> Iterable[object]:
    return value.fget, value.fset, value.fdel


@_within.register
def _(value: GetSetDescriptorType) -> Iterable[object]:
    return value.__objclass__, value.__name__


@_within.register
def _(value: weakref.ref) -> Iterable[object]:
    return (value(),)


@_within.register
def _(value: MappingProxyType) -> Iterable[object]:
    return [part for item in value.items() for part in item]


@_within.register
def _(value: dict) -> Iterator[object]:
    yield from (part for item in value.items() for part in item)
    if type(value) is not dict:
        yield from (type(value), getattr(value, "default_factory", None), _state_of(value))


@_within.register
def _(value: list) -> Iterator[object]:
    yield from value
    if type(value) is not list:
        yield from (type(value), _state_of(value))


for _lock in _LOCKS:
    _within.register(_lock, lambda value: iter(()))


def _of_tensor(value: torch.Tensor) -> Iterator[object]:
    yield from (str(value.dtype), tuple(value.shape), value.requires_grad)
    yield _sorted(value, vars(value))
    try:
        plain = value.detach().cpu().resolve_conj().resolve_neg().contiguous().reshape(-1)
        numbers = plain.view(sys.modules["torch"].uint8).numpy()
    except Exception:
        kind = f"a tensor of {value.layout}, {value.dtype} on {value.device}"
        raise Opaque(f"{kind} cannot be looked into") from None
    yield hashlib.sha256(numbers.data).digest()


def _hooks(name: str, value: object) -> object:
    """A module's hooks without their keys, which count those of a whole process."""
    if name.startswith("_") and "_hooks" in name and isinstance(value, OrderedDict):
        return [*value.values()]
    return value


def _by_name(value: object, name: str) -> Iterator[object]:
    """What is found in a module under a name; the code of a compiled one is its file."""
    if hasattr(value, "__wrapped__"):  # a function with a cache
        yield value.__wrapped__
        return
    home = getattr(value, "__module__", None)
    module = sys.modules.get(str(home))
    if not isinstance(value, BuiltinFunctionType) and not _is_there(value, module, name):
        raise _opaque(value)
    is_own = module is not None and _is_own(module)
    yield from (None if is_own else home, name)
    file = Path(getattr(module, "__file__", None) or "")
    if is_own and file.is_file() and file.suffix != ".py":
        yield hashlib.sha256(file.read_bytes()).digest()


def _state_of(value: object) -> object:
    """The attributes of an object, also those of `__slots__`."""
    return _sorted(value, object.__getstate__(value))


def _sorted(value: object, state: object) -> object:
    """The attributes of an object by name, without what cached properties made of the others."""
    if isinstance(state, tuple):  # those of `__dict__` and those of `__slots__`
        return tuple(_sorted(value, part) for part in state)
    if not isinstance(state, (dict, MappingProxyType)):
        return state
    return {
        name: part
        for name, part in sorted(state.items(), key=lambda item: str(item[0]))
        if not isinstance(inspect.getattr_static(type(value), str(name), None), cached_property)
    }


def _named(code: CodeType, function: FunctionType) -> Iterator[object]:
    """What code names: of its module, inside modules as far as it goes there, and by imports."""
    steps = list(dis.get_instructions(code))
    for at, step in enumerate(steps):
        following = steps[at + 1 :]
        if step.opname == "IMPORT_NAME":
            level, names = (before.argval for before in steps[at - 2 : at])
            yield from _imported(function, step.argval, names, level)
        elif step.opname.startswith("LOAD_") and step.opname not in _ATTRIBUTES:
            with suppress(KeyError, TypeError):  # it is built in, a local name or a constant
                yield _reached(function.__globals__[step.argval], following)


def _reached(value: object, steps: Iterable[dis.Instruction]) -> object:
    """What a name stands for, where it is a module of the user's: what is taken out of that."""
    for step in steps:
        if not (isinstance(value, ModuleType) and _is_own(value) and step.opname in _ATTRIBUTES):
            break
        value = getattr(value, step.argval, None)
    return value


def _imported(
    function: FunctionType, name: str, names: Iterable[str] | None, level: int
) -> Iterable[object]:
    """What an import statement inside a function imports: the module, or these names of it."""
    built_in = function.__globals__.get("__builtins__", {})
    built_in = vars(built_in) if isinstance(built_in, ModuleType) else built_in
    try:
        module = built_in["__import__"](name, function.__globals__, {}, names or ("*",), level)
    except Exception:  # where it has not run, nobody knows what it would do
        return ()
    return [getattr(module, one, None) for one in names or ()] or [module]


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


def _is_there(value: object, module: ModuleType | None, name: str) -> bool:
    """Whether a module has this under its name; what a function makes has no such place."""
    place: object = module
    for part in name.split("."):
        place = getattr(place, part, None)
    return place is value


def _opaque(value: object) -> Opaque:
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    return Opaque(f"an object of {kind} cannot be looked into")


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
