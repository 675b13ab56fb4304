"""What an event of a ledger holds: an entry, or a seed of one."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from afnlab.judging.campaign import AGAIN, OTHER, TASK
from afnlab.judging.standings import ENTRY, SEED, Before
from afnlab.runs.seed_pairs import FRESH
from afnlab.runs.storage.record_schema import is_number, is_whole

Event = dict[str, Any]
# How many lists of seeds an entry holds for a stage; before versions were known of, one less.
_OF_BEFORE = (len(Before._fields) - 1, len(Before._fields))
_HAS: dict[str, dict[str, type]] = {
    ENTRY: {
        **{"id": str, "name": str, "first": int, "seen": int},
        **{"values": list, "trainable": list, "code": dict},
    },
    SEED: {"entry": str, "stage": str, "seed": int, "run": list},
}


def is_event(event: Event, entries: Collection[str]) -> bool:
    """Whether this is an event.

    Args:
        event: what stands in a line, its digest apart.
        entries: the ids of the entries before it.
    """
    kind = event.get("event")
    if not isinstance(kind, str) or kind not in _HAS or not isinstance(event.get("at"), str):
        return False
    if not all(type(event.get(name)) is known for name, known in _HAS[kind].items()):
        return False
    if kind == ENTRY:
        groups = event["code"].values()
        return (
            all(isinstance(v, float) for v in event["values"])
            and _are_texts(event["trainable"])
            and all(isinstance(pair, list) for pair in groups)
            and event["first"] >= 0
            and event["seen"] >= 0
            and event.get("fresh", True) is True
            and _are_before(event.get("before", {}))
            and _are_texts(event.get("versions", []))
        )
    numbers = [event.get("idea"), event.get("against"), event.get("lost")]
    first = 0 if event["stage"] == TASK else FRESH
    return (
        all(v is None or is_number(v) for v in numbers)
        and event["entry"] in entries
        and event["stage"] in (TASK, AGAIN, OTHER)
        and event["seed"] >= first
    )


def _are_before(stages: object) -> bool:
    """Whether these are seeds by stage, as `Before` has them."""
    return isinstance(stages, dict) and all(
        isinstance(lists, list)
        and len(lists) in _OF_BEFORE
        and all(isinstance(seeds, list) and all(map(is_whole, seeds)) for seeds in lists)
        for lists in stages.values()
    )


def _are_texts(names: object) -> bool:
    return isinstance(names, list) and all(isinstance(name, str) for name in names)
