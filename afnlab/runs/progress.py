"""How far a sweep is: a bar in a terminal and in a notebook, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

from afnlab.training.progress import in_notebook


class Progress:
    """Shows how many runs are done, running and failed, and the time left.

    report: takes the lines; None: a bar where there is someone to look at it, else they are
    printed.
    """

    def __init__(
        self, title: str, total: int, slots: int, report: Callable[[str], None] | None = None
    ) -> None:
        self.title, self.total, self.slots = title, total, slots
        self.done = self.failed = 0
        self._start = time.monotonic()
        self._bar: Any = None
        self._say = report or print
        if report is None and total and (in_notebook() or sys.stderr.isatty()):
            from tqdm.auto import tqdm  # noqa: PLC0415

            self._bar = tqdm(total=total, desc=title, unit="run")
            self._say = self._bar.write
            self._show()

    def say(self, line: str) -> None:
        self._say(line)

    def ended(self, label: str, result: str, failed: bool) -> None:
        """A run has ended; `result` is what to say of it."""
        self.done += not failed
        self.failed += failed
        number = self.done + self.failed
        line = f"{label}: {result}"
        if self._bar is None:
            left = (time.monotonic() - self._start) / number * (self.total - number)
            ahead = f"; {spoken(left)} left" if number < self.total else ""
            self.say(f"[{number}/{self.total}] {line}{ahead}")
            return
        if failed or not in_notebook():
            self.say(line)
        self._bar.update()
        self._show()

    def _show(self) -> None:
        running = min(self.slots, self.total - self.done - self.failed)
        self._bar.set_postfix_str(f"{running} running, {self.failed} failed")

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()


def spoken(seconds: float) -> str:
    """A duration as one says it: 42 s, 3 min, 5.5 h."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
