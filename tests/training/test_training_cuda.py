"""Training on a GPU: as on the CPU, without waiting, by graphs, in half precision."""

from __future__ import annotations

import warnings

import pytest
import torch
from torch.testing import assert_close

import afnlab
from afnlab import get_activation, get_task
from afnlab.training import graphs
from afnlab.training.members import Member
from afnlab.training.options import resolve
from afnlab.training.plan import Plan
from afnlab.training.recorder import Recorder
from afnlab.training.stack import Stack
from tests.training.test_graphs import fails
from tests.training.test_stack_waiting import PICTURES

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device"),
]
TASKS = ("digits-mlp", "digits-arp", "digits-convnet")


def stack_of(task, name, seeds=3, device="cuda", dtype=torch.float64, **params) -> Stack:
    record = get_activation(name)
    members = [Member(seed, resolve(task, record, params)) for seed in range(seeds)]
    return Stack.build(Plan(task, record, task.data(), torch.device(device), dtype, 3), members)


def epochs(stack: Stack, count: int = 3):
    recorder = Recorder(range(stack.size), stack, set())
    found = [(stack.epoch(recorder), *stack.evaluate()) for _ in range(count)]
    return torch.stack([torch.stack(one) for one in found]).cpu()


@pytest.mark.parametrize("on", ["0", "1"], ids=["as it is", "graphs"])
@pytest.mark.parametrize("task", ["digits-mlp", "digits-arp"])
@pytest.mark.parametrize("name", ["relu", "srelu", "apec", "rrelu"])
def test_a_gpu_trains_as_the_cpu_does(task, name, on, monkeypatch):
    monkeypatch.setenv(graphs.SETTING, on)
    both = [stack_of(get_task(task), name, device=place) for place in ("cuda", "cpu")]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        on_gpu, on_cpu = map(epochs, both)
    assert_close(on_gpu, on_cpu, rtol=1e-6, atol=1e-8)
    captured = both[0].replayed is not None and both[0].replayed.replay is not None
    assert captured == (on == "1" and name != "rrelu")


@pytest.mark.parametrize("optimizer", ["adamw", "adam", "sgd", "rmsprop", "rmsprop-keras"])
def test_graphs_give_the_numbers_of_steps(optimizer, monkeypatch):
    found = []
    for on in ("0", "1"):
        monkeypatch.setenv(graphs.SETTING, on)
        stack = stack_of(get_task("digits-mlp"), "srelu", optimizer=optimizer)
        found.append((epochs(stack), stack.params))
    assert stack.replayed.replay is not None
    assert_close(found[0], found[1], rtol=1e-6, atol=1e-8)


@pytest.mark.filterwarnings("ignore:Synchronization debug mode")
@pytest.mark.parametrize("on", ["0", "1"], ids=["as it is", "graphs"])
@pytest.mark.parametrize("task", [*map(get_task, TASKS), PICTURES], ids=lambda task: task.name)
@pytest.mark.parametrize("name", ["srelu", "apec", "rrelu"])
def test_an_epoch_waits_for_nothing(task, name, on, monkeypatch):
    monkeypatch.setenv(graphs.SETTING, on)
    seeds = 1 if task.name in ("digits-convnet", "pictures") else 3
    stack = stack_of(task, name, seeds, dtype=torch.float32)
    epochs(stack, 1)
    recorder = Recorder(range(seeds), stack, set())
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        stack.epoch(recorder)
        stack.evaluate()
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("name", ["relu", "gelu", "srelu"])
def test_pictures_in_half_precision(name):
    result = afnlab.train("digits-airbench", name, seeds=2, device="cuda", progress=False)
    assert result.info["dtype"] == "float16"
    assert not result.final.diverged.any()
    assert result.final.test_accuracy.min() > 0.8


def test_a_capture_that_fails_is_got_over(monkeypatch):
    def waits(step, index):
        """A capture in which a value is read, which ends it."""

        def read(index):
            losses = step(index)
            losses.sum().item()
            return losses

        return real(read, index)

    real = graphs.capture
    monkeypatch.setenv(graphs.SETTING, "0")
    wanted = epochs(stack_of(get_task("digits-mlp"), "srelu"))
    monkeypatch.setenv(graphs.SETTING, "1")
    for capture in (fails, waits):
        monkeypatch.setattr(graphs, "capture", capture)
        stack, stream = stack_of(get_task("digits-mlp"), "srelu"), torch.cuda.current_stream()
        with pytest.warns(RuntimeWarning, match="not used as a CUDA graph"):
            found = epochs(stack)
        assert torch.cuda.current_stream() == stream
        assert_close(found, wanted, rtol=1e-6, atol=1e-8)
