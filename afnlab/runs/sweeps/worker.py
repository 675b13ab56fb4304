"""Making one run of a sweep, in a kernel from a server that serves many."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace

from afnlab.locks import Claim
from afnlab.runs.execution import RunFailed, execute
from afnlab.runs.kernel import fork_client
from afnlab.runs.kernel.execute_cells import Means
from afnlab.runs.kernel.fork_client import KernelServer
from afnlab.runs.run_spec import RunSpec
from afnlab.runs.storage import runs_folder
from afnlab.runs.storage.location import Place

_GRACE = 10.0  # seconds in which what is stopped should have put away what it had begun


class Busy(Exception):
    """Another process is making the run."""


def attempt(spec: RunSpec, place: Place, means: Means) -> RunFailed | None:
    """Make one run and have it kept, unless another process has made it, or failed to, meanwhile.

    Busy while one does.
    """
    with Claim(place.workshop, spec.id) as claim:
        if not claim.held:
            raise Busy
        if place.has(spec.id):
            return None
        return _failed_since(means.since, spec, place) or _attempt(spec, place, means)


def _failed_since(since: float, spec: RunSpec, place: Place) -> RunFailed | None:
    kept = place.folder / runs_folder.FAILED / spec.id
    try:
        if (kept / runs_folder.ERROR).stat().st_mtime > since:
            return RunFailed(str(runs_folder.failure(kept)["message"]), kept)
    except (OSError, ValueError):
        pass
    return None


def _attempt(spec: RunSpec, place: Place, means: Means) -> RunFailed | None:
    try:
        made = execute(spec, place.workshop, means)
    except RunFailed as error:
        with suppress(OSError, ValueError):  # what is left then stays where it is
            return RunFailed(error.message, place.push_failed(error.folder))
        return error
    except (OSError, ValueError) as error:
        return RunFailed(str(error), place.workshop)
    try:
        place.push(made)
    except (OSError, ValueError) as error:
        return RunFailed(f"made, but not kept: {error}", place.workshop / spec.id)
    return None


class Worker:
    """Makes runs in kernels of one server, started when first needed and again if it was killed."""

    def __init__(self, means: Means) -> None:
        self.means = means
        self._lock = threading.Lock()
        self._server: KernelServer | None = None
        self._ended = threading.Condition()
        self._under_way = 0

    def begin(self) -> None:
        """Start the server now, which imports while other things are done."""
        self._get(trains=True)

    def attempt(
        self, spec: RunSpec, place: Place, environment: Mapping[str, str] | None = None
    ) -> RunFailed | None:
        """Make a run; once more if its kernel went with the server."""
        with self._counted():
            return self._attempt(spec, place, environment)

    @contextmanager
    def _counted(self) -> Iterator[None]:
        with self._ended:
            self._under_way += 1
        try:
            yield
        finally:
            with self._ended:
                self._under_way -= 1
                self._ended.notify_all()

    def _attempt(
        self, spec: RunSpec, place: Place, environment: Mapping[str, str] | None
    ) -> RunFailed | None:
        for turn in (1, 2):
            server = self._get(_trains(spec))
            means = replace(self.means, server=server, environment=environment or {})
            if turn == 2:  # the failure that is there is our own
                means = replace(means, since=math.inf)
            error = attempt(spec, place, means)
            lost = server is not None and not server.running and not means.stop.is_set()
            if error is None or not lost or turn == 2:
                break
        return error

    def _get(self, trains: bool) -> KernelServer | None:
        if not fork_client.available():
            return None
        with self._lock:
            if self.means.stop.is_set():
                raise RuntimeError("the sweep has ended")
            if self._server is None or not self._server.running:
                self.close()
                self._server = KernelServer(self.means.threads, trains)
            return self._server

    def close(self) -> None:
        if self._server is not None:
            self._server.close()

    def stop(self) -> None:
        """End what is under way, and let nothing new begin."""
        self.means.stop.set()
        with self._lock:
            self.close()
        with self._ended:
            self._ended.wait_for(lambda: not self._under_way, _GRACE)


def _trains(spec: RunSpec) -> bool:
    """Whether a run may train something: not one of a notebook by itself that does not name torch.

    It reaches neither afnlab nor files of the user's, and starts three seconds sooner.
    """
    return spec.reached is None or len(spec.reached.units) > 1 or b"torch" in spec.content
