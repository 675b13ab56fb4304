"""What runs say of the confirmation that they are of, and which of them tell that there was one.

A run of the row tells of it, and so does one of the baseline that was trained for it, unless the
row failed then: nothing was shown. What tells of a confirmation is kept, since it counts where p is
corrected, and so is the failure by which one does not.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from afnlab.runs.storage.record_schema import (
    FailureRecord,
    Record,
    TrainingRecord,
    is_training,
)

# The group of the row's runs and that of the baseline's, what the row is called, all of its seeds.
ROW, BASELINE_GROUP, LABEL, SEEDS = "row", "baseline", "label", "seeds"


def noted(record: TrainingRecord) -> Mapping[str, str]:
    """What a run says of its confirmation; nothing if it is from before runs did.

    Args:
        record: the run's.
    """
    return record.get("confirmation", {})


def seeds_noted(record: TrainingRecord) -> set[int]:
    """All seeds of the confirmation that a run was made for, as far as it says them.

    Args:
        record: the run's.
    """
    return {*json.loads(noted(record).get(SEEDS, "[]"))}


def pair(record: TrainingRecord, baseline: str = "") -> tuple[str, str]:
    """The groups of the row and the baseline of the confirmation that a run was made for.

    Args:
        record: the run's.
        baseline: the group of that of which runs do not say it.
    """
    said = noted(record)
    return said.get(ROW, record["group"]), said.get(BASELINE_GROUP, baseline)


def tells(record: TrainingRecord, failures: Iterable[FailureRecord]) -> bool:
    """Whether a run tells of a confirmation that may have been looked at.

    One of the baseline does not if the row failed in that attempt. If it failed after the run of
    the baseline had ended, this may follow a run of the row that ended well, was looked at and
    removed.

    Args:
        record: the run's.
        failures: what failed in the folder.
    """
    if record["group"] == pair(record)[0]:
        return True
    began = [datetime.fromisoformat(f["started"]) for f in failures if _is_of(f, record)]
    ended = datetime.fromisoformat(record["started"]) + timedelta(seconds=record["seconds"])
    return not began or max(began) > ended


def only_to_tell(
    records: Iterable[Record], failures: Collection[FailureRecord], going: Collection[str]
) -> Iterator[Record]:
    """Of runs that are to go, one for every confirmation of which no other run tells.

    Args:
        records: all that there are.
        failures: what failed.
        going: the ids of these runs.
    """
    telling = [r for r in _of_confirmations(records) if tells(r, failures)]
    known = {pair(r) for r in telling if r["id"] not in going}
    for record in telling:
        if pair(record) not in known:
            known.add(pair(record))
            yield record


def shows_nothing_by(failure: FailureRecord, records: Iterable[Record]) -> Record | None:
    """The run of a baseline that would tell of a confirmation if it were not for a failure, if any.

    Args:
        failure: what failed.
        records: the runs that stay.
    """
    of_baselines = (r for r in _of_confirmations(records) if r["group"] != pair(r)[0])
    return next((r for r in of_baselines if _is_of(failure, r)), None)


def _of_confirmations(records: Iterable[Record]) -> Iterator[TrainingRecord]:
    return (r for r in records if is_training(r) and noted(r))


def _is_of(failure: FailureRecord, of_baseline: TrainingRecord) -> bool:
    """Whether a row failed in the attempt that a run of its baseline was made for.

    An older record does not say all of that.
    """
    note, seeds = noted(of_baseline), of_baseline["seeds"]
    return (
        failure["group"] == note.get(ROW)
        and failure.get("confirmation", note) == note
        and {*seeds} <= {*failure.get("seeds", seeds)}
    )
