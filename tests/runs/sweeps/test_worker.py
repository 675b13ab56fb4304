"""What the kernel server of a run imports before it is asked for a kernel."""

from __future__ import annotations

import pytest

from afnlab.runs import RunSpec
from afnlab.runs.sweeps import worker
from tests.runs.test_runs import notebook


@pytest.mark.parametrize(
    ("cell", "trains"),
    [
        ("import math, pandas\nprint(math.pi)", False),
        ("import torch", True),
        ("from afnlab import functional\nfunctional.relu", True),
        ("import beside", True),  # which may import anything
        ("__import__('tor' + 'ch')", True),  # as this may
    ],
)
def test_what_trains_is_told_by_its_code(cell, trains, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "beside.py").write_text("import torch")
    spec = RunSpec.make(notebook(tmp_path / "own.ipynb", 'x: float = 1.0\nout: str = ""', cell), {})
    asked = []
    monkeypatch.setattr(worker.fork_client, "available", lambda: True)
    monkeypatch.setattr(worker, "KernelServer", lambda threads, trains: asked.append(trains))
    monkeypatch.setattr(worker, "attempt", lambda *_: None)
    worker.Worker(worker.Means()).attempt(spec, None)
    assert asked == [trains]


def test_ours_trains():
    assert worker._trains(RunSpec.make("train", {"activation": "relu"}))
