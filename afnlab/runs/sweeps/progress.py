"""How far a sweep is: a bar in a terminal and in a notebook, plain lines elsewhere."""

from __future__ import annotations

import errno
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from typing import Any, Protocol

from afnlab.markup import escaped
from afnlab.messages import LOG, inform, plain, printed_by, say, spoken
from afnlab.training.progress import in_notebook

_UNHEARD = (errno.EIO, errno.ENOSPC)  # the terminal has gone, a log's disk is full: work goes on
_TICK = 1.0  # seconds between two looks at what runs, and at the clock
_SILENT = 30.0  # seconds without a line, until the first run has ended; then twice as many each


class Progress:
    """Shows how many runs are done, running and failed, and the time left.

    running: says how many are under way. report: takes the lines; None: a bar where there is
    someone to look at it, and the lines go to the logger `afnlab`.
    """

    def __init__(
        self,
        title: str,
        total: int,
        running: Callable[[], int],
        report: Callable[[str], None] | None = None,
    ) -> None:
        self.title, self.total, self._running = title, total, running
        self.done, self.failures = 0, list[str]()
        self._start = time.monotonic()
        self._due: float | None = None  # the end, as far as one can tell
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._bar: _Bar | None = None
        self._watched = (
            report is None
            and total > 0
            and LOG.isEnabledFor(logging.INFO)
            and (in_notebook() or sys.stderr.isatty())
        )
        self._bars = ExitStack()
        self.say = report or inform

    @property
    def ended_so_far(self) -> int:
        return self.done + len(self.failures)

    def ended(self, label: str, result: str, failed: bool) -> None:
        """A run has ended; `result` is what to say of it."""
        line = f"{label}: {result}"
        with self._lock:
            if failed:
                self.failures.append(line)
            else:
                self.done += 1
            number, now = self.ended_so_far, time.monotonic()
            self._due = now + (now - self._start) / number * (self.total - number)
        if self._bar is None:
            ahead = f"; {remaining}" if (remaining := self.remaining()) else ""
            line = f"[{number}/{self.total}] {line}{ahead}"
        try:
            if self._bar is None or failed or not in_notebook():
                self.say(line)
            self.show()
        except OSError as error:
            if error.errno not in _UNHEARD:
                raise

    def remaining(self) -> str:
        """The time left, in words; none before one can tell, and at the end."""
        if self._due is None or self.ended_so_far == self.total:
            return ""
        return f"{spoken(max(1.0, self._due - time.monotonic()))} left"

    @property
    def running(self) -> int:
        return 0 if self._over.is_set() else min(self._running(), self.total - self.ended_so_far)

    def words(self) -> str:
        """Where it stands, on one line."""
        over, running = self._over.is_set(), self.running
        parts = [f"{self.done} of {self.total} done"]
        parts += [f"{running} running"] if running else []
        parts += [f"{len(self.failures)} failed"] if self.failures else []
        parts += [f"in {spoken(time.monotonic() - self._start)}" if over else self.remaining()]
        return ", ".join(filter(None, parts))

    def show(self) -> None:
        if self._bar is not None:
            with self._lock:
                self._bar.show(self)

    def _tick(self) -> None:
        while not self._over.wait(_TICK):
            with suppress(OSError, RuntimeError):  # whoever looked has gone
                self.show()

    def _wait(self) -> None:
        """Say that it goes on, while no run has ended by which one could tell the time left."""
        pause = _SILENT
        while not (self._over.wait(pause) or self.ended_so_far):
            since = spoken(time.monotonic() - self._start)
            with suppress(OSError):
                self.say(f"{self.words()}, for {since}")
            pause *= 2

    def __enter__(self) -> Progress:
        if self._watched:
            self._bar = _InNotebook() if in_notebook() else _InTerminal(self.title, self.total)
            self._bars.callback(self._bar.close)
            self._bars.enter_context(printed_by(self._bar.say))
            self.show()
            threading.Thread(target=self._tick, daemon=True).start()
        elif self.total:
            threading.Thread(target=self._wait, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.show()
        self._bars.close()


class _Bar(Protocol):
    def say(self, line: str) -> None: ...
    def show(self, progress: Progress) -> None: ...
    def close(self) -> None: ...


class _InTerminal:
    """tqdm's bar, with words of our own behind it."""

    def __init__(self, title: str, total: int) -> None:
        from tqdm import tqdm  # noqa: PLC0415

        self._bar = tqdm(total=total, desc=plain(title), dynamic_ncols=True, bar_format="{desc}")

    def say(self, line: str) -> None:
        self._bar.write(plain(line))

    def show(self, progress: Progress) -> None:
        self._bar.bar_format = f"{{desc}} |{{bar}}| {progress.words()}"
        self._bar.n = progress.ended_so_far
        self._bar.refresh()

    def close(self) -> None:
        self._bar.close()


class _InNotebook:
    """A bar in the cell's output, where it stays when the notebook is saved and opened again."""

    def __init__(self) -> None:
        self._display: Any = None

    def say(self, line: str) -> None:
        say(line)

    def show(self, progress: Progress) -> None:
        from IPython.display import HTML, display  # noqa: PLC0415

        page = HTML("".join(page_of(progress)))
        if self._display is None:
            self._display = display(page, display_id=True)
        else:
            self._display.update(page)

    def close(self) -> None:
        pass


# JupyterLab's colours, which follow its theme; elsewhere the ones behind them.
_DONE = "var(--jp-success-color1, #388e3c)"
_RUNNING = "var(--jp-success-color3, #a5d6a7)"
_FAILED = "var(--jp-error-color1, #d32f2f)"
_REST = "var(--jp-layout-color3, #bdbdbd)"


def page_of(progress: Progress) -> Iterator[str]:
    """The bar as HTML: what is done, has failed and runs as parts of it, and above it in words."""
    words, title = escaped(progress.words()), escaped(progress.title)
    failed = len(progress.failures)
    shares = ((progress.done, _DONE), (failed, _FAILED), (progress.running, _RUNNING))
    yield '<div style="max-width: 44em; margin: 4px 10px 6px">'
    yield f'<div style="margin-bottom: 5px"><b>{title}</b>&ensp;{words}</div>'
    yield f'<div role="progressbar" aria-label="{title}" aria-valuetext="{words}"'
    yield f' aria-valuemin="0" aria-valuemax="{progress.total}"'
    yield f' aria-valuenow="{progress.ended_so_far}" style="display: flex; height: 8px;'
    yield f' border-radius: 4px; overflow: hidden; background: {_REST}">'
    for number, colour in shares:
        width = 100 * number / progress.total
        yield f'<div style="width: {width:.2f}%; background: {colour}"></div>'
    yield "</div></div>"
