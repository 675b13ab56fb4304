"""The settings of a task: which values each may have, and which one it has by default."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from sys import float_info

from afnlab.errors import ParameterError
from afnlab.registry import Activation

LARGEST = 2**63 - 1  # that tables and torch's sizes hold


@dataclass(frozen=True)
class Choice:
    """One of several named values, of which the first is the default.

    Attributes:
        values: the names.
        named: the name of an activation under a value of this setting, such as SwiGLU for Swish in
            a gated layer; "" where there is none. Labels then have it in place of the activation
            and the value.
    """

    values: tuple[str, ...]
    named: Callable[[Activation, str], str] | None = None

    @property
    def default(self) -> str:
        return self.values[0]

    def check(self, name: str, value: object) -> str:
        """The value; ParameterError if it is not one of them."""
        if not isinstance(value, str) or value not in self.values:
            raise ParameterError(name, value, f"one of {', '.join(self.values)}")
        return value


@dataclass(frozen=True)
class Whole:
    """A whole number from `least` to `most` that is a multiple of `multiple`."""

    default: int
    least: int = 1
    most: int = LARGEST
    multiple: int = 1

    def check(self, name: str, value: object) -> int:
        """The value; ParameterError if it is not allowed."""
        number = whole(value, name, self.least, self.most)
        if number % self.multiple:
            raise ParameterError(name, value, f"a multiple of {self.multiple}")
        return number


Setting = bool | int | float | Choice | Whole


def default(setting: Setting) -> bool | float | str:
    """The value that a setting has where none is given."""
    return setting.default if isinstance(setting, (Choice, Whole)) else setting


def defaults(settings: Mapping[str, Setting]) -> dict[str, bool | float | str]:
    """The values of settings where none are given, by name."""
    return {name: default(setting) for name, setting in settings.items()}


def checked(setting: Setting, name: str, value: object) -> bool | float | str:
    """A value of a setting, checked.

    Args:
        setting: a `Choice`, a `Whole`, or the default: true or false for one that is either, a
            whole number for one that is a whole number above 0, another number for one above 0.
        name: what a message calls it.
        value: what is given.

    Raises:
        ParameterError: for a value that is not allowed.
    """
    if isinstance(setting, (Choice, Whole)):
        return setting.check(name, value)
    if isinstance(setting, bool):
        if not isinstance(value, bool):
            raise ParameterError(name, value, "true or false")
        return value
    if isinstance(setting, int):
        return Whole(setting).check(name, value)
    return float(number(value, name, above=0))


def number(
    value: object, name: str, least: float = float("-inf"), above: float | None = None
) -> float:
    """The value; ParameterError if it is no finite number, at least `least` or above `above`."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        inside = abs(value) <= float_info.max and value >= least
        if inside and (above is None or value > above):
            return value
    limit = f"above {above}" if above is not None else f"{least} or more"
    raise ParameterError(name, value, f"a number {limit}")


def whole(value: object, name: str, least: int, most: int = LARGEST) -> int:
    """The value; ParameterError if it is not an integer from `least` to `most`."""
    if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
        return value
    over = isinstance(value, int) and value > most
    limit = f"{least} to {most}" if over else f"{least} or more"
    raise ParameterError(name, value, f"a whole number, {limit}")
