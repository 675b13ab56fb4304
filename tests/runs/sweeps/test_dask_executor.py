"""Sweeps on Dask: a cluster of this machine, someone else's scheduler, a Slurm that is played."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import ClassVar

import pytest

from afnlab.cli import main
from afnlab.runs import RunSpec, records, sweep
from afnlab.runs.kernel.execute_cells import Means
from afnlab.runs.kernel.fork_client import available
from afnlab.runs.sweeps import dask_worker
from afnlab.runs.sweeps.dask_executor import Dask, _parts, slurm_cluster
from afnlab.runs.sweeps.dask_worker import make
from tests.runs.test_runs import notebook

pytestmark = [
    pytest.mark.skipif(not available(), reason="kernels are forked on Linux only"),
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning"),
]
CELL = 'x: int = 0\nfolder: str = ""\nout: str = ""'
BODY = """\
import os, time
from pathlib import Path

turn = Path(folder) / f"{x}-{os.getpid()}"
turn.touch()
if x == 2 and len(list(Path(folder).glob("2-*"))) == 1:
    (Path(folder) / "kill").write_text(str(os.getppid()))
    time.sleep(600)
if x == 3:
    raise ValueError("three")
os.environ["OMP_NUM_THREADS"]
"""


def plan(tmp_path: Path, xs: list[int]) -> dict:
    notebook(tmp_path / "own.ipynb", CELL, BODY)
    (tmp_path / "turns").mkdir(exist_ok=True)
    return {
        "notebook": str(tmp_path / "own.ipynb"),
        "parameters": {"folder": str(tmp_path / "turns")},
        "grid": {"x": xs},
    }


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def kill_worker(folder: Path) -> None:
    """Wait for a run that asks for it, and kill the worker that executes it."""
    asked = folder / "kill"
    while not asked.exists() or not asked.read_text():
        time.sleep(0.05)
    supervisor = parent_of(int(asked.read_text()))  # the kernel server's parent
    os.kill(parent_of(supervisor), signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.usefixtures("forked_workers")
def test_two_workers_of_which_one_is_killed(tmp_path):
    runs = tmp_path / "runs"
    asked = plan(tmp_path, [1, 2, 3, 4])
    Thread(target=kill_worker, args=[tmp_path / "turns"], daemon=True).start()
    said: list[str] = []
    outcome = sweep(asked, runs=runs, executor=Dask(jobs=2), report=said.append)
    ((spec, error),) = outcome.failed
    assert (spec.normal["x"], str(error)) == (3, "ValueError: three")
    assert "three" in (error.folder / "notebook.ipynb").read_text()
    assert sorted(r["given"]["x"] for r in records(runs)) == [1, 2, 4]
    turns = [p.name.partition("-")[0] for p in (tmp_path / "turns").glob("[0-9]*")]
    assert turns.count("2") == 2
    again = sweep(asked, runs=runs, report=said.append)
    assert (len(again.there), len(again.earlier), again.added) == (3, 1, [])
    assert not [p for p in runs.glob(".*") if p.name != ".failed" and p.suffix != ".lock"]
    pids = [int(p.name.partition("-")[2]) for p in (tmp_path / "turns").glob("[0-9]*")]
    deadline = time.monotonic() + 60
    while any(Path(f"/proc/{pid}").exists() for pid in pids):
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.slow
def test_a_scheduler_that_is_there(tmp_path, capsys):
    import distributed  # noqa: PLC0415

    runs = tmp_path / "runs"
    (tmp_path / "own.yaml").write_text(json.dumps(plan(tmp_path, [1, 4])))
    settings = {"n_workers": 1, "threads_per_worker": 1, "dashboard_address": "127.0.0.1:0"}
    with distributed.LocalCluster(**settings, host="127.0.0.1", resources={"GPU": 1}) as cluster:
        address = ["--scheduler", cluster.scheduler_address]
        words = ["sweep", str(tmp_path / "own.yaml"), "--runs", str(runs), *address]
        assert main([*words, "--gpus-per-run", "2"]) == 2
        assert "was started with --resources GPU=" in capsys.readouterr().err
        assert main([*words, "--gpus-per-run", "1"]) == 0
        assert capsys.readouterr().out.count("done in") == 2
        assert len(records(runs)) == 2
        assert len(cluster.scheduler_info["workers"]) == 1  # not ours to end


class Counted:
    """A cluster that notes when it begins and ends."""

    def __init__(self, noted: list[str]) -> None:
        self.noted = noted

    def __enter__(self) -> Counted:
        self.noted.append("begun")
        return self

    def __exit__(self, *_: object) -> None:
        self.noted.append("ended")


def test_a_cluster_is_kept_from_one_batch_to_the_next(monkeypatch):
    noted: list[str] = []
    monkeypatch.setattr(Dask, "_begun", lambda _: Counted(noted))
    executor = Dask()
    for _ in range(2):
        with executor:
            seen = []
            for _ in range(3):
                with executor._cluster() as cluster:
                    seen.append(cluster)
            assert len(set(seen)) == 1
        assert noted == ["begun", "ended"]
        noted.clear()
    for _ in range(2):
        with executor._cluster():
            pass
    assert noted == ["begun", "ended"] * 2


@pytest.mark.parametrize("kind", ["of this machine", "of Slurm"])
def test_another_cluster_may_be_here(kind, slurm):
    """Its page has the port that all of them try first."""
    executor = Dask(slurm={"interface": "lo", "memory": "1GB"} if kind == "of Slurm" else None)
    executor.jobs = 0
    with socket.socket() as other:
        with suppress(OSError):  # there is indeed one
            other.bind(("", 8787))
            other.listen()
        with executor._cluster() as cluster:  # a warning would be an error
            assert ":8787" not in cluster.dashboard_link


def test_no_scheduler_there(tmp_path, capsys):
    (tmp_path / "own.yaml").write_text(json.dumps(plan(tmp_path, [1])))
    words = ["sweep", str(tmp_path / "own.yaml"), "--runs", str(tmp_path / "runs")]
    assert main([*words, "--scheduler", "nonsense"]) == 2
    err = capsys.readouterr().err
    assert "scheduler 'nonsense': cannot be reached" in err
    assert err.count("\n") == 1


def test_a_worker_with_other_code_refuses(tmp_path):
    asked = plan(tmp_path, [1])
    made = RunSpec.make(asked["notebook"], {"x": 1})
    code = dict(made.code.units) | {"/data/a.csv": "0"}
    parts = {"notebook": asked["notebook"], "parameters": {"x": 1}, "id": "0" * 16, "code": code}
    with pytest.raises(RuntimeError, match=r"would make another run: .* started: /data/a\.csv$"):
        make(parts, str(tmp_path / "runs"), "s", {"threads": 1, "timeout": None})


class Noted:
    """In place of a worker: notes what it is to run."""

    specs: ClassVar[list[RunSpec]] = []

    def __init__(self, means: Means) -> None:
        self.means = means

    def attempt(self, spec: RunSpec, _: object) -> None:
        self.specs.append(spec)


def made_elsewhere(spec: RunSpec, tmp_path: Path, monkeypatch) -> RunSpec:
    """What a worker in another folder makes of a spec, files of the same names beside it."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(exist_ok=True)
    monkeypatch.chdir(elsewhere)
    (elsewhere / "helper.py").write_text("value = 2\n")
    notebook(elsewhere / "train.ipynb", CELL, "x")
    monkeypatch.setattr(dask_worker, "Worker", Noted)
    monkeypatch.setattr(dask_worker, "_workers", {})
    settings = {"threads": 1, "timeout": None}
    assert make(_parts(spec), str(tmp_path / "runs"), "s", settings) == ""
    return Noted.specs.pop()


def test_a_worker_works_in_the_folder_of_the_sweep(tmp_path, monkeypatch):
    there = tmp_path / "there"
    there.mkdir()
    (there / "helper.py").write_text("value = 1\n")
    own = notebook(tmp_path / "own.ipynb", CELL, "from helper import value")
    monkeypatch.chdir(there)
    spec = RunSpec.make(own, {})
    made = made_elsewhere(spec, tmp_path, monkeypatch)
    assert (made.id, made.folder) == (spec.id, there)
    shutil.rmtree(there)
    said = rf"own\.ipynb was planned in the folder {there}, .* on {socket.gethostname()}"
    with pytest.raises(ValueError, match=said):
        make(_parts(spec), str(tmp_path / "runs"), "s", {"threads": 1, "timeout": None})


def test_a_worker_without_the_folder_of_the_sweep_trains(tmp_path, monkeypatch):
    there = tmp_path / "there"
    there.mkdir()
    monkeypatch.chdir(there)
    spec = RunSpec.make("train", {"activation": "relu"})
    shutil.rmtree(there)
    made = made_elsewhere(spec, tmp_path, monkeypatch)
    assert (made.id, made.notebook) == (spec.id, spec.notebook)
    assert made.folder == tmp_path / "elsewhere"


SBATCH = """\
#!/bin/sh
# Plays Slurm: keeps what it is given, and runs it.
cp "$1" {folder}/job-$$.sh
setsid sh {folder}/job-$$.sh >{folder}/job-$$.log 2>&1 &
echo $! >>{folder}/pids
echo "Submitted batch job $!"
"""
SCANCEL = "#!/bin/sh\nfor pid; do kill -- -$pid 2>/dev/null; done\ntrue\n"


@pytest.fixture
def slurm(tmp_path, monkeypatch) -> Path:
    """`sbatch` and `scancel` that run jobs here; the folder with what they were given."""
    folder = tmp_path / "slurm"
    folder.mkdir()
    for name, text in (("sbatch", SBATCH.format(folder=folder)), ("scancel", SCANCEL)):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder


@pytest.mark.slow
def test_slurm(tmp_path, slurm):
    runs = tmp_path / "runs"
    (tmp_path / "own.yaml").write_text(json.dumps(plan(tmp_path, [1, 4])))
    words = ["sweep", str(tmp_path / "own.yaml"), "--runs", str(runs), "--jobs", "1"]
    settings = ["queue=short", "walltime=00:10:00", "memory=1GB", "interface=lo"]
    assert main([*words, "--slurm", *settings]) == 0
    assert len(records(runs)) == 2
    (script,) = (p.read_text() for p in slurm.glob("job-*.sh"))
    assert "#SBATCH -p short\n" in script
    assert "#SBATCH -t 00:10:00\n" in script
    assert sys.executable in script
    assert "--nthreads 1" in script


def test_slurm_leaves_ctrl_c_to_us(slurm, monkeypatch):
    """dask-jobqueue, when it is imported, has it end the process as if all were well."""
    for name in [n for n in sys.modules if n.partition(".")[0] == "dask_jobqueue"]:
        monkeypatch.delitem(sys.modules, name)
    before = signal.getsignal(signal.SIGINT)
    with slurm_cluster(0, {"interface": "lo", "memory": "1GB"}, {}):
        assert signal.getsignal(signal.SIGINT) is before


def test_slurm_asks_for_gpus(slurm):
    with slurm_cluster(0, {"interface": "lo", "memory": "1GB"}, {"GPU": 2}) as cluster:
        script = cluster.job_script()
    assert "#SBATCH --gres=gpu:2\n" in script
    assert "--resources GPU=2" in script


def test_slurm_settings_that_do_not_exist(capsys, tmp_path):
    words = ["sweep", "small", "--runs", str(tmp_path)]  # where no run is there yet
    assert main([*words, "--slurm", "quue=short"]) == 2
    assert "slurm: " in capsys.readouterr().err
    assert main(["sweep", "small", "--slurm", "short"]) == 2
    assert "--slurm takes KEY=VALUE, got 'short'" in capsys.readouterr().err
