"""The columns of a history and of signals, for those who read histories and train nothing."""

from __future__ import annotations

from collections.abc import Iterable

from afnlab.measures import Measure

BEFORE, AFTER = ("seed", "epoch", "train_loss", "test_loss"), ("seconds", "diverged")
SIGNAL_COLUMNS = (
    "layer",
    "site",
    "call",
    "dead",
    "saturated",
    "rank",
    "q",
    "gradient",
    "chi",
)


def history_columns(metrics: Iterable[Measure]) -> tuple[str, ...]:
    """The columns of a history of a task with these metrics."""
    return (*BEFORE, *(metric.column for metric in metrics), *AFTER)
