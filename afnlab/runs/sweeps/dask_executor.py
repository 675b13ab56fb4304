"""Runs on more machines: the same sweep, its runs executed by the workers of a Dask cluster.

What a worker does is in `dask_worker`. Runs are kept where all workers can write: in a shared
folder, or at a URL.
"""

from __future__ import annotations

import signal
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from afnlab.messages import masked
from afnlab.runs.execution import RunFailed, note_failure
from afnlab.runs.run_spec import RunSpec, TrainingSpec
from afnlab.runs.storage import runs_folder
from afnlab.runs.storage.location import Place
from afnlab.runs.sweeps import dask_worker
from afnlab.runs.sweeps.local_executor import PATIENCE, Ending, check_numbers
from afnlab.runs.whereabouts import name_of

if TYPE_CHECKING:
    import distributed

LOCAL = "local"
# Any free port, so that clusters beside one another do not warn of it; no dashboard.
_PAGE = {"dashboard": False, "dashboard_address": "127.0.0.1:0"}


class Dask:
    """The workers of a Dask cluster.

    address: its scheduler's, `tcp://host:port`, or `local`: `jobs` workers on this machine. slurm:
    instead, have Slurm start `jobs` workers, each a job of its own, with these settings of
    dask-jobqueue's `SLURMCluster` (queue, account, memory, walltime, ...). threads: torch's in each
    run (1). timeout: seconds that a run may take. gpus_per_run: how many of a worker's resource
    `GPU` a run takes. retries: how often a run whose worker died is begun again, by clusters that
    the sweep starts. ValueError if Dask is not installed; when used, if no scheduler answers.
    """

    here = False

    def __init__(
        self,
        address: str = LOCAL,
        *,
        jobs: int = 1,
        slurm: Mapping[str, object] | None = None,
        threads: int | None = None,
        timeout: float | None = None,
        gpus_per_run: int = 0,
        retries: int = 3,
    ) -> None:
        check_numbers(jobs, threads, gpus_per_run)
        for name in ("distributed", *(["dask_jobqueue"] if slurm is not None else [])):
            if find_spec(name) is None:
                raise ValueError(f"{name} is not installed; pip install 'afnlab[dask]'")
        self.address, self.jobs, self.slurm = address, jobs, slurm
        self.settings = {"threads": threads or 1, "timeout": timeout}
        self.resources = {"GPU": gpus_per_run} if gpus_per_run else {}
        self.retries = retries
        self._started: Any = None
        self._kept: ExitStack | None = None
        self._futures: dict[object, RunSpec] = {}

    def __enter__(self) -> Dask:
        """Within it one cluster serves all calls of `results`."""
        self._kept, self._started = ExitStack(), None
        return self

    def __exit__(self, *_: object) -> None:
        kept, self._kept = self._kept, None
        if kept is not None:
            kept.close()

    @property
    def running(self) -> int:
        """One for each worker that is there; of those that wait in Slurm's queue, none."""
        workers = self._started.scheduler_info.get("workers", ()) if self._started else ()
        return min(len(workers), len(self._futures))

    def results(self, todo: Sequence[RunSpec], place: Place) -> Ending:
        if not todo:
            return
        import distributed  # noqa: PLC0415

        sweep = uuid.uuid4().hex[:8]
        with self._cluster() as cluster, self._connected(cluster) as client:
            self._started = cluster
            settings = self.settings | {"since": time.time()}

            def submit(spec: RunSpec, turn: int = 0) -> object:
                return client.submit(
                    dask_worker.make,
                    _parts(spec),
                    place.name,
                    sweep,
                    settings,
                    PATIENCE if turn else 0,
                    key=f"{spec.label}-{spec.id}-{sweep}-{turn}",
                    priority=-turn,
                    resources=self.resources,
                    pure=False,
                )

            self._futures = futures = {submit(spec): spec for spec in todo}
            ended = distributed.as_completed(futures)
            try:
                for turn, future in enumerate(ended, 1):
                    spec = futures.pop(future)
                    if future.status == "finished" and future.result() is None:  # behind all others
                        futures[again := submit(spec, turn)] = spec
                        ended.add(again)
                    else:
                        yield spec, _outcome(spec, future, place)
            finally:
                client.cancel(list(futures), force=True)
                client.run(dask_worker.stop, sweep, on_error="ignore")

    @contextmanager
    def _cluster(self) -> Iterator[Any]:
        """A cluster that lives as long as the call, or as `with` this executor."""
        if self._kept is None:
            with self._begun() as cluster:
                yield cluster
            return
        if self._started is None:
            self._started = self._kept.enter_context(self._begun())
        yield self._started

    def _begun(self) -> Any:
        """A cluster of its own, or the address of one that is there."""
        import dask  # noqa: PLC0415
        import distributed  # noqa: PLC0415

        if self.slurm is None and self.address != LOCAL:
            return _There(self.address)
        with dask.config.set({"distributed.scheduler.allowed-failures": self.retries}):
            if self.slurm is not None:
                return slurm_cluster(self.jobs, self.slurm, self.resources)
            return distributed.LocalCluster(
                n_workers=self.jobs,
                threads_per_worker=1,
                host="127.0.0.1",
                scheduler_kwargs=_PAGE,
                resources=self.resources or None,
            )

    def _connected(self, cluster: object) -> distributed.Client:
        import distributed  # noqa: PLC0415

        try:
            client = distributed.Client(getattr(cluster, "address", cluster), timeout=20)
        except (OSError, ValueError) as error:
            said = f"scheduler {self.address!r}: cannot be reached ({error})"
            raise ValueError(masked(said)) from None
        info = client.scheduler_info(n_workers=-1)
        if isinstance(cluster, _There):
            cluster.scheduler_info = info
        workers = info["workers"].values()
        wanted = self.resources.get("GPU", 0)
        if workers and not any(w["resources"].get("GPU", 0) >= wanted for w in workers):
            client.close()
            raise ValueError(f"no worker of {self.address!r} was started with --resources GPU=...")
        return client


class _There:
    """A cluster that someone else started, and will end."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.scheduler_info: dict[str, object] = {}

    def __enter__(self) -> _There:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def slurm_cluster(
    jobs: int, settings: Mapping[str, object], resources: Mapping[str, int]
) -> object:
    """A `SLURMCluster` of this many jobs, each a worker with one thread for runs."""
    handler = signal.getsignal(signal.SIGINT)
    from dask_jobqueue import SLURMCluster  # noqa: PLC0415

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, handler)  # imported, it has Ctrl-C end the process
    arguments: dict[str, Any] = {"cores": 1, "processes": 1, "memory": "4GB", **settings}
    extra, directives = [], list(arguments.pop("job_extra_directives", []))
    if gpus := resources.get("GPU"):
        extra = ["--resources", f"GPU={gpus}"]
        directives.append(f"--gres=gpu:{gpus}")
    try:
        cluster = SLURMCluster(
            worker_extra_args=["--nthreads", "1", *extra],  # its cores are for one run's torch
            job_extra_directives=directives,
            scheduler_options=_PAGE,
            **arguments,
        )
        cluster.adapt(minimum_jobs=jobs, maximum_jobs=jobs)  # a job that ends is replaced
    except (TypeError, ValueError) as error:
        raise ValueError(f"slurm: {error}") from None
    return cluster


def _parts(spec: RunSpec) -> dict[str, object]:
    """What a worker makes the spec from; `auto` is the device that it means here."""
    parameters = dict(spec.parameters)
    if isinstance(spec, TrainingSpec) and "device" in spec.known:
        parameters["device"] = spec.training.device.type
    where = {"notebook": name_of(spec.notebook), "folder": str(spec.folder)}
    kept = {"until_decided": spec.until_decided, "confirmation": {**spec.confirmation}}
    made = {"id": spec.id, "code": dict(spec.code.units)}
    return {**where, "parameters": parameters, **made, **kept}


def _outcome(spec: RunSpec, future: distributed.Future, place: Place) -> RunFailed | None:
    if (error := future.exception()) is not None:
        message = str(error).splitlines() or [""]
        return note_failure(spec, place.folder, f"{type(error).__name__}: {message[0]}")
    place.pull()
    message = future.result()
    return (
        RunFailed(message, Path(place.folder) / runs_folder.FAILED / spec.id) if message else None
    )
