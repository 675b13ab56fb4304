"""The comparison of what a notebook that is no training has measured, run by a sweep."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import pandas as pd

from afnlab.compare import caveats
from afnlab.compare.chosen_runs import AGAIN, reason
from afnlab.compare.foreign_table import (
    KEY,
    ForeignComparison,
    RunOfRow,
    meant_baseline,
    of_history,
)
from afnlab.compare.metric_direction import check_direction
from afnlab.compare.notebook_baseline import several_differ, under_settings
from afnlab.compare.whole_numbers import rounded
from afnlab.errors import shown
from afnlab.messages import enumerated, in_stretches
from afnlab.registry import canonical_name
from afnlab.runs import file_labels, filtering, seed_lists
from afnlab.runs.conventions import ACTIVATION, DEFAULT_BASELINE, OUT
from afnlab.runs.notebook_parameters import encoding
from afnlab.runs.notebook_parameters.parsing import command
from afnlab.runs.notebook_parameters.training import short
from afnlab.runs.run_spec import FILE, NotebookSpec, RunSpec, texts
from afnlab.runs.storage import location, runs_folder
from afnlab.runs.storage.record_schema import FailureRecord, Record
from afnlab.runs.sweeps import sweep_file
from afnlab.runs.sweeps.declared_metric import DeclaredMetric
from afnlab.runs.whereabouts import made_elsewhere
from afnlab.spellings import unknown

SEED = "seed"  # the parameter of which a sweep's `seeds` are values
FIXED = (
    "p and intervals hold if the number of seeds was fixed before their results were seen; these"
    " runs do not tell whether it was. They are corrected for the rows of one metric: who compares"
    " several in turn has tested more than that."
)
OTHERS = "These are other seeds than those that the sweep asks for."
_NAMED = re.compile(rf"(^|,\s*){ACTIVATION}\s*=\s*", re.IGNORECASE)  # as of other parameters
_TYPED = re.compile(r"[^\s'\"=,][^'\"=,\n]*?\.py:[A-Za-z_]\w*")  # what a file holds, by any path


def compare_metric(
    sweep: str | Path | Mapping[str, object],
    metric: str = "",
    *,
    seed: str = SEED,
    better: Literal["higher", "lower"] | None = None,
    unit: str = "",
    baseline: str = "",
    margin: float | None = None,
    unpaired: bool = False,
    runs: str | Path | None = None,
    only: Mapping[str, object] = {},
    seeds: int | Sequence[int] | None = None,
) -> ForeignComparison:
    """Compare a metric that a notebook of one's own has measured, paired by its parameter `seed`.

    Args:
        sweep: A sweep of a notebook that is no training.
        metric: What is compared, of the metrics that its runs have kept; "": what its file names.
        seed: The parameter that pairs runs.
        better: Whether "higher" or "lower" values are better; None: as the sweep file says of this
            metric, else as of `compare_table`.
        unit: Of the values, as it is printed; "": as the sweep file says.
        baseline: The row with which the others are compared, as noise=0.1, what a file holds by
            any path; "": ReLU where activations are compared, with the values of `only` that it
            has a row of, else the first of the sweep.
        margin: The largest difference that does not matter, in the unit of the values.
        unpaired: Compare means without pairs.
        runs: The folder or URL; None: `$AFNLAB_RUNS` or `runs`.
        only: Take the rows with these values of parameters, and the baseline.
        seeds: Take these alone, as `afnlab sweep --seeds` does; None: all that there are.

    Returns:
        The comparison. Rows are what the sweep varies beside the seed: noise=0.1, or
        the activation.

    Raises:
        ValueError: Neither the call nor the file names a metric, the sweep is of trainings or adds
            seeds until decided, the notebook has no such parameter, there are no runs, one has no
            such metric, or as of `compare_table`.
    """
    plan = sweep_file.read(sweep)
    called = plan.name if isinstance(sweep, Mapping) else str(sweep)
    if plan.trains:
        line = command("compare", called, metric=metric or None, runs=runs)
        raise ValueError(f"{called}: is about trainings; `{line}` compares them")
    if plan.most_seeds is not None and seeds is None:
        raise ValueError(
            f"{called}: seeds are added until decided to trainings alone; fix a number"
        )
    if not metric and plan.metric is None:
        line = command("compare", called, metric="NAME", runs=runs)
        listed = command("runs", "list", runs=runs)
        raise ValueError(f"{called}: `{line}` compares a metric; `{listed}` shows what there is")
    as_said = plan.metric
    if as_said is None or metric not in ("", as_said.name):
        as_said = DeclaredMetric(metric)
    metric = as_said.name
    specs = [s for s in plan.specs(seeds=seeds) if isinstance(s, NotebookSpec)]
    if seed not in specs[0].known:
        said = unknown("parameter", seed, specs[0].known, of=specs[0].notebook.name)
        raise ValueError(f"{said}: it pairs the runs of one seed, see --seed")
    rows = _rows(specs, seed)
    varied = _varied(specs, seed)
    against = _against(called, baseline, rows, varied, only)
    shown_rows = _chosen(rows, against, only)
    where = location.place(runs)
    where.pull()
    folder = where.folder
    records = runs_folder.records(folder) if folder.is_dir() else []
    whole = seeds is None and not only  # else a test may have been possible by the others
    by_parameters = only.keys() <= specs[0].known.keys() - {seed}  # and not single runs
    there: dict[str, list[Record]] = {}
    for record in records:
        there.setdefault(_but(seed, record["parameters"]), []).append(record)
    for row in shown_rows:
        row.take(there, seed, others=seeds is None and by_parameters)
    theirs = {spec.id for row in rows for spec in row.specs.values()}
    theirs = theirs.union(*(row.its for row in shown_rows))
    for row in shown_rows:  # of files of one name each is a row, with runs of its own
        row.stale = not row.like <= theirs
    failures = runs_folder.failures(folder) if folder.is_dir() else []
    absent = [gone for row in shown_rows for gone in row.missing(failures)]
    if not any(row.runs for row in shown_rows):
        asked = {spec.id for row in shown_rows for spec in row.specs.values()}
        again = ["--retry-failed"] if any(one["id"] in asked for one in failures) else []
        line = command("sweep", called, *again, runs=runs)
        none = f"{where.shown}: holds no runs of {called}; `{line}` executes them."
        raise ValueError(" ".join([none, *caveats.left_out(0, (), absent)]))
    others = all(row.runs.keys().isdisjoint(row.specs) for row in shown_rows)
    lines, lacking = _measured(shown_rows, metric, called)
    better = better or as_said.better
    check_direction(better, metric, in_file=True)
    made_by = [
        RunOfRow(row.label, value, record)
        for row in shown_rows
        for value, record in row.runs.items()
        if metric in record.get("metrics", {})
    ]
    more = {row.label: (len(row.runs), len(row.specs)) for row in shown_rows if row.further}
    return of_history(
        plan.title or (specs[0].notebook.name if plan.path is None else plan.name),
        pd.DataFrame(lines, columns=["label", "seed", KEY]),
        metric,
        better=better,
        unit=unit or as_said.unit,
        baseline=against,
        margin=margin,
        unpaired=unpaired,
        rows_are=", ".join(varied) or "notebook",
        source=plan.path,
        runs=where,
        doubts=[
            *caveats.left_out(0, (), [*(() if others else absent), *lacking]),
            *caveats.only_some(filtering.described(only)),
            *several_differ(against, {r.label: _values(r.first) for r in shown_rows}, varied),
            *_from_elsewhere(shown_rows),
            *([OTHERS] if others else caveats.more_seeds(more)),
            *rounded(run.record["metrics"][metric] for run in made_by),
            *_shared(specs[0], {seed, *varied}),
            FIXED,
        ],
        made_by=made_by,
        missing=[row.label for row in shown_rows if row.label not in {n for n, *_ in lines}],
        in_all=_adding(called, runs, shown_rows)
        if whole and plan.path is not None and seed == SEED and plan.has_one_seed
        else None,
    )


def _adding(
    sweep: str, runs: str | Path | None, rows: Sequence[_Row]
) -> Callable[[int], str] | None:
    """The command that makes what rows of a sweep lack of so many seeds; None where theirs are not
    whole numbers, which `--seeds` takes alone."""
    there = [[value for value in row.runs if type(value) is int] for row in rows]
    if any(len(its) < len(row.runs) for its, row in zip(there, rows, strict=True)):
        return None

    def in_all(number: int) -> str:
        seeds = seed_lists.typed(seed_lists.filled(number, there))
        return command("sweep", sweep, seeds=seeds, runs=runs)

    return in_all


@dataclass
class _Row:
    """The runs of one setting.

    label: what it is called. whole: the same with the whole paths of files. specs: the runs that
    the sweep asks for, by seed. runs: the records of those that are there, and of others with
    further seeds, by seed. its: the ids of all that are of this row, like: of what has its
    parameters and not its code. stale: whether there are runs of other code.
    """

    label: str
    whole: str
    specs: dict[Hashable, NotebookSpec]
    runs: dict[Hashable, Record] = field(default_factory=dict)
    its: set[str] = field(default_factory=set)
    like: set[str] = field(default_factory=set)
    stale: bool = False

    @property
    def first(self) -> NotebookSpec:
        """The first run that the sweep asks for."""
        return next(iter(self.specs.values()))

    @property
    def further(self) -> bool:
        """Whether there are seeds that the sweep does not ask for."""
        return not self.runs.keys() <= self.specs.keys()

    def take(self, there: Mapping[str, Sequence[Record]], seed: str, others: bool) -> None:
        """Find the runs among those that are there, by their parameters but the seed; others: also
        with seeds that the sweep does not ask for."""
        by_id = {spec.id: value for value, spec in self.specs.items()}
        first = self.first
        for record in there.get(_but(seed, first.normal), ()):
            if record["id"] in by_id:
                self.runs[by_id[record["id"]]] = record
            elif _is_of(first.notebook, record):
                value, spec = _with(first, seed, record)
                if spec is None or spec.id != record["id"]:
                    self.like.add(record["id"])
                    continue
                self.its.add(record["id"])
                if others:
                    self.runs[value] = record

    def missing(self, failures: Iterable[FailureRecord]) -> list[tuple[str, str]]:
        """What the sweep asks for and no run holds: the label, and why, by seed."""
        gone = {value: spec for value, spec in self.specs.items() if value not in self.runs}
        if not gone:
            return []
        messages = {f["id"]: f["message"] for f in failures}
        reasons: dict[str, list[Hashable]] = {}
        for value, spec in gone.items():
            message = messages.get(spec.id)
            why = AGAIN if self.stale and message is None else reason(message)
            reasons.setdefault(why, []).append(value)
        return [
            (self.label, why if not self.runs and len(reasons) == 1 else f"{_listed(its)}: {why}")
            for why, its in reasons.items()
        ]


def _is_of(notebook: Path, record: Record) -> bool:
    return Path(record["notebook"]).name == notebook.name


def _with(spec: NotebookSpec, seed: str, record: Record) -> tuple[Hashable, RunSpec | None]:
    """The seed of a record, and the run that it would be today; None: it cannot be one."""
    with suppress(ValueError):  # a value that the notebook does not take any more
        value = encoding.decode({seed: record["parameters"].get(seed)})[seed]
        if isinstance(value, Hashable):
            return value, RunSpec.make(spec.notebook, {**spec.parameters, seed: value})
    return None, None


def _listed(seeds: Sequence[Hashable]) -> str:
    numbers = [one for one in seeds if type(one) is int]
    whole = len(numbers) == len(seeds)
    text = in_stretches(sorted(numbers)) if whole else enumerated(list(map(str, seeds)))
    return f"seed{'s' * (len(seeds) > 1)} {text}"


def _rows(specs: Sequence[NotebookSpec], seed: str) -> list[_Row]:
    """The rows of a sweep, in its order, each with its runs by seed."""
    groups: dict[tuple[str, str], dict[Hashable, NotebookSpec]] = {}
    for spec in specs:
        value = _values(spec)[seed]
        if not isinstance(value, Hashable):
            raise ValueError(
                f"seed: values of {seed} pair runs if they are numbers or texts, got {shown(value)}"
            )
        groups.setdefault((_but(seed, spec.normal), spec.code.digest), {})[value] = spec
    firsts = [next(iter(of.values())) for of in groups.values()]
    varied = _varied(specs, seed)
    whole = _joined({name: [short(_values(spec)[name]) for spec in firsts] for name in varied})
    names = _labels(firsts, varied)
    called = zip(names, whole or names, groups.values(), strict=True)
    return [_Row(label, path, of) for label, path, of in called]


def _but(seed: str, normal: Mapping[str, object]) -> str:
    """The parameters in their normal form but the seed."""
    return json.dumps({**normal, seed: None}, sort_keys=True)


def _values(spec: NotebookSpec) -> dict[str, object]:
    return {name: d.default for name, d in spec.known.items()} | spec.parameters


def _varied(specs: Sequence[NotebookSpec], seed: str) -> list[str]:
    """The parameters that vary beside the seed, in the notebook's order."""
    values = [_values(spec) for spec in specs]
    return [
        name
        for name in specs[0].known
        if name != seed and len({repr(one[name]) for one in values}) > 1
    ]


def _labels(specs: Sequence[NotebookSpec], varied: Sequence[str]) -> list[str]:
    """What rows are called, no two alike."""
    if not varied:
        return [spec.notebook.stem for spec in specs]
    labels = _joined({name: _texts([_values(spec)[name] for spec in specs]) for name in varied})
    count = Counter(labels)
    exact = [", ".join(f"{n}={_values(spec)[n]!r}" for n in varied) for spec in specs]
    return [a if count[a] == 1 else b for a, b in zip(labels, exact, strict=True)]


def _joined(shown_as: Mapping[str, Sequence[str]]) -> list[str]:
    """Labels of rows; shown_as: the text of every row's value, by parameter."""
    parts = (
        texts if name == ACTIVATION else [f"{name}={text}" for text in texts]
        for name, texts in shown_as.items()
    )
    return [", ".join(of_row) for of_row in zip(*parts, strict=True)]


def _texts(values: Sequence[object]) -> list[str]:
    """Values as labels have them, and those that would look alike as Python writes them."""
    shorter = [text.strip() for text in texts(dict(enumerate(values))).values()]
    meant: dict[str, set[str]] = {}
    for text, value in zip(shorter, values, strict=True):
        meant.setdefault(text, set()).add(repr(value))
    return [
        text if len(meant[text]) == 1 else repr(value)
        for text, value in zip(shorter, values, strict=True)
    ]


def _against(
    called: str,
    baseline: str,
    rows: Sequence[_Row],
    varied: Collection[str] = (),
    only: Mapping[str, object] = {},
) -> str:
    """The label of the baseline; varied, only: as of `under_settings`, where none is named."""
    labels = [row.label for row in rows]
    if baseline:
        baseline = _NAMED.sub(r"\1", baseline)
        whole = {row.whole: row.label for row in rows}
        files = [file for label in whole for file in FILE.findall(label)]
        path = _TYPED.sub(lambda file: file_labels.meant(file[0], files), baseline)
        return whole.get(path) or meant_baseline(called, baseline, labels)
    firsts = (_values(row.first).get(ACTIVATION) for row in rows)
    relu = (
        row.label
        for row, name in zip(rows, firsts, strict=True)
        if isinstance(name, str) and canonical_name(name) == DEFAULT_BASELINE
    )
    facts = {row.label: sweep_file.facts(row.first) for row in rows}
    return under_settings(next(relu, labels[0]), facts, varied, only)


def _chosen(rows: Sequence[_Row], against: str, only: Mapping[str, object]) -> list[_Row]:
    """The rows that have these values, and the baseline, with the seeds that were chosen."""
    ids = {s.id for s in sweep_file.chosen([s for row in rows for s in row.specs.values()], only)}
    seeds = {v for row in rows for v, spec in row.specs.items() if spec.id in ids}
    kept = []
    for row in rows:
        taken = {
            value: spec
            for value, spec in row.specs.items()
            if spec.id in ids or (row.label == against and value in seeds)
        }
        if taken:
            kept.append(replace(row, specs=taken))
    return kept


def _shared(spec: NotebookSpec, varied: Collection[str]) -> list[str]:
    """A sentence on the parameters that all rows share."""
    shared = [f"{n}={_texts([v])[0]}" for n, v in _values(spec).items() if n not in (*varied, OUT)]
    return [f"In every run {', '.join(shared)}."] if shared else []


def _from_elsewhere(rows: Iterable[_Row]) -> list[str]:
    """A sentence on runs that were made in another folder, and may have read other files there."""
    made: Counter[str] = Counter()
    for row in rows:
        here = row.first
        listed = row.runs.values()
        made.update(
            filter(None, (made_elsewhere(run, here.folder, here.parameters) for run in listed))
        )
    if not made:
        return []
    where = enumerated([f"{number} in {folder}" for folder, number in made.items()])
    return [
        f"Of the runs {where} were made, and not in this folder: what they read there by relative"
        " paths, or beside a file that they are given, is not in their ids, and may be other data."
    ]


def kept_by_all(records: Iterable[Record]) -> list[str]:
    """The metrics of which each of these runs has kept a number, so that they can be compared.

    Args:
        records: of the runs.
    """
    finite = [[n for n, v in r.get("metrics", {}).items() if v is not None] for r in records]
    return [name for name in finite[0] if all(name in its for its in finite)] if finite else []


def _measured(
    rows: Iterable[_Row], metric: str, called: str
) -> tuple[list[tuple[str, Hashable, float]], list[tuple[str, str]]]:
    """The label, seed and value of every run that has the metric; and the label, and why, of those
    that have not.

    Whole numbers become doubles: differences of the largest would not fit into 64 bits. called: the
    sweep.
    """
    values: list[tuple[str, Hashable, float]] = []
    lacking: dict[str, list[Hashable]] = {}
    known: dict[str, object] = {}
    for row in rows:
        for seed, record in row.runs.items():
            metrics = record.get("metrics", {})
            known |= metrics
            if metric not in metrics:
                lacking.setdefault(row.label, []).append(seed)
            elif (value := metrics[metric]) is None:
                said = f"run {record['id'][:8]}: its {metric} is not finite"
                raise ValueError(f"{said}, so there is nothing to compare")
            else:
                values.append((row.label, seed, float(value)))
    if not values:
        raise ValueError(unknown("metric", metric, known, of=f"runs of {called}"))
    return values, [(n, f"{_listed(its)}: no metric {metric!r}") for n, its in lacking.items()]
