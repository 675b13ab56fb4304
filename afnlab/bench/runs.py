"""What a run takes beyond its training, and what jobs side by side gain, beside papermill's own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import pandas as pd

from afnlab.paths import find
from afnlab.runs.run_spec import RunSpec
from afnlab.runs.storage.location import Place
from afnlab.runs.sweeps.local_executor import Local

GIVEN = {"activation": "srelu", "seeds": 12, "epochs": 10}
_FEW = 3  # runs of a rival that starts anew for each
_MILLRUN = """\
import json, sys
from millrun.millrun import execute_run
if __name__ == "__main__":
    execute_run(sys.argv[1], json.loads(sys.argv[2]), sys.argv[3], use_multiprocessing=True)
"""


def measure(device: str = "cpu", rounds: int = 15) -> pd.DataFrame:
    """One row per rival, each with `rounds` runs of train.ipynb, of one thread each.

    start: seconds until the first runs have ended, but for their training; a run: seconds per run
    after that; training: of these, the seconds that a run trains; beyond: what its job does besides
    training; gain: how many times the runs of one afnlab job a time.
    """
    if rounds < 4:
        raise ValueError(f"rounds must be 4 or more, got {rounds}")
    many = [GIVEN | {"device": device, "t": 1 + i / 100} for i in range(rounds)]
    rivals: dict[str, tuple[int, Callable[[Path], list[float]], int]] = {
        "afnlab --jobs 1": (1, partial(_ours, 1, many), rounds),
        "afnlab --jobs 2": (2, partial(_ours, 2, many), rounds),
        "papermill": (1, partial(_papermill, many[:_FEW]), _FEW),
    }
    if find_spec("millrun"):
        rivals["millrun"] = (os.cpu_count() or 1, partial(_millrun, many), rounds)
    rows = []
    for name, (jobs, execute, runs) in rivals.items():
        with tempfile.TemporaryDirectory(prefix="afnlab-bench-") as folder:
            ended = execute(Path(folder))
            histories = [pd.read_parquet(p) for p in Path(folder).glob("*/history.parquet")]
        if len(histories) < runs:
            raise ValueError(f"{name}: {len(histories)} of {runs} runs were made")
        training = sum(h.seconds.sum() for h in histories) / runs
        if len(ended) > jobs:
            each = (ended[-1] - ended[jobs - 1]) / (len(ended) - jobs)
            start = ended[jobs - 1] - training
        else:  # it says no more than when all had ended
            each, start = ended[-1] / runs, float("nan")
        rows.append((name, runs, start, each, training, each * jobs - training))
    table = pd.DataFrame(rows, columns=["rival", "runs", "start", "a run", "training", "beyond"])
    table["gain"] = table["a run"].iloc[0] / table["a run"]
    return table


def _ours(jobs: int, many: list[dict[str, object]], folder: Path) -> list[float]:
    specs = [RunSpec.make("train", parameters) for parameters in many]
    start, ended = time.perf_counter(), []
    for spec, error in Local(jobs, threads=1).results(specs, Place(folder)):
        if error is not None:
            raise ValueError(f"{spec.label}: {error}")
        ended.append(time.perf_counter() - start)
    return ended


def _papermill(many: list[dict[str, object]], folder: Path) -> list[float]:
    start, ended = time.perf_counter(), []
    for i, parameters in enumerate(many):
        words = [w for name, value in parameters.items() for w in ("-p", name, str(value))]
        words += ["-p", "out", str(folder / str(i)), "--no-progress-bar"]
        _alone([sys.executable, "-m", "papermill", _notebook(), str(folder / f"{i}.ipynb"), *words])
        ended.append(time.perf_counter() - start)
    return ended


def _millrun(many: list[dict[str, object]], folder: Path) -> list[float]:
    start = time.perf_counter()
    listed = json.dumps(
        [parameters | {"out": str(folder / str(i))} for i, parameters in enumerate(many)]
    )
    _alone([sys.executable, "-c", _MILLRUN, _notebook(), listed, str(folder)])
    return [time.perf_counter() - start]


def _notebook() -> str:
    return str(find("notebooks", "train", ".ipynb"))


def _alone(command: list[str]) -> None:
    env = os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [""])[-1]
        raise ValueError(f"{' '.join(command[1:3])} failed: {last}")
