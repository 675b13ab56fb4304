"""What was found in afnlab's own sources, kept by their content for later processes.

Parsing the package takes most of a second, and its files change only with another version. What a
function of a `Source` found is kept in the user's cache folder, under the SHA-256 of the content;
the file's name holds the SHA-256 of the code that found it. A file that is damaged, or written by
another version, is not used. Where there is no cache folder, every process reads the sources.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import cache, wraps
from pathlib import Path
from typing import TypeVar, cast

from afnlab.paths import cache_folder
from afnlab.runs.fingerprint.syntax import Source, digest

T = TypeVar("T")
_MOST = 5_000  # findings, beyond which only those that this process has used are kept


class Remembered:
    """Findings by the function that makes them and the SHA-256 of the source."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._known = {} if file is None else _read(file)
        self._used: dict[str, object] = {}
        self._new = False

    def get(self, function: Callable[[Source], object], source: Source) -> object:
        """What the function finds in the source, from memory if it is there."""
        key = f"{function.__name__} {source.bytes}"
        if key not in self._used:
            if key not in self._known:
                self._known[key], self._new = function(source), True
            self._used[key] = self._known[key]
        return self._used[key]

    def save(self) -> None:
        """Write what is new, with what other processes have written meanwhile."""
        if self._file is None or not self._new:
            return
        kept = {**_read(self._file), **self._known}
        text = json.dumps(kept if len(kept) <= _MOST else self._used, separators=(",", ":"))
        self._new = False
        written = self._file.with_suffix(f".{os.getpid()}")
        with suppress(OSError):  # a full disk, a folder that may not be written
            self._file.parent.mkdir(parents=True, exist_ok=True)
            written.write_text(f"{digest(text)}\n{text}", encoding="utf-8")
            written.replace(self._file)


def remembered(function: Callable[[Source], T]) -> Callable[[Source], T]:
    """Have what a function finds in a source of afnlab's kept for later processes too.

    function: finds what JSON can hold (texts, lists and dicts), by the content of the source alone.
    """

    @wraps(function)
    def kept(source: Source) -> T:
        return cast(T, _memory().get(function, source))

    return kept


def save() -> None:
    """Write what was found since, for later processes."""
    _memory().save()


@cache
def _memory() -> Remembered:
    """This process's; in a forked one it is that of the parent, and grows on its own."""
    try:
        return Remembered(cache_folder() / f"sources-{_version()}.json")
    except RuntimeError:  # there is no home folder
        return Remembered(None)


def _version() -> str:
    """SHA-256 of all that findings depend on but the sources: this package, and Python's parser."""
    here = Path(__file__).parent
    codes = [path.read_bytes() for path in sorted(here.glob("*.py"))]
    return digest(sys.version, *codes)[:16]


def _read(file: Path) -> dict[str, object]:
    """What a file holds; nothing if it is not there, or damaged."""
    with suppress(OSError, ValueError):
        sealed, text = file.read_text(encoding="utf-8").split("\n", 1)
        if sealed == digest(text):
            content = json.loads(text)
            return content if isinstance(content, dict) else {}
    return {}
