"""Confirmations: rows that were picked among several, trained anew with seeds that picked nothing.

Their runs lie in a folder of their own below that of the runs that picked, so no comparison pools
the two.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from afnlab.compare.selection import Selection
from afnlab.messages import counted
from afnlab.runs.one_data import require_one_data
from afnlab.runs.storage import location, runs_folder
from afnlab.runs.storage.record_schema import TrainingRecord, is_training

FOLDER = "confirm"


def confirmation_runs(runs: str | Path | None = None) -> str:
    """Where the confirmations of the rows in a folder of runs are, a folder or a URL.

    Args:
        runs: the folder of the runs that picked, or its URL; None: `$AFNLAB_RUNS` or `runs`.

    Raises:
        ValueError: if that holds confirmations itself.
    """
    name = location.place(runs).name.rstrip("/")
    if name.rpartition("/")[2] == FOLDER:
        raise ValueError(
            f"{name}: holds confirmations; give the runs that picked, the folder above"
        )
    return f"{name}/{FOLDER}"


def picking_seeds(picking: Selection) -> set[int]:
    """The seeds that a row was picked by.

    Args:
        picking: the comparison in which it was.
    """
    return {seed for record in picking.records for seed in record["seeds"]}


def require_fresh(folder: str | Path, picking: Selection, seeds: set[int]) -> None:
    """Refuse a confirmation of which seeds have picked.

    Args:
        folder: where it is.
        picking: the comparison in which its rows were picked.
        seeds: those of the confirmation.

    Raises:
        ValueError: if one of them is among those of the comparison.
    """
    if same := picking_seeds(picking) & seeds:
        raise ValueError(
            f"{folder}: {counted(len(same), 'seed')} of these confirmations, {min(same)} first, are"
            " among those that picked the rows, so they are not fresh"
        )


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
    made = [_confirmation(one, folder, records) for one in picked]
    return [one for one in made if one.records]


def _confirmation(picking: Selection, folder: Path, records: list[TrainingRecord]) -> Selection:
    order = {group: at for at, group in enumerate(picking.labels)}
    selected = sorted((r for r in records if r["group"] in order), key=lambda r: order[r["group"]])
    groups = {r["group"] for r in selected}
    require_fresh(folder, picking, {seed for r in selected for seed in r["seeds"]})
    both = (*selected, *(r for r in picking.records if r["group"] in groups))
    require_one_data((picking.labels[r["group"]], r) for r in both)
    return replace(
        picking,
        folder=folder,
        rows={label: one for label, one in picking.rows.items() if one.group in groups},
        records=selected,
        picking=picking,
        stale=0,
        elsewhere=0,
        foreign=(),
        absent=(),
        failed=(),
        until_decided=False,
    )
