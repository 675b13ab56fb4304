"""Errors about a value that is not allowed: one line with its name, the value, what is allowed."""

from __future__ import annotations

import os
import reprlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from sysconfig import get_paths
from traceback import walk_tb

_OURS = (f"{Path(__file__).parent}{os.sep}", "<frozen ")
_LIBRARIES = tuple({get_paths()[name] for name in ("stdlib", "purelib", "platlib")})
_LARGEST = 10**60  # a whole number that is still written out


class _Short(reprlib.Repr):
    def __init__(self) -> None:
        super().__init__()
        self.maxlevel, self.maxstring, self.maxother, self.maxlong = 4, 100, 100, 100
        self.maxdict = self.maxlist = self.maxtuple = self.maxset = self.maxarray = 12

    def repr_int(self, x: int, level: int) -> str:
        if abs(x) < _LARGEST:
            return repr(x)
        return f"a whole number of about {round(x.bit_length() * 0.30103)} digits"


_SHORT = _Short()


def with_article(noun: str) -> str:
    """A noun with its indefinite article, by its first letter: "a Task", "an Activation"."""
    return f"{'an' if noun[:1].lower() in ('a', 'e', 'i', 'o') else 'a'} {noun}"


def shown(value: object) -> str:
    """`repr(value)` for a message: on one line, and no longer than one reads, whatever it is."""
    return " ".join(_SHORT.repr(value).split("\n"))


class ParameterError(ValueError):
    """A parameter was given what it may not be, or is none.

    name: the parameter, as it was given. value: what it was given. allowed: what it may be, in
    words; empty where that is not about the value. at: where in the value the fault is, as
    positions and keys. label: how the message calls the parameter, message: the whole of it, where
    neither follows from the rest.
    """

    def __init__(
        self,
        name: str,
        value: object = None,
        allowed: str = "",
        *,
        at: tuple[object, ...] = (),
        label: str = "",
        message: str = "",
    ) -> None:
        mark = ";" if "," in allowed else ","
        said = f"{label or name} must be {allowed}{mark} got {shown(value)}"
        super().__init__(message or said)
        self.name, self.value, self.allowed, self.at = name, value, allowed, at

    def __reduce__(self) -> tuple[object, ...]:
        return _again, (self.name, self.value, self.allowed, self.at, str(self))


def _again(
    name: str, value: object, allowed: str, at: tuple[object, ...], said: str
) -> ParameterError:
    return ParameterError(name, value, allowed, at=at, message=said)


@contextmanager
def about(name: str, value: object) -> Iterator[None]:
    """What the block finds wrong is wrong with this parameter, under the name it was given by."""
    try:
        yield
    except ParameterError as error:
        error.name = name
        raise
    except (ValueError, TypeError) as error:
        raise ParameterError(name, value, message=str(error)) from error


def one_line(error: BaseException) -> str:
    """What an error of somebody's code says, on one line, and the file and line that it is from.

    Of the files that the error went through that is the last one that is the user's, if any is.
    """
    said = next(iter(str(error).splitlines()), "")
    if isinstance(error, SyntaxError):
        said, places = error.msg, [(error.filename or "", error.lineno or 0)]
    else:
        went = ((f.f_code.co_filename, line) for f, line in walk_tb(error.__traceback__))
        places = [(name, line) for name, line in went if not name.startswith(_OURS)]
        places = [(n, at) for n, at in places if not n.startswith(_LIBRARIES)] or places
    at = [f"({name}, line {line})" for name, line in places[-1:] if name]
    return " ".join(filter(None, [said, *at]))
