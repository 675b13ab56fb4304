"""A stored run planned again: from its code where it was, or where the same code is now."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from afnlab.runs.moved_code import at_places, counterpart, moved_files
from afnlab.runs.run_spec import RunSpec
from afnlab.runs.staleness import (
    ELSEWHERE,
    is_readable,
    missing,
    own_files,
    state,
    what_changed,
)
from afnlab.runs.storage.record_schema import Record
from afnlab.runs.whereabouts import FolderGone, folder_of
from afnlab.usercode.lookup import expanded

_MOST_NAMED = 3


def planned_again(
    record: Record,
    closed: Sequence[Path] = (),
    code: str | Path | None = None,
    report: Callable[[str], object] = lambda line: None,
) -> RunSpec:
    """What makes a run again.

    Where a file of its code is not at its place, one in another folder is taken whose path ends
    alike, if the run's id follows from it: if its content is the same. None of them is executed to
    learn that. The folder that is looked in takes the place of the one that a notebook of the
    user's own worked in, if that is gone and this one holds such files of the run: it was handed
    over.

    Args:
        record: of the run.
        closed: folders whose code is not to be run, such as that of the record.
        code: the folder to look in; None: the current one.
        report: takes lines on which files are taken where these may be doubted.

    Returns:
        The spec, whose id is the record's.

    Raises:
        ValueError: There is no such folder, or a file of the run's code is nowhere, or its code has
            changed since, or is in a closed folder, or the folder that it works in is not here.
    """
    where = expanded(code or "").resolve()
    if not where.is_dir():
        raise ValueError(f"{code}: no such folder to look for code in")
    no_folder = None
    try:  # before its files are looked up there, which would all have changed
        works_in = folder_of(record["notebook"], record["given"], record.get("folder"), closed)
    except FolderGone as error:
        no_folder, works_in = error, None
    if no_folder is None and not (change := what_changed(record, closed)):
        spec = RunSpec.of_record(record, closed)
        if spec.id == record["id"]:
            _tell(record, {}, where, closed, report)
            return spec
        change = f"its code, notebook or parameters have changed since, this would be {spec.id}"
    gone = missing(record)
    for moved in moved_files(record, gone, where, closed):
        if no_folder is not None and not moved:
            continue
        one = at_places(moved, record) | {"folder": str(works_in or where)}
        if not what_changed(one, closed):  # else nothing of it is imported
            spec = RunSpec.of_record(one, closed)
            if spec.id == record["id"]:
                _tell(record, moved, where, closed, report)
                if no_folder is not None:
                    report(
                        f"it works in {where}, since {record['folder']} is not here: files that it"
                        " reads by relative paths may be other ones"
                    )
                return spec
    if no_folder is not None:
        said = f": {_not_here(gone, where, closed)}" if gone else ""
        raise FolderGone(f"{no_folder}, or in {where}, if that holds its own files{said}")
    if gone and state(record) == ELSEWHERE:
        change = (
            f"{_not_here(gone, where, closed)}; name the folder that has the run's own files, as"
            " they were, with --code FOLDER"
        )
    raise ValueError(f"{record['id']} ({record['label']}): {change}")


def _tell(
    record: Record,
    moved: Mapping[str, Path],
    where: Path,
    closed: Sequence[Path],
    report: Callable[[str], object],
) -> None:
    """Say which files are taken from another place than the record names, and which of two."""
    lines = []
    for path in dict.fromkeys(own_files(record)):
        if path in moved:
            if moved[path] != Path(path):
                lines.append(f"{moved[path]} is taken in place of {path}: its code is the same")
        elif is_readable(path) and _is_another(other := counterpart(path, where, closed), path):
            lines.append(f"{path} is taken, where the run was made, and not {other}")
    for line in lines[:_MOST_NAMED]:
        report(line)
    if len(lines) > _MOST_NAMED:
        report(f"and so are {len(lines) - _MOST_NAMED} more of its files")


def _is_another(place: Path | None, path: str) -> bool:
    return place is not None and not place.samefile(path)


def _not_here(gone: Sequence[str], where: Path, closed: Sequence[Path]) -> str:
    """Which files are not here, and where they were looked for."""
    said = []
    for path in gone[:_MOST_NAMED]:
        place = counterpart(path, where, closed)
        other = f"{place} is another file" if place else f"{where} holds no {Path(path).name}"
        said.append(f"{path} is not here, and {other}")
    more = f"; and {len(gone) - _MOST_NAMED} more" if len(gone) > _MOST_NAMED else ""
    return f"{'; '.join(said)}{more}"
