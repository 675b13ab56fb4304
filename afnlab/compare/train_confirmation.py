"""Training a confirmation: a row and its baseline alone, with fresh seeds."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from itertools import count, islice
from pathlib import Path
from typing import Any

from afnlab import stats
from afnlab.compare.attempts import Attempts, begun, noted, of_pair, was_confirmed
from afnlab.compare.confirmation import (
    comparisons_with,
    confirmation_runs,
    confirmations,
    confirming,
    fewest,
    fresh_judgings,
    proposed,
    require_fresh,
)
from afnlab.compare.formatting import amount
from afnlab.compare.missing_rows import no_baseline_at
from afnlab.compare.next_step import MANY
from afnlab.compare.select_runs import row_called, select
from afnlab.compare.selection import Selection
from afnlab.errors import ParameterError
from afnlab.listing import listed
from afnlab.messages import counted
from afnlab.runs import file_labels
from afnlab.runs.filtering import as_flags
from afnlab.runs.notebook_parameters.parsing import command
from afnlab.runs.one_data import require_todays_data
from afnlab.runs.run_spec import TrainingSpec
from afnlab.runs.seed_pairs import FRESH
from afnlab.runs.storage import location, runs_folder
from afnlab.runs.storage.record_schema import TrainingRecord, is_training, seeds_of
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
    few: bool = False,
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
            observed difference with a power of 80 %, after the correction for the confirmations
            that there have been.
        runs: where the runs are that it was picked in, see `select`.
        baseline, margin, metric, only: by what they were compared, and are to be, see `select`;
            looked at before anything is trained.
        executor: where runs are executed; None: here, one at a time.
        few: train fewer seeds, too, than detect the observed difference, or than the correction
            takes; not fewer than a test takes.
        **overrides: settings in place of the sweep's own, as in `select`; not `seeds`.

    Returns:
        An `Outcome`, as of `afnlab.runs.sweep`.

    Raises:
        ValueError: if there is no such row, if the row was picked by other data than its task has
            now, if it or the baseline has been confirmed with other seeds, or for a number of seeds
            that can decide nothing, or probably will not.
    """
    plan, executor = sweep_file.read(sweep), executor or Local()
    specs = plan.specs(here=executor.here, **overrides)
    asked = [spec for spec in specs if isinstance(spec, TrainingSpec)]
    parts = select(runs, sweep, baseline, margin, only=only, metric=metric, **overrides)
    picking, label = _row(parts, row, asked, command("sweep", sweep, runs=runs, **overrides))
    folder, row_of, base_of = confirmation_runs(runs), picking.rows[label], picking.baseline
    group, base = row_of.group, picking.rows[base_of].group
    there = location.folder(folder)
    records = _trainings(folder)
    before = [r for place in (runs, fresh_judgings(runs)) for r in _trainings(place)]
    failures = runs_folder.failures(there)
    others = Attempts.beside(row_of, base, records, failures, before)
    done = begun(records, group, base, others.seeds, failures)
    require_fresh(folder, picking, done)
    comparisons = 1
    if not done:
        made = confirmations([picking], runs)
        comparisons = comparisons_with(picking, label, made, records, failures)
    number = _number(seeds, done, picking, label, comparisons)
    if done and number != len(done):
        arguments = {"baseline": baseline, "margin": margin, "metric": metric, **overrides}
        arguments |= {"only": tuple(as_flags(only)), "runs": runs}
        again = confirming(sweep, row, len(done), **arguments)
        if any(of_pair(records, group, base)):
            raise _again(label, done, f" (`{again}` shows it)")
        tells = f"{label}, as the run of {base_of} tells,"
        raise _again(tells, done, f" (`{again}` makes its run, which is not there)")
    used = seeds_of(picking.records) | others.seeds
    fresh = sorted(done) or list(
        islice((seed for seed in count(FRESH) if seed not in used), number)
    )
    if was_confirmed(records, base):
        held = seeds_of(r for r in records if r["group"] == base)
        if not held.issuperset(fresh):
            raise _again(f"{label} or {base_of}", held, ", as those of a baseline too")
    notes = [] if done else _too_few(picking, label, number, comparisons, few)
    if comparisons > 1:
        notes.append(
            f"p of all rows that are confirmed is corrected for {comparisons} comparisons from now"
            " on, other attempts included"
        )
    wanted, said = {group, base}, noted(row_of, base, fresh)
    # The row is trained first: a run of the baseline, which tells of this attempt, is then not all
    # that an interruption leaves. An attempt without a run of its row has shown nothing.
    asked.sort(key=lambda spec: spec.group == base)
    fresh_specs = [
        replace(spec.with_seeds(fresh), confirmation=said) for spec in asked if spec.group in wanted
    ]
    require_todays_data(fresh_specs, picking.records)
    name = f"{plan.name}, confirmation of {label}"
    return execute_missing(fresh_specs, name, runs=folder, executor=executor, notes=notes)


def _trainings(runs: str | Path | None) -> list[TrainingRecord]:
    return list(filter(is_training, runs_folder.records(location.folder(runs))))


def _number(
    seeds: int | None, done: Collection[int], picking: Selection, label: str, comparisons: int
) -> int:
    """With how many seeds to confirm: so many as were asked for, as there are, or as are proposed.

    done: those of the confirmation that has begun.
    """
    if seeds is None:
        number = len(done) or proposed(picking, label, comparisons)
        if number is None:
            message = f"the difference of {label} is so small that more than {MANY} seeds are"
            raise ParameterError("seeds", message=f"{message} needed to detect it; give --seeds")
        return max(number, stats.seeds_needed(comparisons))
    number = whole(seeds, "seeds", least=1, most=MOST_SEEDS)
    if number < stats.seeds_needed(1):
        raise ParameterError("seeds", message=_undecided(number, comparisons))
    return number


def _undecided(number: int, comparisons: int) -> str:
    """What is said of fewer seeds than a test takes after the correction."""
    counting = f" and {comparisons} comparisons" if comparisons > 1 else ""
    return (
        f"with {counted(number, 'seed')}{counting} no difference could pass a test at 5 %; that"
        f" takes {stats.seeds_needed(comparisons)}"
    )


def _again(rows: str, seeds: Collection[int], ending: str) -> ParameterError:
    """What is said where a row that was confirmed would get other seeds."""
    already = f"{rows} was confirmed with {counted(len(seeds), 'seed')} already"
    why = "others, after that result, would make its p-value too small"
    return ParameterError("seeds", message=f"{already}; {why}{ending}")


def _too_few(picking: Selection, label: str, number: int, comparisons: int, few: bool) -> list[str]:
    """A line where so many seeds would probably miss the observed difference, or cannot show it;
    more cannot follow.

    ParameterError in its place where there is a number that would do, unless so few are wanted.

    label: the row's in the comparison in which it was picked.
    """
    row: Any = picking.table.loc[label]
    advised = proposed(picking, label, comparisons)
    if number < stats.seeds_needed(comparisons):
        why = _undecided(number, comparisons)
    elif number >= (advised or MANY) or not row.spread > 0:
        return []
    else:
        least = stats.detectable_difference(row.spread, number, comparisons)
        large, seen = (amount(picking.measure, size) for size in (least, abs(row.difference)))
        takes = (
            f"takes {advised} seeds: --seeds {advised}" if advised else f"takes more than {MANY}"
        )
        counting = ""
        if comparisons > 1:
            counting = (
                f", with p corrected for {comparisons} comparisons, since there are other"
                " confirmations, of which a page from before them did not know,"
            )
        why = (
            f"{counted(number, 'seed')}{counting} would show a true difference of {large} with a"
            f" power of 80 %; the observed one, {seen}, {takes}"
        )
    line = f"{label}: {why}. The number cannot be raised afterwards"
    if number < fewest(picking, label, comparisons) and not few:
        message = f"{line}; --few (in Python few=True) trains {number} all the same"
        raise ParameterError("seeds", number, message=message)
    return [line]


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
        known = dict.fromkeys(n for p in parts for n in p.rows)
        raise ValueError(unknown("row", file_labels.as_read(row), known))
    part, label = matches[0]
    if any(other is not part for other, _ in matches):
        settings = "; ".join(dict.fromkeys(other.setting for other, _ in matches))
        raise ValueError(f"{row} is a row of several settings; --only chooses one ({settings})")
    if why := no_baseline_at(part.baseline, part.rows, dict(part.first.within)):
        raise ValueError(f"{row}: {why}")
    if label == part.baseline or part.baseline not in part.rows:
        others = listed(n for n in part.rows if n != part.baseline)
        allowed = f"one that is compared with {part.baseline} (there are: {others})"
        raise ParameterError("row", row, allowed)
    return part, label
