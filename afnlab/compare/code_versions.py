"""Rows of one function whose code was edited between their runs: which version of it each is.

A sweep takes the runs of the code as it is now. Where no sweep is named and the files are not where
the runs were made, nobody knows which code is the present one, so the runs of all of it are shown.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from afnlab.compare.training_facts import Trained
from afnlab.messages import enumerated
from afnlab.runs.moved_code import lies_here
from afnlab.runs.storage.record_schema import TrainingRecord


@dataclass(frozen=True)
class Version:
    """A version of a function's code.

    Attributes:
        source: the function, with the whole path of its file.
        number: its place among the versions, in the order in which they were first run.
        among: how many versions there are.
        record: of its first run.
    """

    source: str
    number: int
    among: int
    record: TrainingRecord

    @property
    def words(self) -> str:
        """What is said of it behind the label of a row."""
        return f"(version {self.number} of {self.among})"


def versions(
    rows: Sequence[Trained], labels: Sequence[str], records: Iterable[TrainingRecord]
) -> dict[str, Version]:
    """The versions of the rows whose function has several, by the groups of their runs.

    Args:
        rows: of one comparison.
        labels: what each is called.
        records: their runs.
    """
    runs: dict[str, list[TrainingRecord]] = {}
    for record in records:
        runs.setdefault(record["group"], []).append(record)
    by_source: dict[str, list[tuple[Trained, str]]] = {}
    for one, label in zip(rows, labels, strict=True):
        if one.group in runs:
            by_source.setdefault(one.source, []).append((one, label))
    made: dict[str, Version] = {}
    for source, its in by_source.items():
        made |= _of_function(source, its, runs)
    return made


def _of_function(
    source: str, rows: Sequence[tuple[Trained, str]], runs: Mapping[str, list[TrainingRecord]]
) -> dict[str, Version]:
    """The versions of one function: by its own file, else by all that its runs reached, else by
    anything, until no two rows of one version are called alike."""
    for key in (_own_file, _files, _group):
        keys = {one.group: key(one, runs[one.group][0]) for one, _ in rows}
        if len({(keys[one.group], label) for one, label in rows}) == len(rows):
            break
    if len({*keys.values()}) == 1:
        return {}
    first = {group: min(runs[group], key=lambda r: r["started"]) for group in keys}
    begun: dict[Hashable, TrainingRecord] = {}
    for group in sorted(keys, key=lambda group: first[group]["started"]):
        begun.setdefault(keys[group], first[group])
    order = {one: number for number, one in enumerate(begun, 1)}
    return {
        group: Version(source, order[one], len(begun), begun[one]) for group, one in keys.items()
    }


def _own_file(one: Trained, record: TrainingRecord) -> Hashable:
    """The code of the file that the activation lies in, by whatever path."""
    return record.get("code", {}).get(one.reference.rpartition(":")[0], "")


def _files(one: Trained, record: TrainingRecord) -> Hashable:
    """The code of all files of the user's that a run reached."""
    code = record.get("code", {})
    return frozenset((Path(n).name, its) for n, its in code.items() if Path(n).is_absolute())


def _group(one: Trained, record: TrainingRecord) -> Hashable:
    return record["group"]


def notes(made: Iterable[Version]) -> list[str]:
    """A sentence on each function with several versions: when each was first run, and which of them
    its file holds now, where that is known.

    Args:
        made: the versions of the rows of a comparison.
    """
    functions: dict[str, dict[int, Version]] = {}
    for one in made:
        functions.setdefault(one.source, {})[one.number] = one
    return [_note([its[number] for number in sorted(its)]) for its in functions.values()]


def _note(its: Sequence[Version]) -> str:
    name = Path(its[0].source).name
    runs = enumerated([f"version {one.number} on {_minute(one.record)} UTC" for one in its])
    here = [one.number for one in its if lies_here(one.record)]
    if here:
        now = f"the code here now is version {enumerated(list(map(str, here)))}"
    else:
        now = "which of them the file holds now is not known, since none of this code is here"
    return (
        f"{name} was edited between runs, and the rows of its {its[0].among} versions have"
        f" names of their own: first run was {runs}; {now}. `afnlab runs diff` names the files"
        " that differ; a comparison of a sweep file takes the present code alone."
    )


def _minute(record: TrainingRecord) -> str:
    return record["started"][:16].replace("T", " ")
