"""What a confirmation of `afnlab confirm` says of an idea that is judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from afnlab import digits, stats
from afnlab.compare import attempts
from afnlab.compare.confirmation import confirmation_runs
from afnlab.compare.formatting import difference, interval
from afnlab.compare.summary_table import compare_histories
from afnlab.compare.training_facts import Trained
from afnlab.messages import counted
from afnlab.runs.storage import location, record_schema, runs_folder
from afnlab.runs.storage.record_schema import is_training

IDEA, AGAINST = "idea", "against"


@dataclass(frozen=True)
class Confirmation:
    """An idea and its baseline by fresh seeds whose number was fixed beforehand.

    Attributes:
        verdict: as of `afnlab.compare.compare_histories`.
        seeds: how many pairs there are.
        interval: the mean difference, above 0 for better, and the limits of its interval, which is
            adjusted where there were other attempts.
        text: the verdict and its numbers, in words.
    """

    verdict: str
    seeds: int
    interval: stats.Interval
    text: str


def confirmation_of(runs: str | Path | None, groups: Sequence[str]) -> Confirmation | None:
    """The confirmation of an idea against its baseline that there is; None: there is none.

    Args:
        runs: the folder of the runs that picked, or its URL; None: the usual one.
        groups: of the idea and of the baseline.
    """
    try:
        folder = location.folder(confirmation_runs(runs))
    except ValueError:  # it holds confirmations itself
        return None
    records = list(filter(is_training, runs_folder.records(folder)))
    idea, against = groups
    its = list(attempts.of_pair(records, idea, against))
    seeds = record_schema.seeds_of(its)
    base = [r for r in records if r["group"] == against and not seeds.isdisjoint(r["seeds"])]
    if not its or not base:
        return None
    failures = runs_folder.failures(folder)
    rows = {IDEA: Trained.of_record(its[0])}
    others = attempts.further(rows, Trained.of_record(base[0]), records, failures)
    history = runs_folder.histories(folder, [*its, *base])
    history.insert(0, "label", history.group.map({idea: IDEA, against: AGAINST}))
    metric = record_schema.measure(its[0])
    table = compare_histories(history, AGAINST, metric=metric, further=others)
    measure, row = digits.fitting(metric, table), table.loc[IDEA].to_dict()
    which, kind = ("adjusted", "adjusted") if others else ("difference", "95 %")
    low, high = (row[f"{which}_{end}"] for end in ("low", "high"))
    limits = interval(measure, low, high)
    between = f", {kind} interval {limits}" if limits else ""
    text = (
        f"{row['verdict']}, {difference(measure, row['difference'])} {measure.points}".rstrip()
        + f"{between}, {counted(int(row['pairs']), 'seed')}"
    )
    ends = sorted((metric.sign * low, metric.sign * high))
    mean = stats.Interval(float(metric.sign * row["difference"]), *map(float, ends))
    return Confirmation(str(row["verdict"]), int(row["pairs"]), mean, text)
