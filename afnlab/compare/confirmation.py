"""Confirmations: rows that were picked among several, trained anew with seeds that picked nothing.

Their runs lie in a folder of their own below that of the runs that picked, so no comparison pools
the two.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from afnlab import stats
from afnlab.compare.attempts import further, of_pair
from afnlab.compare.next_step import MANY
from afnlab.compare.selection import Selection
from afnlab.messages import counted
from afnlab.runs.one_function import TrainedRun, require_alike
from afnlab.runs.storage import location, runs_folder
from afnlab.runs.storage.record_schema import FailureRecord, TrainingRecord, is_training, seeds_of


def confirmation_runs(runs: str | Path | None = None) -> str:
    """Where the confirmations of the rows in a folder of runs are, a folder or a URL.

    Args:
        runs: the folder of the runs that picked, or its URL; None: `$AFNLAB_RUNS` or `runs`.

    Raises:
        ValueError: if that holds confirmations itself.
    """
    name = location.place(runs).name.rstrip("/")
    if name.rpartition("/")[2] == runs_folder.CONFIRMATIONS:
        raise ValueError(
            f"{name}: holds confirmations; give the runs that picked, the folder above"
        )
    return f"{name}/{runs_folder.CONFIRMATIONS}"


def fresh_judgings(runs: str | Path | None = None) -> str:
    """Where judgings by fresh seeds alone are kept, a folder or a URL.

    Args:
        runs: as of `confirmation_runs`.

    Raises:
        ValueError: if that holds fresh seeds itself.
    """
    name = location.place(runs).name.rstrip("/")
    if name.rpartition("/")[2] in (runs_folder.CONFIRMATIONS, runs_folder.FRESH_JUDGINGS):
        raise ValueError(
            f"{name}: holds fresh seeds itself; give the runs that picked, the folder above"
        )
    return f"{name}/{runs_folder.FRESH_JUDGINGS}"


def require_fresh(folder: str | Path, picking: Selection, seeds: set[int]) -> None:
    """Refuse a confirmation of which seeds have picked.

    Args:
        folder: where it is.
        picking: the comparison in which its rows were picked.
        seeds: those of the confirmation.

    Raises:
        ValueError: if one of them is among those of the comparison.
    """
    if same := seeds_of(picking.records) & seeds:
        raise ValueError(
            f"{folder}: {counted(len(same), 'seed')} of these confirmations, {min(same)} first, are"
            " among those that picked the rows, so they are not fresh"
        )


def proposed(picking: Selection, label: str, comparisons: int = 1) -> int | None:
    """The number of fresh seeds that a page proposes for a row; None: more than it would.

    Args:
        picking: the comparison in which it was picked.
        label: the row's there.
        comparisons: for how many p will be corrected.
    """
    row: Any = picking.table.loc[label]
    return stats.seeds_to_detect(row.difference, row.spread, comparisons, MANY)


def fewest(picking: Selection, label: str, comparisons: int) -> int:
    """The smallest number of fresh seeds that `confirm` trains without `few`: what is proposed, or
    where that is more than it would, what a test takes.

    Args:
        picking, label, comparisons: as of `proposed`.
    """
    return proposed(picking, label, comparisons) or stats.seeds_needed(comparisons)


def confirmed_seeds(runs: str | Path | None, group: str) -> set[int]:
    """The seeds with which confirmations have trained the runs of a group.

    Args:
        runs: as of `confirmation_runs`; a folder of confirmations holds no others.
        group: of the runs.
    """
    try:
        folder = location.folder(confirmation_runs(runs))
    except ValueError:
        return set()
    return {seed for r in runs_folder.records(folder) if r["group"] == group for seed in r["seeds"]}


def confirmations(picked: Iterable[Selection], runs: str | Path | None) -> list[Selection]:
    """What there is of confirmations of the rows of these comparisons, by the same settings.

    Args:
        picked: the comparisons.
        runs: where their runs are.

    Returns:
        A selection for every comparison of which a row was confirmed: those rows and the baseline,
        with their fresh seeds alone.

    Raises:
        ValueError: if seeds that picked are among those of a confirmation.
    """
    folder = location.folder(confirmation_runs(runs))
    records = list(filter(is_training, runs_folder.records(folder)))
    failures = runs_folder.failures(folder)
    made = [_confirmation(one, folder, records, failures) for one in picked]
    return [one for one in made if one.records]


def _confirmation(
    picking: Selection,
    folder: Path,
    records: list[TrainingRecord],
    failures: Sequence[FailureRecord],
) -> Selection:
    """The rows with their runs of their confirmation alone, and the baseline's at these seeds."""
    rows = dict(picking.rows)
    against = rows.pop(picking.baseline, None)
    base = against.group if against else ""
    its = {n: list(of_pair(records, one.group, base)) for n, one in rows.items()}
    its = {label: runs for label, runs in its.items() if runs}
    seeds = seeds_of(r for runs in its.values() for r in runs)
    of_base = [r for r in records if r["group"] == base and not seeds.isdisjoint(r["seeds"])]
    order = {group: at for at, group in enumerate(picking.labels)}
    of_rows = [r for runs in its.values() for r in runs]
    selected = sorted([*of_base, *of_rows], key=lambda r: order[r["group"]])
    groups = {r["group"] for r in selected}
    require_fresh(folder, picking, seeds_of(selected))
    picked = [r for r in picking.records if r["group"] in groups]
    both = [(folder, selected), (picking.folder, picked)]
    require_alike(
        TrainedRun(picking.labels[r["group"]], where, r) for where, its in both for r in its
    )
    return replace(
        picking,
        folder=folder,
        rows={label: one for label, one in picking.rows.items() if one.group in groups},
        records=selected,
        picking=picking,
        further=further({n: rows[n] for n in its}, against, records, failures),
        stale=0,
        elsewhere=0,
        foreign=(),
        absent=(),
        failed=(),
        most=None,
        asked={},
    )
