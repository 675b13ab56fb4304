"""The comparison of what a notebook that is no training has measured, run by a sweep."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pandas as pd

from afnlab.compare.foreign_table import ForeignComparison, compare_table
from afnlab.messages import counted
from afnlab.runs.notebook_parameters.parsing import command
from afnlab.runs.run_spec import NotebookSpec, RunSpec, texts
from afnlab.runs.storage import location, runs_folder
from afnlab.runs.storage.record_schema import Record
from afnlab.runs.sweeps import sweep_file
from afnlab.spellings import unknown

SEED = "seed"  # the parameter of which a sweep's `seeds` are values
ACTIVATION = "activation"  # the parameter whose value is a name by itself


def compare_metric(
    sweep: str | Path | Mapping[str, object],
    metric: str,
    *,
    seed: str = SEED,
    better: Literal["higher", "lower"] = "higher",
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
        metric: What is compared, of the metrics that its runs have kept.
        seed: The parameter that pairs runs.
        better: Whether "higher" or "lower" values are better.
        unit: Of the values, as it is printed.
        baseline: The row with which the others are compared, as noise=0.1; "": ReLU where
            activations are compared, else the first.
        margin: The largest difference that does not matter, in the unit of the values.
        unpaired: Compare means without pairs.
        runs: The folder or URL; None: `$AFNLAB_RUNS` or `runs`.
        only: Take the runs with these values of parameters.
        seeds: Take these alone, as `afnlab sweep --seeds` does; None: all that there are.

    Returns:
        The comparison. Rows are what the sweep varies beside the seed: noise=0.1, or
        the activation.

    Raises:
        ValueError: The sweep is of trainings, the notebook has no such parameter, there are no
            runs, one has no such metric, or as of `compare_table`.
    """
    plan = sweep_file.read(sweep)
    shown = plan.name if isinstance(sweep, Mapping) else sweep
    if plan.trains:
        line = command("compare", shown, metric=metric, runs=runs)
        raise ValueError(f"{shown}: is about trainings; `{line}` compares them")
    specs = [s for s in plan.specs(seeds=seeds) if isinstance(s, NotebookSpec)]
    if seed not in specs[0].known:
        said = unknown("parameter", seed, specs[0].known, of=specs[0].notebook.name)
        raise ValueError(f"{said}: it pairs the runs of one seed, see --seed")
    where = location.place(runs)
    where.pull()
    records = runs_folder.records(where.folder) if where.folder.is_dir() else []
    by_id = {record["id"]: record for record in records}
    wanted = _chosen(specs, only)
    every = wanted
    if seed == SEED and plan.seeds is not None and seeds is None:
        every = _chosen(plan.specs(seeds=_all_seeds(specs, records)), only)
    there = [spec for spec in every if spec.id in by_id]
    execute = command("sweep", shown, runs=runs)
    if not there:
        raise ValueError(f"{where.shown}: holds no runs of {shown}; `{execute}` executes them")
    head, rows = _rows(every, seed)
    columns = {
        head if head != metric else "setting": [rows[spec.id] for spec in there],
        "seed" if metric != "seed" else "pair": [_values(spec)[seed] for spec in there],
        metric: [_measured(by_id[spec.id], metric) for spec in there],
    }
    label, paired, value = columns
    made = compare_table(
        pd.DataFrame(columns),
        label=label,
        seed=paired,
        value=value,
        better=better,
        unit=unit,
        baseline=baseline,
        margin=margin,
        unpaired=unpaired,
    )
    note = ""
    if missing := sum(spec.id not in by_id for spec in wanted):
        runs_of_it = counted(len(wanted), "run")
        note = f"{missing} of {runs_of_it} are not there: `{execute}` executes what is missing."
    return replace(made, name=plan.name, source=plan.path, unfinished=note)


def _chosen(specs: Iterable[RunSpec], only: Mapping[str, object]) -> list[NotebookSpec]:
    chosen = sweep_file.chosen(list(specs), only)
    return [spec for spec in chosen if isinstance(spec, NotebookSpec)]


def _all_seeds(specs: Sequence[NotebookSpec], records: Iterable[Record]) -> list[int]:
    """The seeds of these runs and of those that are there, which all count."""
    name = specs[0].notebook.name
    its = [r["given"].get(SEED) for r in records if Path(r["notebook"]).name == name]
    values = [*(_values(one)[SEED] for one in specs), *its]
    return sorted({value for value in values if type(value) is int})


def _values(spec: NotebookSpec) -> dict[str, object]:
    return {name: d.default for name, d in spec.known.items()} | spec.parameters


def _rows(specs: Sequence[NotebookSpec], seed: str) -> tuple[str, dict[str, str]]:
    """The parameters that vary beside the seed, and by their values each run's row, by its id."""
    values = {spec.id: _values(spec) for spec in specs}
    varied = [
        name
        for name in specs[0].known
        if name != seed and len({repr(one[name]) for one in values.values()}) > 1
    ]
    if not varied:
        return "notebook", {spec.id: spec.notebook.stem for spec in specs}
    words = {id: texts({name: one[name] for name in varied}) for id, one in values.items()}
    exact = {id: {name: repr(one[name]) for name in varied} for id, one in values.items()}
    if len(set(map(str, words.values()))) < len(set(map(str, exact.values()))):
        words = exact  # as of numbers that agree in six digits
    return ", ".join(varied), {
        id: ", ".join(text if n == ACTIVATION else f"{n}={text}" for n, text in of.items())
        for id, of in words.items()
    }


def _measured(record: Record, metric: str) -> float:
    run, metrics = f"run {record['id'][:8]}", record.get("metrics", {})
    if metric not in metrics:
        raise ValueError(unknown("metric", metric, metrics, of=run))
    if (value := metrics[metric]) is None:
        raise ValueError(f"{run}: its {metric} is not finite, so there is nothing to compare")
    return value
