"""What a sweep survives: SIGKILL at any moment, other sweeps, notebooks that fail in every way."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import time
from pathlib import Path
from textwrap import dedent

import pandas as pd
import pytest

from afnlab.runs import records
from afnlab.runs.kernel.fork_client import available
from afnlab.runs.sweeps import sweep_file
from tests.runs.test_runs import notebook

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not available(), reason="kernels are forked on Linux only"),
]
SWEEP = """\
notebook: walk.ipynb
parameters: {length: 500, diary: HERE/diary, start: HERE/start}
grid: {drift: [-1.0, 0.0, 1.0]}
seeds: 4
"""
SIZE = 12


@pytest.fixture
def walks(tmp_path) -> Path:
    """A sweep of 12 small runs of a notebook that is not afnlab's.

    A third of them wait for a file, which a test may take away.
    """
    notebook(
        tmp_path / "walk.ipynb",
        "length: int = 10\ndrift: float = 0.0  # -1..1\nseed: int = 0\n"
        'diary: str = ""\nstart: str = ""\nout: str = ""',
        'with open(diary, "a") as file:\n    print(drift, seed, file=file)',
        "import json, time\nfrom pathlib import Path\nimport numpy as np\nimport pandas as pd\n"
        "while drift > 0 and not Path(start).exists():\n    time.sleep(0.02)",
        "steps = np.random.default_rng(seed).normal(drift, size=length)\n"
        'table = pd.DataFrame({"step": range(length), "at": steps.cumsum()})\n'
        'table.to_parquet(Path(out) / "walk.parquet")\n'
        'left = {"metrics": {"end": float(table["at"].iloc[-1])}}\n'
        'Path(out, "result.json").write_text(json.dumps(left))',
    )
    (tmp_path / "start").touch()
    (tmp_path / "walks.yaml").write_text(SWEEP.replace("HERE", str(tmp_path)))
    return tmp_path / "walks.yaml"


def held(runs: Path) -> dict[str, tuple[dict, bytes]]:
    """The runs of a folder, with all that must not depend on how they came about."""
    return {
        r["id"]: (
            {k: r[k] for k in ("group", "label", "parameters", "given", "seeds", "metrics")},
            pd.read_parquet(runs / r["id"] / "walk.parquet")["at"].to_numpy().tobytes(),
        )
        for r in records(runs)
    }


def leftovers(runs: Path) -> list[str]:
    """Names that are no run's."""
    hidden = [p.name for p in runs.glob(".*") if not p.name.endswith(".lock")]
    return hidden + [p.name for p in runs.glob("[!.]*") if not (p / "record.json").is_file()]


def test_killed_at_any_moment_a_sweep_goes_on_where_it_was(driver, walks, tmp_path):
    seed = random.randrange(2**32)
    print(f"random moments from seed {seed}")
    moments = random.Random(seed)
    quiet, torn = tmp_path / "quiet", tmp_path / "torn"
    assert driver.run("sweep", str(walks), "--runs", str(quiet), "--jobs", "2") == 0
    expected = held(quiet)
    assert len(expected) == SIZE
    seen: set[str] = set()
    for _ in range(8):
        pid = driver.start("sweep", str(walks), "--runs", str(torn), "--jobs", "2")
        time.sleep(moments.uniform(0, 0.9))
        os.kill(pid, signal.SIGKILL)
        driver.wait(pid)
        driver.wait_for_quiet()
        found = set(held(torn)) if torn.is_dir() else set()  # a warning would be an error
        assert seen <= found <= set(expected)
        seen = found
    assert driver.run("sweep", str(walks), "--runs", str(torn), "--jobs", "2") == 0
    assert held(torn) == expected
    assert leftovers(torn) == []
    driver.wait_for_quiet()


def test_killed_between_write_fsync_and_rename(driver, walks, tmp_path):
    runs = tmp_path / "runs"
    words = ("sweep", str(walks), "--runs", str(runs), "--only", "seed=0", "--only", "drift=0.0")
    assert driver.run(*words) == 0
    ((run_id, run),) = expected = held(runs).items()
    for step in range(1, 20):
        assert driver.run("runs", "rm", run_id, "--runs", str(runs)) == 0
        status = driver.run(*words, die_at=step)
        assert held(runs).items() <= expected
        assert driver.run(*words) == 0
        assert held(runs) == {run_id: run}
        assert leftovers(runs) == []
        if status == 0:
            break
        assert status == -signal.SIGKILL
    assert step >= 9  # record; files, record and folder to the disk; rename; the names to the disk
    driver.wait_for_quiet()


def test_two_sweeps_on_one_folder_share_the_work(driver, walks, tmp_path):
    runs = tmp_path / "runs"
    words = ("sweep", str(walks), "--runs", str(runs), "--jobs", "2")
    pids = [driver.start(*words) for _ in range(2)]
    assert [driver.wait(pid) for pid in pids] == [0, 0]
    assert set(held(runs)) == {s.id for s in sweep_file.read(walks).specs()}
    assert list(runs.glob(".*")) == []
    assert all("failed" not in driver.said(pid) for pid in pids)
    executed = (tmp_path / "diary").read_text().splitlines()
    assert len(executed) == len(set(executed)) == SIZE


def test_what_a_killed_sweep_had_begun_another_finishes(driver, walks, tmp_path):
    runs = tmp_path / "runs"
    words = ("sweep", str(walks), "--runs", str(runs), "--jobs", "2")
    (tmp_path / "start").unlink()  # so that neither is done before one is killed
    one, other = (driver.start(*words) for _ in range(2))
    while not list(runs.glob("[!.]*")):
        time.sleep(0.02)
    os.kill(one, signal.SIGKILL)
    (tmp_path / "start").touch()
    assert driver.wait(other) == 0
    assert driver.wait(one) == -signal.SIGKILL
    assert set(held(runs)) == {s.id for s in sweep_file.read(walks).specs()}
    assert driver.run(*words) == 0
    assert leftovers(runs) == []
    assert list(runs.glob(".claim-*")) == []
    executed = (tmp_path / "diary").read_text().splitlines()
    assert len(set(executed)) == SIZE
    assert len(executed) <= SIZE + 2  # what the killed one had begun
    driver.wait_for_quiet()


def test_a_sweep_to_a_url(driver, walks, tmp_path):
    url = f"file://{tmp_path}/far"
    words = ("sweep", str(walks), "--runs", url, "--only", "seed=3", "--jobs", "2")
    assert driver.run(*words) == 0
    made = [json.loads(p.read_text()) for p in (tmp_path / "far").glob("*/record.json")]
    assert sorted(r["given"]["drift"] for r in made) == [-1.0, 0.0, 1.0]
    for record in made:
        shelf = tmp_path / "far" / record["id"] / record["sum"][:16]
        assert {p.name for p in shelf.iterdir()} == set(record["files"])
    shutil.rmtree(driver.folder / "cache" / "afnlab" / "runs")  # as on another machine
    pid = driver.start(*words)
    assert driver.wait(pid) == 0
    assert "3 runs, 3 present, 0 to do" in driver.said(pid)


TUNED = """\
parameters: {epochs: 2, limit_train: 300}
tune: {lr: {from: 0.001, to: 0.03, log: true}, budget: 3}
grid: {activation: [relu, srelu]}
seeds: 3
"""
# Within the second run's kernel: when its candidates have been trained, or its choices, the sweep
# is killed.
KILLS = """\
import os, signal, time
from afnlab.training import tune
sweep, train = os.getpid(), tune.train_members
stages = []
def watched(how, *arguments, **options):
    trained = train(how, *arguments, **options)
    if how.activation.label == "srelu":
        stages.append(how)
        if len(stages) == {stage}:
            os.kill(sweep, signal.SIGKILL)
            time.sleep(60)
    return trained
tune.train_members = watched
"""


def tables(runs: Path) -> dict[str, dict[str, pd.DataFrame]]:
    """All that runs have measured, their times aside."""
    return {
        record["id"]: {
            name: pd.read_parquet(runs / record["id"] / name).drop(
                columns="seconds", errors="ignore"
            )
            for name in record["files"]
            if name.endswith(".parquet")
        }
        for record in records(runs)
    }


def test_killed_in_the_middle_of_a_tuning_a_sweep_goes_on(driver, tmp_path):
    (tmp_path / "tuned.yaml").write_text(TUNED)
    quiet = tmp_path / "quiet"
    words = ("tune", str(tmp_path / "tuned.yaml"), "--threads", "1", "--runs")
    assert driver.run(*words, str(quiet)) == 0
    expected = tables(quiet)
    assert len(expected) == 2
    assert all(
        set(found) >= {"candidates.parquet", "chosen.parquet"} for found in expected.values()
    )
    for stage in (1, 2):
        torn = tmp_path / f"torn{stage}"
        pid = driver.start(*words, str(torn), before=KILLS.format(stage=stage))
        assert driver.wait(pid) == -signal.SIGKILL
        driver.wait_for_quiet()
        (kept,) = records(torn)  # what was whole; the run in the middle begins anew
        assert kept["parameters"]["activation"] == "relu"
        before = (torn / kept["id"] / "record.json").read_bytes()
        pid = driver.start(*words, str(torn))
        assert driver.wait(pid) == 0
        assert "2 runs, 1 present, 1 to do" in driver.said(pid)
        assert (torn / kept["id"] / "record.json").read_bytes() == before
        assert leftovers(torn) == []
        found = tables(torn)
        assert found.keys() == expected.keys()
        for run, of in expected.items():
            assert found[run].keys() == of.keys()
            for name, table in of.items():
                pd.testing.assert_frame_equal(found[run][name], table, check_exact=True)


def test_interrupted_it_stops_cleanly_and_soon(driver, walks, tmp_path):
    runs = tmp_path / "runs"
    (tmp_path / "start").unlink()  # so that some are never done
    pid = driver.start("sweep", str(walks), "--runs", str(runs), "--jobs", "2")
    while not list(runs.glob("[!.]*")):
        time.sleep(0.02)
    asked = time.monotonic()
    os.kill(pid, signal.SIGINT)
    assert driver.wait(pid) == 130, driver.said(pid)
    assert time.monotonic() - asked < 30
    assert "interrupted; what was complete is kept" in driver.said(pid)
    assert "Traceback" not in driver.said(pid)
    assert 0 < len(held(runs)) < SIZE
    assert leftovers(runs) == []
    assert list(runs.glob(".*")) == []
    driver.wait_for_quiet()


LIMIT = "8"  # seconds; the others must be well within it on a busy machine
FAILS = """\
import os, signal, subprocess, sys, time
from pathlib import Path

if how == "raises":
    raise ArithmeticError("two and two")
elif how == "dies":
    subprocess.Popen(["sleep", "600"])
    os.kill(os.getpid(), signal.SIGKILL)
elif how == "hangs":
    time.sleep(600)
elif how == "deaf":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    time.sleep(600)
elif how == "server" and not Path(marker).exists():
    Path(marker).touch()
    os.kill(os.getppid(), signal.SIGKILL)
"""


def test_notebooks_that_fail_do_not_stop_the_others(driver, tmp_path):
    cell = 'how: str = "well"\nmarker: str = ""'
    notebook(tmp_path / "fails.ipynb", cell, "print('so far')", dedent(FAILS), "print('done')")
    hows = ["raises", "dies", "hangs", "deaf", "server", "well"]
    plan = {"notebook": "fails.ipynb", "parameters": {"marker": str(tmp_path / "marker")}}
    (tmp_path / "fails.yaml").write_text(json.dumps(plan | {"grid": {"how": hows}}))
    runs = tmp_path / "runs"
    words = ("sweep", str(tmp_path / "fails.yaml"), "--runs", str(runs))
    pid = driver.start(*words, "--jobs", "2", "--timeout", LIMIT)
    assert driver.wait(pid) == 1
    driver.wait_for_quiet()
    said = driver.said(pid)
    assert {r["given"]["how"] for r in records(runs)} == {"server", "well"}
    assert (tmp_path / "marker").exists()
    failed = {
        path.parent.name: json.loads(path.read_text()) for path in runs.glob(".failed/*/error.json")
    }
    messages = {f["given"]["how"]: f["message"] for f in failed.values()}
    assert set(messages) == {"raises", "dies", "hangs", "deaf"}
    assert messages["raises"] == "ArithmeticError: two and two"
    assert "DeadKernelError" in messages["dies"]
    assert messages["hangs"] == messages["deaf"] == f"TimeoutError: not done after {LIMIT} s"
    for run_id, facts in failed.items():
        kept = runs / ".failed" / run_id / "notebook.ipynb"
        text = kept.read_text()
        assert f"failed: {facts['label']}: {facts['message']}\n  {kept.as_uri()}\n" in said
        assert "so far" in text
        assert facts["message"].partition(":")[2].strip() in text
    hung = next(i for i, f in failed.items() if f["given"]["how"] == "hangs")
    assert "time.sleep(600)" in (runs / ".failed" / hung / "notebook.ipynb").read_text()
    pid = driver.start(*words)
    assert driver.wait(pid) == 1
    assert "6 runs, 2 present, 4 failed before, 0 to do" in driver.said(pid)
    assert "--retry-failed tries again" in driver.said(pid)
    pid = driver.start(*words, "--retry-failed", "--only", "how=raises")
    assert driver.wait(pid) == 1
    assert "1 run, 0 present, 1 to do" in driver.said(pid)
