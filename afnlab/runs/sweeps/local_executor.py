"""Where the runs of a sweep are executed: side by side here, or by Dask (`dask_executor`)."""

from __future__ import annotations

import os
import time
from collections.abc import Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from queue import SimpleQueue
from typing import Protocol

from jupyter_core.utils import ensure_event_loop

from afnlab.runs.execution import RunFailed
from afnlab.runs.fingerprint import require_planned_data
from afnlab.runs.kernel.execute_cells import Means
from afnlab.runs.kernel.process_environment import allowed_jobs
from afnlab.runs.run_spec import RunSpec, TrainingSpec
from afnlab.runs.storage.location import Place
from afnlab.runs.sweeps.worker import Busy, Worker
from afnlab.training.options import whole
from afnlab.training.rehearsal import rehearse

Ending = Generator[tuple[RunSpec, RunFailed | None], None, None]
VISIBLE = "CUDA_VISIBLE_DEVICES"
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


class Local:
    """Runs side by side on this machine, which share its threads and its GPUs.

    jobs: how many. threads: torch's in each; None: the machine's, divided among the jobs. timeout:
    seconds that a run may take. gpus_per_run: how many GPUs a run has to itself; 0: all runs see
    all. ValueError if there are not as many, or if a process may not open as many files as a run
    needs; where that is true of all jobs together there are fewer, with a warning. As a context
    manager it keeps its kernels' server from one sweep to the next.
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
        self.jobs = jobs = allowed_jobs(jobs)
        self.threads = threads or max(1, _processors() // jobs)
        self.timeout = timeout
        self._futures: dict[Future, RunSpec] = {}
        self._keeps = False
        self._worker: Worker | None = None

    def __enter__(self) -> Local:
        self._keeps = True
        return self

    def __exit__(self, *_: object) -> None:
        self._keeps = False
        if self._worker is not None:
            self._worker.stop()
            self._worker = None

    @property
    def running(self) -> int:
        return sum(future.running() for future in list(self._futures))

    def results(self, todo: Sequence[RunSpec], place: Place) -> Ending:
        if not todo:
            return
        trainings = [spec for spec in todo if isinstance(spec, TrainingSpec)]
        rehearse(spec.training for spec in trainings)
        for tried in {spec.code.digest: spec for spec in trainings}.values():
            require_planned_data(tried.code, tried.data_now)
        means = Means(threads=self.threads, timeout=self.timeout, since=time.time())
        worker = self._worker or Worker(means)
        self._worker = None  # unless all of this ends well
        free: SimpleQueue[str] = SimpleQueue()
        for gpus in self.gpus:
            free.put(gpus)

        def one(spec: RunSpec, patience: float = 0) -> RunFailed | None:
            worker.means.stop.wait(patience)
            gpus = free.get() if self.gpus else None
            try:
                return worker.attempt(spec, place, None if gpus is None else {VISIBLE: gpus})
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
                if self._keeps:
                    self._worker = worker
            finally:
                pool.shutdown(wait=False, cancel_futures=True)
                if self._worker is None:
                    worker.stop()


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
