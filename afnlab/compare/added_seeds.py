"""Seeds that rows got when a test of those that they had was possible already."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from afnlab import stats
from afnlab.runs.file_labels import whole
from afnlab.runs.storage.record_schema import TrainingRecord, began, seeds_of

Runs = Sequence[TrainingRecord]


def added_by_row(
    rows: Mapping[str, Runs], baseline: str, comparisons: int, beside: Runs
) -> dict[str, int]:
    """How many seeds the rows of a comparison got after a test was possible, by label, if any.

    With how many seeds that was depends on the number of comparisons: those of now, or those that
    there were then, whichever need fewer seeds, for one may have looked at some of the rows alone.
    Where all rows that there were got the same seeds at one time, as a sweep is given more of them,
    it is the number of then: no verdict was possible that could have been stopped at, whatever has
    become of some of these rows since.

    Args:
        rows: the runs of the rows that are asked about, by label, the baseline's among them or not.
        baseline: its label. Its seeds count as far as another row has them: no other makes a pair.
        comparisons: with the baseline, now.
        beside: runs of the same setting that are not compared, now.
    """
    everyone: dict[str, list[TrainingRecord]] = {}
    for run in [*(run for runs in rows.values() for run in runs), *beside]:
        everyone.setdefault(_called(run), []).append(run)
    shown = {_called(run) for runs in rows.values() for run in runs}

    def fewest(fresh: set[int], start: datetime) -> int:
        holding = [run for runs in everyone.values() for run in runs if fresh & set(run["seeds"])]
        there = _there(everyone, min(map(began, holding)))
        then = len(there) - 1
        if shown <= there and all(fresh <= seeds_of(everyone[label]) for label in there):
            return stats.seeds_needed(max(1, then))
        later = len(_there(everyone, start)) - 1
        return stats.seeds_needed(max(1, min(comparisons, later, then if then > 0 else later)))

    added = {label: added_seeds(runs, fewest) for label, runs in rows.items()}
    if baseline in added:
        others = [runs for label, runs in rows.items() if label != baseline]
        added[baseline] &= set[int]().union(*map(seeds_of, others))
    return {label: len(seeds) for label, seeds in added.items() if seeds}


def added_seeds(runs: Runs, fewest: Callable[[set[int], datetime], int]) -> set[int]:
    """The seeds of a row that were trained by runs that began after others had ended.

    A sweep with a fixed number of seeds makes one run of each row, and one that was interrupted
    makes it when it is continued, so several runs that follow each other were asked for one by one.
    Until there are so many seeds that a test can show anything, there is no result to stop at.

    Args:
        runs: the records of the row's runs.
        fewest: with how many seeds a test could show anything, by what is added and when.
    """
    known: set[int] = set()
    added: set[int] = set()
    for run in sorted(runs, key=began):
        ended = [one for one in runs if _end(one) <= began(run)]
        fresh = set(run["seeds"]) - known
        if fresh and ended and len(seeds_of(ended)) >= fewest(fresh, began(run)):
            added |= fresh
        known |= fresh
    return added


def _there(rows: Mapping[str, Runs], time: datetime) -> set[str]:
    """The rows that had runs before a time."""
    return {label for label, runs in rows.items() if any(began(run) < time for run in runs)}


def _called(run: TrainingRecord) -> str:
    """What a row is called, also before its activation's file was edited."""
    activation = str(run.get("given", {}).get("activation", ""))
    return whole(str(run["parameters"]["label"]), activation)


def _end(run: TrainingRecord) -> datetime:
    return began(run) + timedelta(seconds=max(run["seconds"], 0.0))
