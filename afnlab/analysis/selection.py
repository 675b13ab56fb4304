"""Which runs a comparison is about, and what they hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from afnlab.analysis import tables
from afnlab.loading import unknown
from afnlab.runs import store, sweepfile
from afnlab.runs.spec import RunSpec, Training


@dataclass(frozen=True)
class Selection:
    """Runs of one task, merged where they differ in seeds alone.

    specs: one a row of the comparison, by label; records: the runs behind them; baseline: the label
    that the others are compared with; stale: how many runs in the folder were left out because
    their code has changed since.
    """

    folder: Path
    specs: Mapping[str, RunSpec]
    records: list[dict[str, Any]]
    baseline: str
    stale: int = 0

    @property
    def task(self) -> Any:
        return self.first.task

    @property
    def first(self) -> Training:
        asked = next(iter(self.specs.values())).training
        assert asked is not None
        return asked

    @cached_property
    def history(self) -> pd.DataFrame:
        """All seeds' histories, with a column `label`."""
        table = store.histories(self.folder, self.records)
        labels = {spec.group: label for label, spec in self.specs.items()}
        table.insert(0, "label", table.group.map(labels))
        return table

    @cached_property
    def table(self) -> pd.DataFrame:
        """The comparison, see `afnlab.analysis.tables.compare`."""
        classes = self.records[0]["environment"].get("classes")
        return tables.compare(self.history, self.baseline, classes)

    @cached_property
    def final(self) -> pd.DataFrame:
        """Seeds x labels: test accuracy after the last epoch."""
        return tables.final_values(self.history)

    @property
    def seeds(self) -> int:
        """The number of seeds that every row has."""
        return int(self.table.seeds.min())

    @cached_property
    def same(self) -> list[tuple[str, ...]]:
        """Labels whose functions are one and the same, so that equal numbers are no coincidence."""
        values: dict[bytes, list[str]] = {}
        x = torch.linspace(-8, 8, 1601, dtype=torch.float64)
        for label, spec in self.specs.items():
            asked = spec.training
            assert asked is not None
            record, options = asked.activation, asked.options
            if record.elementwise and not (record.stochastic or options.trainable):
                y = record(x, **options.activation) + 0.0  # -0.0 is 0.0
                values.setdefault(y.numpy().tobytes(), []).append(label)
        return [tuple(labels) for labels in values.values() if len(labels) > 1]

    def runs_of(self, label: str) -> list[dict[str, Any]]:
        return [r for r in self.records if r["group"] == self.specs[label].group]


def select(
    runs: str | Path | None = None,
    sweep: str | Path = "",
    baseline: str = tables.BASELINE,
    **overrides: Any,
) -> list[Selection]:
    """The runs to compare, one selection a task.

    runs: the folder (None: `$AFNLAB_RUNS` or `runs`). sweep: take the runs of this sweep file, with
    `overrides` (epochs, seeds, ...) as it was run; empty: all runs whose code is still what it was.
    ValueError, with what to do, if there are none.
    """
    folder = Path(runs) if runs else store.default_folder()
    if not folder.is_dir():
        raise ValueError(f"{folder}: no such folder; make runs first, with `afnlab sweep`")
    records = [r for r in store.records(folder) if "task" in r["parameters"]]
    if sweep:
        specs = sweepfile.read(sweep).specs(**overrides)
        groups = {spec.group for spec in specs}
        chosen, stale = [r for r in records if r["group"] in groups], 0
        found = {r["group"] for r in chosen}
        specs = [spec for spec in specs if spec.group in found]
    else:
        current = {r["id"]: _current(r) for r in records}
        specs = [spec for spec in current.values() if spec is not None]
        chosen = [r for r in records if current[r["id"]] is not None]
        stale = len(records) - len(chosen)
    if not chosen:
        old = f" ({stale} whose code has changed since)" if stale else ""
        of = f" of {sweep}" if sweep else ""
        raise ValueError(f"{folder}: holds no runs{of}{old}; make them with `afnlab sweep`")
    return [_one_task(folder, part, chosen, baseline, stale) for part in _by_setting(specs)]


def _current(record: dict[str, Any]) -> RunSpec | None:
    """The spec of a record, if it would still be the same run."""
    try:
        spec = RunSpec.make(record["notebook"], record["given"])
        return spec if spec.group == record["group"] else None
    except (ValueError, KeyError):
        return None


def _by_setting(specs: Iterable[RunSpec]) -> list[list[RunSpec]]:
    """Specs by what must be equal in a comparison: task, epochs, limits, precision, device."""
    parts: dict[tuple, dict[str, RunSpec]] = {}
    for spec in specs:
        asked = spec.training
        assert asked is not None
        key = (asked.task.name, asked.epochs, asked.limit_train, asked.limit_test)
        parts.setdefault((*key, asked.dtype, asked.device), {}).setdefault(spec.group, spec)
    return [list(part.values()) for part in parts.values()]


def _one_task(
    folder: Path, specs: list[RunSpec], records: list[dict[str, Any]], baseline: str, stale: int
) -> Selection:
    labelled: dict[str, RunSpec] = {}
    for spec in specs:
        assert spec.training is not None
        label = spec.training.label
        while label in labelled:  # the same function and settings from two sources
            label += " *"
        labelled[label] = spec
    if baseline not in labelled and len(labelled) > 1:
        raise ValueError(unknown("baseline", baseline, labelled))
    groups = {spec.group for spec in specs}
    own = [r for r in records if r["group"] in groups]
    return Selection(folder, labelled, own, baseline, stale)
