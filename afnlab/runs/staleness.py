"""Whether the code of a stored run is still what it was: by what files hold; nothing is run."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from afnlab.runs.fingerprint import Manifest, one_look
from afnlab.runs.fingerprint.userfiles import holds
from afnlab.runs.identity import group_of
from afnlab.runs.notebook_parameters import declarations, encoding
from afnlab.runs.reading import READ, RUNS, code_read, read_now
from afnlab.runs.storage.record_schema import Stored, is_training
from afnlab.runs.storage.urls import is_url
from afnlab.runs.whereabouts import notebook_of

CURRENT, CHANGED, ELSEWHERE = "current", "changed", "not here"
_CHANGED = "its code, notebook or parameters have changed since"
_OTHER_READ = "the runs that it reads, or other files, have changed since"
_MOST_NAMED = 3


def state(record: Stored) -> str:
    """CURRENT, CHANGED, or ELSEWHERE where a part of a run's code is not here to be compared.

    That is a file that cannot be read, or one that is as it was, but is not found from here: a
    module in a folder that Python's path no longer has. Of a run of whose code another part has
    changed the state is CHANGED all the same.
    """
    if is_current(record):
        return CURRENT
    then = record.get("code")
    then = then if isinstance(then, Mapping) else {}
    files = [name for name in then if Path(name).is_absolute()]
    if any(_is_edited(path, then[path]) for path in files):
        return CHANGED
    unseen = bool(missing(record))
    try:
        path = notebook_of(record["notebook"])
        # What is not found may have read texts, and all of the code counts as text then.
        plain, with_texts = (_code(path, record, texts=texts).units for texts in (False, True))
        unseen = unseen or not plain.keys() >= set(files)
        rest = then.keys() - set(files)
        if not any(
            all(then[n] == now[n] for n in rest & now.keys()) for now in (plain, with_texts)
        ):
            return CHANGED
    except OSError:  # something on the way may not be looked at
        unseen = True
    except (ValueError, KeyError, TypeError, AttributeError, RuntimeError):
        pass  # nothing can be said of the rest
    return ELSEWHERE if unseen else CHANGED


def _is_edited(path: str, code: str) -> bool:
    """Whether a file of the user's can be read, and is another than it was."""
    with suppress(OSError, ValueError):
        if is_readable(path):
            return not holds(Path(path), code)
    return False


@one_look()
def states(records: Iterable[Stored]) -> dict[str, str]:
    """The state of every record, by its id."""
    return {record["id"]: state(record) for record in records}


def missing(record: Mapping[str, object]) -> list[str]:
    """The user's files that a record names and that are not there, or may not be read here."""
    return [path for path in dict.fromkeys(own_files(record)) if not is_readable(path)]


def is_readable(path: str) -> bool:
    """Whether there is a file that may be read here."""
    with suppress(OSError, ValueError):
        return Path(path).is_file() and os.access(path, os.R_OK)
    return False


def own_files(record: Mapping[str, object]) -> Iterator[str]:
    """The user's files that a record names: its notebook, references to code, what these reach."""
    parameters, code = record.get("given"), record.get("code")
    code = code if isinstance(code, Mapping) else {}
    named = [
        record.get("notebook"),
        *(parameters.values() if isinstance(parameters, Mapping) else ()),
    ]
    named += code  # of which files of data have any ending
    for one in named:
        for text in one if isinstance(one, (list, tuple)) else [one]:
            if isinstance(text, str) and os.path.sep in text:
                path = text.rpartition(":")[0] if ".py:" in text else text
                if Path(path).is_absolute() and (path.endswith((".py", ".ipynb")) or path in code):
                    yield path


def is_current(record: Stored) -> bool:
    """Whether the notebook of a run, and all code that it reaches, are still what they were.

    The notebook and the files that the record names are read and compared with the record's hashes.
    One that was made before records held hashes is not.
    """
    return not what_changed(record)


def what_changed(record: Stored, closed: Sequence[Path] = ()) -> str:
    """Why a run is not current, in words; an empty text if it is.

    closed: folders whose files are not followed; a run that names one is not current.
    """
    if "code" not in record or "folder" not in record:
        return f"{_CHANGED}, or cannot be told: an earlier afnlab made it"
    try:
        path = notebook_of(record["notebook"])
        code = _code(path, record, closed)
        if group_of(path, code, record["parameters"]) == record["group"]:
            return _OTHER_READ if _reads_other(path, record) else ""
        before, now = record["code"].items(), code.units.items()
        other = sorted({name for name, _ in before ^ now})
        names = [name for name in other if name not in missing(record)] or other
    except ValueError as error:
        return f"{_CHANGED} ({error})"
    except (KeyError, TypeError, AttributeError, OSError, RuntimeError) as error:
        return f"{_CHANGED} (its record cannot be followed: {type(error).__name__})"
    more = ", ..." if len(names) > _MOST_NAMED else ""
    return f"{_CHANGED}: {', '.join(names[:_MOST_NAMED])}{more}"


def _reads_other(path: Path, record: Mapping[str, Any]) -> bool:
    """Whether a notebook that reads runs would find others than it did, see `reading`.

    No URL is opened because a record names it.
    """
    if READ not in record["parameters"] or is_url(str(record["given"].get(RUNS))):
        return False
    now = read_now(_values(path, record), Path(record["folder"]), states)
    return now.get(READ) != record["parameters"][READ]


def _values(
    path: Path, record: Mapping[str, Any], content: bytes | None = None
) -> dict[str, object]:
    """The parameters of a run, the defaults among them."""
    known = declarations.declared(path, content)
    return {name: d.default for name, d in known.items()} | encoding.decode(record["given"])


def _code(
    path: Path, record: Mapping[str, Any], closed: Sequence[Path] = (), texts: bool = False
) -> Manifest:
    content = declarations.content(path)
    values = _values(path, record, content)
    folder = Path(record["folder"])
    reached = code_read(path, content, values, folder=folder, closed=closed, texts=texts)
    if not record["native"]:
        return reached
    kinds = (record["parameters"]["device"],) if is_training(record) else ("cpu", "cuda")
    return reached.compiled(*kinds)
