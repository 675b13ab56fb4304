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


def words_apart(names: Sequence[str], tunings: Sequence[Space | None]) -> list[str]:
    """What sets the tuning of each of a list apart from those of others that bear its name.

    Args:
        names: what each is called.
        tunings: the tuning of each; None: there is none.

    Returns:
        As of `tunings_apart`, in the order of the list; empty also where there is no tuning.
    """
    alike: dict[str, list[tuple[int, Space]]] = {}
    for at, (name, tuning) in enumerate(zip(names, tunings, strict=True)):
        if tuning is not None:
            alike.setdefault(name, []).append((at, tuning))
    words = [""] * len(names)
    for same in alike.values():
        texts = tunings_apart([tuning for _, tuning in same])
        for (at, _), text in zip(same, texts, strict=True):
            words[at] = text
    return words


def _facts(tuning: Space) -> dict[str, str]:
    """What a tuning's description says of each parameter, of the candidates, of their trainings."""
    axes = {
        name: replace(tuning, axes={name: axis}, budget=1).description.split("; ")[0]
        for name, axis in tuning.axes.items()
    }
    _, candidates, judged = tuning.description.rsplit("; ", 2)
    return {**axes, "its candidates": candidates, "how they are judged": judged}
