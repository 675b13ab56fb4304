"""Sweeps: run what is not there yet."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_core.utils import ensure_event_loop

from afnlab.runs import kernels, store, sweepfile
from afnlab.runs.kernels import KernelServer
from afnlab.runs.notebook import RunFailed, execute
from afnlab.runs.spec import RunSpec
from afnlab.training.options import whole


@dataclass
class Outcome:
    """What a sweep did: the specs that were there, the folders it added, and what failed."""

    there: list[RunSpec] = field(default_factory=list)
    added: list[Path] = field(default_factory=list)
    failed: list[tuple[RunSpec, str, Path]] = field(default_factory=list)


def missing(specs: Iterable[RunSpec], runs: Path) -> Iterator[RunSpec]:
    """What is left to run: of each spec the seeds that no complete run of its group holds."""
    done: dict[str, set[int]] = {}
    for record in store.records(runs) if runs.is_dir() else []:
        done.setdefault(record["group"], set()).update(record["seeds"])
    for spec in specs:
        seeds = tuple(s for s in spec.seeds if s not in done.get(spec.group, ()))
        if spec.training is None:
            if spec.group not in done:
                yield spec
        elif len(seeds) == len(spec.seeds):
            yield spec
        elif seeds:
            yield spec.with_seeds(seeds)


def sweep(
    source: str | Path | sweepfile.Sweep,
    *,
    runs: str | Path | None = None,
    jobs: int = 1,
    report: Callable[[str], None] = print,
    **overrides: Any,
) -> Outcome:
    """Make the runs of a sweep that are not in the folder `runs` yet.

    source: a sweep file, the name of one of afnlab's own, or a `Sweep`. jobs: how many notebooks
    run side by side, sharing the machine's threads. overrides: seeds, epochs, limit_train, ... in
    place of the file's. A failed run does not stop the others. SweepError for a bad file.
    """
    whole(jobs, "jobs", least=1)
    folder = Path(runs) if runs is not None else store.default_folder()
    plan = source if isinstance(source, sweepfile.Sweep) else sweepfile.read(source)
    specs = plan.specs(**overrides)
    todo = list(missing(specs, folder))
    left = {spec.group for spec in todo}
    outcome = Outcome(there=[spec for spec in specs if spec.group not in left])
    report(f"{plan.name}: {len(specs)} runs, {len(outcome.there)} there, {len(todo)} to do")
    for number, (spec, result) in enumerate(_results(todo, folder, jobs), start=1):
        count = f"[{number}/{len(todo)}]"
        if isinstance(result, RunFailed):
            outcome.failed.append((spec, str(result), result.folder))
            report(f"{count} {spec.label}: FAILED, {result}; see {result.folder / store.NOTEBOOK}")
        else:
            outcome.added.append(result)
            report(f"{count} {spec.label}: {_accuracy(result)}")
    return outcome


def _accuracy(folder: Path) -> str:
    record = store.read_record(folder / store.RECORD)
    metrics = record.get("metrics", {})
    if metrics.get("test_accuracy") is None:
        return f"done in {record['seconds']:.1f} s"
    return (
        f"test accuracy {100 * metrics['test_accuracy']:.2f} % over {len(record['seeds'])} seeds,"
        f" {record['seconds']:.1f} s"
    )


def _results(
    todo: Sequence[RunSpec], folder: Path, jobs: int
) -> Iterator[tuple[RunSpec, Path | RunFailed]]:
    """Execute the specs, `jobs` at a time, and yield them as they end."""
    if not todo:
        return
    threads = max(1, (os.cpu_count() or 1) // jobs)
    with ExitStack() as stack:
        server = stack.enter_context(KernelServer(threads)) if kernels.available() else None

        def attempt(spec: RunSpec) -> Path | RunFailed:
            try:
                return execute(spec, folder, threads, server)
            except RunFailed as error:
                return error
            finally:
                ensure_event_loop().close()  # the one that Jupyter made for this thread

        # Threads suffice: each only talks to the kernel that does its work.
        pool = stack.enter_context(ThreadPoolExecutor(jobs))
        futures = {pool.submit(attempt, spec): spec for spec in todo}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            if server is not None:
                server.close()
            raise
