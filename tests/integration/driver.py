"""A process that has afnlab imported and forks one for each command, which then starts at once.

Tests that kill commands over and over would otherwise wait for imports most of the time. In the
commands the kernel server is forked as well, in place of being started anew.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from afnlab.runs.kernel import fork_client, fork_server, supervisor
from afnlab.runs.kernel.notebook_format import import_nbformat
from afnlab.runs.storage import atomic_write, runs_folder

MARK = "AFNLAB_TEST_MARK"


class Driver:
    """The process, seen from the tests; its children carry a mark in their environment."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.mark = folder, f"{os.getpid()}-{time.monotonic_ns()}"
        paths = [str(Path(__file__).parent), *sys.path]
        env = os.environ | {"PYTHONPATH": os.pathsep.join(paths), MARK: self.mark}
        env |= {"OMP_NUM_THREADS": "1", "XDG_CACHE_HOME": str(folder / "cache")}
        self.process = subprocess.Popen(
            [sys.executable, "-c", "import driver; driver.serve()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=env,
            cwd=folder,
        )

    def ask(self, **request) -> int:
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def start(self, *words: str, die_at: int = 0, before: str = "") -> int:
        """Start `afnlab WORDS`; its process.

        die_at: kill it at that step of writing a run. before: code that it executes first.
        """
        return self.ask(words=words, die_at=die_at, before=before)

    def wait(self, pid: int) -> int:
        """The exit status of a command; minus the signal's number, if one ended it."""
        return self.ask(wait=pid)

    def run(self, *words: str, die_at: int = 0, before: str = "") -> int:
        return self.wait(self.start(*words, die_at=die_at, before=before))

    def said(self, pid: int) -> str:
        return (self.folder / f"{pid}.out").read_text()

    def processes(self) -> set[int]:
        """Processes that commands have left."""
        found = set()
        for path in Path("/proc").glob("[0-9]*/environ"):
            try:
                marked = f"{MARK}={self.mark}".encode() in path.read_bytes()
                state = (path.parent / "stat").read_text().rpartition(")")[2].split()[0]
            except OSError:
                continue
            if marked and state != "Z":
                found.add(int(path.parent.name))
        return found - {self.process.pid}

    def wait_for_quiet(self, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while left := self.processes():
            assert time.monotonic() < deadline, f"still alive: {left}"
            time.sleep(0.02)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


def serve() -> None:
    import_nbformat()
    for name in (
        "papermill",
        "afnlab.cli.sweep",
        "afnlab.cli.runs",
        "afnlab.cli.run",
        "afnlab.runs.sweeps.run_sweep",
        "afnlab.runs.sweeps.local_executor",
        *fork_server.OF_KERNELS,
        *fork_server.OF_TRAININGS,
    ):
        importlib.import_module(name)
    for line in sys.stdin:
        request = json.loads(line)
        if "wait" in request:
            answer = os.waitstatus_to_exitcode(os.waitpid(request["wait"], 0)[1])
        elif not (answer := os.fork()):
            _command(**request)
        print(answer, flush=True)


def _command(words: list[str], die_at: int, before: str) -> None:
    code = 70
    try:
        os.setsid()
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's `&` has it ignored
        out = os.open(f"{os.getpid()}.out", os.O_WRONLY | os.O_CREAT)
        os.dup2(out, 1)
        os.dup2(out, 2)
        fork_client.KernelServer._launch = forked_server
        if die_at:
            _die_at(die_at)
        exec(before, {})
        code = importlib.import_module("afnlab.cli").main(words)
    finally:
        sys.stdout.flush()
        os._exit(code)


def forked_server(self, descriptor: int) -> _Child:
    """Start the kernel server as a fork of this process, in place of `KernelServer._launch`."""
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        self.ours.close()
        words = (str(self.folder), fork_server.__name__, *self.extra)
        supervisor.supervise(descriptor, parent, *words)
    return _Child(pid)


class _Child:
    """A forked process, behind what is used of `subprocess.Popen`."""

    def __init__(self, pid: int) -> None:
        self.pid, self.handle = pid, os.pidfd_open(pid)

    def poll(self) -> int | None:
        return fork_client.Forked(self.pid, os.dup(self.handle)).poll()

    def wait(self, timeout: float | None = None) -> int:
        return fork_client.Forked(self.pid, os.dup(self.handle)).wait(timeout)

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)

    def terminate(self) -> None:
        os.kill(self.pid, signal.SIGTERM)


def _die_at(number: int) -> None:
    """Have this process killed before the given one of the steps in which a run is written."""
    steps = 0

    def watched(step):
        def call(*arguments):
            nonlocal steps
            steps += 1
            if steps == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return step(*arguments)

        return call

    runs_folder.write_record = watched(runs_folder.write_record)
    atomic_write._sync = watched(atomic_write._sync)
    atomic_write._renamed = watched(atomic_write._renamed)
    atomic_write.discard = watched(atomic_write.discard)
