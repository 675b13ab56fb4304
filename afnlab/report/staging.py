"""A report's files: written aside, then put in place together, and the last report's removed.

So are those of a comparison of anybody's results. Both may lie in one folder: each has a name, by
which its state is called, and what is there only while it is written.

Whatever ends a report before all of it is written leaves the one that was there. What ends it while
its files are put in place, which takes milliseconds, leaves the rest to the next report: `settle`.
What stands in a report's place and is not as the last one wrote it, or of which nobody knows who
wrote it, may be the user's: it is moved into the folder `kept`, under its name.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePath

from afnlab.locks import Claim
from afnlab.messages import enumerated
from afnlab.report.state import NAME, SCHEMA, ReportState, state_of, stored
from afnlab.runs.storage import atomic_write, safe_files
from afnlab.runs.storage.location import Place
from afnlab.runs.storage.set_aside import keep

_PART, _READY = ".{}-", ".{}.ready"  # of a report's name
_ELSEWHERE = "give another one: out (--out FOLDER)"
_OF_ITS_OWN = "remove it, or give this one a folder of its own: out (--out FOLDER)"


@contextmanager
def aside(target: Path, kept: list[Path] | None = None, name: str = NAME) -> Iterator[Path]:
    """A folder to write a report into; when that is done, its files take their places.

    Args:
        target: the report's folder, in which files of the user's may lie too.
        kept: takes where those of them are that stood in the way.
        name: the report's.

    Returns:
        The folder, as a context manager. It has to hold the report's state at the end; files that
        this lists and that are not in the folder stay as the last report wrote them.

    Raises:
        ValueError: if another process is writing a report there, or a file cannot take its place.
    """
    kept = [] if kept is None else kept
    target.mkdir(parents=True, exist_ok=True)
    with Claim(target, name) as claim:
        if not claim.held:
            raise ValueError(f"{target}: another process is writing a {name} there")
        _settle(target, kept, name)
        part = _PART.format(name)
        for abandoned in target.glob(f"{part}*"):  # by a process that was killed
            atomic_write.discard(abandoned)
        folder = Path(tempfile.mkdtemp(prefix=part, dir=target))
        try:
            yield folder
            folder.rename(target / _READY.format(name))
            _settle(target, kept, name)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def settle(target: Path, kept: list[Path] | None = None) -> None:
    """Put a report that was written whole in its place, and remove what the last one alone wrote.

    What lies in the folder as the last report has written it, by the sums in its state, is its own;
    what was changed since, or was never written by it, stays, or is moved aside where a file of
    this report has its place. Nothing is removed or replaced through a link. Where another process
    is writing a report, this is left to it.

    Args:
        target: the report's folder.
        kept: takes where the files are that were moved aside.

    Raises:
        ValueError: if a file cannot take its place.
    """
    if (target / _READY.format(NAME)).exists():
        with Claim(target, NAME) as claim:
            if claim.held:
                _settle(target, [] if kept is None else kept)


def _settle(target: Path, kept: list[Path], called: str = NAME) -> None:
    """Put a finished report in its place, as the holder of the claim."""
    ready = target / _READY.format(called)
    if ready.is_symlink() or not ready.is_dir():
        return
    try:
        _put_all(ready, target, kept, called)
    except OSError as error:
        where, why = error.filename2 or error.filename or target, error.strerror or error
        raise ValueError(f"{where}: cannot be written ({why}); {_ELSEWHERE}") from None
    shutil.rmtree(ready)


def _put_all(ready: Path, target: Path, kept: list[Path], called: str) -> None:
    if not (now := _files(ready, called)):
        return  # its state, which takes its place last, is there already
    # A state that lists whatever lay there still tells what a file with a place in a report was
    # when that was written, but not of the others that a report has made them.
    last, before = stored(target, called).get("files"), _files(target, called)
    known = last if isinstance(last, dict) else {}
    for name in now:
        if (ready / name).is_file():  # else it was put in place before an interruption
            kept += _out_of_the_way(target, name, (known.get(name), now[name]))
            (target / name).parent.mkdir(exist_ok=True)
            (ready / name).replace(target / name)
    for name in before.keys() - now.keys():
        if safe_files.is_as_written(target, name, before[name]):
            (target / name).unlink()
    state = state_of(called)
    if not _is_state(target, called) and os.path.lexists(target / state):
        kept.append(keep(target, state))
    (ready / state).replace(target / state)


def _out_of_the_way(target: Path, name: str, known: Collection[object]) -> Iterator[Path]:
    """Move aside what has the name of a report's file, unless its sum is known, and what is no
    folder and has the name of the one that this lies in; where that is then."""
    for above in reversed(PurePath(name).parents[:-1]):
        folder = target / above
        if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
            yield keep(target, str(above))
    as_known = any(safe_files.is_as_written(target, name, one) for one in known)
    if not as_known and os.path.lexists(target / name):
        yield keep(target, name)


def said(kept: Collection[Path], name: str = NAME) -> list[str]:
    """A line about the files that stood in the way of a report's, if there were any.

    Args:
        kept: where they are now.
        name: the report's.
    """
    if not kept:
        return []
    where = enumerated(list(map(str, kept)))
    return [f"moved aside what was not as the last {name} wrote it: {where}"]


def _is_state(target: Path, called: str) -> bool:
    """Whether a folder has the state of a report, and not a file of that name by somebody else."""
    state, known = stored(target, called), ReportState.__annotations__
    return isinstance(state.get("files"), dict) and state.keys() <= known.keys()


def is_whole(target: Path, but: str = "") -> bool:
    """Whether all files of a report are there as they were written.

    Args:
        target: the report's folder.
        but: the name of one that does not count.
    """
    files = _files(target)
    its = (safe_files.is_as_written(target, name, files[name]) for name in files if name != but)
    return bool(files) and all(its)


def require_not_read(target: Path, files: Collection[str], read: Path | None) -> None:
    """Refuse a folder in which the file that a report is made of has the name of one of its own.

    Args:
        target: the report's folder, which need not be there.
        files: the names of the files that it has.
        read: what it is made of, by whatever path; None: no file.

    Raises:
        ValueError: if it is one of them.
    """
    for path in (target / name for name in files):
        if read is not None and safe_files.are_same(path, read):
            raise ValueError(
                f"{path}: is the file that is read ({read}), and would be written over;"
                f" {_ELSEWHERE}"
            )


def seen_from(folder: Path, path: Path) -> str:
    """A path as it is seen from a folder, whatever links lead to either.

    Args:
        folder: of the report.
        path: of what it is about.
    """
    return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()


def at(folder: Path, path: str) -> str:
    """Where a path leads that is given as it is seen from a folder; a URL leads where it does.

    Args:
        folder: of the report.
        path: as of `seen_from`.
    """
    if "://" in path:
        return path
    whole, here = Path(os.path.normpath(folder.resolve() / path)), Path.cwd()
    return str(whole.relative_to(here) if whole.is_relative_to(here) else whole)


def of_runs(folder: Path, runs: Place) -> str:
    """What a report says of where its runs lie: their URL, or their folder as it is seen from its.

    Args:
        folder: of the report.
        runs: where they lie.
    """
    is_here = runs.name == str(runs.folder.resolve())
    return seen_from(folder, runs.folder) if is_here else runs.shown


def require_same(
    target: Path,
    about: Mapping[str, object],
    said: Callable[[dict[str, object]], str],
    name: str = NAME,
) -> None:
    """Refuse a folder that holds a report about something else.

    Args:
        target: the report's folder, which need not be there.
        about: what the report to be written is about.
        said: which one is there, by what that is about.
        name: the report's.

    Raises:
        ValueError: if it does, by what it says: reports did not always say all of it.
    """
    there = stored(target, name).get("about")
    if isinstance(there, dict) and there != {key: about.get(key) for key in there}:
        raise ValueError(f"{target}: holds {said(there)}; {_OF_ITS_OWN}")


def require_room(target: Path, files: Collection[str], folders: Collection[str]) -> None:
    """Refuse a folder in which a report cannot take its place, before it is made.

    Args:
        target: the report's folder.
        files: names of files that it has in any case.
        folders: names of folders.

    Raises:
        ValueError: if a folder stands in the place of a file, or a file in that of a folder.
    """
    there = next(path for path in (target, *target.absolute().parents) if path.exists())
    for folder in (there, *(target / name for name in folders)):
        if folder.exists() and not folder.is_dir():
            raise ValueError(f"{folder}: is no folder, where a report needs one; {_ELSEWHERE}")
    for name in files:
        if (target / name).is_dir():
            what = "is a folder, where a report has a file"
            raise ValueError(f"{target / name}: {what}; {_ELSEWHERE}")


def require_writable(target: Path, folders: Collection[str]) -> None:
    """Refuse a folder that a report cannot be written to, before it is made.

    Args:
        target: the report's folder, which need not be there.
        folders: names of folders that it has.

    Raises:
        ValueError: if it, or one of these, may not be written to.
    """
    there = next(path for path in (target, *target.absolute().parents) if path.exists())
    for folder in (there, *(target / name for name in folders if (target / name).exists())):
        if not os.access(folder, os.W_OK | os.X_OK):
            who = "belongs to somebody else, or is read-only"
            raise ValueError(f"{folder}: may not be written to, since it {who}; {_ELSEWHERE}")


def _files(folder: Path, called: str = NAME) -> dict[str, str]:
    """The sums of the files that a report has written within its folder, by their names, as far as
    its state tells them apart."""
    state = stored(folder, called)
    files = state.get("files")
    if not isinstance(files, dict) or state.get("schema") != SCHEMA:
        return {}
    return {name: known for name, known in files.items() if safe_files.is_name(name)}
