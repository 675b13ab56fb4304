"""What the numbers of a metric mean: name, unit, direction, bounds, chance level, and printing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from math import isfinite
from typing import Any, Literal, Self

from afnlab.errors import ParameterError, shown

TAKEN = ("loss",)  # test_loss is a column of every history
DIRECTIONS = ("higher", "lower")
_TEXTS = ("name", "key", "unit", "better")
_NUMBERS = ("low", "high", "scale")


def _finite(value: Any) -> bool:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return number and isfinite(value)


@dataclass(frozen=True, kw_only=True)
class Measure:
    """What is known of a metric without its functions; a run's record holds one.

    Attributes:
        name: as it stands in a sentence: "accuracy", "bits per character".
        key: a Python identifier; the column of a history is `test_<key>`.
        unit: as it is printed after a value: "%", "dB"; "" for none.
        better: "higher" or "lower".
        low, high: bounds of the stored value, or None.
        chance: the stored value of a network that has learned nothing, or None.
        scale: a stored value times this is printed: 100 for a fraction in percent.
        decimals: how many are printed.
    """

    name: str
    key: str
    unit: str = ""
    better: Literal["higher", "lower"]
    low: float | None = None
    high: float | None = None
    chance: Any = None
    scale: float = 1.0
    decimals: int = 2

    def __post_init__(self) -> None:
        for field in _TEXTS:
            if not isinstance(value := getattr(self, field), str):
                raise self._refused(field, value, "a string")
        if not self.name.strip():
            raise self._refused("name", self.name, "a name to print")
        if not self.key.isidentifier() or self.key in TAKEN:
            said = f"a Python identifier other than {', '.join(TAKEN)}"
            raise self._refused("key", self.key, said)
        if self.better not in DIRECTIONS:
            raise self._refused("better", self.better, f"one of {', '.join(DIRECTIONS)}")
        for field in _NUMBERS:
            value = getattr(self, field)
            if not (_finite(value) or (value is None and field != "scale")):
                raise self._refused(field, value, "a finite number")
        if self.scale <= 0:
            raise self._refused("scale", self.scale, "a number above 0")
        if type(self.decimals) is not int or self.decimals not in range(16):
            raise self._refused("decimals", self.decimals, "a whole number, 0 to 15")
        if self.low is not None and self.high is not None and self.low >= self.high:
            raise self._refused("high", self.high, f"above low, which is {self.low}")
        if self.chance is not None and not callable(self.chance):
            self._check_chance(self.chance)

    def _check_chance(self, value: Any) -> None:
        if not _finite(value) or not self.contains(value):
            low, high = ("none" if v is None else v for v in (self.low, self.high))
            said = f"a finite number within the bounds (low {low}, high {high})"
            raise self._refused("chance", value, said)

    def _refused(self, field: str, value: Any, allowed: str) -> ParameterError:
        message = f"metric {self.name}: {field} must be {allowed}, got {shown(value)}"
        return ParameterError(field, value, allowed, message=message)

    def contains(self, value: float) -> bool:
        """Whether a stored value is within the bounds."""
        low = self.low is None or value >= self.low
        return low and (self.high is None or value <= self.high)

    @property
    def column(self) -> str:
        """The column of a history that holds it."""
        return f"test_{self.key}"

    @property
    def validation(self) -> str:
        """The column of a tuning's candidates that holds it."""
        return f"validation_{self.key}"

    @property
    def sign(self) -> int:
        """1 where higher is better, -1 where lower is: values times this are better if higher."""
        return 1 if self.better == "higher" else -1

    def text(self, value: float) -> str:
        """A stored value as it is printed, with its unit."""
        return f"{self.scale * value:.{self.decimals}f} {self.unit}".rstrip()

    def described(self) -> dict[str, Any]:
        """Its attributes as a record holds them; a chance level has to be a number by now."""
        return {f.name: getattr(self, f.name) for f in fields(Measure)}

    @classmethod
    def read(cls, described: Mapping[str, Any]) -> Self:
        """The measure that `described` returned.

        Raises:
            ParameterError: for an attribute that is not allowed.
        """
        known = {f.name for f in fields(Measure)}
        try:
            return cls(**{name: value for name, value in described.items() if name in known})
        except TypeError:  # an attribute that is missing
            raise ParameterError("metric", dict(described), f"all of {sorted(known)}") from None


ACCURACY = Measure(
    name="accuracy", key="accuracy", unit="%", better="higher", low=0.0, high=1.0, scale=100.0
)


def accuracy_of(classes: int | None) -> Measure:
    """Accuracy among so many classes, or of an unknown number of them."""
    return replace(ACCURACY, chance=1 / classes) if classes else ACCURACY
