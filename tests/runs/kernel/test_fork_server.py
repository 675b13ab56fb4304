"""Forked kernels: the same numbers as new ones, and nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pandas as pd
import pytest

from afnlab.runs import RunSpec, execute
from afnlab.runs.kernel import fork_client as kernels_module
from afnlab.runs.kernel import read_audit
from afnlab.runs.kernel.execute_cells import run_cells
from afnlab.runs.kernel.fork_client import KernelServer, available
from afnlab.runs.storage import runs_folder
from tests.runs.test_runs import execute_small, kernels, means, notebook

pytestmark = pytest.mark.skipif(not available(), reason="kernels are forked on Linux only")
SPEC = {"activation": "rrelu", "seeds": 2, "epochs": 2, "limit_train": 200}


def history(folder: Path) -> pd.DataFrame:
    return pd.read_parquet(folder / runs_folder.HISTORY).drop(columns="seconds")


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and was not fetched yet does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def wait_for_end(*pids: int) -> None:
    deadline = time.monotonic() + 60
    while any(map(alive, pids)):
        assert time.monotonic() < deadline, [p for p in pids if alive(p)]
        time.sleep(0.02)


def test_two_forks_share_no_random_state(tmp_path):
    first = execute_small(tmp_path / "one", **SPEC)
    second = execute_small(tmp_path / "two", **SPEC)
    pd.testing.assert_frame_equal(history(first), history(second), check_exact=True)


@pytest.mark.slow
def test_a_forked_kernel_gives_the_same_bits_as_a_new_one(tmp_path):
    forked = execute_small(tmp_path / "forked", **SPEC)
    new = execute(RunSpec.make("train", SPEC), tmp_path / "new", threads=1)
    pd.testing.assert_frame_equal(history(forked), history(new), check_exact=True)
    records = [runs_folder.read_record(folder / runs_folder.RECORD) for folder in (forked, new)]
    for record in records:
        for moving in ("started", "seconds", "files", "sum"):
            record.pop(moving)
        record["metrics"].pop("seconds")
    assert records[0] == records[1]


@pytest.mark.slow
def test_processes_begun_anew_find_what_lies_in_the_folder_of_the_run(tmp_path, monkeypatch):
    """Wherever the server was started."""
    kernels()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "helper.py").write_text("def twice(x):\n    return 2 * x\n")
    code = (
        "import multiprocessing\nfrom helper import twice\n"
        "with multiprocessing.get_context('spawn').Pool(1) as pool:\n"
        "    assert pool.map_async(twice, [1, 2]).get(60) == [2, 4]"
    )
    path = notebook(tmp_path / "own.ipynb", "x: float = 1.0", code)
    execute(RunSpec.make(path, {}), tmp_path / "runs", means())


def fork_sleeper(server: KernelServer, folder: Path):
    """A kernel that waits for a client which never comes."""
    arguments = ["-f", str(folder / "connection.json"), "--transport=ipc"]
    arguments += [f"--ip={folder / 'socket'}"]
    return server.fork(arguments, dict(os.environ), str(folder), str(folder / "log"))


def _nothing_said_for_an_asker_that_has_gone(server: KernelServer, folder: Path, capfd) -> None:
    """An interrupted sweep removes its folders while a kernel of it is being forked."""
    env = dict(os.environ) | {read_audit.VARIABLE: str(folder / "gone.read")}
    for log in (folder / "gone" / "kernel.log", folder / "kernel.log"):
        server.fork([], env, str(folder), str(log)).wait(60)
        assert capfd.readouterr().err == ""
    assert "FileNotFoundError" in log.read_text()


def test_a_closed_server_leaves_no_process_behind(tmp_path, capfd):
    server = KernelServer(1, trains=False)
    _nothing_said_for_an_asker_that_has_gone(server, tmp_path, capfd)
    children = [fork_sleeper(server, tmp_path) for _ in range(2)]
    pids = [server.process.pid, *(c.pid for c in children)]
    assert all(map(alive, pids))
    assert all(c.poll() is None for c in children)
    children[0].kill()
    assert children[0].wait(60) == 0
    with pytest.raises(subprocess.TimeoutExpired):
        children[1].wait(0.01)
    server.close()
    wait_for_end(*pids)
    with pytest.raises(RuntimeError, match="the kernel server has gone"):
        fork_sleeper(server, tmp_path)


def test_a_server_that_does_not_answer_is_not_waited_for_without_end(tmp_path, monkeypatch):
    monkeypatch.setattr(kernels_module, "_LONGEST", 0.1)  # it imports for longer
    with (
        KernelServer(1, trains=False) as server,
        pytest.raises(RuntimeError, match=r"did not answer within 0.1 s: .* \(ulimit -v\)"),
    ):
        fork_sleeper(server, tmp_path)


def test_who_waits_for_a_kernel_hears_that_the_server_is_closed(tmp_path, monkeypatch):
    """Though another file may get the number of its connection while it waits."""
    server = KernelServer(1, trains=False)
    heard: list[str] = []

    def ask() -> None:
        try:
            fork_sleeper(server, tmp_path)
        except RuntimeError as error:
            heard.append(str(error))

    waiting = threading.Thread(target=ask, daemon=True)
    waiting.start()
    while not server.lock.locked():
        time.sleep(0.001)
    time.sleep(0.2)  # it imports for longer
    pipes: list[int] = []
    terminate = server.process.terminate

    def take_free_numbers_first() -> None:
        for _ in range(32):
            pipes.extend(os.pipe())
        terminate()

    monkeypatch.setattr(server.process, "terminate", take_free_numbers_first)
    server.close()
    waiting.join(60)
    for number in pipes:
        os.close(number)
    assert heard, "it waits"
    assert "the kernel server has gone" in heard[0]


@pytest.mark.slow
def test_a_killed_parent_takes_server_and_kernels_with_it(tmp_path):
    code = (
        "import sys, time; from pathlib import Path\n"
        "sys.path.insert(0, sys.argv[2])\n"
        "from tests.runs.kernel.test_fork_server import KernelServer, fork_sleeper\n"
        "server = KernelServer(1, trains=False); child = fork_sleeper(server, Path(sys.argv[1]))\n"
        "print(server.process.pid, child.pid, flush=True); time.sleep(600)"
    )
    command = [sys.executable, "-c", code, str(tmp_path), str(Path(__file__).parents[3])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        pids = [int(p) for p in parent.stdout.readline().split()]
        assert len(pids) == 2
        assert all(map(alive, pids))
        parent.send_signal(signal.SIGKILL)
    wait_for_end(*pids)


def test_threads_and_folder_of_a_kernel(tmp_path):
    folder = execute_small(tmp_path, **SPEC)
    assert runs_folder.read_record(folder / runs_folder.RECORD)["environment"]["threads"] == 1
    assert kernels().process.poll() is None
    assert not list(tmp_path.glob(f"*/{'kernel.log'}"))


def test_a_relative_log_is_beside_the_asker(tmp_path, monkeypatch):
    """The server may have been started in another folder, and the kernel works in a third."""
    (tmp_path / "work").mkdir()
    server = kernels()
    monkeypatch.chdir(tmp_path)
    server.fork(["--unknown"], dict(os.environ), str(tmp_path / "work"), "kernel.log").wait(60)
    assert "--unknown" in (tmp_path / "kernel.log").read_text()


def test_a_kernel_that_ends_before_it_answers_says_why(tmp_path, monkeypatch):
    fork = KernelServer.fork
    monkeypatch.setattr(
        KernelServer,
        "fork",
        lambda self, arguments, env, cwd, log: fork(self, arguments, env, "/nowhere", log),
    )
    content = notebook(tmp_path / "in.ipynb", "x = 1").read_bytes()
    with pytest.raises(RuntimeError, match=r"before it answered: FileNotFoundError.*'/nowhere'"):
        run_cells(content, tmp_path / "out.ipynb", {}, means())
