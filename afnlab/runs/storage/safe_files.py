"""Files in a folder that others may write to: plain ones alone, each read once.

A link, a pipe, a socket or a device is never opened for what it leads to. What was read is what is
summed and what is parsed, so nothing can change in between.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from io import BufferedReader
from math import isfinite
from pathlib import Path, PurePath
from typing import Any

LARGEST_JSON = 1 << 24  # bytes
DEEPEST_JSON = 64  # lists and mappings within each other
_OPEN = os.O_RDONLY | sum(
    getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY")
)
_ID = re.compile(r"[0-9a-f]{16}")


def is_id(name: object) -> bool:
    """Whether this may be the id of a run, and so the name of its folder."""
    return isinstance(name, str) and _ID.fullmatch(name) is not None


def is_name(name: object) -> bool:
    """Whether a record may list a file by this name: a plain relative path within the run."""
    if not isinstance(name, str) or "\0" in name or not is_unicode(name):
        return False
    path = PurePath(name)
    return (
        bool(path.parts)
        and not path.anchor
        and ".." not in path.parts
        and str(name) == (path.as_posix())
    )


def read(path: Path, most: int | None = None) -> bytes:
    """The content of a plain file.

    ValueError, with its name, if it is missing, is no plain file, has more than `most` bytes, or
    cannot be read.
    """
    with _opened(path) as file:
        try:
            data = file.read() if most is None else file.read(most + 1)
        except OSError as error:
            raise ValueError(f"{path}: cannot be read ({error.strerror})") from None
    if most is not None and len(data) > most:
        raise ValueError(f"{path}: has more than {most} bytes")
    return data


def size(path: Path) -> int:
    """How many bytes a plain file has; ValueError as of `read`."""
    try:
        facts = path.lstat()
    except FileNotFoundError:
        raise ValueError(f"{path}: is missing") from None
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror})") from None
    if not stat.S_ISREG(facts.st_mode):
        said = "is a link" if stat.S_ISLNK(facts.st_mode) else "is no plain file"
        raise ValueError(f"{path}: {said}")
    return facts.st_size


def summed(path: Path) -> dict[str, object]:
    """The size and the SHA-256 of a plain file, as a record holds them; ValueError as of `read`."""
    with _opened(path) as file:
        try:
            total = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise ValueError(f"{path}: cannot be read ({error.strerror})") from None
        return {"bytes": file.tell(), "sha256": total}


def _opened(path: Path) -> BufferedReader:
    try:
        descriptor = os.open(path, _OPEN)
    except FileNotFoundError:
        raise ValueError(f"{path}: is missing") from None
    except OSError as error:
        link = os.path.islink(path)  # noqa: PTH114  (says no of what may not be looked at)
        said = "is a link" if link else f"cannot be read ({error.strerror})"
        raise ValueError(f"{path}: {said}") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ValueError(f"{path}: is no plain file")
    return open(descriptor, "rb")  # noqa: PTH123


def within(folder: Path, name: str) -> Path:
    """The path of a file by its name in a record; ValueError if a link leads out of the folder."""
    if not is_name(name):
        raise ValueError(f"{folder}: {name!r} is no name of a file within it")
    path = folder
    for part in PurePath(name).parts[:-1]:
        path /= part
        if path.is_symlink():
            raise ValueError(f"{path}: is a link")
    return folder / name


def mapping(path: Path) -> dict[str, object]:
    """The mapping in a plain file of JSON, of whatever kinds; empty if it cannot be read."""
    with suppress(ValueError):
        content = parse_json(read(path, LARGEST_JSON), finite=False)
        return content if isinstance(content, dict) else {}
    return {}


def is_as_written(folder: Path, name: str, known: object) -> bool:
    """Whether a file of a folder is a plain one, behind no link, with this SHA-256."""
    with suppress(ValueError):
        return summed(within(folder, name))["sha256"] == known
    return False


def plain(folder: Path) -> Iterator[Path]:
    """The plain files below a folder, by name; links are not followed."""
    for path, entry in _entries(folder):
        if entry.is_file(follow_symlinks=False):
            yield path


def folders(folder: Path) -> Iterator[Path]:
    """The folders below a folder, by name, links left out."""
    for path, entry in _entries(folder):
        if entry.is_dir(follow_symlinks=False):
            yield path


def odd(folder: Path) -> Iterator[tuple[Path, str]]:
    """What lies below a folder and is neither a plain file nor a folder, and what it is."""
    for path, entry in _entries(folder):
        if entry.is_symlink():
            yield path, "a link"
        elif not entry.is_file(follow_symlinks=False) and not entry.is_dir(follow_symlinks=False):
            mode = entry.stat(follow_symlinks=False).st_mode
            kind = {stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
            yield path, kind.get(stat.S_IFMT(mode), "a device")


def _entries(folder: Path) -> Iterator[tuple[Path, os.DirEntry]]:
    with os.scandir(folder) as scanned:
        entries = sorted(scanned, key=lambda entry: entry.name)
    for entry in entries:
        yield folder / entry.name, entry
        if entry.is_dir(follow_symlinks=False):
            yield from _entries(folder / entry.name)


def are_same(path: Path, other: Path) -> bool:
    """Whether two paths lead to one file, there already or not, by whatever links and spellings."""
    if path.exists() and other.exists():
        return path.samefile(other)
    return path.resolve() == other.resolve()


def write_json(path: Path, content: object) -> None:
    """Write JSON in place of what stands there: a link or a pipe is replaced, not written to."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    text = json.dumps(content, indent=1, allow_nan=False) + "\n"
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666), "wb") as file:
            file.write(text.encode())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def parse_json(data: bytes, finite: bool = True) -> Any:
    """JSON that all readers read alike.

    ValueError for anything else: names given twice, texts that are not Unicode, lists within lists
    a thousand deep, and, unless `finite` is False, numbers that are not finite.
    """
    number = _finite if finite else float
    try:
        content = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_once,
            parse_float=number,
            parse_constant=number,
        )
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    todo = [(content, 0)]
    while todo:
        value, depth = todo.pop()
        if depth > DEEPEST_JSON:
            raise ValueError("it is nested too deeply")
        if isinstance(value, dict):
            todo += [(part, depth + 1) for part in (*value, *value.values())]
        elif isinstance(value, list):
            todo += [(part, depth + 1) for part in value]
        elif isinstance(value, str) and not is_unicode(value):
            raise ValueError("a text in it is not Unicode")
    return content


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    mapping = dict(pairs)
    if len(mapping) < len(pairs):
        raise ValueError("a name in it is given twice")
    return mapping


def _finite(text: str) -> float:
    if not isfinite(value := float(text)):
        raise ValueError(f"{text[:20]} in it is no finite number")
    return value


def is_unicode(text: str) -> bool:
    """Whether UTF-8 can hold a text."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
