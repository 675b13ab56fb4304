"""Kernels in a quarter of a second: forked from a process that has everything imported.

Importing torch, pandas and the plotting libraries costs a new kernel several seconds, more than a
small training does. So one server process imports them once, runs nothing, starts no threads, and
forks a child for each kernel. Linux only; elsewhere kernels start as they always do.

A server dies with the process that started it, and its kernels die with it.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import uuid
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

PRELOAD = (
    "afnlab.runs",
    "afnlab.analysis",
    "duckdb",
    "ipykernel.kernelapp",
    "matplotlib.backends.backend_agg",
    "matplotlib.backends.backend_svg",
    "matplotlib_inline.backend_inline",
    "pyarrow.parquet",
    "sklearn.datasets",
    "sklearn.model_selection",
    "torch._dynamo",  # an optimizer imports it when it is made
)
LAUNCHER = "ipykernel_launcher"
_PR_SET_PDEATHSIG = 1
_MESSAGE = 1 << 20


def available() -> bool:
    """Whether kernels can be forked here."""
    return sys.platform == "linux" and hasattr(os, "pidfd_open")


class KernelServer:
    """A process to fork kernels from, as a context manager; `threads` is torch's in each kernel."""

    def __init__(self, threads: int | None = None) -> None:
        self.lock = threading.Lock()
        self.ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        environment = dict(os.environ) | search_path() | thread_limits(threads)
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-c", f"from {__name__} import serve; serve({theirs.fileno()})"],
                pass_fds=[theirs.fileno()],
                env=environment,
                stdin=subprocess.DEVNULL,
            )

    def fork(self, arguments: list[str], env: Mapping[str, str], cwd: str, log: str) -> Forked:
        request = {"arguments": arguments, "env": dict(env), "cwd": cwd, "log": log}
        with self.lock:
            try:
                self.ours.send(json.dumps(request).encode())
                reply, fds, _, _ = socket.recv_fds(self.ours, _MESSAGE, 1)
            except OSError as error:
                raise RuntimeError(f"the kernel server has gone ({error})") from None
        if not fds:
            raise RuntimeError("the kernel server has gone, or could not fork")
        return Forked(int(reply), fds[0])

    def close(self) -> None:
        self.ours.close()
        self.process.kill()
        self.process.wait()

    def __enter__(self) -> KernelServer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()


class Forked:
    """A kernel process that is not our child, behind what Jupyter uses of `subprocess.Popen`."""

    stdin = stdout = stderr = None

    def __init__(self, pid: int, handle: int) -> None:
        self.pid, self.handle = pid, handle

    def poll(self) -> int | None:
        return 0 if select.select([self.handle], [], [], 0)[0] else None

    def wait(self, timeout: float | None = None) -> int:
        if not select.select([self.handle], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired(LAUNCHER, timeout or 0)
        return 0

    def send_signal(self, number: int) -> None:
        signal.pidfd_send_signal(self.handle, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def __del__(self) -> None:
        os.close(self.handle)


def manager_class(server: KernelServer | None, threads: int | None, log: Path) -> type:
    """A Jupyter kernel manager whose kernels come from the server, or are started anew without one.

    They talk over Unix sockets where there are any, since TCP ports can be snatched.
    """
    from jupyter_client.manager import AsyncKernelManager  # noqa: PLC0415
    from jupyter_client.provisioning import LocalProvisioner  # noqa: PLC0415

    class Provisioner(LocalProvisioner):
        async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
            assert server is not None
            arguments = cmd[cmd.index(LAUNCHER) + 1 :]
            cwd = str(kwargs.get("cwd") or Path.cwd())
            forked = server.fork(arguments, kwargs["env"], cwd, str(log))
            self.process: Any = forked
            self.pid = self.pgid = forked.pid
            return self.connection_info

    class Manager(AsyncKernelManager):
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            if sys.platform != "win32":
                self.transport = "ipc"
                self.ip = str(Path(tempfile.gettempdir()) / f"afnlab-{uuid.uuid4().hex[:12]}")
            argv = self.kernel_spec.argv if self.kernel_spec else ()
            if server is not None and LAUNCHER in argv:
                self.provisioner = Provisioner(
                    kernel_id="", kernel_spec=self.kernel_spec, parent=self
                )

        async def _async_start_kernel(self, **kwargs: Any) -> None:
            env = dict(kwargs.pop("env", os.environ)) | search_path() | thread_limits(threads)
            env |= {"PYDEVD_DISABLE_FILE_VALIDATION": "1"}
            await super()._async_start_kernel(env=env, **kwargs)

        start_kernel = _async_start_kernel

    return Manager


def search_path() -> dict[str, str]:
    """Environment with which a new interpreter imports this afnlab, installed or not."""
    package = str(Path(__file__).resolve().parents[2])
    parts = [package, *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    return {"PYTHONPATH": os.pathsep.join(dict.fromkeys(filter(None, parts)))}


def thread_limits(threads: int | None) -> dict[str, str]:
    if threads is None:
        return {}
    return {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}


def serve(descriptor: int) -> None:
    """Fork a kernel for each request, until the other side closes the connection."""
    _die_with_parent()
    connection = socket.socket(fileno=descriptor)
    import importlib  # noqa: PLC0415

    for name in PRELOAD:
        with contextlib.suppress(ImportError):  # a kernel may do without; its notebook will say
            importlib.import_module(name)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one that started us
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # children are reaped by the system
    while request := connection.recv(_MESSAGE):
        pid = os.fork()
        if pid == 0:
            connection.close()
            _become_kernel(json.loads(request))
        try:
            handle = os.pidfd_open(pid)
            socket.send_fds(connection, [str(pid).encode()], [handle])
            os.close(handle)
        except ProcessLookupError:
            connection.send(b"0")


def _become_kernel(request: dict[str, Any]) -> None:
    """Turn this freshly forked process into a kernel; does not return."""
    code = 1
    try:
        _die_with_parent()
        os.setsid()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.environ.clear()
        os.environ.update(request["env"])
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
        import traceback  # noqa: PLC0415

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
