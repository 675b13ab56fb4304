"""The grammar of the search: expressions of x, of parameters, and of the functions below.

An expression is x, a parameter with its default, a function of one expression or of two. It is
written as Python with torch, and as LaTeX.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

import numpy as np

LARGEST = 12  # nodes of an expression
_DEFAULTS = (0.5, 1.0, 2.0)  # of a parameter
_NAMES = "abcdef"
X, PARAMETER = "x", "parameter"
UNARY = {  # Python and LaTeX
    "neg": ("-({})", r"-\left({}\right)"),
    "relu": ("torch.relu({})", r"\max\left(0, {}\right)"),
    "abs": ("torch.abs({})", r"\left|{}\right|"),
    "tanh": ("torch.tanh({})", r"\tanh\left({}\right)"),
    "sigmoid": ("torch.sigmoid({})", r"\sigma\left({}\right)"),
    "softplus": ("torch.nn.functional.softplus({})", r"\log\left(1 + e^{{{}}}\right)"),
    "arctan": ("torch.arctan({})", r"\arctan\left({}\right)"),
    "sin": ("torch.sin({})", r"\sin\left({}\right)"),
    "square": ("torch.square({})", r"\left({}\right)^2"),
    "bell": ("torch.exp(-torch.square({}))", r"e^{{-\left({}\right)^2}}"),
    "soft_abs": ("torch.hypot({}, torch.ones_like(x))", r"\sqrt{{1 + \left({}\right)^2}}"),
}
BINARY = {
    "add": ("({} + {})", r"\left({} + {}\right)"),
    "sub": ("({} - {})", r"\left({} - {}\right)"),
    "mul": ("({} * {})", r"\left({}\right) \left({}\right)"),
    "max": ("torch.maximum({}, {})", r"\max\left({}, {}\right)"),
    "min": ("torch.minimum({}, {})", r"\min\left({}, {}\right)"),
}


@dataclass(frozen=True)
class Expression:
    """A node and what it is a function of; value: the default of a parameter."""

    kind: str
    parts: tuple[Expression, ...] = ()
    value: float = 0.0

    def __len__(self) -> int:
        return 1 + sum(map(len, self.parts))

    def nodes(self) -> Iterator[Expression]:
        """The expression and all expressions within it, from the left."""
        yield self
        for part in self.parts:
            yield from part.nodes()

    @property
    def defaults(self) -> dict[str, float]:
        """The parameters, named in the order in which they stand."""
        values = [node.value for node in self.nodes() if node.kind == PARAMETER]
        return dict(zip(_NAMES, values, strict=False))

    @property
    def is_written(self) -> bool:
        """True if it depends on x, is not too large, and has no more parameters than names."""
        kinds = [node.kind for node in self.nodes()]
        return X in kinds and len(kinds) <= LARGEST and kinds.count(PARAMETER) <= len(_NAMES)

    def python(self) -> str:
        """The expression in Python."""
        return self._written(0, count())

    def latex(self) -> str:
        """The expression as LaTeX."""
        return self._written(1, count())

    def _written(self, how: int, names: Iterator[int]) -> str:
        if self.kind == X:
            return "x"
        if self.kind == PARAMETER:
            name = _NAMES[next(names)]
            return name if how else f"({name} * torch.ones_like(x))"
        form = (UNARY | BINARY)[self.kind][how]
        return form.format(*(part._written(how, names) for part in self.parts))


def drawn(rng: np.random.Generator, depth: int = 3) -> Expression:
    """A random expression, of so many levels at most.

    Args:
        rng: draws it.
        depth: the number of levels below its top.
    """
    if depth == 0 or rng.random() < 0.15:
        if rng.random() < 0.8:
            return Expression(X)
        return Expression(PARAMETER, value=float(rng.choice(_DEFAULTS)))
    kinds = UNARY if rng.random() < 0.5 else BINARY
    size = 1 if kinds is UNARY else 2
    kind = str(rng.choice(list(kinds)))
    return Expression(kind, tuple(drawn(rng, depth - 1) for _ in range(size)))


def mutated(rng: np.random.Generator, one: Expression) -> Expression:
    """One of its nodes drawn anew.

    Args:
        rng: chooses and draws.
        one: the expression.
    """
    return _replaced(one, int(rng.integers(len(one))), drawn(rng, 2))


def crossed(rng: np.random.Generator, one: Expression, other: Expression) -> Expression:
    """An expression with one of its nodes replaced by one of another's.

    Args:
        rng: chooses both.
        one, other: the expressions.
    """
    donor = list(other.nodes())[int(rng.integers(len(other)))]
    return _replaced(one, int(rng.integers(len(one))), donor)


def _replaced(one: Expression, at: int, new: Expression) -> Expression:
    """An expression whose node of this number, from the left, is another."""
    if at == 0:
        return new
    parts, start = list(one.parts), 1
    for number, part in enumerate(parts):
        if start <= at < start + len(part):
            parts[number] = _replaced(part, at - start, new)
        start += len(part)
    return Expression(one.kind, tuple(parts), one.value)
