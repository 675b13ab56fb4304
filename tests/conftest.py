"""What every test of the activations runs over: the registry, crossed with settings."""

from __future__ import annotations

import gc
import importlib
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

import pytest
import torch

from afnlab import Activation, get_activation, list_activations
from afnlab.runs.kernel.execute_cells import Means
from afnlab.runs.kernel.notebook_format import import_nbformat
from afnlab.runs.sweeps.worker import Worker
from tests.over import over

# To look through all of torch and of 11,000 tests every other second takes 3 % of the time.
gc.set_threshold(100_000, 50, 100)
import_nbformat()  # before the tests and papermill import it with its grammars, in two seconds

ACTIVATIONS = [get_activation(name) for name in list_activations()]


def stored(value: float) -> float:
    """The number as float32 stores it, so that every type meets the same parameter."""
    return torch.tensor(value, dtype=torch.float32).item()


def free(f: Activation) -> dict:
    """The continuous parameters."""
    return {name: p for name, p in f.params.items() if not p.fixed}


# They move where it jumps, and no value: their gradient is 0.
STILL = {("hardshrink", "lambd"), ("threshold", "threshold")}


def trainable(f: Activation) -> tuple[str, ...]:
    """The parameters that can be trained."""
    return tuple(name for name in free(f) if (f.name, name) not in STILL)


def settings(f: Activation) -> dict[str, dict[str, float]]:
    """Values of the continuous parameters: defaults, the ends of their ranges, and each at 0."""

    def allowed(p, value):
        try:
            return p.check("", value)
        except ValueError:  # the range is open at this end, or infinite
            return p.default

    params = free(f)
    found = {"default": {n: p.default for n, p in params.items()}}
    if params:
        for which in ("low", "high"):
            found[which] = {n: allowed(p, getattr(p, which)) for n, p in params.items()}
        for name, p in params.items():
            if p.low < 0 < p.high and p.default and allowed(p, 0.0) == 0:
                found[f"{name}=0"] = found["default"] | {name: 0.0}
    return {label: {n: stored(v) for n, v in values.items()} for label, values in found.items()}


def noise_for(f: Activation, x: torch.Tensor) -> dict[str, torch.Tensor]:
    """The noise argument of a stochastic activation, always the same; nothing for the others."""
    if not f.stochastic:
        return {}
    draw = torch.rand(x.shape, generator=torch.Generator().manual_seed(5))
    return {"noise": draw.to(x.dtype)}


def each_of(records: list[Activation]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("f", records, ids=lambda f: f.name)


def crossed(records: list[Activation]) -> Callable[[Callable], Callable]:
    """A test of each activation, which takes its settings one after another."""

    def decorated(test: Callable) -> Callable:
        return each_of(records)(over("params", lambda f: settings(f).values())(test))

    return decorated


def each_parameter(
    cases: Callable[[Activation], Iterable], names: str = "name"
) -> Callable[[Callable], Callable]:
    """A test of each activation that has such parameters, which takes one after another."""
    return lambda test: each_of([f for f in ACTIVATIONS if cases(f)])(over(names, cases)(test))


@pytest.fixture
def one_server(monkeypatch) -> None:
    """Runs and reports fork their kernels from the session's server, and do not end it.

    A server of its own takes some four seconds, which is most of what such a test takes. How
    servers start and end is tested in test_fork_server, test_survival and test_surroundings.
    """
    from tests.runs.test_runs import kernels  # noqa: PLC0415

    def served(**given: Any) -> Means:
        return Means(**{"threads": 1, "server": kernels()} | given)

    monkeypatch.setattr(Worker, "_get", lambda *_, **__: kernels())
    for name in ("afnlab.runs.execution", "afnlab.report.write_report"):  # where none are given
        monkeypatch.setattr(importlib.import_module(name), "Means", served)


@pytest.fixture
def forked_workers(monkeypatch) -> Iterator[None]:
    """Dask forks its workers on this machine from one process, which has all imported.

    That a worker starts as a new process is tested in test_dask_executor, by a cluster that is
    there and by Slurm.
    """
    import dask  # noqa: PLC0415
    import distributed  # noqa: F401, PLC0415  (or what it sets would be taken away with ours)

    paths = [str(Path(__file__).parents[1]), *sys.path]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    forkserver.set_forkserver_preload(["tests.forked_workers"])
    forkserver.ensure_running()
    try:
        with dask.config.set({"distributed.worker.multiprocessing-method": "forkserver"}):
            yield
    finally:
        forkserver._forkserver._stop()


every_activation = each_of(ACTIVATIONS)
every_setting = crossed(ACTIVATIONS)
every_elementwise_setting = crossed([f for f in ACTIVATIONS if f.elementwise])
