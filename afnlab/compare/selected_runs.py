"""Which runs a comparison is about, and the numbers that they hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Self

import pandas as pd

from afnlab import digits
from afnlab.compare import (
    compared_functions,
    costs,
    published_tables,
    run_tables,
    summary_table,
    tuning_summary,
)
from afnlab.compare.code_versions import Version
from afnlab.compare.decided_rows import counted_seeds, counting, decided_rows
from afnlab.compare.next_step import Confirmed, OtherTables
from afnlab.compare.occasions import occasions
from afnlab.compare.training_facts import TaskFacts, Trained
from afnlab.compare.tuning_change import TuningChange, tuning_change
from afnlab.measures import ACCURACY, Measure
from afnlab.messages import counted
from afnlab.runs.filtering import Only
from afnlab.runs.storage import record_schema, runs_folder
from afnlab.runs.storage.record_schema import TrainingRecord
from afnlab.training.space import SELECTION_SEEDS, TUNE, Space, space


@dataclass(frozen=True)
class SelectedRuns:
    """Runs of one task, merged where they differ in seeds alone; see `Selection`.

    Attributes:
        rows: the setting of each row of the comparison, by label.
        records: the records of the runs.
        baseline: the label with which the others are compared.
        margin: the largest difference that does not matter, as histories have it, or None.
        stale: how many runs in the folder were left out because their code has changed.
        elsewhere: the code of how many of these runs is not here, so that it is unknown whether it
            has changed.
        foreign: the notebooks of runs left out because they are no trainings.
        absent: (label, reason) of what was requested and is not there.
        failed: the same of runs that failed, where all runs were requested that are there.
        speed: the speed benchmark with their cost, or None.
        most: how many seeds a row of a sweep has at most that adds seeds until the evidence
            decides, see `afnlab.judging`: these count, and no others; None: it is no such sweep.
        asked: for how many seeds of a row another sweep asks, by group.
        judged_by: the key of the metric that is compared; empty: what the task is judged by.
        only: what these runs were chosen by from more, see `afnlab.runs.filtering`; empty: nothing.
        complete: whether all rows are there that were asked for.
        among: whether there are selections of other settings beside this one.
        apart: the values by which runs are these and not those of the selections beside this one.
        tuning_apart: what tells the tuning from others that are called alike; empty: there is none.
        brief: what tells the setting from those beside it, in few words; empty: the whole of it.
        place: the folder of the runs that were asked for, or their URL.
        sweep: the sweep that was asked for, as it was typed; empty: none.
        overrides: what that was run with in place of its own.
        own_baseline: the baseline that was asked for in place of the sweep's own; empty: none.
        picking: of a confirmation, see `afnlab.compare.confirm`, the comparison in which its rows
            were picked, and none of whose seeds are among these.
        further: by label the comparisons beside these for which p is corrected too: of a sweep,
            one of each row that it lists and of which there is no run; of a confirmation, how many
            others there are of that row, by other code or against another baseline, and of what is
            none of these rows, against this one.
        confirmed: what there is of confirmations of the row that is to be confirmed next, by its
            label, see `confirmed_row`; empty: none is known of.
        others: what the tables of other settings say from which this comparison is split, see
            `other_tables`; None: there are none, or nothing is known of them.
        unfinished: of a confirmation, a sentence on each row whose confirmation lacks a run.
        beside: the records of runs of the same setting that are not among these: their code has
            changed, or others were asked for.
        shared: settings by name that are no defaults but the same in all rows, and left out of
            their labels.
        versions: of the rows whose function was edited between runs, see `code_versions`.
        name: what files about these runs are called, see `selection_names.named_apart`.
    """

    folder: Path
    rows: Mapping[str, Trained]
    records: list[TrainingRecord]
    baseline: str
    stale: int = 0
    elsewhere: int = 0
    margin: float | None = None
    foreign: tuple[str, ...] = ()
    absent: tuple[tuple[str, str], ...] = ()
    failed: tuple[tuple[str, str], ...] = ()
    speed: costs.Benchmark | None = None
    most: int | None = None
    asked: Mapping[str, int] = field(default_factory=dict)
    judged_by: str = ""
    only: Only = field(default_factory=dict)
    complete: bool = True
    among: bool = False
    apart: Only = field(default_factory=dict)
    tuning_apart: str = ""
    brief: str = ""
    place: str = ""
    sweep: str = ""
    overrides: Mapping[str, object] = field(default_factory=dict)
    own_baseline: str = ""
    picking: Self | None = None
    further: Mapping[str, int] = field(default_factory=dict)
    confirmed: Mapping[str, Confirmed] = field(default_factory=dict)
    others: OtherTables | None = None
    unfinished: tuple[str, ...] = ()
    beside: Sequence[TrainingRecord] = ()
    shared: Mapping[str, str] = field(default_factory=dict)
    versions: tuple[Version, ...] = ()
    name: str = ""

    @property
    def setting(self) -> str:
        """The setting of these runs: task, epochs, and whatever is not as usual."""
        return ", ".join(self.facts)

    @property
    def facts(self) -> list[str]:
        """The parts of the setting, the task first."""
        tuned = "" if self.tuning is None else tuning_summary.in_short(self.tuning)
        one = self.first
        values = {
            f"{one.limit_train} to train": one.limit_train,
            f"{one.limit_test} to test": one.limit_test,
            one.dtype: one.dtype != "float32" and "dtype" not in self.shared,
            one.device: one.device != "cpu",
            self.metric.name: self.metric.name != ACCURACY.name,
        }
        tuning = filter(None, [tuned, self.tuning_apart])
        usual = [self.task.name, counted(one.epochs, "epoch"), *tuning]
        alike = sorted({**self.shared, **dict(one.within)}.items())
        further = [text for text, unusual in values.items() if unusual]
        return [*usual, *further, *(f"{name}={text}" for name, text in alike)]

    @property
    def is_confirmation(self) -> bool:
        """Whether its rows were picked in another comparison."""
        return self.picking is not None

    @property
    def picked_among(self) -> int:
        """Of a confirmation, how many comparisons its rows were picked from; else 0."""
        return 0 if self.picking is None else int(self.picking.table.p.notna().sum())

    @property
    def _alike(self) -> list[str]:
        return [f"{name}={text}" for name, text in self.shared.items()]

    @property
    def task(self) -> TaskFacts:
        return self.first.task

    @property
    def first(self) -> Trained:
        return next(iter(self.rows.values()))

    @property
    def activations(self) -> set[str]:
        """The activations of the rows, those in files by the whole paths of these."""
        return {one.source for one in self.rows.values()}

    @property
    def labels(self) -> dict[str, str]:
        """The label of every group of runs."""
        return {one.group: label for label, one in self.rows.items()}

    @cached_property
    def history(self) -> pd.DataFrame:
        """All seeds' histories, with a column `label`; see `summary_table.as_history` for values
        that are not finite."""
        return summary_table.as_history(self._recorded, self.metric)

    @cached_property
    def _recorded(self) -> pd.DataFrame:
        """All histories with values as they are."""
        table = counting(runs_folder.histories(self.folder, self.records), self.counted)
        table.insert(0, "label", table.group.map(self.labels))
        return table

    @cached_property
    def table(self) -> pd.DataFrame:
        """The comparison, see `afnlab.compare.compare_histories`."""
        return self._compared(self._recorded)

    def _compared(self, history: pd.DataFrame) -> pd.DataFrame:
        return summary_table.compare_histories(
            history,
            self.baseline,
            margin=self.margin,
            metric=self.metric,
            until_decided=self.decided_rows,
            further=self.further,
        )

    @cached_property
    def counted(self) -> dict[str, int]:
        """The number of seeds that count, by group, see `counted_seeds`; empty: all do."""
        return counted_seeds(self.records, self.most)

    @cached_property
    def decided_rows(self) -> list[str]:
        """The rows of whose comparison with the baseline seeds were added until it was decided."""
        runs = {label: self.runs_of(label) for label in self.rows}
        return decided_rows(runs, self.baseline, every=self.most is not None)

    @property
    def examples(self) -> int:
        return self.records[0]["environment"]["examples"]["test"]

    @property
    def evaluated(self) -> str:
        """The examples that the values are of: "test" or "validation"."""
        return self.records[0]["environment"]["evaluated"]

    @cached_property
    def measure(self) -> Measure:
        """The metric that is compared, with the decimals that are printed."""
        return (
            self.metric if digits.stated(self.metric) else digits.fitting(self.metric, self.table)
        )

    @cached_property
    def metric(self) -> Measure:
        """The metric that is compared, as the runs have recorded it."""
        recorded = record_schema.measures(self.records[0])
        return next((one for one in recorded if one.key == self.judged_by), recorded[0])

    @property
    def chosen_by(self) -> Measure:
        """The metric by which the task is judged and settings were chosen."""
        return record_schema.measure(self.records[0])

    @cached_property
    def final(self) -> pd.DataFrame:
        """Seeds x labels: the metric after the last epoch."""
        return summary_table.final_values(self.history, self.metric.column)

    @cached_property
    def cost(self) -> costs.Cost:
        """The cost of every label, and the clock that it was measured by."""
        return self._cost(self.speed)

    @property
    def epoch_seconds(self) -> pd.Series:
        """Seconds of an epoch of one model by label, by the clock of these runs."""
        return self._cost(None).seconds

    def _cost(self, speed: costs.Benchmark | None) -> costs.Cost:
        environment = self.records[0]["environment"]
        when = occasions({label: self.runs_of(label) for label in self.rows})
        return costs.cost(self.rows, self.history, environment, self.baseline, speed, when)

    @cached_property
    def learned(self) -> pd.DataFrame:
        """The learned parameters, of the runs that recorded them: label, seed, epoch,
        site, parameter, index, value; empty if none did."""
        learned = self._table(runs_folder.LEARNED)
        columns = [*run_tables.KEYS[runs_folder.LEARNED], "value"]
        return pd.DataFrame(columns=columns) if learned.empty else learned

    @cached_property
    def signals(self) -> pd.DataFrame:
        """Signals inside the networks, of the runs that recorded them, with a column `label`;
        see `afnlab.training.signals.measured`."""
        return self._table(runs_folder.SIGNALS)

    def _table(self, file: str) -> pd.DataFrame:
        """A table of all runs that have it, with a column `label`, see `run_tables`."""
        runs = [(self.labels[r["group"]], r) for r in self.records]
        return run_tables.run_table(self.folder, runs, file, self.counted)

    @cached_property
    def tuning(self) -> Space | None:
        """The settings that were tuned, the same in all runs; None if none was."""
        setting = self.records[0]["parameters"].get(TUNE)
        return None if setting is None else space(setting)

    @cached_property
    def candidates(self) -> pd.DataFrame:
        """The validation results of every candidate, see `afnlab.tune`, with a column `label`."""
        return self._table(runs_folder.CANDIDATES)

    @cached_property
    def chosen(self) -> pd.DataFrame:
        """The setting that every replicate chose, see `afnlab.tune`, with a column `label`."""
        return self._table(runs_folder.CHOSEN)

    @cached_property
    def edges(self) -> list[tuple[str, str, list[str]]]:
        """The tunings that chose an end of their range, see `tuning_summary.at_edges`."""
        if self.tuning is None:
            return []
        return tuning_summary.at_edges(self.chosen, self.candidates, self.tuning)

    @cached_property
    def fixed(self) -> pd.DataFrame:
        """The comparison at the fixed recipe, beside the tuned one; empty if nothing was tuned."""
        return self._at_recipe if self._at_recipe.empty else self._compared(self._at_recipe)

    @cached_property
    def _at_recipe(self) -> pd.DataFrame:
        """The histories at the fixed recipe, as they are; empty if nothing was tuned."""
        return self._table(runs_folder.FIXED)

    @cached_property
    def change(self) -> TuningChange | None:
        """The effect of tuning, seed by seed; None if nothing was tuned."""
        return tuning_change(self._at_recipe, self._recorded, self.measure)

    @cached_property
    def tunings(self) -> dict[str, pd.DataFrame]:
        """The comparison by what the tuning cost: the fixed recipe, cheaper tunings, and what was
        done (`table`); empty if nothing was tuned."""
        if self.tuning is None or self.fixed.empty:
            return {}
        history, tables = self._table(runs_folder.CHEAPER), {"fixed recipe": self.fixed}
        for count, turns in self.tuning.cheaper if len(history) else ():
            part = history[(history.candidates == count) & (history[SELECTION_SEEDS] == turns)]
            if len(part):
                tables[tuning_summary.effort(count, turns, self.tuning)] = self._compared(part)
        done = (self.tuning.count, self.tuning.selection_seeds)
        return tables | {tuning_summary.effort(*done, self.tuning): self.table}

    @cached_property
    def claims(self) -> pd.DataFrame:
        """The numbers that the task's source printed, see `published_tables.beside`.

        Nothing where a record names another file than one of afnlab's: none of its choice is read.
        """
        if self.task.published not in published_tables.known():
            return pd.DataFrame(columns=published_tables.COLUMNS)
        printed = published_tables.published(self.task.published, exact=True)
        return published_tables.beside(
            printed[printed.task == self.task.name],
            self.history,
            self.first.epochs,
            self.task.epochs,
            self._changed(),
            record_schema.measures(self.records[0]),
        )

    def _changed(self) -> str:
        """What sets these runs apart from the task as its source describes it."""
        one = self.first
        if one.limit_train or one.limit_test:
            return "only some of the examples were used"
        if one.options["split"] != "test":
            return "measured on validation examples"
        if self.tuning is not None:
            return "each activation was tuned"
        return f"measured with {', '.join(self._alike)}" if self.shared else ""

    @property
    def seeds(self) -> int:
        """The number of seeds that every row has."""
        return int(self.table.seeds.min())

    @cached_property
    def same(self) -> list[tuple[str, ...]]:
        """Labels whose functions are one and the same, trained alike, so that equal numbers are no
        coincidence."""
        values: dict[tuple, list[str]] = {}
        for label, one in self.rows.items():
            if (used := compared_functions.used(one, self.folders_of(label))) is not None:
                values.setdefault((used.tobytes(), one.training), []).append(label)
        return [tuple(labels) for labels in values.values() if len(labels) > 1]

    @property
    def runs(self) -> dict[str, list[TrainingRecord]]:
        """The records of the runs of every row, by its label."""
        labels = self.labels
        runs: dict[str, list[TrainingRecord]] = {}
        for record in self.records:
            runs.setdefault(labels[record["group"]], []).append(record)
        return runs

    def runs_of(self, label: str) -> list[TrainingRecord]:
        """The records of the runs of a row.

        Args:
            label: the row's.
        """
        return [r for r in self.records if r["group"] == self.rows[label].group]

    def folders_of(self, label: str) -> list[Path]:
        """The folders of the runs of a row.

        Args:
            label: the row's.
        """
        return [self.folder / r["id"] for r in self.runs_of(label)]
