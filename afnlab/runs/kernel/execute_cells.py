"""The cells of a notebook, executed by papermill in a kernel of their own, within a time."""

from __future__ import annotations

import errno
import logging
import math
import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from afnlab.runs.kernel import process_environment, read_audit
from afnlab.runs.kernel.fork_client import KernelServer
from afnlab.runs.kernel.notebook_format import import_nbformat
from afnlab.runs.notebook_parameters import declarations, encoding

if TYPE_CHECKING:
    from jupyter_client.manager import AsyncKernelManager

_SCHEME = "afnlab-run:"  # before a path that papermill writes to, to have it written by us
_GRACE = 5.0  # seconds between a kernel's interrupt and its end
_TICK = 0.2  # seconds between two looks at the clock
_KILL = getattr(signal, "SIGKILL", signal.SIGTERM)  # Windows has no other


@dataclass(frozen=True)
class Means:
    """The means by which notebooks are executed.

    Attributes:
        threads: how many threads torch may use in a kernel; None: all.
        server: the process that kernels are forked from; None: each is a new interpreter.
        timeout: seconds that a notebook may take; None: no limit.
        environment: variables that are added to the kernels' own.
        stop: event that cancels running notebooks; a cancelled notebook is not recorded as a
            failure.
        since: when the sweep began (`time.time()`); what has failed later, in another sweep on the
            same folder, is not retried.
    """

    threads: int | None = None
    server: KernelServer | None = None
    timeout: float | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    stop: threading.Event = field(default_factory=threading.Event)
    since: float = math.inf


def run_cells(
    content: bytes,
    target: Path,
    parameters: Mapping[str, object],
    means: Means | None = None,
    log: Path | None = None,
    folder: Path | None = None,
) -> list[tuple[str, str, str]]:
    """Execute a notebook's content into `target`, its parameters set to what is given.

    Returns what the kernel's process has read of source files, see `reading.notes`.

    PapermillExecutionError if a cell raises, TimeoutError if the time is up, DeadKernelError if the
    kernel dies; `target` then shows what was done and where it ended. log: what the kernel's
    process writes, by default beside the target. folder: where it works, by default here.
    """
    from afnlab.runs.kernel.manager import manager_class  # noqa: PLC0415

    means = means or Means()
    log = log or target.with_suffix(".log")
    log.unlink(missing_ok=True)  # its last line is taken for this kernel's
    made: list[AsyncKernelManager] = []
    _prepare(content, target, parameters)
    with (
        _private_folder(means.server) as private,
        _notes(private) as (name, notes),
        _Deadline(means, made) as deadline,
    ):
        extra = {**means.environment, read_audit.VARIABLE: name}
        manager = manager_class(means.server, means.threads, private, log, extra, made)
        try:
            _papermill(target, manager, folder or Path.cwd())
            return read_audit.notes(notes)
        except Exception as error:
            if deadline.passed:
                _note_end(target, ended := TimeoutError(f"not done after {means.timeout:g} s"), log)
                raise ended from None
            if not hasattr(error, "ename"):  # no cell's own
                _note_end(target, error, log)
            raise


@contextmanager
def _private_folder(server: KernelServer | None) -> Iterator[Path]:
    """The server's own, or one that is deleted afterwards."""
    if server is not None:
        yield server.folder
        return
    folder = process_environment.private_folder()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _notes(folder: Path) -> Iterator[tuple[str, int]]:
    """A file for what a kernel notes: its name, and a descriptor to read it by.

    It is not where the notebook writes, which it may empty. Temporary folders are emptied too, by
    those who look after a machine: the file stays open, and with it what it holds.
    """
    handle, name = tempfile.mkstemp(suffix=".read", dir=folder)
    try:
        yield name, handle
    finally:
        os.close(handle)
        Path(name).unlink(missing_ok=True)


def _prepare(content: bytes, target: Path, parameters: Mapping[str, object]) -> None:
    """Write the notebook with a cell that assigns what is given.

    papermill can do this too, but turns tuples and paths into texts.
    """
    nbformat = import_nbformat()
    from papermill.iorw import load_notebook_node  # noqa: PLC0415

    target.write_bytes(content)
    notebook = load_notebook_node(str(target.absolute()))
    if parameters:
        tags = [c.metadata.get("tags", []) for c in notebook.cells]
        at = next((i for i, t in enumerate(tags) if declarations.TAG in t), -1)
        added = nbformat.v4.new_code_cell(encoding.assignments(parameters))
        added.metadata["tags"] = ["injected-parameters"]
        notebook.cells.insert(at + 1, added)
        notebook.metadata.papermill["parameters"] = {
            n: encoding.encode(v) for n, v in parameters.items()
        }
    nbformat.write(notebook, target)


def _papermill(path: Path, manager: type, folder: Path) -> None:
    import_nbformat()
    import papermill  # noqa: PLC0415
    from papermill.iorw import papermill_io  # noqa: PLC0415

    if not isinstance(papermill_io.get_handler(f"{_SCHEME}x.ipynb"), _Whole):
        papermill_io.register(_SCHEME, _Whole())
    log = logging.getLogger("papermill")
    if not log.handlers:  # an error says what ended an execution, a kernel that we end is none
        log.addHandler(logging.NullHandler())
    # papermill formats a path, and takes what begins with - or s3:// for something else.
    literal = str(path.absolute()).replace("{", "{{").replace("}", "}}")
    papermill.execute_notebook(
        literal,
        f"{_SCHEME}{literal}",
        kernel_name="python3",
        language="python",
        progress_bar=False,
        start_timeout=120,
        kernel_manager_class=manager,
        # Not its argument `cwd`, for which this process would leave its folder, with all threads.
        resources={"metadata": {"path": str(folder)}},
    )


class _Whole:
    """How papermill writes a notebook: whole, in place of whatever stands there.

    What stands there the notebook itself may have put: opened, a link might lead out of the run,
    and a pipe would never let go of us.
    """

    def write(self, text: str, path: str) -> None:
        target = Path(path.removeprefix(_SCHEME))
        if target.parent.is_symlink():
            raise OSError(errno.ELOOP, "is a link", str(target.parent))
        part = target.with_name(f".{target.name}.part")
        part.unlink(missing_ok=True)
        with part.open("x", encoding="utf-8") as file:
            file.write(text)
        part.replace(target)

    def pretty_path(self, path: str) -> str:
        return path.removeprefix(_SCHEME)


def _note_end(path: Path, error: Exception, log: Path) -> None:
    """Write into the notebook that its kernel ended, where that was, and what it last said."""
    nbformat = import_nbformat()

    with suppress(OSError, ValueError):
        if path.is_symlink() or not path.is_file():
            return
        content = nbformat.read(path, 4)
        begun = [c for c in content.cells if c.metadata.get("papermill", {}).get("start_time")]
        if not begun:
            return
        said = log.read_text(errors="replace").splitlines()[-20:] if log.is_file() else []
        name, text = type(error).__name__, str(error)
        lines = [*said, f"{name}: {text}"]
        begun[-1].outputs.append(
            nbformat.v4.new_output("error", ename=name, evalue=text, traceback=lines)
        )
        _Whole().write(nbformat.writes(content), str(path))


def _processes(managers: list[AsyncKernelManager]) -> list[Any]:
    processes = [getattr(m.provisioner, "process", None) for m in managers]
    return [p for p in processes if p is not None]


class _Deadline:
    """Interrupts a kernel when its time is up, which leaves a traceback; kills it if need be.

    It also kills one whose run was cancelled; a server's kernels end with the server.
    """

    def __init__(self, means: Means, managers: list[AsyncKernelManager]) -> None:
        self.means, self.managers, self.passed = means, managers, False
        self._done = threading.Event()
        if means.timeout is not None or means.server is None:
            threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        seconds, due = self.means.timeout, math.inf
        number = signal.SIGINT
        while not self._done.wait(_TICK):
            if seconds is not None and due == math.inf and _processes(self.managers):
                due = time.monotonic() + seconds  # what the kernel server takes is not the run's
            if self.means.stop.is_set():
                self._send(_KILL)
            elif time.monotonic() >= due:
                self.passed = True
                self._send(number)
                due, number = time.monotonic() + _GRACE, _KILL

    def _send(self, number: signal.Signals) -> None:
        for process in _processes(self.managers):
            with suppress(OSError):
                process.send_signal(number)

    def __enter__(self) -> _Deadline:
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
