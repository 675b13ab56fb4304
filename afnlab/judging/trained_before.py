"""Which seeds had been trained before a judging began, and which are fresh.

Who picks an idea by seeds, and then judges it by the same ones, has evidence that is too strong.
Seeds that a judging trains itself pick nothing: they are looked at by a test that allows it. So the
records of its runs say for which judging they were made, and it begins with the first of them. An
entry of a ledger begins when it is entered.

Fresh judgings have a folder of their own below that of the runs, as confirmations have, so that no
comparison pools the seeds that picked an idea with those that did not.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from afnlab.compare.confirmation import confirmation_runs, fresh_judgings
from afnlab.judging.campaign import BLOCK
from afnlab.judging.standings import Before
from afnlab.runs.seed_pairs import FRESH
from afnlab.runs.storage import location, runs_folder
from afnlab.runs.storage.record_schema import Judged, Record, began


def judged_as(groups: Sequence[str], first: int) -> Judged:
    """What the records of a judging's runs say of it.

    Args:
        groups: of the idea and of the baseline.
        first: the first of its seeds.
    """
    idea, baseline = groups
    return {"idea": idea, "baseline": baseline, "first": first}


def trained_before(
    runs: str | Path | None, groups: Sequence[str], first: int | None = None
) -> Before:
    """The seeds with which idea and baseline were trained before a judging began.

    Args:
        runs: the folder of runs. Its confirmations and fresh judgings are looked at, too.
        groups: of the idea and of the baseline.
        first: the first seed of the judging, which goes on if there are runs of it; None: it begins
            now.
    """
    records = _records(runs)
    its = [] if first is None else [r for r in records if _is_of(r, groups, first)]
    start = min(map(began, its), default=None)
    earlier = [r for r in records if start is None or began(r) < start]
    return Before(*(_seeds(earlier, group) for group in groups))


def fresh_first(
    runs: str | Path | None, groups: Sequence[str], most: int, goes_on: bool = True
) -> int:
    """The first seed of a fresh judging.

    It is that of the one that has begun, or else one with which, and with those that follow,
    neither the idea nor the baseline has been trained.

    Args:
        runs, groups: as of `trained_before`.
        most: how many seeds it may have.
        goes_on: whether one that has begun goes on.
    """
    kept = runs_folder.records(location.folder(fresh_judgings(runs)))
    begun = [r["judged"]["first"] for r in kept if _is_of(r, groups)]
    if goes_on and begun:
        return min(begun)
    there = _records(runs)
    used = frozenset[int]().union(*(_seeds(there, group) for group in groups))
    room = max(most, BLOCK)  # for later calls with more of them
    starts = sorted([FRESH, *(seed + 1 for seed in used if seed >= FRESH)])
    return next(one for one in starts if used.isdisjoint(range(one, one + room)))


def _records(runs: str | Path | None) -> list[Record]:
    places: list[str | Path | None] = [runs]
    for below in (confirmation_runs, fresh_judgings):
        try:
            places.append(below(runs))
        except ValueError:  # it holds such runs itself
            continue
    return [r for one in places for r in runs_folder.records(location.folder(one))]


def _is_of(record: Record, groups: Sequence[str], first: int | None = None) -> bool:
    """Whether a run was made for a judging of these; first: of its seeds, None: any."""
    said = record.get("judged")
    return said is not None and said == judged_as(groups, said["first"] if first is None else first)


def _seeds(records: Sequence[Record], group: str) -> frozenset[int]:
    return frozenset(seed for r in records if r["group"] == group for seed in r["seeds"])
