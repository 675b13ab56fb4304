"""Where on this machine is what a record names: its notebook, and the folder that it works in."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path

from afnlab.paths import find, shared
from afnlab.runs.identity import is_in_file, references
from afnlab.runs.storage.record_schema import Stored


class FolderGone(ValueError):
    """The folder that a notebook of the user's own works in is not here."""


def name_of(notebook: Path) -> str:
    """One of afnlab's by its name, since it may be elsewhere tomorrow; another by its path."""
    return notebook.name if notebook.parent == shared("notebooks") else str(notebook)


def notebook_of(name: str) -> Path:
    """The notebook that `name_of` has named so, whatever the current folder holds of that name.

    ValueError if it is not here.
    """
    return find("notebooks", shared("notebooks") / name, ".ipynb")


def folder_of(
    notebook: str, parameters: Mapping[str, object], folder: object, closed: Sequence[Path] = ()
) -> Path | None:
    """The folder that a run works in which was planned in `folder`, since it may read files there.

    A notebook of afnlab's own reads none: without files of the user's it works in the current
    folder, and with them it does where theirs is not here.

    Args:
        notebook: as `name_of` names it.
        parameters: those that it is given.
        folder: of the record; None in one from before records held it.
        closed: folders whose code is not to be run.

    Returns:
        The folder; None: the current one.

    Raises:
        FolderGone: The folder of a notebook of the user's own is not here.
        ValueError: It is closed.
    """
    if folder is None or not _depends_on_folder(notebook, parameters):
        return None
    ours = _is_ours(notebook)
    there = Path(folder) if isinstance(folder, str) and _is_folder(Path(folder)) else None
    shut = there and any(there.resolve().is_relative_to(f.resolve()) for f in closed)
    if there and not shut:
        return there
    if ours:
        return None
    if shut:
        raise ValueError(f"{folder}: lies among stored runs, whose code is not run")
    raise FolderGone(
        f"{Path(notebook).name} was planned in the folder {folder}, which is not here, on"
        f" {socket.gethostname()}; its results may depend on files there, so it is made again in a"
        " folder of that path"
    )


def made_elsewhere(
    record: Stored, folder: Path, parameters: Mapping[str, object] | None = None
) -> str:
    """The folder that a stored run worked in, if that is another and it may have read files there;
    of a notebook of the user's own, which is given the whole path of a file, the folder of that.

    What it reads by relative paths, or beside that file, is not in its id, so the same run here may
    come to other numbers.

    Args:
        record: of the run.
        folder: what it would work in here.
        parameters: those that it would be given here; None: those that it was.

    Returns:
        The folder; empty if nothing of the kind is to be said.
    """
    there = record.get("folder")
    if not isinstance(there, str) or not _depends_on_folder(record["notebook"], record["given"]):
        return ""
    if there != str(folder):
        return there
    if parameters is None or _is_ours(record["notebook"]):
        return ""
    was, would_be = _folders(record["given"]), _folders(parameters)
    return next((one for one in was if one not in would_be), "")


def _depends_on_folder(notebook: str, parameters: Mapping[str, object]) -> bool:
    return not _is_ours(notebook) or any(references(parameters))


def _is_ours(notebook: str) -> bool:
    return Path(notebook).name == notebook


def _folders(parameters: Mapping[str, object]) -> list[str]:
    """Where the files lie that parameters refer to."""
    files = filter(is_in_file, references(parameters))
    return [str(Path(file).parent) for file in files]


def _is_folder(path: Path) -> bool:
    """Whether a process can work there."""
    try:
        return path.is_absolute() and path.is_dir() and os.access(path, os.X_OK)
    except (OSError, ValueError):  # somewhere that may not be looked at; a NUL
        return False
