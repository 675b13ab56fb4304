"""Files that are imported for what they define, and must not begin any work then."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_THREAD = threading.local()


class MainGuardError(RuntimeError):
    """A file starts work while it is only imported for what it defines."""


@contextmanager
def importing(what: str) -> Iterator[None]:
    """Note that this thread imports a file for what it defines."""
    busy = _THREAD.__dict__.setdefault("busy", [])
    busy.append(what)
    try:
        yield
    finally:
        busy.pop()


def refuse_while_importing(call: str) -> None:
    """MainGuardError if a file makes this call that is only imported for what it defines."""
    busy = _THREAD.__dict__.get("busy")
    process = sys.modules.get("multiprocessing.process")
    if process and getattr(process.current_process(), "_inheriting", False):
        busy = busy or ["the script"]  # a spawned process imports what started it
    if busy:
        raise MainGuardError(
            f"{busy[-1]}: calls {call} when it is imported for what it defines;"
            ' put that call below `if __name__ == "__main__":`'
        )
