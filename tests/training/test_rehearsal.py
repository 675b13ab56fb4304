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
from tests.training.test_metrics import sequences

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


def wide(outputs: int, targets: tuple[int, ...], **what) -> Task:
    """A task with this many outputs, whose targets differ."""
    x = torch.linspace(-1, 1, 96)[:, None].repeat(1, 3)
    y = x[:, 0].exp().reshape(96, *[1] * (len(targets) - 1)).expand(targets)
    data = Data(x, y, x, y)
    return Task("own", lambda: data, mlp(3, 4, outputs), Recipe(epochs=1, batch_size=64), **what)


def own_metric(total) -> Metric:
    return Metric(name="m", key="m", better="lower", total=total)


def elementwise(outputs, targets):
    return (outputs - targets).abs()


def first(outputs, targets):
    return (outputs[:, :1] - targets.reshape(-1, 1)).abs().flatten()


def first_totals(outputs, targets):
    return first(outputs, targets).sum(), len(targets)


SHAPES = "something of an example was repeated to fit"
PARTS = "parts of the data must add up, but the"
MISFITS = {
    "three outputs for one target": (
        wide(3, TALL, loss=Loss("e", elementwise), metric=own_metric(totals)),
        rf"loss e: gives \(64, 3\) for targets \(64, 1\) and outputs \(64, 3\), so {SHAPES}",
    ),
    "pairs, of which there are as many dimensions": (
        wide(1, TALL, loss=Loss("e", lambda z, y: (z[:, 0] - y).abs()), metric=SQUARED_ERROR),
        rf"loss e: gives \(64, 64\) for targets \(64, 1\) and outputs \(64, 1\), so {SHAPES}",
    ),
    "pairs over which the loss takes a mean": (
        wide(
            1,
            FLAT,
            loss=Loss("e", lambda z, y: (z - y).abs().mean(1)),
            metric=own_metric(first_totals),
        ),
        "loss e: the loss of an example must not depend on the others, but those of two halves of"
        " 64 examples are not the same alone and together",
    ),
    "pairs in a metric": (
        wide(1, FLAT, loss=Loss("e", first), metric=own_metric(totals)),
        f"metric m: {PARTS} sums of two halves of 64 examples are .* together and that of all is",
    ),
    "a mean for a sum": (
        wide(1, TALL, loss=MEAN_SQUARED_ERROR, metric=own_metric(lambda z, y: ((z - y).mean(), 1))),
        f"metric m: {PARTS} .*a mean stands for a sum$",
    ),
    "a count of no examples": (
        wide(1, TALL, loss=MEAN_SQUARED_ERROR, metric=own_metric(lambda z, y: (z.sum(), 1))),
        f"metric m: {PARTS} counts of two halves of 64 examples are 2 together and that of all is",
    ),
}
FITS = {
    "of every example": wide(3, TALL, loss=Loss("e", first), metric=own_metric(first_totals)),
    "of three outputs in one number per example": wide(
        3,
        TALL,
        loss=Loss("e", lambda z, y: elementwise(z, y).mean(1)),
        metric=own_metric(first_totals),
    ),
    "of every target, of which there are more than outputs": wide(
        1, (96, 3), loss=Loss("e", elementwise), metric=own_metric(totals)
    ),
    "of one shape": wide(3, (96, 3), loss=Loss("e", elementwise), metric=own_metric(totals)),
    "drawn at random": wide(
        1,
        TALL,
        loss=Loss("e", lambda z, y: elementwise(z + torch.randn_like(z), y)),
        metric=own_metric(totals),
    ),
}


@pytest.mark.parametrize("case", MISFITS)
def test_what_broadcasts_or_mixes_examples_is_refused(case):
    own, said = MISFITS[case]
    with pytest.raises(MisfitError, match=f"^task own: {said}") as refused:
        rehearse([configure(own, "relu", seeds=1)])
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("case", FITS)
def test_what_fits_is_not_refused(case):
    rehearse([configure(FITS[case], "relu", seeds=1)])


def test_classes_of_tokens_of_which_some_are_masked_fit():
    rehearse([configure(sequences(), "relu", seeds=1)])


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


@pytest.mark.parametrize("error", [OSError, SystemExit])
def test_what_else_is_wrong_is_left_to_the_training(error):
    """Whose process may end by it, where that of a sweep goes on."""

    def absent() -> Data:
        raise error("the data are on another machine")

    rehearse([configure(Task("far", absent, mlp(3, 1), Recipe(1, 8)), "relu", seeds=1)])
    rehearse([configure("mnist-mlp", "relu", seeds=1)])  # whose data are not read
