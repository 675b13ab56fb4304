"""The command `afnlab doctor`: what is installed, what works, and what to do about the rest."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version

import torch

import afnlab
from afnlab.messages import say
from afnlab.paths import shared
from afnlab.runs.kernel import fork_client
from afnlab.runs.storage import location, runs_folder
from afnlab.training import files
from afnlab.training.files import ENVIRONMENT

PACKAGES = (
    *("torch", "numpy", "pandas", "pyarrow", "scipy", "scikit-posthocs", "scikit-learn"),
    *("matplotlib", "seaborn", "jupyterlab", "ipywidgets", "anywidget", "papermill"),
)


def main() -> int:
    """Print the findings; 1 if something afnlab needs does not work."""
    say(f"afnlab {afnlab.__version__}, Python {platform.python_version()}, {platform.platform()}")
    checks: tuple[tuple[str, Callable[[], str]], ...] = (
        ("packages", _packages),
        ("notebooks", _notebooks),
        ("jupyter kernel", _kernel),
        ("device", _device),
        ("activations", _activations),
        ("training", _training),
        ("compiled kernels", _native),
        ("kernels", _fork),
        ("runs", _runs),
        ("data", _data),
    )
    bad = 0
    for name, check in checks:
        try:
            say(f"ok    {name}: {check()}")
        except Exception as error:
            bad += 1
            say(f"FAIL  {name}: {error}")
    return 1 if bad else 0


def _packages() -> str:
    present, absent = [], []
    for name in PACKAGES:
        try:
            present.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            absent.append(name)
    if absent:
        raise RuntimeError(f"not installed: {', '.join(absent)} (pip install {' '.join(absent)})")
    return ", ".join(present)


def _notebooks() -> str:
    names = sorted(p.stem for p in shared("notebooks").glob("*.ipynb"))
    if not names:
        raise RuntimeError(f"none in {shared('notebooks')}: the installation is not whole")
    return ", ".join(names)


def _kernel() -> str:
    return f"ipykernel {version('ipykernel')} of {sys.executable}"


def _device() -> str:
    threads = f"{torch.get_num_threads()} threads"
    if torch.cuda.is_available():
        return f"{torch.cuda.get_device_name()}, and the CPU with {threads}"
    return f"CPU with {threads}; torch sees no CUDA device"


def _activations() -> str:
    x = torch.linspace(-3, 3, 7)
    for name in afnlab.list_activations():
        if not afnlab.get_activation(name)(x).isfinite().all():
            raise RuntimeError(f"{name} gives values that are not finite")
    return f"{len(afnlab.list_activations())}, all finite"


def _native() -> str:
    return "; ".join(f"{kind} from {origin}" for kind, origin in afnlab.native.status().items())


def _training() -> str:
    result = afnlab.train("digits-mlp", "relu", seeds=2, epochs=1, progress=False)
    return f"digits-mlp, one epoch of two seeds in {result.history.seconds.sum():.2f} s"


def _fork() -> str:
    if fork_client.available():
        return "forked from a warm process"
    return "each starts anew (forking them needs Linux), some seconds more a run"


def _runs() -> str:
    where = location.place()
    where.pull()
    folder = where.folder
    if not folder.is_dir():
        return f"{where.shown} is not there yet"
    free = shutil.disk_usage(folder).free / 2**30
    writable = os.access(folder, os.W_OK)
    if not writable:
        raise RuntimeError(f"{where.shown} cannot be written to")
    return f"{len(runs_folder.records(folder))} in {where.shown}, {free:.0f} GiB free"


def _data() -> str:
    root = files.given_folder()
    here = ", ".join(f"{name} {files.state(name)}" for name in files.SOURCES)
    if root is None:
        return f"{here} ({ENVIRONMENT} is not set: downloaded when a task needs them)"
    if not root.is_dir():
        raise RuntimeError(f"{ENVIRONMENT} is {root}, which is no folder")
    return f"{here} ({ENVIRONMENT} is {root})"
