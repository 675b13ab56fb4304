"""What a process gets from its surroundings, row by row as in docs/surroundings.md."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch

import afnlab
from afnlab import paths
from afnlab.runs import RunSpec, execute, records
from afnlab.runs.kernel import process_environment
from afnlab.runs.kernel.fork_client import available
from afnlab.runs.storage import atomic_write, runs_folder
from afnlab.runs.sweeps.progress import Progress
from afnlab.training import files
from afnlab.training.scan import scan
from tests.runs.test_runs import kernels, means, notebook

linux = pytest.mark.skipif(not available(), reason="kernels are forked on Linux only")
ROOT = Path(__file__).resolve().parents[2]
LONG = "x" * 100


# Folders: for temporary files, and of the user


@pytest.fixture
def temporary(monkeypatch) -> Callable[[str], None]:
    """Sets TMPDIR, as a new process would see it."""

    def set_to(folder: str) -> None:
        monkeypatch.setenv("TMPDIR", folder)
        monkeypatch.setattr(tempfile, "tempdir", None)

    return set_to


@pytest.mark.parametrize("how", ["plain", LONG, "absent", "file", "read-only", "relative"])
def test_the_folder_of_sockets_is_one_where_they_work(how, tmp_path, temporary, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = (
        Path(tempfile.mkdtemp(prefix="plain", dir="/tmp")) if how == "plain" else tmp_path / how
    )
    if how == "file":
        folder.touch()
    elif how != "absent":
        folder.mkdir(exist_ok=True, mode=0o500 if how == "read-only" else 0o700)
    temporary("relative" if how == "relative" else str(folder))
    made = process_environment.private_folder()
    try:
        assert stat.S_IMODE(made.stat().st_mode) == 0o700
        assert list(made.iterdir()) == []
        assert len(str(made / process_environment.SOCKET)) <= 107
        if how in ("plain", LONG, "absent", "file"):
            assert (made.parent == folder) == (how == "plain")
    finally:
        made.rmdir()
        if how == "plain":
            folder.rmdir()


def test_no_folder_for_sockets_is_told_with_the_reasons(tmp_path, temporary, monkeypatch):
    (tmp_path / LONG).mkdir()
    temporary(str(tmp_path / LONG))
    monkeypatch.setattr(process_environment, "_LIKELY", ("/nowhere",))
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    with pytest.raises(ValueError, match=r"x: AF_UNIX path too long; /nowhere: No such .* TMPDIR"):
        process_environment.private_folder()
    assert list((tmp_path / LONG).iterdir()) == []


@pytest.mark.parametrize("home", [None, "", "relative"])
def test_a_cache_folder_without_a_home(home, tmp_path, temporary, monkeypatch):
    def no_entry(_):
        raise KeyError("getpwuid(): uid not found")

    monkeypatch.setattr("pwd.getpwuid", no_entry)
    for name in ("HOME", "XDG_CACHE_HOME", "AFNLAB_DATA"):
        monkeypatch.delenv(name, raising=False)
    if home is not None:
        monkeypatch.setenv("HOME", home)
    temporary(str(tmp_path))
    folder = files.folder_of("mnist")
    assert folder.is_absolute()
    if home is None:
        own = tmp_path / f"afnlab-{os.getuid()}"
        assert folder == own / "MNIST" / "raw"
        assert stat.S_IMODE(own.stat().st_mode) == 0o700
        own.rmdir()
        own.symlink_to(tmp_path)
        with pytest.raises(ValueError, match="is not ours, and there is no home folder"):
            files.folder_of("mnist")


# The environment of kernels


def test_what_a_shell_is_set_to_does_not_reach_a_kernel(tmp_path):
    own = dict.fromkeys(
        ("PYTHONSTARTUP", "PYTHONOPTIMIZE", "PYTHONWARNINGS", "PYTHONHASHSEED", "PYTHONSAFEPATH"),
        "1",
    )
    own |= {"IPYTHONDIR": "/theirs", "MPLBACKEND": "nope", "OMP_NUM_THREADS": "garbage", "A": "b"}
    own |= {"THP_MEM_ALLOC_ENABLE": "0"}
    given = process_environment.environment(2, tmp_path, own | {"PYTHONPATH": "/mine"})
    assert (given["PYTHONHASHSEED"], given["THP_MEM_ALLOC_ENABLE"]) == ("0", "1")
    assert given["IPYTHONDIR"] == given["JUPYTER_RUNTIME_DIR"] == str(tmp_path)
    assert (given["OMP_NUM_THREADS"], given["A"]) == ("2", "b")
    assert given["PYTHONPATH"] == f"{ROOT}{os.pathsep}/mine"
    assert not {"PYTHONSTARTUP", "PYTHONOPTIMIZE", "PYTHONWARNINGS", "PYTHONSAFEPATH"} & set(given)
    assert "MPLBACKEND" not in given
    assert process_environment.environment(None, tmp_path, own)["OMP_NUM_THREADS"] == "garbage"


# File systems


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EIO])
@pytest.mark.parametrize("call", ["fsync", "open"])
def test_folders_that_cannot_be_synced(call, number, tmp_path, monkeypatch):
    """As on CIFS and sshfs; a fault of the disk is one all the same."""
    real = getattr(os, call)

    def odd(what, *rest, **named):
        mode = (os.fstat if call == "fsync" else os.stat)(what).st_mode if rest == () else 0
        if call == "open" and Path(what).is_dir():
            mode = stat.S_IFDIR
        if stat.S_ISDIR(mode):
            raise OSError(number, os.strerror(number))
        return real(what, *rest, **named)

    new = atomic_write.Attempt(tmp_path, "0123456789abcdef")
    (new.folder / "table").write_text("1")
    with monkeypatch.context() as patched:
        patched.setattr(os, call, odd)
        if number == errno.EIO:
            with pytest.raises(OSError, match=os.strerror(errno.EIO)):
                atomic_write._sync(new.folder)
        else:
            for path in (new.folder / "table", new.folder):
                atomic_write._sync(path)
    new.drop()


def test_what_is_neither_file_nor_folder_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "to-pipe").symlink_to("pipe")
    (tmp_path / "nowhere").symlink_to("/nowhere")
    for path in tmp_path.iterdir():
        atomic_write._sync(path)  # or it would wait for one that writes


# torch's settings, and others of the process


@contextmanager
def setting(on: Callable[[], object], off: Callable[[], object]) -> Iterator[None]:
    on()
    try:
        yield
    finally:
        off()


def default_device() -> object:
    there, back = lambda: torch.set_default_device("meta"), lambda: torch.set_default_device(None)
    return setting(there, back)


def default_type(dtype: torch.dtype) -> object:
    def of(kind):
        return lambda: torch.set_default_dtype(kind)

    return setting(of(dtype), of(torch.float32))


def precision(name: str) -> object:
    def of(kind):
        return lambda: torch.set_float32_matmul_precision(kind)

    return setting(of(name), of("highest"))


SETTINGS: dict[str, Callable[[], object]] = {
    "default type float64": lambda: default_type(torch.float64),
    "default type bfloat16": lambda: default_type(torch.bfloat16),
    "default device": default_device,
    "device as a context": lambda: torch.device("meta"),
    "no_grad": torch.no_grad,
    "inference mode": torch.inference_mode,
    "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
    "precision high": lambda: precision("high"),
    "precision medium": lambda: precision("medium"),
    "flushed denormals": lambda: setting(
        lambda: torch.set_flush_denormal(True), lambda: torch.set_flush_denormal(False)
    ),
    "deterministic algorithms": lambda: setting(
        lambda: torch.use_deterministic_algorithms(True),
        lambda: torch.use_deterministic_algorithms(False),
    ),
    "numpy's errors": lambda: np.errstate(all="raise"),
    "numpy's printing": lambda: np.printoptions(precision=1),
}


def numbers() -> dict[str, object]:
    """What calls give that train, scan or rewrite a model."""
    small = {"seeds": 2, "epochs": 1, "limit_train": 64, "progress": False}
    params = {"trainable": True}
    trained = afnlab.train("digits-mlp", "srelu", params=params, limit_test=64, **small)
    pictures = afnlab.train("digits-convnet", "relu", limit_test=64, **small)
    values = scan("digits-mlp", "srelu", "t", [1.0, 2.0], **small)
    made = [torch.nn.Linear(4, 4, dtype=torch.float32, device="cpu"), torch.nn.ReLU()]
    model = afnlab.replace(torch.nn.Sequential(*made), torch.nn.ReLU, "srelu", t=1.5)
    afnlab.autorot.auto_rotate(model, 2.0, output_layer=True)
    return {
        "train": trained.history.drop(columns="seconds").to_dict(),
        "convolutions": pictures.history.drop(columns="seconds").to_dict(),
        "scan": values.to_dict(),
        "gain": afnlab.gain(afnlab.get_activation("srelu")),
        "model": str(model),
    }


def settings_now() -> dict[str, object]:
    return {
        "dtype": torch.get_default_dtype(),
        "device": torch.get_default_device(),
        "grad": torch.is_grad_enabled(),
        "inference": torch.is_inference_mode_enabled(),
        "autocast": torch.is_autocast_enabled("cpu"),
        "precision": torch.get_float32_matmul_precision(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "threads": torch.get_num_threads(),
        "errors": np.geterr(),
        "printing": np.get_printoptions(),
        "random": np.random.get_state()[1].tolist(),  # noqa: NPY002
    }


@pytest.fixture(scope="module")
def usual() -> dict[str, object]:
    return numbers()


@pytest.mark.parametrize("name", SETTINGS)
def test_numbers_do_not_depend_on_what_the_caller_has_set(name, usual):
    with SETTINGS[name]():
        before = settings_now()
        assert numbers() == usual
        assert settings_now() == before


def test_training_draws_no_random_numbers_of_the_callers():
    state = torch.get_rng_state()
    afnlab.train("digits-mlp", "rrelu", seeds=2, epochs=1, limit_train=100, progress=False)
    assert torch.equal(torch.get_rng_state(), state)


# A process: what it is started with, and how it ends


@pytest.fixture
def own(tmp_path) -> Path:
    left = "import json\nfrom pathlib import Path\n"
    left += 'assert "spoiled" not in globals()\n'
    left += 'Path(out, "result.json").write_text(json.dumps({"metrics": {"y": 2 * x}}))'
    return notebook(tmp_path / "own.ipynb", 'x: float = 1.0\nout: str = ""', left)


def ignoring(name: str) -> str:
    return f"import signal; signal.signal(signal.{name}, signal.SIG_IGN)"


def temporary_is(folder: str) -> str:
    return f"import os, tempfile; os.environ['TMPDIR'] = {folder!r}; tempfile.tempdir = None"


def files_at_most(soft: int, hard: int) -> str:
    return f"import resource; resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))"


STARTUP = """\
import os
from pathlib import Path
theirs = Path({0!r}) / "profile_default"
(theirs / "startup").mkdir(parents=True)
(theirs / "startup" / "mine.py").write_text("spoiled = 1")
(theirs / "ipython_kernel_config.py").write_text("c.IPKernelApp.exec_lines = ['spoiled = 2']")
(theirs / "ipython_config.py").write_text("c.InteractiveShellApp.exec_lines = ['spoiled = 3']")
(theirs / "mine.py").write_text("spoiled = 4")
os.environ.update(IPYTHONDIR={0!r}, PYTHONSTARTUP=str(theirs / "mine.py"))
"""
NO_FOLDER_SYNC = """\
import errno, os, stat
real = os.fsync
def fsync(file):
    if stat.S_ISDIR(os.fstat(file).st_mode):
        raise OSError(errno.EINVAL, "Invalid argument")
    real(file)
os.fsync = fsync
"""
LARGE = "import os; os.environ.update({f'LARGE{i}': 100_000 * 'v' for i in range(15)})"
BLOCKED = "import signal; signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 32))"
BEFORE = {
    "a TMPDIR of 100 characters": temporary_is,
    "no TMPDIR where it says": lambda folder: temporary_is(f"{folder}/absent"),
    "a large environment": lambda _: LARGE,
    "startup and configuration files": STARTUP.format,
    "no fsync of folders": lambda _: NO_FOLDER_SYNC,
    "SIGCHLD ignored": lambda _: ignoring("SIGCHLD"),
    "SIGINT ignored": lambda _: ignoring("SIGINT"),
    "SIGHUP ignored": lambda _: ignoring("SIGHUP"),
    "signals blocked": lambda _: BLOCKED,
    "few open files, more allowed": lambda _: files_at_most(40, 4096),
    "a umask of 077": lambda _: "import os; os.umask(0o077)",
    "a umask of 000": lambda _: "import os; os.umask(0)",
    "no core files, a small stack": lambda _: (
        "import resource as r; r.setrlimit(r.RLIMIT_CORE, (0, 0));"
        "r.setrlimit(r.RLIMIT_STACK, (1 << 19, 1 << 19))"
    ),
    "a clock that jumps back": lambda _: "import time; time.time = lambda: 1e9",
}


@linux
@pytest.mark.slow
@pytest.mark.parametrize("name", BEFORE)
def test_a_run_is_made_whatever_the_process_was_given(name, driver, own, tmp_path):
    folder = tmp_path / LONG
    folder.mkdir()
    before = BEFORE[name](str(folder))
    words = ("run", str(own), "-p", "x", "0.5", "--runs", str(tmp_path / "runs"))
    pid = driver.start(*words, before=before)
    assert driver.wait(pid) == 0, driver.said(pid)
    assert [r["metrics"] for r in records(tmp_path / "runs")] == [{"y": 1.0}]
    driver.wait_for_quiet()


@linux
@pytest.mark.slow
def test_jobs_are_as_many_as_files_may_be_open(driver, own, tmp_path):
    plan = {"notebook": str(own), "grid": {"x": [1.0, 2.0, 3.0]}}
    (tmp_path / "plan.yaml").write_text(json.dumps(plan))
    words = ("sweep", str(tmp_path / "plan.yaml"), "--runs", str(tmp_path / "runs"), "--jobs", "24")
    pid = driver.start(*words, before=files_at_most(60, 60))
    assert driver.wait(pid) == 2
    assert "a process may open 60 files (ulimit -n), a run needs" in driver.said(pid)
    assert not (tmp_path / "runs").exists()
    pid = driver.start(*words, before=files_at_most(256, 256))
    assert driver.wait(pid) == 0, driver.said(pid)
    assert "a process may open 256 files (ulimit -n): " in driver.said(pid)
    assert len(records(tmp_path / "runs")) == 3


ODD = """\
import os, socket
from pathlib import Path
os.chdir(out)
for name in ("pipe", "kernel.log", "notebook.ipynb", "history.parquet"):
    Path(name).unlink(missing_ok=True)
    os.mkfifo(name)
for name, to in {"loop": "loop", "outside": "/etc", "to-pipe": "pipe", "broken": "/no"}.items():
    os.symlink(to, name)
socket.socket(socket.AF_UNIX).bind("socket")
os.makedirs("/".join(200 * "d"))
for i in range(2000):
    Path(f"f{i}").touch()
if ends == "raises":
    raise ArithmeticError("of the notebook's own")
"""


@linux
@pytest.mark.slow
@pytest.mark.parametrize("ends", ["well", "raises"])
def test_links_and_pipes_left_in_out_stop_nothing(ends, driver, tmp_path):
    path = notebook(tmp_path / "odd.ipynb", 'ends: str = "well"\nout: str = ""', ODD)
    url = f"file://{tmp_path}/far"
    for runs in (str(tmp_path / "runs"), url):
        words = ("run", str(path), "-p", "ends", ends, "--runs", runs, "--timeout", "60")
        pid = driver.start(*words)
        assert driver.wait(pid) in (0, 1), driver.said(pid)
        assert "Traceback" not in driver.said(pid)
        if ends == "raises":
            assert "ArithmeticError: of the notebook's own" in driver.said(pid)
    driver.wait_for_quiet()


@linux
def test_a_temporary_folder_that_is_emptied_meanwhile(own, tmp_path):
    """What a kernel notes stays readable, and with it what hours of training have made."""
    empties = f"for note in Path({str(kernels().folder)!r}).glob('*.read'):\n    note.unlink()"
    content = nbformat.read(own, 4)
    content.cells.append(nbformat.v4.new_code_cell(empties))
    nbformat.write(content, own)
    runs = tmp_path / "runs"
    execute(RunSpec.make(own, {"x": 2.0}), runs, means())
    assert [r["metrics"] for r in records(runs)] == [{"y": 4.0}]


SLOW_SERVER = """\
import sys
from afnlab.runs.kernel import fork_server as forking
sys.path.insert(0, {!r})
forking.OF_KERNELS = ("takes_long",)
"""


@linux
@pytest.mark.slow
def test_a_time_limit_does_not_count_the_start_of_the_server(driver, own, tmp_path):
    installed = tmp_path / "site-packages"
    installed.mkdir()
    (installed / "takes_long.py").write_text("import time; time.sleep(6)")
    words = ("run", str(own), "--runs", str(tmp_path / "runs"), "--timeout", "5")
    pid = driver.start(*words, before=SLOW_SERVER.format(str(installed)))
    assert driver.wait(pid) == 0, driver.said(pid)


# Processes that are started in a kernel, and outlive it if they can: pids of them all.
STARTS = """\
import os, signal, subprocess, sys, time
from pathlib import Path

sleeper = [sys.executable, "-c", "import signal, time\\n"
           "for n in (15, 1, 2): signal.signal(n, signal.SIG_IGN)\\ntime.sleep(600)"]
subprocess.Popen(["nohup", "sleep", "600"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
subprocess.Popen(sleeper, start_new_session=True)
if os.fork() == 0:  # as a daemon does
    os.setsid()
    if os.fork() == 0:
        os.execv(sys.executable, sleeper)
    os._exit(0)
server = os.getppid()
fields = Path(f"/proc/{server}/stat").read_text().rpartition(")")[2].split()
Path(note).write_text(f"{os.getpid()} {server} {fields[1]}")
if ends == "dies":
    os.kill(os.getpid(), signal.SIGKILL)
elif ends == "waits":
    time.sleep(600)
"""
KILLED = {
    "nobody": (),
    "the kernel": (),
    "the sweep": ("sweep",),
    "the server": ("server",),
    "the supervisor": ("supervisor",),
    "sweep and server": ("sweep", "server"),
    "sweep and supervisor": ("sweep", "supervisor"),
    "sweep, server and kernel": ("sweep", "server", "kernel"),
}


@linux
@pytest.mark.slow
@pytest.mark.parametrize("who", KILLED)
def test_nothing_outlives_a_sweep(who, driver, tmp_path):
    cell = 'ends: str = "well"\nnote: str = ""'
    path, note = notebook(tmp_path / "starts.ipynb", cell, STARTS), tmp_path / "note"
    ends = {"nobody": "well", "the kernel": "dies"}.get(who, "waits")
    words = ("-p", "ends", ends, "-p", "note", str(note), "--runs", str(tmp_path / "runs"))
    pid = driver.start("run", str(path), *words)
    if ends == "waits":
        while not (note.exists() and note.read_text().count(" ") == 2):
            time.sleep(0.02)
        names = ("kernel", "server", "supervisor")
        pids = dict(zip(names, map(int, note.read_text().split()), strict=True)) | {"sweep": pid}
        note.unlink()
        for name in KILLED[who]:
            os.kill(pids[name], signal.SIGSTOP)  # so that none can answer to the other's end
        for name in KILLED[who]:
            with suppress(ProcessLookupError):  # the supervisor may have seen the other's end
                os.kill(pids[name], signal.SIGKILL)
        if "sweep" not in KILLED[who]:  # it begins the run again, with another server
            while not (note.exists() and note.read_text().count(" ") == 2):
                time.sleep(0.02)
            os.kill(pid, signal.SIGINT)
    assert driver.wait(pid) == {"well": 0, "dies": 1, "waits": 130}[ends] - (
        139 if "sweep" in KILLED[who] else 0
    )
    driver.wait_for_quiet()


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC, errno.EPIPE])
def test_a_sweep_goes_on_when_nobody_can_hear_of_it(number):
    """A closed pipe ends it, as it ends any command: `afnlab sweep ... | head`."""

    def report(line: str) -> None:
        raise OSError(number, os.strerror(number))

    progress = Progress("sweep", 2, lambda: 0, report)
    with nullcontext() if number != errno.EPIPE else pytest.raises(BrokenPipeError):
        progress.ended("one", "done", failed=False)
    assert progress.ended_so_far == 1


# Commands as a shell starts them


def command(*words: str, **settings) -> subprocess.CompletedProcess:
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **settings.pop("env", {})}
    start = [*settings.pop("by", ()), sys.executable, "-m", "afnlab", *words]
    how = {"capture_output": True, "text": True, "env": env} | settings
    return subprocess.run(start, check=False, **how)


# Found by Python itself when it starts: Ctrl-C comes when a module is about to be imported.
INTERRUPTS = """\
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's `&` has it ignored
class Ctrl_C:
    def find_spec(name, *_):
        if name == os.environ["INTERRUPTED_AT"]:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Ctrl_C)
"""


@pytest.mark.slow
@pytest.mark.parametrize("start", ["-m afnlab", "-m afnlab.cli", "-c script"])
@pytest.mark.parametrize(
    ("module", "status"),
    [("argparse", -signal.SIGINT), ("afnlab.cli.parser", -signal.SIGINT), ("afnlab.cli.runs", 130)],
)
def test_ctrl_c_while_importing_shows_no_traceback(start, module, status, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(INTERRUPTS)
    script = "import sys; sys.argv[0] = 'bin/afnlab'\n"
    script += "from afnlab.cli import command; sys.exit(command())"
    words = [script if word == "script" else word for word in start.split()]
    done = subprocess.run(
        [sys.executable, *words, "runs", "list"],
        env=os.environ | {"PYTHONPATH": f"{tmp_path}:{ROOT}", "INTERRUPTED_AT": module},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr
    assert done.returncode == status, done.stderr


@pytest.mark.slow
def test_modules_of_the_current_folder_are_not_taken_for_ours(tmp_path):
    for name in ("torch", "json", "random", "select", "numpy", "typing", "signal", "pathlib", "re"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('not yours')")
    # Nor is there a fault of what is printed, as there is below.
    to = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "capture_output": False}
    done = command("list", cwd=tmp_path, **to)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_current_folder_that_is_gone_is_told(tmp_path):
    script = 'cd "$0" && rmdir "$0" && exec "$@"'
    gone = tmp_path / "gone"
    gone.mkdir()
    done = command("list", by=["sh", "-c", script, str(gone)])
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch("afnlab: the current folder is not there any more .*\n", done.stderr)


@pytest.mark.slow
def test_a_full_disk_behind_what_is_printed_is_told():
    with Path("/dev/full").open("w") as file:
        done = command("data", "list", stdout=file, stderr=subprocess.PIPE, capture_output=False)
    assert done.returncode == 1
    assert done.stderr == "afnlab: what was printed is not whole (No space left on device)\n"


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs unshare of util-linux")
@pytest.mark.parametrize("words", ["data list", "doctor", "run OWN"])
def test_no_home_and_no_passwd_entry(words, own, tmp_path):
    by = ["unshare", "--user", "--map-user=23456", "--map-group=23456"]
    if subprocess.run([*by, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no user namespaces here")
    (tmp_path / "tmp").mkdir()
    (tmp_path / "runs").mkdir()
    env = {"TMPDIR": str(tmp_path / "tmp"), "AFNLAB_RUNS": str(tmp_path / "runs")}
    words = words.replace("OWN", str(own)).split()
    done = command(*words, by=by, env=env, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "~").exists()
    assert runs_folder.RECORD in [p.name for p in tmp_path.glob("runs/*/*")] or words[0] != "run"


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs unshare of util-linux")
@pytest.mark.parametrize(("options", "closed"), [("size=4k", (0, 1, 2)), ("ro", (1,))])
def test_a_full_or_read_only_temporary_folder_and_closed_streams(options, closed, own, tmp_path):
    # A closed standard stream would otherwise be the next file that is opened.
    redirected = " ".join(f"{number}>&-" for number in closed)
    (tmp_path / "tmp").mkdir()
    mount = f"mount -t tmpfs -o {options} none {tmp_path}/tmp"
    by = [
        "unshare",
        "--user",
        "--map-root-user",
        "--mount",
        "sh",
        "-c",
        f'{mount} && exec "$@" {redirected}',
        "sh",
    ]
    if subprocess.run([*by, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no tmpfs can be mounted here")
    cache = str(paths.cache_folder())  # kernels, which take seconds to build
    env = {"TMPDIR": str(tmp_path / "tmp"), "HOME": str(tmp_path), "AFNLAB_CACHE": cache}
    done = command("run", str(own), "--runs", str(tmp_path / "runs"), by=by, env=env)
    assert done.returncode == 0, done.stderr
    assert len(records(tmp_path / "runs")) == 1
