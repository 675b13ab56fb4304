"""Words that messages and pages share."""

from __future__ import annotations


def counted(n: float, one: str) -> str:
    """A number of things: "1 seed", "12 seeds", "9.9 epochs"."""
    return f"{n:.15g} {one if n == 1 else one + 's'}"
