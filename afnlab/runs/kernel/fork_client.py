"""Kernels in a quarter of a second: forked from a process that has everything imported.

Importing torch, pandas and the plotting libraries costs a new kernel several seconds, more than a
small training does. So one server process imports them once and forks a child for each kernel, see
`fork_server`. Linux only; elsewhere kernels start as they always do.
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
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

from afnlab.runs.kernel import fork_server, process_environment, supervisor

_PATIENCE = 10.0  # seconds in which a server should have ended, and all that came of it
_LONGEST = 300.0  # seconds in which it should have imported what kernels need, and forked one


def available() -> bool:
    """Whether kernels can be forked here."""
    return sys.platform == "linux" and hasattr(os, "pidfd_open")


class KernelServer:
    """A process to fork kernels from, as a context manager.

    threads: torch's in each kernel. trains: whether it imports what trainings need, which takes
    three seconds more; a kernel of one that does not imports it by itself.
    """

    def __init__(self, threads: int | None = None, trains: bool = True) -> None:
        self.lock = threading.Lock()
        self.folder = process_environment.private_folder()
        self.ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.ours.settimeout(_LONGEST)
        self._theirs = theirs
        self.extra = fork_server.OF_TRAININGS if trains else ()
        self._environment = process_environment.environment(threads, self.folder)
        self._error: OSError | None = None
        started = threading.Event()
        # Linux counts a thread's end as the parent's: so one starts it that lives as long.
        threading.Thread(target=self._start, args=[started], daemon=True).start()
        started.wait()
        theirs.close()
        if self._error is not None:
            self.ours.close()
            shutil.rmtree(self.folder, ignore_errors=True)
            raise ValueError(f"the kernel server could not be started ({self._error})")

    def _start(self, started: threading.Event) -> None:
        try:
            self.process = self._launch(self._theirs.fileno())
        except OSError as error:
            self._error = error
            return
        finally:
            started.set()
        self.process.wait()

    def _launch(self, descriptor: int) -> subprocess.Popen:
        words = (str(descriptor), str(os.getpid()), str(self.folder), fork_server.__name__)
        return subprocess.Popen(
            [sys.executable, supervisor.__file__, *words, *self.extra],
            pass_fds=[descriptor],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # what a terminal sends is for us
        )

    @property
    def running(self) -> bool:
        """Whether kernels can be forked, and live: with the server's end that of ours is closed."""
        if self.process.poll() is not None:
            return False
        watch = select.poll()
        watch.register(self.ours, 0)
        return not watch.poll(0)

    def fork(self, arguments: list[str], env: Mapping[str, str], cwd: str, log: str) -> Forked:
        """Have a kernel forked; what it prints goes to the file `log`.

        RuntimeError if the server has gone, or cannot fork.
        """
        log = os.path.abspath(log)  # noqa: PTH100  (the server is in a folder of its own)
        request = {"arguments": arguments, "env": dict(env), "cwd": cwd, "log": log}
        with self.lock, _in_memory(json.dumps(request).encode()) as file:
            try:
                socket.send_fds(self.ours, [fork_server.REQUEST], [file])
                reply, handles, _, _ = socket.recv_fds(self.ours, 32, 1)
            except TimeoutError:
                said = f"the kernel server did not answer within {_LONGEST:g} s"
                raise RuntimeError(f"{said}: too little memory (ulimit -v)?") from None
            except OSError as error:
                raise RuntimeError(f"the kernel server has gone ({error})") from None
        if not handles:
            raise RuntimeError("the kernel server has gone, or could not fork")
        return Forked(int(reply), handles[0])

    def close(self) -> None:
        """End the server and every kernel from it, and wake the threads that wait for one."""
        with suppress(OSError):  # it has gone before
            self.ours.shutdown(socket.SHUT_RDWR)
        self.process.terminate()
        try:
            self.process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        with self.lock:  # no thread waits any more, and then for whatever gets its number
            self.ours.close()
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
            raise subprocess.TimeoutExpired("kernel", timeout or 0)
        return 0

    def send_signal(self, number: int) -> None:
        signal.pidfd_send_signal(self.handle, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def __del__(self) -> None:
        os.close(self.handle)


@contextmanager
def _in_memory(content: bytes) -> Iterator[int]:
    """A file that is nowhere, as its descriptor: an environment may be too large for a message."""
    file = os.memfd_create("afnlab")
    try:
        with open(file, "wb", closefd=False) as writing:
            writing.write(content)
        os.lseek(file, 0, os.SEEK_SET)
        yield file
    finally:
        os.close(file)
