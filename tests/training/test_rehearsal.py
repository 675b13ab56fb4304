"""A loss that does not fit is refused before any process is started, and at once."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

import afnlab
from afnlab import Data, Loss, Metric, Recipe, Task
from afnlab.cli import main
from afnlab.runs.sweeps.worker import Worker
from afnlab.training.metrics import MEAN_SQUARED_ERROR, SQUARED_ERROR, MisfitError
from afnlab.training.models import mlp
from afnlab.training.plan import configure
from afnlab.training.rehearsal import rehearse

ADVICE = (
    "; where targets are no classes give the task a loss= and a metric=, such as MEAN_SQUARED_ERROR"
    " and SQUARED_ERROR of afnlab.training.metrics"
)
TALL, FLAT = (96, 1), (96,)


def task(targets=TALL, seen=None, **what) -> Task:
    def data() -> Data:
        if seen is not None:
            seen.append(1)
        x = torch.linspace(-1, 1, 96)[:, None].repeat(1, 3)
        y = torch.ones(targets)
        return Data(x, y, x, y)

    return Task("own", data, mlp(3, 4, 1), Recipe(epochs=1, batch_size=64), **what)


def totals(outputs, targets):
    return (outputs - targets).abs().sum(), targets.numel()


by_error = {"metric": SQUARED_ERROR}
CASES = {
    "no loss": (
        task(),
        "cross entropy: needs outputs (examples, ..., classes), got (64, 1) for targets (64, 1),"
        f" which are floating point{ADVICE}",
    ),
    "no loss, and targets that look like classes": (
        task(FLAT, **by_error),
        "cross entropy: needs outputs (examples, ..., classes), got (64, 1) for targets (64,),"
        f" which are floating point{ADVICE}",
    ),
    "no metric": (
        task(FLAT, loss=Loss("error", lambda z, y: (z[:, 0] - y).abs())),
        "metric accuracy: total cannot be evaluated on outputs (64, 1) and targets (64,): accuracy:"
        " needs outputs (examples, ..., classes), got (64, 1) for targets (64,), which are floating"
        f" point{ADVICE}",
    ),
    "targets without a dimension": (
        task(FLAT, loss=MEAN_SQUARED_ERROR, **by_error),
        "squared error: needs outputs of the shape of the targets, got (64, 1) for targets (64,)",
    ),
    "a loss of pairs of examples": (
        task(FLAT, loss=Loss("error", lambda z, y: (z - y).abs()), **by_error),
        "loss error: must return the losses of 64 examples, got (64, 64)",
    ),
    "a metric of three numbers": (
        task(
            loss=MEAN_SQUARED_ERROR,
            metric=Metric(name="m", key="m", better="lower", total=lambda z, y: (*totals(z, y), 1)),
        ),
        "metric m: total cannot be evaluated on outputs (64, 1) and targets (64, 1): it must return"
        " the sum and the count, got a tuple",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_does_not_fit_is_said_by_one_batch(case):
    own, said = CASES[case]
    with pytest.raises(MisfitError, match=f"^{re.escape(f'task own: {said}')}$"):
        rehearse([configure(own, "relu", seeds=1)])


def test_a_training_says_it_too():
    with pytest.raises(MisfitError, match=re.escape(ADVICE)):
        afnlab.train(task(), "relu", seeds=2, progress=False)


FILE = """
import torch
from afnlab import Data, Recipe, Task
from afnlab.training.models import mlp

x = torch.ones(20, 3)
own = Task("own", lambda: Data(x, x[:, :1], x, x[:, :1]), mlp(3, 4, 1), Recipe(1, 8))
"""
SWEEP = "grid: {task: [digits-mlp, 'own.py:own'], activation: [relu, tanh]}\nseeds: 1"


@pytest.mark.parametrize(
    "command", ["sweep own.yaml", "run train -p task own.py:own -p activation relu"]
)
def test_no_process_is_started_for_it(command, tmp_path, monkeypatch, capsys):
    def started(*_):
        pytest.fail("a kernel was started")

    monkeypatch.setattr(Worker, "_get", started)
    monkeypatch.chdir(tmp_path)
    Path("own.py").write_text(FILE)
    Path("own.yaml").write_text(SWEEP)
    assert main([*command.split(), "--runs", "runs"]) == 2
    said = capsys.readouterr().err
    assert "task own: cross entropy: needs outputs" in said
    assert ADVICE in " ".join(said.split())
    assert not list(Path("runs").glob("*/record.json"))


def test_a_task_that_fits_is_tried_once_and_draws_nothing():
    seen: list[int] = []
    own = task(seen=seen, loss=MEAN_SQUARED_ERROR, **by_error)
    state = torch.get_rng_state()
    for name in ("relu", "rrelu"):
        rehearse([configure(own, name, seeds=2)] * 2)
    assert seen == [1]
    assert torch.equal(torch.get_rng_state(), state)


def test_what_else_is_wrong_is_left_to_the_training():
    def absent() -> Data:
        raise OSError("the data are on another machine")

    rehearse([configure(Task("far", absent, mlp(3, 1), Recipe(1, 8)), "relu", seeds=1)])
    rehearse([configure("mnist-mlp", "relu", seeds=1)])  # whose data are not read
