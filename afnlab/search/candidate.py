"""A candidate: an expression as an ordinary activation in a file, and whether it may be judged."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import torch

from afnlab.functions import check
from afnlab.judging.campaign import values_of
from afnlab.registry import Activation, get_activation
from afnlab.search.grammar import Expression
from afnlab.signal import MeanField

CHI = (0.25, 2.0)  # factors of gradients per layer, at the gain, that a candidate may have
_FILE = '''\
"""Found by afnlab search: {origin}."""

import torch

from afnlab import Param, activation


@activation(latex=r"{latex}"{params})
def {name}(x{names}):
    """{text}"""
    return {code}
'''


@dataclass(frozen=True)
class Candidate:
    """An expression in a file.

    Attributes:
        expression: the expression.
        path: its file.
        record: the activation that the file defines.
        is_new: whether the file was not there before.
    """

    expression: Expression
    path: Path
    record: Activation
    is_new: bool

    @classmethod
    def written(cls, expression: Expression, folder: Path, origin: str) -> Candidate:
        """Write an expression as an activation into a file of its own.

        Args:
            expression: the expression.
            folder: the folder of the file, whose name follows from the expression.
            origin: what the file says of its origin.

        Returns:
            The candidate.
        """
        code, defaults = expression.python(), expression.defaults
        name = f"idea_{sha256(f'{code} {defaults}'.encode()).hexdigest()[:10]}"
        path = folder / f"{name}.py"
        folder.mkdir(parents=True, exist_ok=True)
        params = (f", {n}=Param({v}, low={v / 4}, high={4 * v})" for n, v in defaults.items())
        text = _FILE.format(
            origin=origin,
            latex=expression.latex(),
            params="".join(params),
            name=name,
            names="".join(f", {n}" for n in defaults),
            text=f"{code.replace('torch.', '').replace('nn.functional.', '')}.",
            code=code,
        )
        is_new = not path.exists()
        if is_new:
            path.write_text(text, encoding="utf-8")
        return cls(expression, path, get_activation(f"{path}:{name}"), is_new)

    @property
    def reference(self) -> str:
        """What the activation is found by."""
        return f"{self.path}:{self.record.name}"

    @property
    def values(self) -> tuple[float, ...]:
        """What it is recognized by."""
        return values_of(self.record, {})

    def refused(self) -> str:
        """Why it may not be judged; empty if it may."""
        if _is_affine(self.record):
            return "is affine"
        try:
            chi = MeanField(self.record).at(1.0).chi
        except (ValueError, ArithmeticError) as error:
            return f"has no signal numbers ({error})"
        low, high = CHI
        if not low <= chi <= high:
            return f"chi_1 is {chi:.3g}, may be {low:g} to {high:g}"
        columns = zip(check.COLUMNS, check.problems(self.record), strict=False)
        wrong = [text for column, text in columns if text and column in check.FAULTS]
        return f"check: {wrong[0]}" if wrong else ""


def _is_affine(record: Activation) -> bool:
    """Whether it is a straight line, between -5 and 5, as far as a network could tell."""
    x = torch.linspace(-5, 5, 101, dtype=torch.float64)
    with torch.no_grad():
        y = record(x)
    return bool(y.diff(n=2).abs().max() <= 1e-6 * (1 + y.abs().max()))
