"""What a worker of a Dask cluster does for a sweep: runs, in kernels from a server of its own.

Dask pickles these functions by their names, so every worker executes those of its own afnlab.
"""

from __future__ import annotations

import socket
from dataclasses import replace
from typing import Any

from jupyter_core.utils import ensure_event_loop

from afnlab.messages import some
from afnlab.runs.kernel.execute_cells import Means
from afnlab.runs.run_spec import RunSpec
from afnlab.runs.storage.location import place
from afnlab.runs.sweeps.worker import Busy, Worker
from afnlab.runs.whereabouts import folder_of, notebook_of

_LISTED = 3  # names of what differs
_workers: dict[str, Worker] = {}  # by sweep


def make(
    parts: dict[str, Any], runs: str, sweep: str, settings: dict[str, Any], patience: float = 0
) -> str | None:
    """Make a run.

    Args:
        parts: what the spec is made from, and the id and the code that it has where the sweep was
            started.
        runs: where runs are kept, a folder or a URL.
        sweep: a name of the sweep; its runs share one kernel server.
        settings: of `Means`.
        patience: seconds to wait before that.

    Returns:
        The error of the run, an empty text if there was none, None while another process makes it.

    Raises:
        RuntimeError: The code here is not that of the machine that started the sweep.
        ValueError: The notebook works in a folder of that machine that is not here.
    """
    notebook, parameters = parts["notebook"], parts["parameters"]
    folder = folder_of(notebook, parameters, parts.get("folder"))
    made = RunSpec.make(notebook_of(notebook), parameters, folder=folder)
    kept = {name: parts[name] for name in ("until_decided", "confirmation") if name in parts}
    spec = replace(made, **kept)
    if spec.id != parts["id"]:
        other = {name for name, _ in parts["code"].items() ^ spec.code.units.items()}
        raise RuntimeError(
            f"{socket.gethostname()} would make another run: its afnlab, notebook, activation, data"
            " files or compiled kernels are not those with which the sweep was started"
            + (f": {some(sorted(other), _LISTED)}" if other else "")
        )
    worker = _workers.setdefault(sweep, Worker(Means(**settings)))
    try:
        worker.means.stop.wait(patience)
        failed = worker.attempt(spec, place(runs))
    except Busy:
        return None
    finally:
        ensure_event_loop().close()
    return failed.message if failed else ""


def stop(sweep: str) -> None:
    """End what is done here for a sweep, and wait until nothing is left of it."""
    if sweep in _workers:
        _workers.pop(sweep).stop()
