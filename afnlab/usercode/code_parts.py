"""What the code of a function consists of: its instructions, and what they name."""

from __future__ import annotations

import dis
import inspect
import re
import sys
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import takewhile
from types import CodeType, FunctionType, ModuleType
from typing import cast

from afnlab.usercode.by_text import ATTRIBUTES, by_text
from afnlab.usercode.loaded import is_own

# What a class says of itself and of where it stands, which nothing computes with.
OF_ITSELF = (
    *("__doc__", "__module__", "__qualname__", "__dict__", "__weakref__", "_abc_impl"),
    *("__firstlineno__", "__static_attributes__", "__slotnames__"),
    *("__annotations__", "__annotations_cache__", "__annotate__", "__annotate_func__"),
)
_EMPTY = ("NOP", "EXTENDED_ARG")
_PAIR = re.compile(r"((?:LOAD|STORE)_FAST(?:_BORROW)?)_((?:LOAD|STORE)_FAST(?:_BORROW)?)")
_ATTRIBUTES = ("LOAD_ATTR", "LOAD_METHOD")
_OF_MODULE = ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS")
_LOCAL = ("LOAD_FAST", "LOAD_DEREF")  # how instructions begin that take a local variable
_VALUES = (bool, int, float, complex, str, bytes)
_MORE_ARGUMENTS = inspect.CO_VARARGS | inspect.CO_VARKEYWORDS


def of_code(code: CodeType) -> Iterator[object]:
    """How code is called, what it does, and the constants that it uses.

    A docstring is a constant that nothing uses. The names of arguments count where a caller may
    give them, those of other local variables do not.
    """
    by_name = slice(code.co_posonlyargcount, code.co_argcount + code.co_kwonlyargcount)
    counts = code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount
    yield (*counts, code.co_flags & _MORE_ARGUMENTS, *code.co_varnames[by_name])
    steps = _steps(code)
    starts = [step.offset for step in steps]
    yield " ".join(f"{step.opname} {_operand(step, starts)}" for step in steps)
    for part in dis.Bytecode(code).exception_entries:  # type: ignore[attr-defined]
        places = (bisect_left(starts, place) for place in (part.start, part.end, part.target))
        yield (*places, part.depth, part.lasti)
    yield [code.co_consts[step.arg or 0] for step in steps if step.opcode in dis.hasconst]


def named(function: FunctionType) -> Iterator[object]:
    """What code names: of its module, inside modules as far as it goes there, and by imports."""
    for code in _codes(function.__code__):
        steps, local = _steps(code), set()
        imported: dict[object, object] = {}  # modules, by the local variables that hold them
        for at, step in enumerate(steps):
            if step.opname == "IMPORT_NAME":
                level, names = (before.argval for before in steps[at - 2 : at])
                yield from (made := [*_imported(function, step.argval, names, level)])
                if made and not names:
                    imported |= _stored(step.argval, made[0], steps[at + 1 :])
            elif step.opname == "STORE_NAME":  # in the body of a class
                local.add(step.argval)
            elif step.opname.startswith(_LOCAL) and step.arg in imported:
                yield _reached(imported[step.arg], steps[at + 1 :])
            elif step.opname in _ATTRIBUTES and step.argval in ATTRIBUTES:
                yield ATTRIBUTES[step.argval]
            elif step.opname in _OF_MODULE and step.argval not in ("__name__", *local):
                if step.argval in function.__globals__:
                    yield _reached(function.__globals__[step.argval], steps[at + 1 :])
                elif _matters(built_in := _built_in(function).get(step.argval)):
                    yield built_in


def _steps(code: CodeType) -> list[dis.Instruction]:
    """The instructions, without those by which a class says what and where it is.

    Where docstrings are stripped (`python -OO`) an instruction that does nothing is left of them.
    """
    steps = [step for one in dis.get_instructions(code) for step in _single(one)]
    places = [
        at
        for at, step in enumerate(steps)
        if step.opname == "STORE_NAME" and step.argval in OF_ITSELF
    ]
    left_out = {*places, *(at - 1 for at in places)}
    return [step for at, step in enumerate(steps) if at not in left_out]


def _single(step: dis.Instruction) -> Iterable[dis.Instruction]:
    """An instruction; two local variables are taken by one only where they are on one line."""
    if pair := _PAIR.fullmatch(step.opname):
        places = divmod(step.arg or 0, 16)
        return [
            step._replace(opname=name, arg=at)
            for name, at in zip(pair.groups(), places, strict=True)
        ]
    return () if step.opname in _EMPTY else (step,)


def _operand(step: dis.Instruction, starts: Sequence[int]) -> object:
    """What an instruction is given, without what docstrings and lines change.

    That is the places of constants and names, and how far a jump is.
    """
    if step.opcode in (*dis.hasjrel, *dis.hasjabs):
        return bisect_left(starts, step.argval)
    if step.opcode in dis.hasconst:
        return "constant"
    return step.argval if step.opcode in dis.hasname else step.arg


def _reached(value: object, steps: Iterable[dis.Instruction]) -> object:
    """What a name stands for, where it is a module of the user's: what is taken out of that.

    Of a library's module too, where what is taken may be the user's.
    """
    counts = value
    for step in takewhile(lambda one: one.opname in _ATTRIBUTES, steps):
        if not isinstance(value, ModuleType):
            break
        of_user = is_own(value)
        value = getattr(value, step.argval, None) if of_user else vars(value).get(step.argval)
        if of_user or _matters(value):
            counts = value
    return counts


def _matters(value: object) -> bool:
    """Whether what a library's module holds may be of the user's, or leads to such."""
    if type(value) in _VALUES or by_text(value):
        return True
    return is_own(value if isinstance(value, (FunctionType, type, ModuleType)) else type(value))


def _stored(name: str, module: object, steps: Sequence[dis.Instruction]) -> dict[object, object]:
    """The variable, by its number, in which `import name` or `import name as` puts a module."""
    if steps[0].opname != "IMPORT_FROM" and "." in name:  # it is called as the first of them
        module = sys.modules.get(name.partition(".")[0])
    for step in steps:
        if step.opname in ("STORE_FAST", "STORE_DEREF"):
            return {step.arg: module}
    return {}


def _imported(
    function: FunctionType, name: str, names: Iterable[str] | None, level: int
) -> Iterable[object]:
    """What an import statement inside a function imports: the module, or these names of it."""
    try:
        importing = cast("Callable[..., ModuleType]", _built_in(function)["__import__"])
        module = importing(name, function.__globals__, {}, names or ("*",), level)
        return [getattr(module, one, None) for one in names or ()] or [module]
    except (Exception, SystemExit):  # where it has not run, nobody knows what it would do
        return ()


def _built_in(function: FunctionType) -> dict[str, object]:
    """What the code of a function finds by its name without a definition."""
    built_in = function.__globals__.get("__builtins__", {})
    return vars(built_in) if isinstance(built_in, ModuleType) else built_in


def _codes(code: CodeType) -> Iterator[CodeType]:
    """The code of a function and of those inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)
