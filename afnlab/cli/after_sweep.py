"""What a sweep of a notebook that is no training ends with: the command to go on with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from afnlab.runs.storage.record_schema import Record
    from afnlab.runs.sweeps.run_sweep import Outcome
    from afnlab.runs.sweeps.sweep_file import Sweep


def next_command(
    plan: Sweep, sweep: str, outcome: Outcome, runs: str | None, *, limited: bool
) -> str:
    """How what the runs have measured is compared, or looked at where it cannot be compared.

    Args:
        plan: what the file said before it was executed; of a notebook that is no training.
        sweep: the file, as it was typed.
        outcome: of the sweep.
        runs: where its runs are, as it was typed; None: in the usual folder.
        limited: whether it ran with other epochs or examples than its own, which a comparison of
            such runs cannot be told.

    Returns:
        A line; empty where there is nothing to say. A run that cannot be read, or was removed
        meanwhile, is named in a warning and left out: the sweep is done all the same.
    """
    from afnlab.compare.metric_direction import may_be_lower
    from afnlab.compare.notebook_metric import SEED, kept_by_all
    from afnlab.listing import listed
    from afnlab.paths import shared
    from afnlab.runs.notebook_metrics import KEEPS_ONE
    from afnlab.runs.notebook_parameters.parsing import command

    records = _records(outcome, runs)
    if not records:
        return ""
    names = kept_by_all(records)
    if not any(record.get("metrics") for record in records):
        by_user = Path(plan.notebook).parent != shared("notebooks")
        return f"no result is kept with these runs: {KEEPS_ONE}" if by_user else ""
    if limited or plan.most_seeds is not None or SEED not in records[0]["parameters"] or not names:
        return f"{command('runs', 'list', runs=runs)} shows what these runs have measured"
    named = [plan.metric.name] if plan.metric is not None else []
    first = next((name for name in named if name in names), names[0])
    typed = None if first in named else first  # the file says it
    declared = plan.metric.better if plan.metric is not None and typed is None else None
    asks = declared is None and may_be_lower(first)
    better, or_higher = ("lower", " (or --better higher)") if asks else (None, "")
    line = command("compare", sweep, metric=typed, better=better, runs=runs)
    line = f"{line}{or_higher} compares these runs"
    return f"{line}; --metric takes any of {listed(names)}" if len(names) > 1 else line


def not_kept(plan: Sweep, outcome: Outcome, runs: str | None) -> str:
    """That the metric which the file names is kept by none of its runs, as after a typing error.

    Args:
        plan, outcome, runs: as of `next_command`.

    Returns:
        A line; empty where a run keeps it, or none is named.
    """
    from afnlab.listing import listed

    records = _records(outcome, runs)
    kept = dict.fromkeys(name for record in records for name in record.get("metrics", {}))
    if plan.metric is None or not records or plan.metric.name in kept:
        return ""
    there = listed(kept) or "none"
    return f"{plan.path}: no run keeps the metric {plan.metric.name!r} (kept: {there})"


def _records(outcome: Outcome, runs: str | None) -> list[Record]:
    """The records of a sweep's runs that can be read."""
    from afnlab.runs.storage import runs_folder
    from afnlab.runs.storage.location import place

    folder = place(runs).folder
    made = [*(folder / spec.id for spec in outcome.there), *outcome.added]
    paths = [run / runs_folder.RECORD for run in made]
    return [record for _, record in runs_folder.readable(paths, runs_folder.read_record)]
