"""Which seeds had been trained before a judging began, and which are fresh.

Who picks an idea by seeds, and then judges it by the same ones, has evidence that is too strong.
Seeds that a judging trains itself pick nothing: they are looked at by a test that allows it. So the
records of its runs say for which judging they were made, and it begins with the first of them. An
entry of a ledger begins when it is entered.

Fresh judgings have a folder of their own below that of the runs, as confirmations have, so that no
comparison pools the seeds that picked an idea with those that did not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

from afnlab.compare.confirmation import fresh_judgings
from afnlab.judging.campaign import BLOCK
from afnlab.judging.kept_runs import KeptRun, kept_runs
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


def start_of(kept: Iterable[KeptRun], groups: Sequence[str], first: int) -> datetime | None:
    """When a judging began, with the first of its runs; None: there are none yet.

    Args:
        kept: the runs that there are.
        groups: of the idea and of the baseline.
        first: the first of its seeds.
    """
    return min((began(r) for _, r in kept if _is_of(r, groups, first)), default=None)


def before(kept: Iterable[KeptRun], start: datetime | None) -> list[KeptRun]:
    """The runs that began before a time; None: all, since it is now."""
    return [one for one in kept if start is None or began(one.record) < start]


def trained_before(
    runs: str | Path | None,
    groups: Sequence[str],
    first: int | None = None,
    versions: Iterable[str] = (),
) -> Before:
    """The seeds with which idea and baseline were trained before a judging began.

    Args:
        runs: the folder of runs. Its confirmations and fresh judgings are looked at, too.
        groups: of the idea and of the baseline.
        first: the first seed of the judging, which goes on if there are runs of it; None: it begins
            now.
        versions: the groups of what may be earlier versions of the idea.
    """
    kept = kept_runs(runs)
    earlier = before(kept, None if first is None else start_of(kept, groups, first))
    idea, against = (_seeds(earlier, group) for group in groups)
    return Before(idea, against, frozenset().union(*(_seeds(earlier, v) for v in versions)) - idea)


def fresh_first(
    runs: str | Path | None,
    groups: Sequence[str],
    most: int,
    goes_on: bool = True,
    versions: Iterable[str] = (),
) -> int:
    """The first seed of a fresh judging.

    It is that of the one that has begun, or else one with which, and with those that follow,
    neither the idea nor the baseline has been trained.

    Args:
        runs, groups, versions: as of `trained_before`.
        most: how many seeds it may have.
        goes_on: whether one that has begun goes on.
    """
    kept = runs_folder.records(location.folder(fresh_judgings(runs)))
    begun = [r["judged"]["first"] for r in kept if _is_of(r, groups)]
    if goes_on and begun:
        return min(begun)
    there = kept_runs(runs)
    used = frozenset[int]().union(*(_seeds(there, group) for group in (*groups, *versions)))
    room = max(most, BLOCK)  # for later calls with more of them
    starts = sorted([FRESH, *(seed + 1 for seed in used if seed >= FRESH)])
    return next(one for one in starts if used.isdisjoint(range(one, one + room)))


def _is_of(record: Record, groups: Sequence[str], first: int | None = None) -> bool:
    """Whether a run was made for a judging of these; first: of its seeds, None: any."""
    said = record.get("judged")
    return said is not None and said == judged_as(groups, said["first"] if first is None else first)


def _seeds(kept: Iterable[KeptRun], group: str) -> frozenset[int]:
    return frozenset(seed for _, r in kept if r["group"] == group for seed in r["seeds"])
