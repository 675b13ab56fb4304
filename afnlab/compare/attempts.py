"""Which confirmations of a row there have been, by the runs in their folder.

A row whose code was edited is another experiment, with other runs; to who looks at results it is
another attempt at the same thing. So attempts are told by what a row is called, and one keeps
counting beside the confirmations of other rows when its own row is no longer there. The runs of the
baseline say for which attempt they were made: it is known of while they are there, even if those
of the row were removed.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from afnlab.compare.training_facts import Trained
from afnlab.runs.storage import confirmation_notes, runs_folder
from afnlab.runs.storage.confirmation_notes import (
    BASELINE_GROUP,
    LABEL,
    ROW,
    SEEDS,
    pair,
    seeds_noted,
    tells,
)
from afnlab.runs.storage.record_schema import FailureRecord, TrainingRecord, seeds_of


@dataclass(frozen=True)
class Attempts:
    """The other confirmations of a row: by other code, or against another baseline.

    Attributes:
        number: how many there are.
        seeds: those with which it was trained, so that they are not fresh.
    """

    number: int
    seeds: frozenset[int]

    @classmethod
    def beside(
        cls,
        row: Trained,
        baseline: str,
        confirming: Sequence[TrainingRecord],
        failures: Collection[FailureRecord] = (),
        picking: Sequence[TrainingRecord] = (),
    ) -> Attempts:
        """Those beside the confirmation of a row, as its code is, against a baseline.

        Args:
            row: the row.
            baseline: the group of the baseline's runs.
            confirming: the runs in the folder of the confirmations.
            failures: what failed there; an attempt of which no more is known showed nothing.
            picking: the runs in the folder of those that picked.
        """
        label, its = label_of(row), (row.group, baseline)
        others: set[tuple[str, str]] = set()
        seeds: set[int] = set()
        for record, one, groups, called in _made(row, baseline, confirming, failures):
            as_row = groups != its and _is_called(called, label)
            if as_row:
                others.add(groups)
                seeds |= seeds_noted(record)
            if as_row or (groups != its and _is_called(label_of(one), label)):
                seeds |= {*record["seeds"]}
        for record, one in runs_folder.readable(picking, Trained.of_record):
            if _setting(one, row) == _setting(row, row) and _is_called(label_of(one), label):
                seeds |= {*record["seeds"]}
        return cls(len(others), frozenset(seeds))


def further(
    rows: Mapping[str, Trained],
    baseline: Trained | None,
    confirming: Sequence[TrainingRecord],
    failures: Collection[FailureRecord] = (),
) -> Counter[str]:
    """The confirmations that count beside those of some rows: the other ones of each, by its label,
    and those of what is none of them, by what that is called.

    Args:
        rows: those whose confirmations are compared, by label.
        baseline: what they are compared with; None: what that is is not known.
        confirming, failures: as of `Attempts.beside`.
    """
    group = baseline.group if baseline else ""
    its = {n: Attempts.beside(one, group, confirming, failures).number for n, one in rows.items()}
    beside = of_no_row(rows.values(), baseline, confirming, failures) if baseline else Counter()
    return Counter(its) + beside  # without those of which there are none


def of_no_row(
    rows: Collection[Trained],
    baseline: Trained,
    confirming: Sequence[TrainingRecord],
    failures: Collection[FailureRecord] = (),
) -> Counter[str]:
    """The confirmations against a baseline of what is none of these rows, by what that is called.

    Their code was edited, say, or their sweep no longer lists them. Those of which nothing tells
    against which baseline they were, since its runs were removed, may have been against this one.

    Args:
        rows: those whose confirmations are compared.
        baseline: what they are compared with.
        confirming, failures: as of `Attempts.beside`.
    """
    known = {*map(label_of, rows)}
    base = label_of(baseline)
    against = {r["group"]: label_of(one) for r, one in _readable(confirming)}
    others: dict[tuple[str, str], str] = {}
    for _, _, groups, called in _made(baseline, baseline.group, confirming, failures):
        its = base if groups[1] == baseline.group else against.get(groups[1], base)
        if _is_called(its, base) and not any(_is_called(called, n) for n in (*known, base)):
            others[groups] = called
    return Counter(map(_in_short, others.values()))


def noted(row: Trained, baseline: str, seeds: Iterable[int]) -> dict[str, str]:
    """What the records of a confirmation's runs say, of the row's and of the baseline's.

    Args:
        row: the row.
        baseline: the group of the baseline's runs.
        seeds: of the confirmation, of which the baseline may have some already.
    """
    its = json.dumps(sorted(seeds))
    return {ROW: row.group, BASELINE_GROUP: baseline, LABEL: label_of(row), SEEDS: its}


def of_pair(records: Iterable[TrainingRecord], row: str, baseline: str) -> Iterable[TrainingRecord]:
    """The runs of a row in its confirmation against a baseline.

    Those that say nothing of it are from before runs did, and of any.

    Args:
        records: the runs in the folder of the confirmations.
        row: the group of the row's runs.
        baseline: that of the baseline's.
    """
    return (r for r in records if r["group"] == row and pair(r, baseline) == (row, baseline))


def begun(
    records: Iterable[TrainingRecord],
    row: str,
    baseline: str,
    used: Collection[int],
    failures: Iterable[FailureRecord] = (),
) -> set[int]:
    """The seeds of a row's confirmation against a baseline, once it has begun.

    Where the row has no runs they were removed, or are still to be made, and those of the baseline
    tell. Older ones do not say them: then they are its seeds up to the last that was trained for
    this confirmation, but for those with which the row was trained before. Where the row's run
    failed, nothing was shown, so nothing is fixed, unless it may have been shown before: see
    `confirmation_notes.tells`.

    Args:
        records: the runs in the folder of the confirmations.
        row: the group of the row's runs.
        baseline: that of the baseline's.
        used: the seeds with which the row was trained otherwise.
        failures: what failed there.
    """
    listed = list(records)
    if its := seeds_of(of_pair(listed, row, baseline)):
        return its
    of_base = [r for r in listed if r["group"] == baseline]
    for_it = [r for r in of_base if pair(r, baseline) == (row, baseline) and tells(r, failures)]
    if not for_it or (its := {seed for r in for_it for seed in seeds_noted(r)}):
        return its
    last = max(seeds_of(for_it))
    return {seed for seed in seeds_of(of_base) if seed <= last} - {*used}


def was_confirmed(records: Iterable[TrainingRecord], group: str) -> bool:
    """Whether these runs were themselves those of a row that was confirmed.

    Args:
        records: the runs in the folder of the confirmations.
        group: that of the runs.
    """
    return any(r["group"] == group == confirmation_notes.noted(r).get(ROW) for r in records)


def label_of(row: Trained) -> str:
    """What a row is called, whatever its code is: its settings, and the whole path of its file.

    Args:
        row: the row.
    """
    return row.labelled((), row.source)


def _made(
    like: Trained,
    baseline: str,
    confirming: Sequence[TrainingRecord],
    failures: Collection[FailureRecord],
) -> Iterator[tuple[TrainingRecord, Trained, tuple[str, str], str]]:
    """The runs of confirmations in a setting: what each trained, the groups of the row and the
    baseline that it was for, and what that row is called. Not of those that failed.

    like: a training in that setting; baseline: the group of that of which runs do not say it.
    """
    for record, one in _readable(confirming):
        if _setting(one, like) == _setting(like, like) and tells(record, failures):
            called = confirmation_notes.noted(record).get(LABEL, label_of(one))
            yield record, one, pair(record, baseline), called


def _readable(records: Iterable[TrainingRecord]) -> Iterator[tuple[TrainingRecord, Trained]]:
    return runs_folder.readable(records, Trained.of_record)


def _in_short(label: str) -> str:
    """What a row is called, without the folder of its file."""
    file, colon, rest = label.partition(".py:")
    return f"{Path(file).name}{colon}{rest}" if colon else label


def _setting(one: Trained, like: Trained) -> tuple[object, ...]:
    """What sets confirmations apart; not the code of the task, which may be edited as a row's.

    like: one of the comparison, which may be split by settings.
    """
    limits, within = (one.limit_train, one.limit_test), one.configured.under(dict(like.within))
    return (one.task.name, one.epochs, *limits, one.dtype, one.device, one.tuned, within)


def _is_called(label: str, other: str) -> bool:
    """Whether two labels mean one row; so do those of a file before and after it was moved."""
    if label == other:
        return True
    (file, colon, name), (its, _, its_name) = (text.partition(".py:") for text in (label, other))
    moved = bool(colon) and not Path(f"{file}.py").is_file()
    return moved and (Path(file).name, name) == (Path(its).name, its_name)
