"""The process that kernels are forked from: it imports, starts no threads, and watches over them.

Whatever ends, nothing of it lives on: the server ends with the process that started it, its kernels
with the server, and what a kernel started (its process group) with the kernel.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import json
import os
import select
import shutil
import signal
import socket
import sys
import traceback
from typing import Any, NoReturn

from afnlab.runs import reading

PRELOAD = (
    "afnlab.runs",
    "afnlab.analysis",
    "IPython.core.completerlib",
    "IPython.extensions.storemagic",
    "duckdb",
    "ipykernel.debugger",
    "ipykernel.kernelapp",
    "matplotlib.backends.backend_agg",
    "matplotlib.backends.backend_svg",
    "matplotlib_inline.backend_inline",
    "pyarrow.pandas_compat",
    "pyarrow.parquet",
    "sklearn.datasets",
    "sklearn.model_selection",
    "torch._dynamo",  # an optimizer imports it when it is made
)
LAUNCHER = "ipykernel_launcher"
MESSAGE = 1 << 20  # bytes of a request at most
SILENT = {"PYDEVD_DISABLE_FILE_VALIDATION": "1"}  # or a debugger says that it misses breakpoints
_PR_SET_PDEATHSIG = 1


def serve(descriptor: int, parent: int, folder: str) -> None:
    """Fork a kernel for each request, until the process `parent` closes the connection or ends.

    folder: what the kernels' sockets are in, to be deleted then.
    """
    kernels: dict[int, int] = {}  # handle: process
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one that started us
    signal.signal(signal.SIGTERM, lambda *_: _end(kernels, folder))
    end_with(parent, signal.SIGTERM)
    connection = socket.socket(fileno=descriptor)
    for name in PRELOAD:
        with contextlib.suppress(ImportError):  # a kernel may do without; its notebook will say
            importlib.import_module(name)
    gc.freeze()  # what is here stays: to look through it would copy its memory into each kernel
    while True:
        ready, _, _ = select.select([connection.fileno(), *kernels], [], [])
        for handle in ready:
            if handle in kernels:
                kill_group(kernels[handle])  # before its number is free for another process
                os.waitpid(kernels.pop(handle), 0)
                os.close(handle)
        if connection.fileno() in ready:
            request = connection.recv(MESSAGE)
            if not request:
                _end(kernels, folder)
            _fork(json.loads(request), connection, kernels)


def _fork(request: dict[str, Any], connection: socket.socket, kernels: dict[int, int]) -> None:
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


def _end(kernels: dict[int, int], folder: str) -> NoReturn:
    for pid in kernels.values():
        kill_group(pid)
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)


def kill_group(pid: int) -> None:
    """Kill a kernel and what it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def end_with(parent: int, number: signal.Signals) -> None:
    """Have this process sent a signal when its parent ends; end now if that has happened."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:
        os._exit(1)


def _become_kernel(request: dict[str, Any], server: int) -> NoReturn:
    """Turn this freshly forked process into a kernel."""
    code = 1
    try:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        end_with(server, signal.SIGKILL)
        os.environ.clear()
        os.environ.update(request["env"])
        if notes := os.environ.pop(reading.VARIABLE, ""):
            reading.keep_in(notes)
        os.environ.pop("JPY_PARENT_PID", None)  # this process's parent is the server
        os.chdir(request["cwd"])
        log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(log, 1)
        os.dup2(log, 2)
        import numpy as np  # noqa: PLC0415
        from ipykernel.kernelapp import IPKernelApp  # noqa: PLC0415

        np.random.seed()  # noqa: NPY002  (else all children would share the server's state)
        sys.argv = [LAUNCHER, *request["arguments"]]
        IPKernelApp.launch_instance(request["arguments"])
        code = 0
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
