"""Work that goes on beside a notebook, at the pace of the browser that shows it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from afnlab.widgets.screen import Screen

PATIENCE = 20.0  # seconds until it ends when no browser shows its pictures


class Turns:
    """One turn after another, until it is stopped or ends.

    A task on the kernel's own loop: all that touches the widgets, the figure and the networks
    happens on one thread, between two messages, so nothing needs a lock.

    screen: shows a picture of every turn. turn(): takes one; False if it was the last.
    ended(why): called when the turns end by themselves; why is a sentence, or empty.
    """

    task: asyncio.Task | None = None  # while they go on

    def __init__(
        self, screen: Screen, turn: Callable[[], bool], ended: Callable[[str], object]
    ) -> None:
        self.screen, self.turn, self.ended = screen, turn, ended

    def start(self) -> None:
        """Begin; RuntimeError where no event loop runs."""
        self.task = asyncio.get_running_loop().create_task(self._run())

    def stop(self) -> None:
        if self.task is not None:
            self.task.cancel()
            self.task = None

    async def _run(self) -> None:
        why = ""
        try:
            while await self._is_watched():
                if not self.turn():
                    break
            else:
                why = "paused: no browser shows this any more; play goes on"
        except asyncio.CancelledError:
            return
        except Exception as error:
            why = f"stopped: {error}"
        self.task = None
        self.ended(why)

    async def _is_watched(self) -> bool:
        """Wait until the browser has shown the last picture but one; False if it does not."""
        patient_until = time.monotonic() + PATIENCE
        await asyncio.sleep(0.001)
        while self.screen.seen < self.screen.number - 1:
            if time.monotonic() > patient_until:
                return False
            await asyncio.sleep(0.004)
        return True
