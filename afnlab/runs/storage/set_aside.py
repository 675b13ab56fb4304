"""What stands in the way of a file that is to be written, and may be the user's: it is kept.

What afnlab itself has written there it knows by the sums that it noted then.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from itertools import count
from pathlib import Path, PurePath

from afnlab.runs.storage import safe_files

KEPT = "kept"  # the folder, within that of the files, of what stood in their way


def keep(folder: Path, name: str) -> Path:
    """Move what has a name in a folder to the first place that is free within `kept`.

    A link leads from there to where it has led.

    Args:
        folder: in which it lies, by no links.
        name: a relative path.

    Returns:
        Where it is now.
    """
    for number in count(1):
        aside = folder / (KEPT if number == 1 else f"{KEPT}-{number}")
        above = [aside / parent for parent in PurePath(name).parents]
        free = all((p.is_dir() and not p.is_symlink()) or not os.path.lexists(p) for p in above)
        if free and not os.path.lexists(aside / name):
            (aside / name).parent.mkdir(parents=True, exist_ok=True)
            _move(folder / name, aside / name)
            return aside / name
    raise AssertionError


def sums(folder: Path, names: Iterable[str]) -> dict[str, object]:
    """The SHA-256 of files that were written, to be noted for `as_noted`.

    Args:
        folder: in which they lie.
        names: theirs.
    """
    return {name: safe_files.summed(folder / name)["sha256"] for name in names}


def as_noted(folder: Path, noted: object) -> set[str]:
    """The names of the files of a folder that nobody has changed since their sums were noted.

    Args:
        folder: in which they lie.
        noted: the sums by name, as they are read: anything may stand in their place.
    """
    known = noted if isinstance(noted, dict) else {}
    return {name for name, one in known.items() if safe_files.is_as_written(folder, name, one)}


def _move(path: Path, to: Path) -> None:
    if not path.is_symlink() or path.readlink().is_absolute():
        path.rename(to)
        return
    back = os.path.relpath(path.parent, to.parent)
    to.symlink_to(Path(back) / path.readlink(), target_is_directory=path.is_dir())
    path.unlink()
