"""Confirmations: rows that were picked among several, trained anew with seeds that picked nothing.

Their runs lie in a folder of their own below that of the runs that picked, so no comparison pools
the two.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from afnlab import stats
from afnlab.compare.attempts import Attempts, begun, further, of_pair
from afnlab.compare.next_step import MANY
from afnlab.compare.proper_names import proper_name
from afnlab.compare.selection import Selection
from afnlab.messages import counted
from afnlab.runs import staleness
from afnlab.runs.filtering import as_flags
from afnlab.runs.notebook_parameters.parsing import command
from afnlab.runs.one_function import TrainedRun, require_alike
from afnlab.runs.storage import location, runs_folder
from afnlab.runs.storage.confirmation_notes import noted
from afnlab.runs.storage.record_schema import FailureRecord, TrainingRecord, is_training, seeds_of

Again = Callable[..., str]  # the command that confirms a row with so many seeds, see `confirming`
_BELOW = "holds confirmations; give the runs that picked, the folder above"


def confirmation_runs(runs: str | Path | None = None) -> str:
    """Where the confirmations of the rows in a folder of runs are, a folder or a URL.

    Args:
        runs: the folder of the runs that picked, or its URL; None: `$AFNLAB_RUNS` or `runs`.

    Raises:
        ValueError: if that holds confirmations itself.
    """
    name = location.place(runs).name.rstrip("/")
    if _is_below(name):
        raise ValueError(f"{name}: {_BELOW}")
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


def _is_below(name: str) -> bool:
    """Whether a folder is called as that of confirmations is."""
    return name.rpartition("/")[2] == runs_folder.CONFIRMATIONS


def require_picking(
    where: location.Place, records: Iterable[TrainingRecord], sweep: str | Path, **flags: object
) -> None:
    """Refuse confirmations where runs that pick are asked for: it is those that tell for how many
    comparisons p is corrected.

    Args:
        where: the folder that was given.
        records: its runs.
        sweep: the sweep that was given; empty: none.
        **flags: what else a comparison was asked for, by name.

    Raises:
        ValueError: if that holds confirmations, with the command that compares them.
    """
    folder = where.shown.rstrip("/")
    if _is_below(where.name.rstrip("/")) and any(map(noted, records)):
        above = folder.rpartition("/")[0] or ("/" if folder.startswith("/") else ".")
        words = [*([sweep] if sweep else []), "--confirmation"]
        line = command("compare", *words, runs=above, **flags)
        raise ValueError(f"{where.shown}: {_BELOW}: `{line}` compares them")


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


def stale_confirmations(runs: str | Path | None) -> str:
    """How many runs of confirmations there are whose code has changed, in words; empty: none.

    Args:
        runs: as of `confirmation_runs`.
    """
    records = runs_folder.records(location.folder(confirmation_runs(runs)))
    number = [*staleness.states(records).values()].count(staleness.CHANGED)
    if not number:
        return ""
    are, whose = ("is", "its") if number == 1 else ("are", "their")
    return (
        f"{counted(number, 'run')} there {are} stale, since {whose} code has changed, and will"
        " count as an earlier attempt where p is corrected"
    )


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


def confirming(sweep: str | Path, row: str, seeds: int, /, **flags: object) -> str:
    """The command that confirms a row with so many seeds, or shows that it is.

    Args:
        sweep, row, seeds: as of `afnlab.compare.confirm`.
        **flags: the others by name, as a command takes them.
    """
    return command("confirm", sweep, row, **({"seeds": None} | flags | {"seeds": seeds}))


def confirmations(
    picked: Iterable[Selection],
    runs: str | Path | None,
    again: Again | None = None,
) -> list[Selection]:
    """What there is of confirmations of the rows of these comparisons, by the same settings.

    Args:
        picked: the comparisons.
        runs: where their runs are.
        again: the command that confirms a row with so many seeds, for one that lacks a run; None:
            without the sweep and what else it takes.

    Returns:
        A selection for every comparison of which a row was confirmed: those rows and the baseline,
        with their fresh seeds alone. A row is not among them, but named, while not all of its seeds
        are there, of itself or of the baseline: which ones are may depend on other rows.

    Raises:
        ValueError: if seeds that picked are among those of a confirmation.
    """
    folder = location.folder(confirmation_runs(runs))
    records = list(filter(is_training, runs_folder.records(folder)))
    failures = runs_folder.failures(folder)
    again = again or partial(confirming, "SWEEP")
    made = [_confirmation(one, folder, records, failures, again) for one in picked]
    return [one for one in made if one.records or one.unfinished]


def comparisons_with(
    picking: Selection,
    label: str,
    made: Iterable[Selection],
    records: Sequence[TrainingRecord],
    failures: Sequence[FailureRecord],
) -> int:
    """For how many comparisons p will be corrected: of the rows that are confirmed by then, and of
    all other attempts.

    Args:
        picking: the comparison in which a row was picked.
        label: the row that is to be confirmed.
        made: the confirmations of its rows, see `confirmations`.
        records, failures: of the confirmations that there are.
    """
    there = {n for one in made for n in one.rows} - {picking.baseline}
    shown = {n: picking.rows[n] for n in {label, *there}}
    return len(shown) + further(shown, picking.rows[picking.baseline], records, failures).total()


def _confirmation(
    picking: Selection,
    folder: Path,
    records: list[TrainingRecord],
    failures: Sequence[FailureRecord],
    again: Again,
) -> Selection:
    """The rows with their runs of their confirmation alone, and the baseline's at these seeds."""
    rows = dict(picking.rows)
    against = rows.pop(picking.baseline, None)
    base = against.group if against else ""
    held = seeds_of(r for r in records if r["group"] == base)
    its = {n: list(of_pair(records, one.group, base)) for n, one in rows.items()}
    its = {label: runs for label, runs in its.items() if runs and held >= seeds_of(runs)}
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
        unfinished=tuple(_unfinished(picking, its, records, failures, again)),
        stale=0,
        elsewhere=0,
        foreign=(),
        absent=(),
        failed=(),
        most=None,
        asked={},
    )


def _unfinished(
    picking: Selection,
    whole: Collection[str],
    records: Sequence[TrainingRecord],
    failures: Sequence[FailureRecord],
    again: Again,
) -> Iterator[str]:
    """A sentence on each row whose confirmation has begun and lacks a run.

    whole: the rows whose confirmations lack none.
    """
    base = picking.baseline
    against = picking.rows[base].group if base in picking.rows else ""
    setting = tuple(as_flags(picking.apart))
    for label, one in picking.rows.items():
        if label == base or label in whole:
            continue
        used = Attempts.beside(one, against, records, failures, picking.records).seeds
        if seeds := begun(records, one.group, against, used, failures):
            absent = base if any(of_pair(records, one.group, against)) else label
            yield (
                f"{proper_name(label)} is not tested here: the run of {proper_name(absent)} with"
                f" its {counted(len(seeds), 'fresh seed')} is missing;"
                f" `{again(label, len(seeds), only=setting)}` makes it."
            )
