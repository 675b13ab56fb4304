"""What Dask's workers and their kernels need, imported once by the process they are forked from.

Each worker, and each of their kernel servers, would otherwise import it anew. A kernel server is
forked from its worker, as that of a command is in `driver`. See the fixture of this name.
"""

from __future__ import annotations

import importlib

from afnlab.runs.kernel import fork_client, fork_server
from afnlab.runs.kernel.notebook_format import import_nbformat
from tests.integration.driver import forked_server

import_nbformat()
PRELOAD = (*fork_server.OF_KERNELS, *fork_server.OF_TRAININGS)
for name in ("distributed", "papermill", "afnlab.runs.sweeps.dask_executor", *PRELOAD):
    importlib.import_module(name)
fork_client.KernelServer._launch = forked_server
