"""The process between a sweep and its kernel server: it ends what is left when one of them ends.

Run as a script it imports nothing but the standard library, so it is there within milliseconds and
stays small; the server is forked from it and does the importing.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import importlib.util
import os
import shutil
import signal
import sys
import time
from collections.abc import Collection
from pathlib import Path
from typing import NoReturn

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_PATIENCE = 5.0  # seconds in which killed processes should have ended


def supervise(descriptor: int, parent: int, folder: str, server: str, *extra: str) -> NoReturn:
    """Fork the kernel server, and end all that came of it when it or the process `parent` ends.

    descriptor: the server's end of the connection to `parent`. folder: what the kernels' sockets
    are in, to be deleted then. server: the module of the kernel server. extra: what it is to import
    besides.
    """
    awaited = {signal.SIGTERM, signal.SIGCHLD}
    for number in (signal.SIGINT, signal.SIGHUP):  # these are for the one that started us
        signal.signal(number, signal.SIG_IGN)
    for number in awaited:  # which may have been ignored, or blocked, where we were started
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, awaited)
    adopt_orphans()
    end_with(parent, signal.SIGTERM)
    own_pid = os.getpid()
    pid = os.fork()
    if pid == 0:
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        _note_what_is_read()
        importlib.import_module(server).serve(descriptor, own_pid, *extra)
    os.close(descriptor)
    while signal.sigwait(awaited) == signal.SIGCHLD:
        if _reaped(pid):
            break
    kill_descendants()
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)


def _note_what_is_read() -> None:
    """Start the notes of `afnlab.runs.kernel.read_audit`, which is loaded before its package."""
    name = "afnlab.runs.kernel.read_audit"
    if name not in sys.modules:
        path = Path(__file__).with_name("read_audit.py")
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None and spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    sys.modules[name].start()


def _reaped(pid: int) -> bool:
    """Reap the children that have ended; whether the given one was among them."""
    ended = set()
    with contextlib.suppress(ChildProcessError):
        while child := os.waitpid(-1, os.WNOHANG)[0]:
            ended.add(child)
    return pid in ended


def adopt_orphans() -> None:
    """Have the descendants of this process whose parents end become its own children."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)


def end_with(parent: int, number: signal.Signals) -> None:
    """Have this process sent a signal when its parent ends; end now if that has happened."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:
        os._exit(1)


def kill_descendants(spared: Collection[int] = ()) -> None:
    """Kill the children of this process but the spared ones, and whatever these have started.

    It must adopt orphans: then those of a killed child are its children next, in whatever session
    or process group they are.
    """
    end = time.monotonic() + _PATIENCE
    while (others := children() - set(spared)) and time.monotonic() < end:
        for pid in others:
            with contextlib.suppress(OSError):  # a setuid program is not ours to kill
                os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
        time.sleep(0.001)


def children() -> set[int]:
    """The processes whose parent is this one, those included that have ended and are not reaped."""
    pids = set()
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            if int((path / "stat").read_bytes().rpartition(b")")[2].split()[1]) == os.getpid():
                pids.add(int(path.name))
    return pids


if __name__ == "__main__":
    if not sys.flags.safe_path:
        del sys.path[0]  # this file's folder, whose modules are to be found in their package alone
    supervise(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])
