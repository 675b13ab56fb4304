"""One parameter of an activation: its default, its range, its domain, its start."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from sys import float_info

import numpy as np
from torch import Tensor

from afnlab.errors import ParameterError, shown
from afnlab.spellings import unknown

Number = float | int
_DOMAINS: dict[str, tuple[Callable[[Number], bool], tuple[float, float]]] = {
    # name: (whether a finite number is in it, the closed interval in which a trained one is kept)
    "": (lambda v: True, (-inf, inf)),
    "> 0": (lambda v: v > 0, (1e-3, inf)),
    ">= 0": (lambda v: v >= 0, (0.0, inf)),
    "<= 1": (lambda v: v <= 1, (-inf, 1.0)),
    "integer": (lambda v: v == int(v), (-inf, inf)),
}


@dataclass(frozen=True)
class Param:
    """One parameter of an activation.

    Attributes:
        default: afnlab's value.
        low, high: the range worth exploring (sliders, sweeps).
        domain: "" (any finite number), "> 0", ">= 0", "<= 1" or "integer"; a value outside it is a
            ValueError.
        bounds: closed interval in which the value of a trained parameter is kept; None: all its
            domain.
        std: standard deviation of the normal start of a trained parameter about its default; 0:
            starts there.
        trainable: whether the module trains it unless told otherwise.
        fixed: a setting of the computation (a dimension, an eps), never trained and without a
            slider.
        aliases: other names under which it is accepted.
        document, code, torch: the default that its source prints, that the source's code uses, and
            that torch uses (None: there is none).
        why: the reason for ours where they differ.

    Raises:
        ValueError: for a default outside its range or domain.
        TypeError: for one that is no number.
    """

    default: Number
    low: float = -inf
    high: float = inf
    domain: str = ""
    bounds: tuple[float, float] | None = None
    std: float = 0.0
    trainable: bool = False
    fixed: bool = False
    aliases: tuple[str, ...] = ()
    document: str | Number | None = None
    code: str | Number | None = None
    torch: str | Number | None = None
    why: str = ""

    def __post_init__(self) -> None:
        if self.domain not in _DOMAINS:
            raise ValueError(unknown("domain", self.domain, _DOMAINS, of="Param"))
        self.check("Param: default", self.default)
        if not self.low <= self.default <= self.high:
            raise ValueError(
                f"Param: default must lie between low and high,"
                f" got {self.default} and [{self.low}, {self.high}]"
            )

    @property
    def kept_inside(self) -> tuple[float, float]:
        """The closed interval in which a trained value is kept."""
        return self.bounds or _DOMAINS[self.domain][1]

    @property
    def description(self) -> str:
        """The default, domain and range in words."""
        domain = f", {self.domain}" if self.domain else ""
        ends = f"; worth exploring from {self.low:g} to {self.high:g}"
        other = f"; also called {', '.join(self.aliases)}" if self.aliases else ""
        return f"default {self.default:g}{domain}{ends if self.high < inf else ''}{other}"

    def check(self, name: str, value: object) -> Tensor | float:
        """True if a value may be used; a tensor passes, since reading it would stop a device.

        Args:
            name: as messages have it, `srelu: t`.
            value: the value.

        Returns:
            The value.

        Raises:
            TypeError: for what is no number.
            ParameterError: for a number that is not in the domain.
        """
        if isinstance(value, Tensor):
            if self.fixed:
                raise TypeError(f"{name} is a setting and must be a Python number, got a tensor")
            return value
        if isinstance(value, np.number):
            value = value.item()
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            why = f" ({self.why})" if value is None and self.fixed and self.why else ""
            raise TypeError(f"{name} must be a number or a tensor, got {shown(value)}{why}")
        if not (abs(value) <= float_info.max and _DOMAINS[self.domain][0](value)):
            allowed = {"": "a finite number", "integer": "a whole number"}.get(
                self.domain, self.domain
            )
            raise ParameterError(name.rpartition(": ")[2], value, allowed, label=name)
        return value
