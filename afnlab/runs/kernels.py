"""Kernels in a quarter of a second: forked from a process that has everything imported.

Importing torch, pandas and the plotting libraries costs a new kernel several seconds, more than a
small training does. So one server process imports them once and forks a child for each kernel, see
`forking`. Linux only; elsewhere kernels start as they always do.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path

from afnlab.runs import forking, reading
from afnlab.runs.forking import LAUNCHER, MESSAGE


def available() -> bool:
    """Whether kernels can be forked here."""
    return sys.platform == "linux" and hasattr(os, "pidfd_open")


class KernelServer:
    """A process to fork kernels from, as a context manager; `threads` is torch's in each kernel."""

    def __init__(self, threads: int | None = None) -> None:
        self.lock = threading.Lock()
        self.folder = Path(tempfile.mkdtemp(prefix="afnlab-"))  # of its kernels' sockets
        self.ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._given = theirs
        limits = thread_limits(threads)
        self._environment = dict(os.environ) | search_path() | limits | forking.SILENT
        started = threading.Event()
        # Linux counts a thread's end as the parent's: so one starts it that lives as long.
        threading.Thread(target=self._start, args=[started], daemon=True).start()
        started.wait()
        theirs.close()
        if not hasattr(self, "process"):
            raise RuntimeError("the kernel server could not be started")

    def _start(self, started: threading.Event) -> None:
        try:
            self.process = self._launch(self._given.fileno())
        finally:
            started.set()
        self.process.wait()

    def _launch(self, descriptor: int) -> subprocess.Popen:
        arguments = f"{descriptor}, {os.getpid()}, {str(self.folder)!r}"
        code = f"from {forking.__name__} import serve; serve({arguments})"
        return subprocess.Popen(
            [sys.executable, *reading.starter(code)],
            pass_fds=[descriptor],
            env=self._environment,
            stdin=subprocess.DEVNULL,
        )

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    def fork(self, arguments: list[str], env: Mapping[str, str], cwd: str, log: str) -> Forked:
        request = {"arguments": arguments, "env": dict(env), "cwd": cwd, "log": log}
        with self.lock:
            try:
                self.ours.send(json.dumps(request).encode())
                reply, fds, _, _ = socket.recv_fds(self.ours, MESSAGE, 1)
            except OSError as error:
                raise RuntimeError(f"the kernel server has gone ({error})") from None
        if not fds:
            raise RuntimeError("the kernel server has gone, or could not fork")
        return Forked(int(reply), fds[0])

    def close(self) -> None:
        """End the server and every kernel from it."""
        self.ours.close()
        self.process.terminate()
        try:
            self.process.wait(2)
        except subprocess.TimeoutExpired:  # it is importing
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> KernelServer:
        return self

    def __exit__(self, *_: object) -> None:
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


def search_path() -> dict[str, str]:
    """Environment with which a new interpreter imports this afnlab, installed or not."""
    package = str(Path(__file__).resolve().parents[2])
    parts = [package, *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    return {"PYTHONPATH": os.pathsep.join(dict.fromkeys(filter(None, parts)))}


def thread_limits(threads: int | None) -> dict[str, str]:
    if threads is None:
        return {}
    return {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
