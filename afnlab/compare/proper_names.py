"""What the field calls an activation: SELU and Leaky ReLU, where one types selu and leaky_relu."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import pandas as pd

from afnlab.registry import get_activation, list_activations

if TYPE_CHECKING:
    from afnlab.compare.costs import Cost

# Between the words of a class name; there is none within Re|LU or Pi|LU, whose first part is short.
_BETWEEN = re.compile(r"(?<=[a-z]{2})(?=[A-Z])|(?<=LU)(?=[A-Z][a-z])")
_FIRST = re.compile(r"[^\W\d]\w*")
# What a label is called where it is shown: `proper_name`, or `str` of a table that is not of
# afnlab's runs, whose labels are whatever its author calls them: relu and ReLU may be two rows.
Naming = Callable[[object], str]


@cache
def _names() -> dict[str, str]:
    words = {name: get_activation(name).module.split()[0] for name in list_activations()}
    return {name: _BETWEEN.sub(" ", word) for name, word in words.items()}


def proper_name(label: object) -> str:
    """A label of a row as readers know the activation: "SELU", "Leaky ReLU(lr=0.01)".

    Args:
        label: of a row. One that does not begin with the name of an activation of afnlab's, such as
            a user's `my.py:softer` or a name of the field's own, stays as it is.

    Returns:
        The label.
    """
    text = str(label)
    match = _FIRST.match(text)
    if match is None or text[match.end() : match.end() + 1] not in ("", "("):
        return text
    return _names().get(match[0], match[0]) + text[match.end() :]


def named(table: pd.DataFrame, naming: Naming = proper_name) -> pd.DataFrame:
    """A table by label, by proper names.

    Args:
        table: by label.
        naming: what a label is called.

    Returns:
        A copy.
    """
    return table.rename(index=naming)


def named_cost(cost: Cost, naming: Naming = proper_name) -> Cost:
    """A cost by label, by proper names; naming: as of `named`."""
    return replace(
        cost,
        seconds=cost.seconds.rename(index=naming),
        missing=tuple(map(naming, cost.missing)),
        once=tuple(map(naming, cost.once)),
        apart=tuple(map(naming, cost.apart)),
        written=tuple(map(naming, cost.written)),
    )
