"""Where the runs of a sweep are executed: here, side by side, or by Dask (see `dask`)."""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import replace
from queue import SimpleQueue
from typing import Protocol

from jupyter_core.utils import ensure_event_loop

from afnlab.runs import kernels, store
from afnlab.runs.cells import Means
from afnlab.runs.execution import RunFailed, execute
from afnlab.runs.kernels import KernelServer
from afnlab.runs.locks import Claim
from afnlab.runs.places import Place
from afnlab.runs.spec import RunSpec
from afnlab.training.options import whole

Ending = Generator[tuple[RunSpec, RunFailed | None], None, None]
VISIBLE = "CUDA_VISIBLE_DEVICES"
_GRACE = 3.0  # seconds in which what is stopped should have put away what it had begun
PATIENCE = 0.2  # seconds until what another process is making is looked at again


class Executor(Protocol):
    """What a sweep needs to know of where its runs are executed."""

    here: bool  # whether that is this machine, with its devices

    @property
    def running(self) -> int:
        """How many runs are under way."""

    def results(self, todo: Sequence[RunSpec], place: Place) -> Ending:
        """Execute the specs and yield each as it ends, with its error if it failed.

        What another process is making is left to it, and done here only if that one ends before.
        Closed or interrupted, it stops what is under way, and leaves nothing of it.
        """


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
    kept = place.folder / store.FAILED / spec.id
    try:
        if (kept / store.ERROR).stat().st_mtime > since:
            return RunFailed(str(store.failure(kept)["message"]), kept)
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


class Local:
    """Runs side by side on this machine, which share its threads and its GPUs.

    jobs: how many. threads: torch's in each; None: the machine's, divided among the jobs. timeout:
    seconds that a run may take. gpus_per_run: how many GPUs a run has to itself; 0: all runs see
    all. ValueError if there are not as many.
    """

    here = True

    def __init__(
        self,
        jobs: int = 1,
        threads: int | None = None,
        timeout: float | None = None,
        gpus_per_run: int = 0,
    ) -> None:
        check_numbers(jobs, threads, gpus_per_run)
        self.gpus: list[str] = []
        if gpus_per_run:
            ids = _gpus()
            if len(ids) < gpus_per_run:
                raise ValueError(f"gpus_per_run is {gpus_per_run}, this machine has {len(ids)}")
            starts = range(0, len(ids) - gpus_per_run + 1, gpus_per_run)
            self.gpus = [",".join(ids[i : i + gpus_per_run]) for i in starts]
            jobs = min(jobs, len(self.gpus))
        self.jobs = jobs
        self.threads = threads or max(1, _processors() // jobs)
        self.timeout = timeout
        self._futures: dict[Future, RunSpec] = {}

    @property
    def running(self) -> int:
        return sum(future.running() for future in list(self._futures))

    def results(self, todo: Sequence[RunSpec], place: Place) -> Ending:
        if not todo:
            return
        warm = Warm(Means(threads=self.threads, timeout=self.timeout, since=time.time()))
        free: SimpleQueue[str] = SimpleQueue()
        for gpus in self.gpus:
            free.put(gpus)

        def one(spec: RunSpec, patience: float = 0) -> RunFailed | None:
            warm.means.stop.wait(patience)
            gpus = free.get() if self.gpus else None
            try:
                return warm.attempt(spec, place, None if gpus is None else {VISIBLE: gpus})
            finally:
                if gpus is not None:
                    free.put(gpus)
                ensure_event_loop().close()  # the one that Jupyter made for this thread

        # Threads suffice: each only talks to the kernel that does its work.
        with ThreadPoolExecutor(self.jobs) as pool:
            try:
                self._futures = futures = {pool.submit(one, spec): spec for spec in todo}
                while futures:
                    for future in wait(futures, return_when=FIRST_COMPLETED).done:
                        spec = futures.pop(future)
                        try:
                            yield spec, future.result()
                        except Busy:  # behind all others
                            futures[pool.submit(one, spec, PATIENCE)] = spec
            finally:
                pool.shutdown(wait=False, cancel_futures=True)
                warm.stop()


class Warm:
    """A kernel server that is started when first wanted, and again if something has killed it."""

    def __init__(self, means: Means) -> None:
        self.means = means
        self._lock = threading.Lock()
        self._server: KernelServer | None = None
        self._ended = threading.Condition()
        self._under_way = 0

    def begin(self) -> None:
        """Start the server now, which imports while other things are done."""
        self._get()

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
            server = self._get()
            means = replace(self.means, server=server, environment=environment or {})
            if turn == 2:  # the failure that is there is our own
                means = replace(means, since=math.inf)
            error = attempt(spec, place, means)
            lost = server is not None and not server.running and not means.stop.is_set()
            if error is None or not lost or turn == 2:
                break
        return error

    def _get(self) -> KernelServer | None:
        if not kernels.available():
            return None
        with self._lock:
            if self.means.stop.is_set():
                raise RuntimeError("the sweep has ended")
            if self._server is None or not self._server.running:
                self.close()
                self._server = KernelServer(self.means.threads)
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


def check_numbers(jobs: int, threads: int | None, gpus_per_run: int) -> None:
    """ValueError for a number that no executor takes."""
    whole(jobs, "jobs", least=1)
    whole(1 if threads is None else threads, "threads", least=1)
    whole(gpus_per_run, "gpus_per_run", least=0)


def _processors() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _gpus() -> list[str]:
    if VISIBLE in os.environ:
        return [name for name in os.environ[VISIBLE].split(",") if name]
    import torch  # noqa: PLC0415

    return [str(i) for i in range(torch.cuda.device_count())]
