"""What an activation costs: by the speed benchmark where there is one, else by the runs' clock."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from afnlab.compare import epochs
from afnlab.compare.occasions import Occasion
from afnlab.compare.training_facts import Trained
from afnlab.measures import ACCURACY, Measure
from afnlab.messages import LISTED, counted, some
from afnlab.native import kernels
from afnlab.registry import get_activation
from afnlab.runs.notebook_parameters.parsing import command
from afnlab.runs.storage import safe_files

LARGE = 1 << 20  # elements from which on the arithmetic counts, not the call
RUNS = "timed during these runs"
UNSTEADY = 1.3  # median epoch over the quickest, beyond which times are not to be compared
UNEVEN = 1.3  # times of rows of one function, beyond which the load cannot have been the same
TIMELESS = ("lr", "init", "init_scale")  # options that take no time
_COLUMNS = {"dtype", "elements", "input", "function", "way", "pass", "seconds"}
_FACTS = ("device", "device_name", "threads", "date")


@dataclass(frozen=True)
class Cost:
    """Seconds by label, and what they measure.

    Attributes:
        seconds: by label.
        of: what takes these seconds.
        by: how they were measured.
        missing: the labels without a measurement.
        unsteady: ratio of a median measurement to the fastest.
        uneven: the largest ratio of two times of rows of one function, which differ in the values
            of its parameters at most.
        slower: by label, what half of the measurements stay below; None where only one number is
            known of each.
        alike: by label, the first one that does the same work, and so has the same cost.
        once: the labels of which there is one measurement, whose noise nobody knows.
        apart: the labels that were measured on other occasions than the baseline was, when the load
            of the machine may have been another.
        written: the labels whose activation no compiled kernel computes, but operations of torch
            one by one, as it is written.
    """

    seconds: pd.Series
    of: str = "an epoch of one model"
    by: str = RUNS
    missing: tuple[str, ...] = ()
    unsteady: float = 1.0
    uneven: float = 1.0
    slower: pd.Series | None = None
    alike: Mapping[str, str] = field(default_factory=dict)
    once: tuple[str, ...] = ()
    apart: tuple[str, ...] = ()
    written: tuple[str, ...] = ()

    def ways(self, labels: Iterable[str], baseline: str) -> str:
        """Which labels have no kernel while the baseline has one, or the other way round.

        Args:
            labels: those of interest.
            baseline: the row that they are compared with.

        Returns:
            A sentence, since part of such a difference in time is this; empty if there are none.
        """
        unlike = [n for n in labels if (n in self.written) != (baseline in self.written)]
        if not unlike:
            return ""
        ways = ("as written, uncompiled", "by a compiled kernel")
        theirs, its = reversed(ways) if baseline in self.written else ways
        are = "are" if len(unlike) > 1 else "is"
        return f"{some(unlike, LISTED)} {are} computed {theirs}, {baseline} {its}."

    @property
    def ordered(self) -> bool:
        """Whether the clock tells anything of which is quicker."""
        return not (self.once or self.apart or self.under_load)

    @property
    def under_load(self) -> str:
        """What shows that the machine had other work, of another amount from row to row, so that no
        ratio of these times is one of costs; empty: nothing does."""
        if self.unsteady > UNSTEADY:
            return f"a median epoch took {self.unsteady:.1f} times the quickest"
        if self.uneven > UNEVEN:
            return f"rows of one function took up to {self.uneven:.1f} times as long as one another"
        return ""

    @property
    def measured_in_runs(self) -> bool:
        return self.by.startswith(RUNS)

    @property
    def by_in_short(self) -> str:
        """How it was measured, in a few words."""
        return RUNS if self.measured_in_runs else "by the speed benchmark"

    @property
    def ranges(self) -> pd.DataFrame:
        """Columns low and high by label: the seconds from the quickest measurement to the median
        one. Times whose ranges overlap are in no order that the clock could tell."""
        high = self.seconds if self.slower is None else self.slower
        return pd.DataFrame({"low": self.seconds, "high": high})

    def ratio_range(self, label: str, baseline: str) -> tuple[float, float]:
        """The ends of the ratio of two times, from their ranges.

        Args:
            label: the row.
            baseline: the row that it is divided by.
        """
        low, high = self.ranges.low, self.ranges.high
        return float(low[label] / high[baseline]), float(high[label] / low[baseline])


@dataclass(frozen=True)
class Benchmark:
    """A file that `afnlab bench activations --json FILE` wrote."""

    times: pd.DataFrame
    facts: Mapping[str, Any]

    def seconds(self, one: Trained) -> float | None:
        """Forward and backward of an activation as a run computes it; None if not measured."""
        at = self.times[self.times.function == one.activation].set_index("way").seconds
        ways = ["kernel" if one.native else "expression", "torch"]
        if one.trainable:
            ways = ["trained"]
        return next((float(at[way]) for way in ways if way in at), None)

    @property
    def of(self) -> str:
        one = self.times.iloc[0]
        return f"a forward and backward pass over {one.elements:,} {one['dtype']} numbers"

    def by(self, machine: str) -> str:
        """How it was measured; machine: the name of the runs' device."""
        name, date, threads = (self.facts[n] for n in ("device_name", "date", "threads"))
        other = "" if name == machine else f", where the runs had {machine}"
        used = counted(threads, "thread")
        return f"by the speed benchmark of {date} on {name} with {used}{other}"


def read(path: Path) -> Benchmark:
    """The benchmark in a file; ValueError if it is not one of activations."""
    if not path.exists():
        made = command("bench", "activations", json=path)
        raise ValueError(f"{path}: no such file; write it with `{made}`")
    wrong = f"{path}: is no file of `afnlab bench activations --json FILE`"
    try:
        content = safe_files.parse_json(safe_files.read(path, safe_files.LARGEST_JSON))
        times = pd.DataFrame(content["activations"])
        facts = {name: content[name] for name in _FACTS}
    except Exception as error:  # what it holds may be anything
        raise ValueError(f"{wrong} ({type(error).__name__}: {error})") from None
    if not set(times) >= _COLUMNS:
        raise ValueError(f"{wrong} (lacks {', '.join(sorted(_COLUMNS - set(times)))})")
    if not all(isinstance(value, str) for name, value in facts.items() if name != "threads"):
        raise ValueError(f"{wrong} (its facts are no texts)")
    for name in ("seconds", "elements"):
        column = times[name]
        if column.dtype.kind not in "if" or not (column > 0).all():
            raise ValueError(f"{wrong} (its {name} are no numbers above 0)")
    times = times[(times["pass"] == "both") & (times.input == "normal")]
    times = times[times.dtype == times.dtype.iloc[0]] if len(times) else times
    sizes = sorted(times.elements.unique())
    if not sizes:
        raise ValueError(f"{wrong} (no forward and backward passes)")
    size = next((n for n in sizes if n >= LARGE), sizes[-1])
    return Benchmark(times[times.elements == size], facts)


def cost(
    rows: Mapping[str, Trained],
    history: pd.DataFrame,
    machine: Mapping[str, object],
    baseline: str,
    benchmark: Benchmark | None = None,
    occasions: Mapping[str, frozenset[Occasion]] | None = None,
) -> Cost:
    """The cost of the rows, by the benchmark if it is applicable, else by the histories.

    A benchmark of another kind of device, or without the baseline, is not applicable, and the
    result says so.

    Args:
        rows: the trainings, by label.
        history: columns label, seed, epoch, seconds.
        machine: the environment of the runs.
        baseline: the label with which the others are compared.
        benchmark: the speed benchmark, if there is one.
        occasions: on which the runs of each label were made; None: it is not known.
    """
    why, same = "", alike(rows)
    written = tuple(label for label, one in rows.items() if not _has_kernel(one))
    if benchmark is not None:
        measured = {label: benchmark.seconds(one) for label, one in rows.items()}
        seconds = pd.Series({n: s for n, s in measured.items() if s is not None}, dtype=float)
        if benchmark.facts["device"] != machine["device"]:
            why = f", since the speed benchmark is of {benchmark.facts['device']}"
        elif baseline not in seconds or len(seconds) < 2:
            why = f", since the speed benchmark has only {', '.join(seconds.index) or 'others'}"
        else:
            missing = tuple(label for label in measured if label not in seconds)
            by = benchmark.by(str(machine["device_name"]))
            return Cost(seconds, benchmark.of, by, missing, alike=same, written=written)
    worked = history.assign(label=history.label.map(lambda label: same.get(label, label)))
    unsteady = epochs.unsteadiness(history)
    seconds, slower = (
        pd.Series(
            {label: times[same.get(label, label)] for label in sorted(history.label.unique())}
        )
        for times in (epochs.cost(worked), epochs.median_cost(worked))
    )
    return Cost(
        seconds,
        by=RUNS + why,
        unsteady=unsteady,
        uneven=_unevenness(seconds, rows),
        slower=slower,
        alike=same,
        once=tuple(n for n in seconds.index if _timings(worked, same.get(n, n)) == 1),
        apart=_apart(same, occasions or {}, baseline),
        written=written,
    )


def _has_kernel(one: Trained) -> bool:
    """Whether one kernel computed the activation: torch's, or in that run afnlab's."""
    try:
        record = get_activation("" if one.is_user_defined else one.activation)
    except ValueError:  # a user's own, or one of another version of afnlab
        return False
    return record.fused or (one.native and record.name in kernels.names())


def _timings(history: pd.DataFrame, label: str) -> int:
    """How many times were measured of a row: seeds that are trained together share theirs."""
    columns = [name for name in ("run", "epoch", "seconds") if name in history]
    return len(history.loc[history.label == label, columns].drop_duplicates())


def _apart(
    same: Mapping[str, str], occasions: Mapping[str, frozenset[Occasion]], baseline: str
) -> tuple[str, ...]:
    """The labels that were not timed on the occasions on which the baseline was.

    same: of `alike`, rows of which have one time, that of all their occasions.
    """
    work: dict[str, frozenset[Occasion]] = {}
    for label, when in occasions.items():
        first = same.get(label, label)
        work[first] = work.get(first, frozenset()) | when
    usual = work.get(same.get(baseline, baseline))
    if usual is None:
        return ()
    return tuple(label for label in occasions if work[same.get(label, label)] != usual)


def alike(rows: Mapping[str, Trained]) -> dict[str, str]:
    """By label, the first one of those that do the same work: a difference between their times is
    the clock's.

    Args:
        rows: the trainings, by label.
    """
    first: dict[str, str] = {}
    same = {}
    for label, one in rows.items():
        same[label] = first.setdefault(_work(one, one.parameters), label)
    return same


def _work(one: Trained, parameters: object) -> str:
    """What takes a training's time, of the activation's parameters what is given."""
    options = {name: value for name, value in one.options.items() if name not in TIMELESS}
    what = [one.activation, one.reference, parameters, one.trainable, one.native, options]
    return json.dumps(what, sort_keys=True, default=str)


def _unevenness(seconds: pd.Series, rows: Mapping[str, Trained]) -> float:
    """The largest ratio of two times of rows that differ in the values of parameters at most."""
    times: dict[str, list[float]] = {}
    for label, one in rows.items():
        if label in seconds:
            times.setdefault(_work(one, sorted(one.parameters)), []).append(seconds[label])
    return max((max(its) / min(its) for its in times.values() if min(its) > 0), default=1.0)


def pareto_front(
    means: pd.Series,
    cost: pd.Series,
    measure: Measure = ACCURACY,
    slower: pd.Series | None = None,
) -> list[str]:
    """Labels that no other beats in both the metric's mean and cost; the cheapest first.

    Args:
        means: of the metric, by label.
        cost: by label.
        measure: the metric.
        slower: the upper end of each cost's range. Labels whose ranges overlap are not in an order
            of cost, so the better mean is enough to beat another.
    """
    good, high = measure.sign * means, cost if slower is None else slower

    def beaten(label: str) -> bool:
        ahead = (good > good[label]) & (cost <= high[label])
        return bool((ahead | ((good == good[label]) & (high < cost[label]))).any())

    return [label for label in cost.sort_values(kind="stable").index if not beaten(label)]
