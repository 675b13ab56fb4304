"""Flags of the commands that execute many runs: how many at once, where, and with what."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from afnlab.cli.flags import add_jobs_flag, add_threads_flag, add_timeout_flag, timeout

if TYPE_CHECKING:
    from afnlab.runs.sweeps.local_executor import Executor


def add_executor_flags(sub: argparse.ArgumentParser) -> None:
    add_jobs_flag(sub)
    add_threads_flag(sub)
    sub.add_argument(
        "--gpus-per-run",
        type=int,
        default=0,
        metavar="N",
        help="GPUs that each run has to itself (default 0)",
    )
    text = "a Dask scheduler, tcp://host:port; or local: workers of Dask on this machine"
    sub.add_argument("--scheduler", metavar="ADDRESS", help=text)
    text = "have Slurm start the jobs, with queue=..., account=..., memory=..., walltime=..."
    sub.add_argument("--slurm", nargs="*", metavar="KEY=VALUE", help=text)
    add_timeout_flag(sub)


def executor_of(a: argparse.Namespace) -> Executor:
    """What the flags of `add_executor_flags` say."""
    from afnlab.runs.notebook_parameters.parsing import split
    from afnlab.runs.sweeps.local_executor import Local

    common: dict[str, Any] = {
        "threads": a.threads,
        "timeout": timeout(a),
        "gpus_per_run": a.gpus_per_run,
    }
    if a.scheduler is None and a.slurm is None:
        return Local(a.jobs, **common)
    if a.scheduler is not None and a.slurm is not None:
        raise ValueError("--scheduler and --slurm exclude each other")
    from afnlab.runs.sweeps.dask_executor import LOCAL, Dask

    slurm = None if a.slurm is None else split(a.slurm, "--slurm")
    return Dask(a.scheduler or LOCAL, jobs=a.jobs, slurm=slurm, **common)
