"""Training a confirmation: a row and its baseline alone, with fresh seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count, islice
from pathlib import Path
from typing import Any

import pandas as pd

from afnlab import stats
from afnlab.compare.confirmation import confirmation_runs, picking_seeds, require_fresh
from afnlab.compare.formatting import amount
from afnlab.compare.next_step import MANY
from afnlab.compare.select_runs import row_called, select
from afnlab.compare.selection import Selection
from afnlab.errors import ParameterError
from afnlab.messages import counted
from afnlab.runs import file_labels
from afnlab.runs.filtering import as_flags
from afnlab.runs.notebook_parameters.parsing import command
from afnlab.runs.one_data import require_todays_data
from afnlab.runs.run_spec import TrainingSpec
from afnlab.runs.seed_pairs import FRESH
from afnlab.runs.storage import location, runs_folder
from afnlab.runs.sweeps import sweep_file
from afnlab.runs.sweeps.labels import labels
from afnlab.runs.sweeps.local_executor import Executor, Local
from afnlab.runs.sweeps.run_sweep import Outcome, execute_missing
from afnlab.spellings import unknown
from afnlab.training.options import MOST_SEEDS, whole


def confirm(
    sweep: str | Path,
    row: str,
    *,
    seeds: int | None = None,
    runs: str | Path | None = None,
    baseline: str = "",
    margin: float | None = None,
    metric: str = "",
    only: Mapping[str, object] = {},
    executor: Executor | None = None,
    **overrides: Any,
) -> Outcome:
    """Train a row of a comparison and its baseline anew, with seeds that have picked nothing.

    `select(..., confirmation=True)` then compares the two by these seeds alone. How many there are
    is decided before the first of them, once: seeds that are added when the result is known would
    make its p-value too small.

    Args:
        sweep: the sweep file, or the name of one of afnlab's own, whose runs the row was picked in.
        row: its label.
        seeds: how many; None: those of the confirmation that there is, or as many as detect the
            observed difference with a power of 80 %.
        runs: where the runs are that it was picked in, see `select`.
        baseline, margin, metric, only: by what they were compared, and are to be, see `select`;
            looked at before anything is trained.
        executor: where runs are executed; None: here, one at a time.
        **overrides: settings in place of the sweep's own, as in `select`; not `seeds`.

    Returns:
        An `Outcome`, as of `afnlab.runs.sweep`.

    Raises:
        ValueError: if there is no such row, if the row was picked by other data than its task has
            now, if it has been confirmed with another number of seeds,
            or for a number of seeds that can decide nothing.
    """
    plan = sweep_file.read(sweep)
    asked = [spec for spec in plan.specs(**overrides) if isinstance(spec, TrainingSpec)]
    parts = select(runs, sweep, baseline, margin, only=only, metric=metric, **overrides)
    picking, label = _row(parts, row, asked, command("sweep", sweep, runs=runs, **overrides))
    folder, group = confirmation_runs(runs), picking.rows[label].group
    records = runs_folder.records(location.folder(folder))
    base = picking.rows[picking.baseline].group
    # A baseline that was asked for may be a row that was confirmed itself.
    once = {group, base} if picking.own_baseline else {group}
    there = {seed for r in records if r["group"] in once for seed in r["seeds"]}
    require_fresh(folder, picking, there)
    if seeds is None:
        number = len(there) or _advised(picking.table, label)
        if number is None:
            message = f"the difference of {label} is so small that more than {MANY} seeds are"
            raise ParameterError("seeds", message=f"{message} needed to detect it; give --seeds")
    else:
        number = whole(seeds, "seeds", least=stats.seeds_needed(1), most=MOST_SEEDS)
    known = picking_seeds(picking)
    fresh = list(islice((seed for seed in count(FRESH) if seed not in known), number))
    if there and there != set(fresh):
        arguments = {"baseline": baseline, "margin": margin, "metric": metric, **overrides}
        arguments |= {"only": tuple(as_flags(only)), "runs": runs}
        again = command("confirm", sweep, row, seeds=len(there), **arguments)
        rows = label if not picking.own_baseline else f"{label} or {picking.baseline}"
        already = f"{rows} was confirmed with {counted(len(there), 'seed')} already"
        why = f"others, after that result, would make its p-value too small (`{again}` shows it)"
        raise ParameterError("seeds", message=f"{already}; {why}")
    wanted = {group, base}
    specs = [spec.with_seeds(fresh) for spec in asked if spec.group in wanted]
    require_todays_data(specs, picking.records)
    name = f"{plan.name}, confirmation of {label}"
    notes = _too_few(picking, label, number)
    return execute_missing(specs, name, runs=folder, executor=executor or Local(), notes=notes)


def _too_few(picking: Selection, label: str, number: int) -> list[str]:
    """A line where so many seeds would probably miss the observed difference; more cannot follow.

    label: the row's in the comparison in which it was picked.
    """
    row: Any = picking.table.loc[label]
    advised = _advised(picking.table, label)
    if number >= (advised or MANY) or not row.spread > 0:
        return []
    least = stats.detectable_difference(row.spread, number)
    large, seen = (amount(picking.measure, size) for size in (least, abs(row.difference)))
    takes = f"takes {advised} seeds: --seeds {advised}" if advised else f"takes more than {MANY}"
    return [
        f"{label}: {counted(number, 'seed')} would show a true difference of {large} with a power"
        f" of 80 %; the observed one, {seen}, {takes}. The number cannot be raised afterwards"
    ]


def _advised(table: pd.DataFrame, label: str) -> int | None:
    """The number of fresh seeds that a page proposes for a row."""
    row: Any = table.loc[label]
    return stats.seeds_to_detect(row.difference, row.spread, 1, MANY)


def _row(
    parts: Sequence[Selection], row: str, asked: Sequence[TrainingSpec], again: str
) -> tuple[Selection, str]:
    """The comparison with a row, and its label there.

    asked: the runs that the sweep lists; again: the command that executes those that are missing.
    """
    matches = [(part, name) for part in parts if (name := row_called(row, part)) is not None]
    if not matches:
        reasons = dict(missing for part in parts for missing in part.absent)
        group = file_labels.row_of(row, {spec.group: spec.row for spec in asked}, "row")
        if reason := reasons.get(labels(asked).get(group or "", "")):
            raise ValueError(f"{row}: {reason}; `{again}` executes what is missing")
        raise ValueError(unknown("row", row, dict.fromkeys(n for p in parts for n in p.rows)))
    part, label = matches[0]
    if any(other is not part for other, _ in matches):
        settings = "; ".join(dict.fromkeys(other.setting for other, _ in matches))
        raise ValueError(f"{row} is a row of several settings; --only chooses one ({settings})")
    if label == part.baseline or part.baseline not in part.rows:
        others = ", ".join(n for n in part.rows if n != part.baseline)
        allowed = f"one that is compared with {part.baseline} (there are: {others})"
        raise ParameterError("row", row, allowed)
    return part, label
