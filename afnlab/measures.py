"""Descriptions of metrics: name, unit, direction, bounds, chance level, and printing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from math import isfinite
from typing import Any, Literal, Self

from afnlab.errors import ParameterError, shown

# Columns of every history (test_loss) and of every comparison, beside those of the metric.
TAKEN = (
    *("loss", "seeds", "stuck", "collapsed", "diverged", "failed", "median", "iqm", "deviation"),
    *("difference", "pairs", "spread", "effect", "improvement", "p", "p_wilcoxon", "p_holm"),
    *("adjusted", "p_equivalent", "p_not_worse", "test", "verdict", "verdict_worst"),
    "further_comparisons",
)
LONGEST = 60  # characters of a name
LARGE = 1e10  # from which on a number is printed by its size: 1.332e+29
NEAR_CHANCE = 1.5  # times as good as chance: hardly better than it
DIRECTIONS = ("higher", "lower")
_TEXTS = ("name", "key", "unit", "better")
_NUMBERS = ("low", "high", "scale")


def _finite(value: object) -> bool:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return False
    return isfinite(value)


def formatted(form: str, value: float) -> str:
    """A number as it is printed; by its size if it has more digits than anybody reads.

    Args:
        form: such as "{:.2f}" or "{:+.2f}".
        value: the number.
    """
    if abs(value) >= LARGE and isfinite(value):
        form = re.sub(r"\.\d+f", ".3e", form)
    return form.format(value)


@dataclass(frozen=True, kw_only=True)
class Measure:
    """The description of a metric, without its functions; a run's record holds one.

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
            value = getattr(self, field)
            if not (isinstance(value, str) and value.isprintable() and len(value) <= LONGEST):
                said = f"printable text of {LONGEST} characters at most"
                raise self._refused(field, value, said)
        if not self.name.strip():
            raise self._refused("name", self.name, "a name to print")
        if not self.key.isidentifier() or self.key in TAKEN:
            raise self._refused("key", self.key, "a Python identifier that no other column has")
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

    def _check_chance(self, value: float) -> None:
        if not _finite(value) or not self.contains(value):
            low, high = ("none" if v is None else v for v in (self.low, self.high))
            said = f"a finite number within the bounds (low {low}, high {high})"
            raise self._refused("chance", value, said)

    def _refused(self, field: str, value: object, allowed: str) -> ParameterError:
        message = f"metric {self.name!s:.60}: {field} must be {allowed}, got {shown(value)}"
        return ParameterError(field, value, allowed, message=message)

    def contains(self, value: float) -> bool:
        """True if a stored value is within the bounds.

        Args:
            value: the value.
        """
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

    @property
    def best(self) -> str:
        """The word for the best of several values: "highest" or "lowest"."""
        return "highest" if self.better == "higher" else "lowest"

    @property
    def plural(self) -> str:
        """Several of its values in a sentence: "accuracies"."""
        return "accuracies" if self.key == "accuracy" else f"values of {self.name}"

    @property
    def mean(self) -> str:
        """The mean of its values in a sentence: "mean accuracy", but no "mean mean error"."""
        return self.name if self.name.startswith("mean ") else f"mean {self.name}"

    @property
    def mean_title(self) -> str:
        """The mean of its values at the beginning of a sentence: "Mean accuracy"."""
        return f"M{self.mean[1:]}"

    def of_values(self, text: str) -> str:
        """The head of a column of values: "median (%)".

        Args:
            text: what the values are.
        """
        return f"{text} ({self.unit})" if self.unit else text

    def of_differences(self, text: str) -> str:
        """The head of a column of differences: "deviation (points)".

        Args:
            text: what the differences are.
        """
        return f"{text} ({self.points})" if self.points else text

    @property
    def points(self) -> str:
        """The unit of differences."""
        return "points" if self.unit == "%" else self.unit

    @property
    def form(self) -> str:
        """The format of a value times the scale."""
        return f"{{:.{self.decimals}f}}"

    @property
    def signed_form(self) -> str:
        """The format of a difference times the scale."""
        return f"{{:+.{self.decimals}f}}"

    @property
    def worst(self) -> float | None:
        """The worst value that there can be, or None if there is none."""
        return self.low if self.better == "higher" else self.high

    @property
    def stuck(self) -> float | None:
        """The value up to which a network is hardly better than chance, or None."""
        if self.chance is None or callable(self.chance):
            return None
        grows = (self.better == "higher") == (self.chance > 0)
        return self.chance * NEAR_CHANCE if grows else self.chance / NEAR_CHANCE

    def part(self, share: float, value: Any) -> Any:
        """A share of the range between the bounds; without two, of the size of a value.

        Args:
            share: between 0 and 1.
            value: a stored value, or several.
        """
        if self.low is None or self.high is None:
            return share * abs(value)
        return share * (self.high - self.low)

    def text(self, value: float) -> str:
        """A stored value as it is printed, with its unit.

        Args:
            value: the value.
        """
        return f"{formatted(self.form, self.scale * value)} {self.unit}".rstrip()

    def described(self) -> dict[str, Any]:
        """The attributes as a record holds them, without a chance level that is a function."""
        attributes = {f.name: getattr(self, f.name) for f in fields(Measure)}
        return attributes | {"chance": None if callable(self.chance) else self.chance}

    @classmethod
    def read(cls, described: Mapping[str, Any]) -> Self:
        """The measure of a record.

        Args:
            described: what the method of that name returned.

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
