"""On which occasions runs were made: what was timed on one can be compared, as the load was one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from afnlab.runs.storage.record_schema import TrainingRecord

PAUSE = 60.0  # seconds without a run, from which on the load of a machine may be another
RUNS = 3.0  # longest runs that a pause is longer than: a sweep may make others in between
Occasion = tuple[int, str, int]  # its number, the machine, its threads


def occasions(
    by_label: Mapping[str, Sequence[TrainingRecord]],
) -> dict[str, frozenset[Occasion]]:
    """By label, the occasions on which its runs were made.

    Runs are of one occasion if they were made on one machine, with as many threads, and none of the
    pauses between them was long.

    Args:
        by_label: the records of the runs of each.
    """
    spans = []
    for label, records in by_label.items():
        for record in records:
            begun = datetime.fromisoformat(record["started"]).timestamp()
            environment = record["environment"]
            machine = str(environment["device_name"]), int(environment["threads"])
            spans.append((begun, begun + record["seconds"], label, machine))
    spans.sort()
    pause = max([PAUSE, *(RUNS * (end - begun) for begun, end, *_ in spans)])
    number, until = 0, float("-inf")
    made: dict[str, set[Occasion]] = {}
    for begun, end, label, machine in spans:
        number += begun > until + pause
        until = max(until, end)
        made.setdefault(label, set()).add((number, *machine))
    return {label: frozenset(when) for label, when in made.items()}
