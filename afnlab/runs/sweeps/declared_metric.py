"""The metric that a sweep file names, for what its notebook measures: how it is compared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

from afnlab.errors import shown
from afnlab.spellings import unknown

METRIC = "metric"  # the key
DIRECTIONS: tuple[Literal["higher"], Literal["lower"]] = ("higher", "lower")


class DeclaredMetric(NamedTuple):
    """A metric by its name.

    better: whether higher or lower values are; None: the file does not say. unit: of the values.
    """

    name: str
    better: Literal["higher", "lower"] | None = None
    unit: str = ""


def declared(content: object, wrong: Callable[..., ValueError]) -> DeclaredMetric:
    """The metric that a sweep file names.

    Args:
        content: what stands under its key: a name, or a mapping.
        wrong: makes the error of a message and of what is in the file at a position.

    Raises:
        ValueError: It is neither, or has other keys, or a value that is not allowed.
    """
    entries = {"name": content} if isinstance(content, str) else content
    if not isinstance(entries, dict) or not entries.get("name"):
        form = "{name: ece, better: lower}"
        raise wrong(f"{METRIC} must be a name, or a mapping such as {form}", METRIC)
    for key, value in entries.items():
        if key not in DeclaredMetric._fields:
            said = unknown("key", key, DeclaredMetric._fields, of=METRIC)
            raise wrong(said, METRIC, key)
        if not isinstance(value, str):
            raise wrong(f"{key} must be a text; got {shown(value)}", METRIC, key)
    better = entries.get("better")
    if better is not None and better not in DIRECTIONS:
        allowed = " or ".join(DIRECTIONS)
        raise wrong(f"better must be {allowed}; got {shown(better)}", METRIC, "better")
    return DeclaredMetric(**entries)
