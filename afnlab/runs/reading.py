"""Notebooks that read runs: what they would find now is in their ids, as code is.

Such a notebook has a parameter `runs`, a text that says where: a folder or a URL, and if it is
empty the usual one.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from afnlab import paths
from afnlab.runs.fingerprint import Manifest, manifest_of
from afnlab.runs.fingerprint.manifest import texts_in
from afnlab.runs.fingerprint.modules import is_file
from afnlab.runs.fingerprint.syntax import digest
from afnlab.runs.identity import absolute, with_whole_path
from afnlab.runs.notebook_parameters import yaml_lines
from afnlab.runs.storage import location, runs_folder, safe_files
from afnlab.runs.storage.record_schema import Record, is_training
from afnlab.runs.storage.urls import is_url
from afnlab.usercode.lookup import expanded

RUNS, SWEEP = "runs", "sweep"  # parameters
READ = "(what it reads)"  # among the parameters, of which none has such a name
_YAML = (".yaml", ".yml")

States = Callable[[Iterable[Record]], Mapping[str, str]]


def read_now(values: Mapping[str, object], folder: Path, states: States) -> dict[str, str]:
    """What a notebook would read now, as a part of its parameters in their normal form.

    That are the trainings in the folder of runs and in that of their confirmations, those that
    failed among them, with whether their code is still the same, and the files that its parameters
    name: a sweep, a benchmark.

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
        for one in (here, here / runs_folder.CONFIRMATIONS):
            parts += _trainings(one, states)
        parts += _content(here / runs_folder.SPEED)
    for name, value in values.items():
        if isinstance(value, str) and value and name != RUNS:
            parts += [name, *_content(_file(name, value, folder))]
    return {READ: digest(*parts)}


def code_read(
    notebook: Path,
    content: bytes,
    values: Mapping[str, object],
    *,
    folder: Path,
    closed: Sequence[Path] = (),
    texts: bool = False,
) -> Manifest:
    """The code that a notebook reaches, see `manifest_of`: what its parameters name among it.

    Who reads runs by a sweep file asks what these runs would be, and so executes the tasks and the
    activations in files that the sweep file names. They count as if parameters named them.

    Args:
        notebook: its path.
        content: what it holds.
        values: its parameters, the defaults among them.
        folder: where it is executed.
        closed: folders whose files are not followed.
        texts: have docstrings count in any case.

    Returns:
        The code.

    Raises:
        ValueError: for a file that is reached in one of the closed folders.
    """
    naming = absolute(values, (folder,)) | {READ: list(_named_in_files(values, folder))}
    return manifest_of(notebook, content, naming, folder=folder, closed=closed, texts=texts)


def _named_in_files(values: Mapping[str, object], folder: Path) -> Iterator[str]:
    """What the YAML files name that are parameters of a notebook that reads runs."""
    if not isinstance(values.get(RUNS), str):
        return
    for name, value in values.items():
        if isinstance(value, str) and value and name != RUNS:
            with suppress(ValueError, OSError):  # no such file, or it is not YAML
                path = _file(name, value, folder)
                if path.suffix in _YAML and is_file(path):
                    beside = [path.parent, folder]  # where a sweep looks for what it names
                    for text in texts_in(yaml_lines.read(path)[0]):
                        yield _located(text, beside)


def _located(text: str, folders: Sequence[Path]) -> str:
    """A reference to a file, or the name of a notebook, with its whole path; another as it is."""
    if text.endswith(".ipynb"):
        return next((str(f / text) for f in folders if is_file(f / text)), text)
    return with_whole_path(text, folders)


def _folder(where: str, folder: Path) -> Path:
    """The folder of runs, where it is at a URL a copy of it that is up to date."""
    if not is_url(where):
        return folder / expanded(where)
    place = location.place(where)
    place.pull()
    return place.folder


def _trainings(folder: Path, states: States) -> Iterator[str]:
    """The trainings in a folder, and those that failed, which a comparison names."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the notebook will name what is damaged
        made, failed = runs_folder.records(folder), runs_folder.failures(folder)
    for part in (list(filter(is_training, made)), list(filter(is_training, failed))):
        known = states(part)
        for record in part:
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
