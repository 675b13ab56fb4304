"""The comparison of anybody's results: a table with one row for each method and seed, or epoch."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import floor, log10
from pathlib import Path
from sys import float_info
from typing import TYPE_CHECKING, Literal, NamedTuple

import pandas as pd

from afnlab import digits
from afnlab.compare import answers, caveats, foreign_csv, scales, summary_table, wandb_chart
from afnlab.compare.formatting import power_of_ten
from afnlab.compare.metric_direction import check_direction
from afnlab.compare.missing_rows import counted_too
from afnlab.compare.one_task import check_one_task, may_differ
from afnlab.compare.whole_numbers import rounded
from afnlab.compare.would_decide import QUESTION, would_decide
from afnlab.errors import ParameterError, shown
from afnlab.measures import Measure
from afnlab.messages import enumerated, plain
from afnlab.printing import label_of
from afnlab.runs.conventions import DEFAULT_BASELINE
from afnlab.spellings import spelling, unknown
from afnlab.usercode.lookup import expanded

if TYPE_CHECKING:
    from afnlab.runs.storage.location import Place
    from afnlab.runs.storage.record_schema import Record
    from afnlab.training.result import Result

KEY = "value"  # of the metric, whatever its name
_UNPAIRED = (
    "without pairs a permutation test compares the means: --unpaired, or in Python unpaired=True"
)
ASSUMED = "higher values count as better (`--better lower` turns it)"
_ONE_ROW = "leave one row of each seed, the one that counts, and name no column of epochs"
SMALL, LARGE = (
    1e-4,
    1e8,
)  # the usual size of a row, below and from which on a power of ten is taken out


class RunOfRow(NamedTuple):
    """A run that a value is from: the label of its row, its seed, and its record."""

    label: str
    seed: Hashable
    record: Record


@dataclass(frozen=True)
class ForeignComparison:
    """A comparison of the results in a table.

    Attributes:
        name: where it is from.
        history: label, seed, epoch and the metric's column.
        metric: what the values are.
        baseline: the label with which the others are compared.
        margin: the largest difference that does not matter, or None.
        examples: how many each value is of; 0: unknown.
        unfinished: a sentence on rows of runs that did not finish, or nothing.
        read_as: a sentence on what was taken for label and seed, where no column says it.
        unpaired: whether means are compared without pairs.
        source: the file that it was read from; None: there is none.
        source_sum: the SHA-256 of that file as it was read; "": its values are from elsewhere.
        runs: where the runs lie that the values are from; None: they are from no runs.
        doubts: sentences on what nobody can tell of how the rows were made.
        rows_are: what the labels are, as the head of their column.
        when: of what moment the values are, if that is known.
        trained: whether afnlab has trained what is compared, so that the metric, and what a seed
            sets, are known.
        in_all: the command that makes what every row lacks of so many seeds; None: nobody here
            knows one.
        assumed: whether nobody has said that higher values are better, as they count here.
        made_by: the runs that the values are from.
        missing: the rows that were asked for and of which there is no value; p is corrected for
            their comparisons too.
    """

    name: str
    history: pd.DataFrame
    metric: Measure
    baseline: str
    margin: float | None = None
    examples: int = 0
    unfinished: str = ""
    read_as: str = ""
    unpaired: bool = False
    source: Path | None = None
    source_sum: str = ""
    runs: Place | None = None
    doubts: Sequence[str] = ()
    rows_are: str = "activation"
    when: str = ""
    trained: bool = False
    in_all: Callable[[int], str] | None = None
    assumed: bool = False
    made_by: Sequence[RunOfRow] = ()
    missing: Sequence[str] = ()

    @cached_property
    def measure(self) -> Measure:
        """The metric of the values, with the decimals that are printed."""
        return digits.fitting(self.metric, self.table)

    @cached_property
    def table(self) -> pd.DataFrame:
        """The comparison, see `afnlab.compare.compare_histories`."""
        return summary_table.compare_histories(
            self.history,
            self.baseline,
            margin=self.margin,
            metric=self.metric,
            further=Counter(self.missing),
            unpaired=self.unpaired,
        )

    @cached_property
    def final(self) -> pd.DataFrame:
        """Seeds x labels: the value after the last epoch."""
        return summary_table.final_values(self.history, self.metric.column)

    @property
    def subject(self) -> str:
        """What is compared with what, and the direction: of two that announce another best row, the
        reader has to know which it is before he reads the answers."""
        assumed = f"; {ASSUMED}" if self.assumed else ""
        return f"{label_of(self.measure)}, against {self.baseline}{assumed}"

    @property
    def legend(self) -> str:
        """Explanations of the columns of the table, see `afnlab.compare.summary_table.legend`."""
        on = summary_table.SAME_EXAMPLES if self.trained else ""
        return summary_table.legend(self.table, self.baseline, self.measure, self.when, on)

    @property
    def answers(self) -> dict[str, str]:
        """Answers in sentences, by question, see `afnlab.compare.answers.answers`."""
        context = (self.examples, self.margin, None, self.measure, _UNPAIRED)
        said = answers.answers(self.table, self.baseline, *context)
        decides = would_decide(self.table, self.margin, self.measure, self.in_all)
        return said | ({QUESTION: decides} if decides else {})

    @property
    def notes(self) -> list[str]:
        """Notes that are needed to read the table."""
        missing = caveats.no_baseline(self.baseline, self.table.index)
        return [
            *counted_too(self.table, self.missing),
            *self.doubts,
            *([] if self.trained else scales.suspicious(self.final, self.metric.unit)),
            *filter(None, [self.read_as, missing, self.unfinished]),
            *caveats.of_rounding(self.table, self.final, self.baseline),
            *caveats.within_margin(self.table, self.margin, self.measure),
            *caveats.beyond_seeds(self.table, self.final, self.measure),
            *(caveats.without_pairs if self.unpaired else caveats.in_pairs)(
                self.final, self.baseline
            ),
        ]


def compare_table(
    table: str | Path | pd.DataFrame,
    *,
    label: str = "label",
    seed: str = "seed",
    value: str = "value",
    epoch: str = "",
    better: Literal["higher", "lower"] | None = None,
    unit: str = "",
    baseline: str = "",
    margin: float | None = None,
    encoding: str = "",
    unpaired: bool = False,
) -> ForeignComparison:
    """Compare the results in a table of any origin.

    Args:
        table: A CSV file, or a data frame. One row for each method and seed; with `epoch` one
            for each epoch, of which the last counts, and has to be the same for all. The exports of
            W&B's and of MLflow's tables of runs are such. W&B's export of a chart, with one column
            for each run, is read too if the runs' names end in their seeds (relu-seed3, relu_s3,
            relu 3).
        label, seed, value, epoch: The columns: what is compared, what pairs it, the number, the
            epoch or step. A column's last part will do where no other has it, acc for metrics.acc.
        better: Whether "higher" or "lower" values are better; None: higher, which is said then, but
            for a value with the name of a loss, an error or a time.
        unit: Of the values, as it is printed.
        baseline: The label with which the others are compared; "": ReLU, or the first of the table.
        margin: The largest difference that does not matter, in the unit of the values.
        encoding: Of the file's text, such as "latin-1"; "": UTF-8, or UTF-16 if the file begins
            with its mark.
        unpaired: Compare means without pairs, by a permutation test: for methods that share no
            seed, or whose seeds mean nothing alike.

    Returns:
        The comparison, with `.table`, `.answers`, `.notes` and `.final`. Values that are tiny or
        huge are printed by a power of ten (`.measure.scale`); the table has them as they are.

    Raises:
        ValueError: A column is not there or not of numbers, a value is missing, a method has a seed
            twice, not all end at the same epoch, the baseline is not among the labels, the margin
            is not above 0, or `better` is not given and the value's name may be a loss's.
    """
    name, content = foreign_csv.read(table, encoding)
    source_sum = "" if isinstance(table, pd.DataFrame) else content.attrs["sha256"]
    metric, read_as, otherwise = value, "", _ONE_ROW
    if wandb_chart.is_chart(content):
        metric, content, read_as = wandb_chart.read(name, content, value)
        (label, seed, epoch, value), otherwise = content.columns, wandb_chart.TABLE
    columns = {"label": label, "seed": seed, KEY: value} | ({"epoch": epoch} if epoch else {})
    names = {ours: foreign_csv.column(name, content, text, ours) for ours, text in columns.items()}
    check_direction(better, metric, names[KEY])
    history = pd.DataFrame({ours: content[column] for ours, column in names.items()})
    history["label"] = history["label"].map(lambda v: plain(v).strip(), na_action="ignore")
    history["seed"] = foreign_csv.seeds(content, names["seed"])
    history[KEY] = foreign_csv.numbers(name, content, names[KEY])
    read_as = read_as or foreign_csv.points_read(content, names[KEY])
    for ours in ("label", "seed", *(["epoch"] if epoch else [])):
        if (empty := history[ours].isna()).any():
            raise ValueError(f"{name}: {names[ours]} is empty in {foreign_csv.rows(empty)}")
    if epoch:
        history["epoch"] = foreign_csv.numbers(name, content, names["epoch"])
    keys = ["label", "seed", *(["epoch"] if epoch else [])]
    if (twice := history.duplicated(keys)).any():
        apart = foreign_csv.settings_apart(content, history[keys], names.values())
        raise ValueError(f"{name}: {_more_than_once(history, twice, apart)}")
    if epoch:
        _check_lengths(name, history, otherwise)
    unfinished = foreign_csv.unfinished(content)
    return of_history(
        name,
        history.reset_index(drop=True),
        metric,
        better=better,
        unit=unit,
        baseline=meant_baseline(name, baseline, list(dict.fromkeys(history.label))),
        margin=margin,
        unfinished=unfinished,
        read_as=read_as,
        unpaired=unpaired,
        source=None if isinstance(table, pd.DataFrame) else expanded(table).absolute(),
        source_sum=source_sum,
        doubts=rounded(content[names[KEY]]),
        rows_are=plain(names["label"]),
        when=f"at the last {plain(names['epoch'])}" if epoch else "",
    )


def of_history(
    name: str,
    history: pd.DataFrame,
    metric: str,
    *,
    better: Literal["higher", "lower"] | None,
    unit: str,
    baseline: str,
    margin: float | None,
    unpaired: bool,
    rows_are: str,
    source: Path | None,
    source_sum: str = "",
    runs: Place | None = None,
    unfinished: str = "",
    read_as: str = "",
    doubts: Sequence[str] = (),
    when: str = "",
    in_all: Callable[[int], str] | None = None,
    made_by: Sequence[RunOfRow] = (),
    missing: Sequence[str] = (),
) -> ForeignComparison:
    """The comparison of values that were read.

    Args:
        name, baseline, margin, unpaired, rows_are, source, source_sum, runs, unfinished, read_as,
            doubts, when, in_all, made_by, missing: as of `ForeignComparison`.
        history: label, seed, `KEY`, and the epoch where there are several.
        metric: what the values are called.
        better, unit: as of `compare_table`.

    Raises:
        ValueError: The margin is not above 0.
    """
    scale, shown_unit = _printed(history, unit)
    measure = Measure(
        name=plain(metric), key=KEY, better=better or "higher", scale=scale, unit=shown_unit
    )
    summary_table.check_margin(margin, measure)
    return ForeignComparison(
        name,
        summary_table.as_history(history, measure),
        measure,
        baseline,
        margin,
        unfinished=unfinished,
        read_as=read_as,
        unpaired=unpaired,
        source=source,
        source_sum=source_sum,
        runs=runs,
        doubts=doubts,
        rows_are=rows_are,
        when=when,
        in_all=in_all,
        assumed=better is None,
        made_by=made_by,
        missing=missing,
    )


def _more_than_once(history: pd.DataFrame, twice: pd.Series, apart: Sequence[str]) -> str:
    """Which row a table has more than once, and what to do; apart: in what such rows differ."""
    first, has_epochs = history[twice].iloc[0], "epoch" in history
    at = f"{first.label} with seed {first.seed}" + (f" at {first.epoch}" if has_epochs else "")
    said = f"{at} stands there more than once, in {foreign_csv.rows(twice)}"
    if not apart:
        return f"{said}; leave one row of each"
    ways = [
        "leave the rows of one setting",
        "take for --label a column that tells settings apart",
        *([] if has_epochs else ["name with --epoch the one that counts epochs or steps"]),
    ]
    return f"{said}; such rows differ in {enumerated(apart)}: {', or '.join(ways)}"


def _check_lengths(name: str, history: pd.DataFrame, otherwise: str) -> None:
    """Refuse results after different numbers of epochs: how long a run took is no choice of its
    method where it crashed, and which values are meant to be compared is not known.

    otherwise: what to do if the lengths are meant.
    """
    ends = history.groupby(["label", "seed"], sort=False).epoch.max()
    last = ends.max()
    if (early := ends[ends < last]).empty:
        return
    (label, seed), epoch = early.index[0], early.iloc[0]
    which = label if (ends[label] == epoch).all() else f"seed {seed} of {label}"
    runs = history.groupby("epoch").size()
    common = runs.index[runs == len(ends)]  # no seed has an epoch twice
    there = ""
    if len(common):
        there = f"leave out what is after {common.max():.15g}, the last that all have, or "
    raise ValueError(
        f"{name}: {which} ends at epoch {epoch:.15g}, and others at {last:.15g}; {there}{otherwise}"
    )


def compare_results(
    results: Mapping[str, Result],
    *,
    baseline: str = "",
    margin: float | None = None,
    unpaired: bool = False,
) -> ForeignComparison:
    """Compare trainings of one task, as `afnlab.train` and `afnlab.tune` return them.

    Args:
        results: By label, such as {"mine": afnlab.train(...), "relu": afnlab.train(...)}.
        baseline: The label with which the others are compared; "": ReLU, or the first.
        margin: The largest difference that does not matter, as differences are printed: points of
            accuracy, dB.
        unpaired: Compare means without pairs, by a permutation test: for trainings that share no
            seed.

    Returns:
        The comparison, with `.table`, `.answers`, `.notes` and `.final`;
        `afnlab.report.comparison` shows it.

    Raises:
        ParameterError: What is given is no mapping of labels to such results.
        ValueError: There are no results, they are of different tasks or settings (which
            `afnlab compare` would set apart), they are judged by different metrics, the baseline is
            not among the labels, or the margin is not above 0.
    """
    _check_results(results)
    names = dict.fromkeys(one.task.metric.name for one in results.values())
    if len(names) != 1:
        raise ValueError(
            f"results must be judged by one metric, got {' and '.join(names) or 'none'}"
        )
    check_one_task(results)
    first = next(iter(results.values())).info
    measure = Measure.read(first["measures"][0])
    against = meant_baseline("results", baseline, list(results))
    summary_table.check_margin(margin, measure, measure.scale)
    columns = ["label", "seed", "epoch", measure.column, "test_loss", "diverged"]
    parts = [one.history.assign(label=label) for label, one in results.items()]
    history = summary_table.as_history(pd.concat(parts, ignore_index=True)[columns], measure)
    limit = None if margin is None else margin / measure.scale
    tasks = dict.fromkeys(one.task.name for one in results.values())
    examples = first["examples"]["test"]
    return ForeignComparison(
        ", ".join(tasks),
        history,
        measure,
        against,
        limit,
        examples,
        unpaired=unpaired,
        doubts=may_differ(results),
        when=summary_table.AT_THE_END,
        trained=True,
    )


def _check_results(results: object) -> None:
    """ParameterError for what is no mapping of labels to results."""
    from afnlab.training.result import Result  # noqa: PLC0415

    allowed = 'a mapping of labels to results of afnlab.train, as {"mine": ..., "relu": ...}'
    if not isinstance(results, Mapping):
        raise ParameterError("results", results, allowed)
    for label, one in results.items():
        if not isinstance(label, str) or not isinstance(one, Result):
            raise ParameterError("results", {label: one}, allowed, at=(label,))


def meant_baseline(name: str, wanted: str, labels: Sequence[str]) -> str:
    """The label that is meant by a baseline.

    It may be spelled in another way, as the names of activations may, but for signs of numbers:
    noise=-1 is not noise=1.

    Args:
        name: what messages call the table.
        wanted: what was given; "": ReLU, or the first label.
        labels: of the rows.

    Raises:
        ValueError: No label is meant, or several are.
    """
    name_of_it = wanted or DEFAULT_BASELINE
    if name_of_it in labels:
        return name_of_it
    meant = [label for label in labels if _spelled(label) == _spelled(name_of_it)]
    if not wanted:
        return [*meant, *labels][0]
    if not meant:
        raise ValueError(f"{name}: {unknown('baseline', wanted, labels)}")
    if len(meant) > 1:
        several = " or ".join(meant)
        raise ValueError(
            f"{name}: the baseline {shown(wanted)} may be {several}; give it as written"
        )
    return meant[0]


def _spelled(label: str) -> str:
    return spelling(re.sub(r"-(?=[\s.]*\d)", "minus", label))


def _printed(history: pd.DataFrame, unit: str) -> tuple[float, str]:
    """What values are multiplied by to be printed, and the unit: of tiny or huge ones, a power of
    ten belongs to it."""
    largest = digits.usual_size(history[KEY].abs().groupby(history.label).max())
    power = max(floor(log10(largest)), -float_info.max_10_exp) if largest > 0 else 0
    if SMALL <= 10.0**power < LARGE:
        power = 0
    times = f"{power_of_ten(power)} " if power else ""
    return 10.0**-power, f"{times}{unit}".rstrip()
