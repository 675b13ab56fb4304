"""Where the code of a stored run is now, if it is not where the run was made: in another folder,
where paths end alike. Nothing of it is executed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from afnlab.runs.conventions import REFERENCES
from afnlab.runs.staleness import is_readable, missing, own_files, what_changed
from afnlab.runs.storage.record_schema import Record


def lies_here(record: Record, folder: str | Path = "") -> bool:
    """Whether the code of a run, as it was, is where the run was made or else in a folder.

    Nothing of it is executed to learn that, see `planned_again`.

    Args:
        record: of the run.
        folder: to look in; empty: the current one.
    """
    where = Path(folder).resolve()
    if not what_changed(record):
        return True
    return any(
        moved and not what_changed(at_places(moved, record) | {"folder": str(where)})
        for moved in moved_files(record, missing(record), where, ())
    )


def moved_files(
    record: Record, gone: Sequence[str], where: Path, closed: Sequence[Path]
) -> Iterator[dict[str, Path]]:
    """Where the files of a run may be now: the missing ones, and the others with them.

    What a missing neighbour belongs to has to be beside it.

    Args:
        record: of the run.
        gone: those of its files that are missing.
        where: the folder to look in.
        closed: folders whose files are not taken.
    """
    for paths in (gone, own_files(record)) if gone else ():
        places = {path: counterpart(path, where, closed) for path in paths}
        yield {path: place for path, place in places.items() if place is not None}


def counterpart(path: str, where: Path, closed: Sequence[Path]) -> Path | None:
    """The file of a folder whose path ends like another's, in as many parts as may be.

    Args:
        path: that of the other.
        where: the folder to look in.
        closed: folders whose files are not taken.
    """
    parts = Path(path).parts[1:]
    for at in range(len(parts)):
        place = where.joinpath(*parts[at:])
        if is_readable(str(place)) and not _is_in(place, closed):
            return place
    return None


def at_places(places: Mapping[str, Path], record: Record) -> Record:
    """A record as if the files that it refers to had been at other places.

    Args:
        places: where they are, by their paths in the record.
        record: of the run.
    """

    def there(value: object) -> object:
        if isinstance(value, list):
            return [there(one) for one in value]
        if isinstance(value, dict):  # a tuple, as JSON holds it
            return {name: there(one) for name, one in value.items()}
        file, colon, name = str(value).rpartition(":")
        return f"{places[file]}{colon}{name}" if file in places else value

    parameters = {n: there(v) if n in REFERENCES else v for n, v in record["given"].items()}
    notebook = places.get(record["notebook"], record["notebook"])
    return record | {"given": parameters, "notebook": str(notebook)}


def _is_in(path: Path, folders: Sequence[Path]) -> bool:
    return any(path.resolve().is_relative_to(folder.resolve()) for folder in folders)
