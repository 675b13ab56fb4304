"""Seeds that a row got when a test of those that it had was possible already."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from afnlab.runs.storage.record_schema import TrainingRecord


def added_seeds(runs: Sequence[TrainingRecord], fewest: int) -> int:
    """How many seeds of a row were trained by runs that began after others had ended.

    A sweep with a fixed number of seeds makes one run of each row, and one that was interrupted
    makes it when it is continued, so several runs that follow each other were asked for one by one.
    Until there are so many seeds that a test can show anything, there is no result to stop at.

    Args:
        runs: the records of the row's runs.
        fewest: with how many seeds a test can show anything.
    """
    known: set[int] = set()
    added: set[int] = set()
    for run in sorted(runs, key=_start):
        ended = [one for one in runs if _end(one) <= _start(run)]
        fresh = set(run["seeds"]) - known
        if len({seed for one in ended for seed in one["seeds"]}) >= fewest:
            added |= fresh
        known |= fresh
    return len(added)


def _start(run: TrainingRecord) -> datetime:
    at = datetime.fromisoformat(run["started"])
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _end(run: TrainingRecord) -> datetime:
    return _start(run) + timedelta(seconds=max(run["seconds"], 0.0))
