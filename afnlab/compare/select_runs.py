"""Choosing the runs of a comparison."""

from __future__ import annotations

import os
import re
import shlex
import warnings
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from afnlab.compare import caveats, code_versions, costs, summary_table
from afnlab.compare.chosen_runs import Chosen, current, of_sweep
from afnlab.compare.confirmation import (
    confirmation_runs,
    confirmations,
    confirming,
    require_picking,
    stale_confirmations,
)
from afnlab.compare.selection import Selection
from afnlab.compare.selection_names import named_apart, with_briefs
from afnlab.compare.training_facts import Trained
from afnlab.errors import ParameterError, shown
from afnlab.messages import distinct_endings
from afnlab.runs import file_labels, filtering
from afnlab.runs.conventions import DEFAULT_BASELINE
from afnlab.runs.notebook_parameters.parsing import command
from afnlab.runs.one_function import TrainedRun, require_alike
from afnlab.runs.run_spec import TrainingSpec
from afnlab.runs.setting import APART, TrainingSetting
from afnlab.runs.storage import location, record_schema, runs_folder
from afnlab.runs.storage.record_schema import TrainingRecord, is_training
from afnlab.runs.sweeps import sweep_file
from afnlab.runs.within import Configured, splitting
from afnlab.spellings import spelling, unknown
from afnlab.usercode.lookup import expanded


class NoRuns(ValueError):
    """There are no runs to compare; the message says by which command they are made.

    In a notebook the message is shown alone: a traceback would be of afnlab's own code. Such an
    output breaks a line anywhere, so a command has one of its own, as one copies it.
    """

    def _render_traceback_(self) -> list[str]:
        return re.sub(r"\s`([^`]+)`[.;]?\s*", r"\n    \1\n", str(self)).splitlines()


def select(
    runs: str | Path | None = None,
    sweep: str | Path = "",
    baseline: str = "",
    margin: float | None = None,
    speed: str | Path = "",
    only: Mapping[str, object] = {},
    metric: str = "",
    confirmation: bool = False,
    **overrides: object,
) -> list[Selection]:
    """The runs to compare, one selection per task.

    Args:
        runs: the folder or URL; None: `$AFNLAB_RUNS` or `runs`.
        sweep: a sweep file, whose runs are taken; empty: all runs that are not stale.
        baseline: a label, or an activation, which means its row with the fewest settings; empty:
            the sweep's own, or relu. If it is not among a task's runs, nothing is compared with it.
        margin: the largest difference that does not matter, in the unit in which differences are
            printed: points of accuracy, dB, ...
        speed: a file of `afnlab bench activations --json FILE`; empty: `speed.json` in the folder,
            if it is there.
        only: take the runs with these values of parameters, `{"activation": ["srelu", "gelu"]}`,
            and for a comparison those of the baseline.
        metric: what is compared, of the metrics that the task records ("accuracy" of breast-cancer,
            which is judged by its log loss); empty: what the task is judged by.
        confirmation: take the runs of `afnlab.compare.confirm` in place of those in which their
            rows were picked. `only` then chooses settings: of one, all that was confirmed counts.
        **overrides: what the sweep was run with in place of its own (epochs, seeds, ...).

    Returns:
        One `Selection` per task and setting.

    Raises:
        NoRuns, a ValueError: if there are no runs, with the command that makes some.
        ValueError: if none has the baseline that was given, or a value that `only` names, with
            what to do; if runs that are compared were made with different data, or those of a row
            with different functions or networks; if the margin is
            not above 0 and below the metric's range; or if a task does not record the metric.
    """
    where, origin = location.place(runs), runs or os.environ.get(runs_folder.ENVIRONMENT)
    where.pull()
    folder = where.folder
    if not folder.is_dir():
        line = _sweeping(sweep, overrides, origin, only, baseline)
        raise NoRuns(f"{where.shown}: no such folder; execute runs first, with `{line}`")
    benchmark = _speed(expanded(speed) if speed else folder / runs_folder.SPEED, named=bool(speed))
    records, failures = runs_folder.records(folder), runs_folder.failures(folder)
    trainings = list(filter(is_training, records))
    trained = {r["id"]: one for r, one in runs_folder.readable(trainings, Trained.of_record)}
    trainings = [r for r in trainings if r["id"] in trained]
    flags = {
        **{"baseline": baseline, "margin": margin, "metric": metric, **overrides},
        "only": tuple(filtering.as_flags(only)),
    }
    require_picking(where, trainings, sweep, **flags)
    if sweep:
        chosen = of_sweep(sweep, overrides, trainings, failures, runs, only)
    else:
        chosen = current(records, trainings, failures, only)
    trained = _named_apart(chosen.records, chosen.located(trained))
    every = [trained[r["id"]].source for r in chosen.records]
    against = file_labels.here(baseline or chosen.baseline, every)
    trained = _split(chosen, trained, against)
    parts: dict[TrainingSetting, list[TrainingRecord]] = {}
    for record in chosen.records:
        parts.setdefault(trained[record["id"]].setting, []).append(record)
    parts = {setting: part for setting, part in parts.items() if chosen.wants(part)}
    if not parts:
        why = caveats.left_out(chosen.stale, chosen.foreign, chosen.absent, chosen.failed)
        of = f" of {sweep}" if sweep else ""
        line = _sweeping(sweep, overrides, origin, only, baseline)
        none = f"{where.shown}: holds no runs{of} to compare; execute them with `{line}`."
        raise NoRuns(" ".join([none, *why]))
    called = file_labels.endings(trained[r["id"]].source for p in parts.values() for r in p)
    made = []
    for part in parts.values():
        rows = list({r["group"]: trained[r["id"]] for r in reversed(part)}.values())[::-1]
        one = _one_task(folder, rows, part, against, called)
        if chosen.wanted is not None and not confirmation:  # of which every row counts
            one = _some(one, chosen.wanted, against, only, called)
        one = replace(one, judged_by=_recorded(metric, one) if metric else "")
        measure = one.metric
        summary_table.check_margin(margin, measure, measure.scale)
        one = replace(
            one,
            elsewhere=sum(r["id"] in chosen.elsewhere for r in one.records),
            margin=None if margin is None else margin / measure.scale,
            speed=benchmark,
            complete=not chosen.absent,
            among=len(parts) > 1,
            apart=_apart(one.first, part, parts.values()),
            place=where.name,
            sweep=str(sweep),
            overrides={n: value for n, value in overrides.items() if value is not None},
            own_baseline=baseline,
            most=chosen.most,
            asked=chosen.asked,
            beside=_beside(one, trainings, trained),
            further=Counter(_lacking(one.first, chosen)),
        )
        made.append(one)
    made = with_briefs(made)
    _require_one_metric(made, margin)
    _require_alike(made)
    made = named_apart(made)
    made[0] = replace(  # what is left out is said once
        made[0],
        stale=chosen.stale,
        foreign=chosen.foreign,
        absent=chosen.absent,
        failed=chosen.failed,
    )
    if baseline and all(s.baseline not in s.rows for s in made):
        labels = dict.fromkeys(label for s in made for label in s.rows)
        raise ValueError(unknown("baseline", file_labels.as_read(baseline), labels))
    return _confirmed(made, runs, sweep or "SWEEP", flags) if confirmation else made


def _confirmed(
    picked: Sequence[Selection],
    runs: str | Path | None,
    sweep: str | Path,
    flags: Mapping[str, object],
) -> list[Selection]:
    """The confirmations of rows of these comparisons; flags: as a command takes them."""
    made = confirmations(picked, runs, partial(confirming, sweep, runs=runs, **flags))
    whole = [one for one in made if one.records]
    unfinished = tuple(line for one in made for line in one.unfinished)
    if not whole:
        none = f"{confirmation_runs(runs)}: holds no confirmation"
        if unfinished:
            raise NoRuns(f"{none} with all of its runs. {' '.join(unfinished)}")
        line = f"`afnlab confirm {sweep} ROW` makes one"
        if old := stale_confirmations(runs):
            raise NoRuns(f"{none} of these rows as their code is now: {old}; {line}")
        raise NoRuns(f"{none}; {line}")
    return [replace(whole[0], unfinished=unfinished), *whole[1:]]  # it is said once


def _named_apart(
    records: Sequence[TrainingRecord], trained: Mapping[str, Trained]
) -> dict[str, Trained]:
    """The trainings; where tasks share a name and not their code, which the name then says.

    Two files of a user may each define a task of one name.
    """
    references: dict[str, dict[str, str]] = {}  # by the task's name and code
    for record in records:
        task = trained[record["id"]].task
        reference = str(record.get("given", {}).get("task", ""))
        references.setdefault(task.name, {})[task.code] = reference
    names = {}
    for name, by_code in references.items():
        endings = distinct_endings(list(by_code.values()))
        for code, ending in zip(by_code, endings, strict=True):
            if len(by_code) > 1 and code:
                twice = f" ({code[:8]})" if endings.count(ending) > 1 else ""
                names[name, code] = f"{name} of {ending}{twice}"
    apart = {
        id: replace(one, task=replace(one.task, name=names[one.task.name, one.task.code]))
        for id, one in trained.items()
        if (one.task.name, one.task.code) in names
    }
    return {**trained, **apart}


def _split(chosen: Chosen, trained: Mapping[str, Trained], baseline: str) -> dict[str, Trained]:
    """The trainings with the settings within which they are compared, as the chosen runs have them.

    All of a `TrainingSetting` that is split have its settings, also those that are not compared.
    Rows of which there is no run split it as they will when they have been run.
    """
    parts: dict[TrainingSetting, dict[str, Configured]] = {}
    for record in chosen.records:
        one, group = trained[record["id"]], record["group"]
        lacking = {row.group: row.configured for row in chosen.lacking.get(group, ())}
        parts.setdefault(one.setting, lacking)[group] = one.configured
    names = {}
    for setting, rows in parts.items():
        wanted = [one for group, one in rows.items() if chosen.wants_group(group)]
        names[setting] = splitting(rows.values(), baseline, wanted)
    return {
        id: replace(one, within=one.configured.under(names.get(one.setting, ())))
        for id, one in trained.items()
    }


def _lacking(first: Trained, chosen: Chosen) -> list[str]:
    """What the rows are called that a selection's table lacks; first: one of its rows."""
    rows = [row for row in chosen.lacking.get(first.group, ()) if chosen.wants_group(row.group)]
    names = dict(first.within)
    return [row.label for row in rows if row.configured.under(names) == first.within]


def _beside(
    one: Selection, trainings: Sequence[TrainingRecord], trained: Mapping[str, Trained]
) -> list[TrainingRecord]:
    """The trainings of a selection's setting that it does not have."""
    chosen = {r["id"] for r in one.records}
    same = one.first.setting
    return [r for r in trainings if r["id"] not in chosen and trained[r["id"]].setting == same]


def _apart(
    first: Trained, part: Sequence[TrainingRecord], parts: Iterable[Sequence[TrainingRecord]]
) -> filtering.Only:
    """By which values the runs of a part differ from those of the others; first: one of them."""
    its, *others = (filtering.of_record(one[0]) for one in (part, *parts))
    keys = (*APART, *dict(first.within))
    return {key: its[key] for key in keys if any(one.get(key) != its[key] for one in others)}


def _require_alike(made: Sequence[Selection]) -> None:
    """Refuse selections of which one has different data, or different functions in a row."""
    for one in made:
        rows = [(label, record) for label in one.rows for record in one.runs_of(label)]
        require_alike(TrainedRun(label, one.folder, record) for label, record in rows)


def _require_one_metric(made: Sequence[Selection], margin: float | None) -> None:
    """Refuse a margin for selections of several metrics, with the flag that takes those of one."""
    names = dict.fromkeys(one.metric.name for one in made)
    if margin is None or len(names) == 1:
        return
    first, *_ = names
    its = [one.records[0] for one in made if one.metric.name == first]
    tasks = dict.fromkeys(str(filtering.of_record(record)["task"]) for record in its)
    flag = shlex.join(["--only", *filtering.as_flags({"task": [*tasks]})])
    problem = f"these runs are judged by {' and '.join(names)}, got {shown(margin)}"
    message = f"margin must be of one metric alone; {problem}; {flag} takes those judged by {first}"
    raise ParameterError("margin", margin, message=message)


def _recorded(metric: str, selection: Selection) -> str:
    """The key of a metric that is named; ParameterError if these runs have not recorded it."""
    known = record_schema.measures(selection.records[0])
    for one in known:
        if spelling(metric) in (spelling(one.key), spelling(one.name)):
            return one.key
    names = " or ".join(one.name for one in known)
    raise ParameterError("metric", metric, f"what {selection.task.name} records: {names}")


def _sweeping(
    sweep: str | Path,
    overrides: Mapping[str, Any],
    runs: object,
    only: filtering.Only,
    baseline: str,
) -> str:
    """The command that executes runs that are missing, the baseline's among them.

    ValueError if there is no such sweep either.
    """
    name = sweep or sweep_file.DEFAULT
    plan, asked = sweep_file.read(name), only.get("activation")
    if asked is not None:
        specs = [s for s in plan.specs(here=False, **overrides) if isinstance(s, TrainingSpec)]
        listed = [spec.row.activation for spec in specs]
        against = baseline or plan.baseline or DEFAULT_BASELINE
        base, _ = file_labels.parted(file_labels.meant(against, listed))
        its = filtering.facts("", "", {"activation": base}, {"activation": base})
        if base in listed and not filtering.has(its, "activation", asked):
            several = [*asked] if isinstance(asked, (list, tuple)) else [asked]
            only = {**only, "activation": [*several, base]}
    return command("sweep", name, **overrides, only=tuple(filtering.as_flags(only)), runs=runs)


def _speed(path: Path, named: bool) -> costs.Benchmark | None:
    """The speed benchmark; one that merely lies in the folder may be none."""
    if not named and not path.is_file():
        return None
    try:
        return costs.read(path)
    except ValueError as error:
        if named:
            raise
        warnings.warn(f"left out {error}", stacklevel=3)
        return None


def _some(
    whole: Selection,
    groups: frozenset[str],
    baseline: str,
    only: filtering.Only,
    names: Mapping[str, str],
) -> Selection:
    """Of a task's rows those of these groups, and the baseline's where it is not among them."""

    def of(groups: frozenset[str], baseline: str) -> Selection:
        rows = [one for one in whole.rows.values() if one.group in groups]
        records = [r for r in whole.records if r["group"] in groups]
        return replace(_one_task(whole.folder, rows, records, baseline, names), only=only)

    part = of(groups, baseline)
    if part.baseline in part.rows or whole.baseline not in whole.rows:
        return part
    base = _most_alike(whole, baseline, only)
    return of(groups | {base.group}, base.row().labels[0])


def _most_alike(whole: Selection, baseline: str, only: filtering.Only) -> Trained:
    """The row of the baseline, where there are several of its activation: the one that has of the
    values in `only` what it can, so that a comparison at one learning rate is with that rate. A
    baseline that is named with settings keeps these."""
    base = whole.rows[whole.baseline]
    named = file_labels.meant(baseline, [base.source]) != base.source
    kept = base.settings.items() if named else {}.items()
    names = file_labels.settings_named(baseline)
    its = base.configured.under(names)
    rows = {
        n: one
        for n, one in whole.rows.items()
        if one.source == base.source
        and kept <= one.settings.items()
        and one.configured.under(names) == its
    }
    facts = {n: filtering.of_record(whole.runs_of(n)[0]) for n in rows}
    labels = sorted(rows, key=lambda label: label != whole.baseline)
    for key, value in only.items():
        labels = [n for n in labels if filtering.has(facts[n], key, value)] or labels
    return rows[labels[0]]


def _one_task(
    folder: Path,
    rows: list[Trained],
    records: list[TrainingRecord],
    baseline: str,
    names: Mapping[str, str] | None = None,
) -> Selection:
    """The runs of one task, their rows labelled by what they do not share.

    names: what labels call activations in files, by their references; None: as tells these apart.
    """
    if names is None:
        names = file_labels.endings(one.source for one in rows)
    every = [set(one.settings.items()) for one in rows] if len(rows) > 1 else [set()]
    shared = dict(sorted(set.intersection(*every)))  # said once, and not in every label
    plain = [one.labelled(shared, names.get(one.source, "")) for one in rows]
    versions = code_versions.versions(rows, plain, records)
    labelled: dict[str, Trained] = {}
    for one, label in zip(rows, plain, strict=True):
        version = versions.get(one.group)
        name = f"{label} {version.words}" if version else label
        while name in labelled:  # of another source, which is a row of its own too
            name += " *"
        labelled[name] = one
    called = {label: one.row(shared) for label, one in labelled.items()}
    base = file_labels.baseline_of(baseline, called)
    if base is None:  # as it would be called
        sources = [one.source for one in rows]
        *_, base = file_labels.shown([*sources, file_labels.meant(baseline, sources)])
    return Selection(
        folder, labelled, records, base, shared=shared, versions=tuple(versions.values())
    )


def row_called(label: str, selection: Selection) -> str | None:
    """The row that is called so, where an activation in a file may be called by any of its paths.

    None: no row is. ParameterError: several are.
    """
    called = {name: one.row(selection.shared) for name, one in selection.rows.items()}
    return file_labels.row_of(label, called, "row")
