"""The process that kernels are forked from: it imports, starts no threads, and watches over them.

Whatever ends, nothing of it lives on: the server ends with its supervisor, its kernels with the
server, and what a kernel started with the kernel, whatever session it is in: it adopts orphans, and
so does the server when a kernel ends.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import multiprocessing.process
import os
import select
import signal
import socket
import sys
import traceback
from typing import Any, NoReturn

from afnlab.runs.kernel import read_audit
from afnlab.runs.kernel.supervisor import adopt_orphans, end_with, kill_descendants

OF_KERNELS = (
    "IPython.core.completerlib",
    "IPython.extensions.storemagic",
    "ipykernel.debugger",
    "ipykernel.kernelapp",
    "matplotlib.backends.backend_agg",
    "matplotlib.backends.backend_svg",
    "matplotlib_inline.backend_inline",
    "pyarrow.pandas_compat",
    "pyarrow.parquet",
)
OF_TRAININGS = (
    "afnlab.compare",
    "afnlab.figures",
    "afnlab.functions",
    "afnlab.live",
    "afnlab.report.sections",
    "afnlab.studies",
    "sklearn.datasets",
    "sklearn.model_selection",
)
REQUEST = b"fork"  # what is asked for is in the file that comes with it


def serve(descriptor: int, parent: int, *extra: str) -> NoReturn:
    """Fork a kernel for each request, until the connection is closed or the process `parent` ends.

    descriptor: our end of the connection. parent: the supervisor. extra: modules to import besides
    those that every kernel needs.
    """
    kernels: dict[int, int] = {}  # handle: process
    signal.signal(signal.SIGTERM, _end)
    adopt_orphans()
    end_with(parent, signal.SIGTERM)
    connection = socket.socket(fileno=descriptor)
    for name in (*OF_KERNELS, *extra):
        with contextlib.suppress(ImportError):  # a kernel may do without; its notebook will say
            importlib.import_module(name)
    gc.freeze()  # what is here stays: to look through it would copy its memory into each kernel
    while True:
        ready, _, _ = select.select([connection.fileno(), *kernels], [], [])
        for handle in ready:
            if handle in kernels:
                os.waitpid(kernels.pop(handle), 0)
                os.close(handle)
                kill_descendants(spared=kernels.values())
        if connection.fileno() in ready:
            request, files, _, _ = socket.recv_fds(connection, len(REQUEST), 1)
            if not request:
                _end()
            _fork(files[0], connection, kernels)


def _fork(file: int, connection: socket.socket, kernels: dict[int, int]) -> None:
    """Fork a kernel as it is asked for in a file, and answer with its number and a handle of it."""
    with open(file, "rb") as asked:
        request = json.load(asked)
    server = os.getpid()
    pid = os.fork()
    if pid == 0:
        connection.close()
        for handle in kernels:
            os.close(handle)
        _become_kernel(request, server)
    handle = os.pidfd_open(pid)
    kernels[handle] = pid
    with contextlib.suppress(OSError):  # the one that asked has ended
        socket.send_fds(connection, [str(pid).encode()], [handle])


def _end(*_: object) -> NoReturn:
    kill_descendants()
    os._exit(0)


def _become_kernel(request: dict[str, Any], server: int) -> NoReturn:
    """Turn this freshly forked process into a kernel."""
    code = 1
    try:
        os.setsid()
        adopt_orphans()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        end_with(server, signal.SIGKILL)
        try:
            log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        except FileNotFoundError:  # who asked was interrupted, and has taken the folder away
            os._exit(code)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.environ.clear()
        os.environ.update(request["env"])
        if notes := os.environ.pop(read_audit.VARIABLE, ""):
            read_audit.keep_in(notes)
        os.environ.pop("JPY_PARENT_PID", None)  # this process's parent is the server
        os.chdir(request["cwd"])
        # What '' in sys.path means to processes that the kernel begins anew.
        vars(multiprocessing.process)["ORIGINAL_DIR"] = request["cwd"]
        import numpy as np  # noqa: PLC0415

        from afnlab.runs.kernel.application import KernelApp  # noqa: PLC0415

        np.random.seed()  # noqa: NPY002  (else all children would share the server's state)
        sys.argv = [KernelApp.name, *request["arguments"]]
        KernelApp.launch_instance(request["arguments"])
        code = 0
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
