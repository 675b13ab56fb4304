"""In what tunings differ that are called alike, such as "lr of 8", for a list of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from afnlab.training.space import Space


def tunings_apart(tunings: Sequence[Space]) -> list[str]:
    """What sets each of several tunings apart from the others, in words; empty for equal ones.

    Args:
        tunings: those that are called alike.
    """
    facts = [_facts(one) for one in tunings]
    return [
        ", ".join(text for what, text in its.items() if any(o.get(what) != text for o in facts))
        for its in facts
    ]


def _facts(tuning: Space) -> dict[str, str]:
    """What a tuning's description says of each parameter, of the candidates, of their trainings."""
    axes = {
        name: replace(tuning, axes={name: axis}, budget=1).description.split("; ")[0]
        for name, axis in tuning.axes.items()
    }
    _, candidates, judged = tuning.description.rsplit("; ", 2)
    return {**axes, "its candidates": candidates, "how they are judged": judged}
