"""Notebooks that read runs: what they would find now is in their ids, as code is.

Such a notebook has a parameter `runs`, a text that says where: a folder or a URL, and if it is
empty the usual one.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from afnlab import paths
from afnlab.runs.fingerprint.syntax import digest
from afnlab.runs.storage import location, runs_folder, safe_files
from afnlab.runs.storage.record_schema import Record, is_training
from afnlab.runs.storage.urls import is_url
from afnlab.usercode.lookup import expanded

RUNS, SWEEP = "runs", "sweep"  # parameters
READ = "(what it reads)"  # among the parameters in their normal form; none has such a name
_BELOW, _BESIDE = "confirm", "speed.json"  # what else comparisons look for in a folder of runs

States = Callable[[Iterable[Record]], Mapping[str, str]]


def read_now(values: Mapping[str, object], folder: Path, states: States) -> dict[str, str]:
    """What a notebook would read now, as a part of its parameters in their normal form.

    That are the trainings in the folder of runs and in that of their confirmations, with whether
    their code is still the same, and the files that its parameters name: a sweep, a benchmark.

    Args:
        values: its parameters, the defaults among them.
        folder: where it is executed.
        states: tells of records whether their code has changed, by their ids.

    Returns:
        Its digest under `READ`; nothing for a notebook that reads no runs.
    """
    where = values.get(RUNS)
    if not isinstance(where, str):
        return {}
    parts: list[str] = []
    with suppress(ValueError, OSError):  # no such folder, or it cannot be reached: there is nothing
        here = _folder(where or os.environ.get(runs_folder.ENVIRONMENT) or RUNS, folder)
        for one in (here, here / _BELOW):
            parts += _trainings(one, states)
        parts += _content(here / _BESIDE)
    for name, value in values.items():
        if isinstance(value, str) and value and name != RUNS:
            parts += [name, *_content(_file(name, value, folder))]
    return {READ: digest(*parts)}


def _folder(where: str, folder: Path) -> Path:
    """The folder of runs, where it is at a URL a copy of it that is up to date."""
    if not is_url(where):
        return folder / expanded(where)
    place = location.place(where)
    place.pull()
    return place.folder


def _trainings(folder: Path, states: States) -> Iterator[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the notebook will name what is damaged
        records = list(filter(is_training, runs_folder.records(folder)))
    known = states(records)
    for record in records:
        yield from (record["id"], str(record.get("sum")), known[record["id"]])


def _file(name: str, value: str, folder: Path) -> Path:
    """The file that a parameter names, if it names one."""
    path = folder / expanded(value)
    if name == SWEEP and not path.suffix:
        with suppress(ValueError):
            return paths.find("sweeps", value, ".yaml")
    return path


def _content(path: Path) -> Iterator[str]:
    with suppress(OSError, ValueError):
        if path.is_file():
            yield str(safe_files.summed(path)["sha256"])
