"""Which runs a comparison is about, and what they hold."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from afnlab.analysis import claims, curves, tables, wording
from afnlab.loading import unknown
from afnlab.runs import places, store, sweepfile
from afnlab.runs.spec import RunSpec, Training


@dataclass(frozen=True)
class Selection:
    """Runs of one task, merged where they differ in seeds alone.

    specs: one a row of the comparison, by label; records: the runs behind them; baseline: the label
    that the others are compared with; margin: a difference too small to matter (a fraction), or
    None; stale: how many runs in the folder were left out because their code has changed since;
    foreign: the notebooks of runs left out because they are no trainings; absent: (label, reason)
    of what was asked for and is not there.
    """

    folder: Path
    specs: Mapping[str, RunSpec]
    records: list[dict[str, Any]]
    baseline: str
    stale: int = 0
    margin: float | None = None
    foreign: tuple[str, ...] = ()
    absent: tuple[tuple[str, str], ...] = ()

    @property
    def name(self) -> str:
        """Task and epochs, as a file may be called."""
        words = f"{self.task.name}-{self.first.epochs}-epochs"
        return re.sub(r"[^A-Za-z0-9._-]+", "-", words)

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
        return tables.compare(self.history, self.baseline, self.classes, self.margin)

    @property
    def classes(self) -> int | None:
        return self.records[0]["environment"].get("classes")

    @cached_property
    def final(self) -> pd.DataFrame:
        """Seeds x labels: test accuracy after the last epoch."""
        return tables.final_values(self.history)

    @cached_property
    def cost(self) -> pd.Series:
        """Seconds of an epoch of one model, by label, see `afnlab.analysis.curves.cost`."""
        return curves.cost(self.history)

    @cached_property
    def learned(self) -> pd.DataFrame:
        """What the activations learned, of the runs that recorded it: label, seed, epoch, site,
        parameter, index, value; empty if none did."""
        labels = {spec.group: label for label, spec in self.specs.items()}
        parts = [
            pd.read_parquet(path).assign(label=labels[r["group"]])
            for r in self.records
            if (path := self.folder / r["id"] / "parameters.parquet").is_file()
        ]
        filled = [part for part in parts if len(part)]
        keys = ["label", "seed", "epoch", "site", "parameter", "index"]
        if not filled:
            return pd.DataFrame(columns=[*keys, "value"])
        return pd.concat(filled, ignore_index=True).drop_duplicates(keys)

    @cached_property
    def claims(self) -> pd.DataFrame:
        """What the task's source printed beside these runs, see `afnlab.analysis.claims.beside`."""
        if not self.task.published:
            return pd.DataFrame(columns=claims.COLUMNS)
        printed = claims.published(self.task.published.removesuffix(".csv"), exact=True)
        return claims.beside(
            printed[printed.task == self.task.name],
            self.history,
            self.first.epochs,
            self.task.recipe.epochs,
            self._changed(),
        )

    @cached_property
    def answers(self) -> dict[str, str]:
        """What the numbers say, by question, see `afnlab.analysis.wording.answers`."""
        environment = self.records[0]["environment"]
        examples = environment["examples"]["test"]
        said = wording.answers(self.table, self.baseline, examples, self.margin, self.cost)
        seeds = sorted({int(n) for n in self.table.seeds})
        facts = [
            self.task.summary or self.task.name,
            f"{len(self.specs)} activations",
            f"{' to '.join(map(str, sorted({seeds[0], seeds[-1]})))} seeds each",
            f"{self.first.epochs} epochs",
            f"evaluated on {examples} {environment['evaluated']} examples",
            f"{environment['device_name']}, torch {environment['torch']}",
        ]
        (first, which), *rest = said.items()
        return {first: which, "On what?": "; ".join(facts) + ".", **dict(rest)}

    @property
    def notes(self) -> list[str]:
        """What else has to be known to read the table."""
        notes = [
            wording.same_functions(self.same),
            *wording.mixed(self.records),
            *wording.left_out(self.stale, self.foreign, self.absent),
            *wording.unequal_seeds(self.final),
        ]
        return [note for note in notes if note]

    def _changed(self) -> str:
        """What sets these runs apart from the task as its source describes it."""
        asked = self.first
        if asked.limit_train or asked.limit_test:
            return "only some of the examples were used"
        return "measured on validation examples" if asked.options.split != "test" else ""

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
    margin: float | None = None,
    **overrides: Any,
) -> list[Selection]:
    """The runs to compare, one selection a task.

    runs: the folder or URL (None: `$AFNLAB_RUNS` or `runs`). sweep: take the runs of this sweep
    file, with `overrides` (epochs, seeds, ...) as it was run; empty: all runs whose code is still
    what it was. margin: a difference of accuracy too small to matter, a fraction. ValueError, with
    what to do, if there are none.
    """
    folder = places.folder(runs)
    if not folder.is_dir():
        raise ValueError(f"{folder}: no such folder; make runs first, with `afnlab sweep`")
    if margin is not None and not 0 < margin < 1:
        raise ValueError(f"margin must be above 0 and below 1 (a fraction), got {margin!r}")
    every = store.records(folder)
    records = [r for r in every if "task" in r["parameters"]]
    left: dict[str, Any] = {"stale": 0, "foreign": (), "absent": ()}
    if sweep:
        asked = sweepfile.read(sweep).specs(**overrides)
        groups = {spec.group for spec in asked}
        chosen = [r for r in records if r["group"] in groups]
        found = {r["group"] for r in chosen}
        specs = [spec for spec in asked if spec.group in found]
        left["absent"] = _absent(asked, chosen, folder)
    else:
        current = {r["id"]: _current(r) for r in records}
        specs = [spec for spec in current.values() if spec is not None]
        chosen = [r for r in records if current[r["id"]] is not None]
        left["stale"] = len(records) - len(chosen)
        left["foreign"] = tuple(
            Path(r["notebook"]).name for r in every if "task" not in r["parameters"]
        )
        left["absent"] = tuple(
            (path.name[:8], _reason(path))
            for path in sorted((folder / store.FAILED).glob("*"))
            if not store.is_there(folder, path.name)
        )
    if not chosen:
        why = wording.left_out(**left)
        of = f" of {sweep}" if sweep else ""
        raise ValueError(
            " ".join([f"{folder}: holds no runs{of}; make them with `afnlab sweep`.", *why])
        )
    parts = _by_setting(specs)
    return [  # what is left out is said once
        _one_task(folder, part, chosen, baseline, margin, {} if at else left)
        for at, part in enumerate(parts)
    ]


def _absent(
    specs: Iterable[RunSpec], records: Iterable[dict[str, Any]], folder: Path
) -> tuple[tuple[str, str], ...]:
    """(label, reason) of every spec, or of its seeds, that no run holds."""
    done: dict[str, set[int]] = {}
    for r in records:
        done.setdefault(r["group"], set()).update(r["seeds"])
    found = []
    for spec in specs:
        seeds = [s for s in spec.seeds if s not in done.get(spec.group, ())]
        if seeds:
            what = "" if spec.group not in done else f"seeds {', '.join(map(str, seeds))}: "
            found.append((spec.label, what + _reason(folder / store.FAILED / spec.id)))
    return tuple(found)


def _reason(failed: Path) -> str:
    """Why a run is missing: the error it ended with, or that it was not made."""
    try:
        facts = json.loads((failed / store.ERROR).read_text(encoding="utf-8"))
        return f"failed: {facts['message'].splitlines()[0]}"
    except OSError:
        return "not run"
    except (ValueError, KeyError, IndexError):
        return "failed"


def _current(record: dict[str, Any]) -> RunSpec | None:
    """The spec of a record, if it would still be the same run."""
    try:
        spec = RunSpec.of_record(record)
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
    folder: Path,
    specs: list[RunSpec],
    records: list[dict[str, Any]],
    baseline: str,
    margin: float | None,
    left: dict[str, Any],
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
    return Selection(folder, labelled, own, baseline, margin=margin, **left)
