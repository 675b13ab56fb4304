"""A step that is captured and replayed, by a stand-in for CUDA graphs that keeps their rules."""

from __future__ import annotations

import gc
import warnings
from weakref import ref

import pytest
import torch
from torch.testing import assert_close
from torch.utils._python_dispatch import TorchDispatchMode

import afnlab
from afnlab.training import graphs
from afnlab.training.recorder import Recorder
from afnlab.training.stack import Stack
from tests.training.test_stack import TASK, stack_of

evaluate = Stack.evaluate


class Tape(TorchDispatchMode):
    """Operations as a graph has them: on the same memory every time, and without Python."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def __torch_dispatch__(self, op, types, args=(), kwargs=None):
        out = op(*args, **(kwargs or {}))
        aliases = [a.alias_info for a in op._schema.returns if a.alias_info is not None]
        if op._schema.is_mutable or not aliases:  # a view needs no work
            self.calls.append((op, args, kwargs or {}, None if op._schema.is_mutable else out))
        return out

    @torch.no_grad()
    def replay(self):
        for op, args, kwargs, out in self.calls:
            new = op(*args, **kwargs)
            if isinstance(out, torch.Tensor):
                out.copy_(new)
            elif isinstance(out, (tuple, list)):
                for old, value in zip(out, new, strict=True):
                    old.copy_(value)


def taped(step, index):
    """As `graphs.capture` does; a step's `func` is a stack's method."""
    state = step.func.__self__._state
    before = [t.detach().clone() for t in state()]
    with Tape() as tape:
        losses = step(index)
    with torch.no_grad():  # recording runs nothing
        for now, then in zip(state(), before, strict=True):
            now.copy_(then)
    return tape.replay, losses


def stand_in(monkeypatch, capture=taped, on=True):
    monkeypatch.setattr(graphs, "aside", lambda step, index: step(index))
    monkeypatch.setattr(graphs, "capture", capture)
    monkeypatch.setattr(graphs, "wanted", lambda device: on)


def steps(stack, monkeypatch, capture=taped, on=True):
    """The losses of three epochs and the state after them, where graphs are wanted, or not."""
    stand_in(monkeypatch, capture, on)
    recorder = Recorder(range(stack.size), stack, set())
    losses = [stack.epoch(recorder) for _ in range(3)]
    return torch.stack(losses), stack._state()


@pytest.mark.parametrize("optimizer", ["adamw", "sgd", "rmsprop", "rmsprop-keras"])
@pytest.mark.parametrize("name", ["srelu", "apec"])
def test_replayed_steps_are_the_steps(name, optimizer, monkeypatch):
    params = {"optimizer": optimizer, "trainable": True}  # five batches an epoch, the last smaller
    plain = stack_of(TASK, name, params, epochs=3)
    graph = stack_of(TASK, name, params, epochs=3)
    wanted = steps(plain, monkeypatch, on=False)
    assert_close(steps(graph, monkeypatch), wanted, rtol=1e-9, atol=1e-12)
    assert plain.replayed is None
    assert graph.replayed.replay is not None


def fails(step, index):
    raise RuntimeError("operation not permitted when stream is capturing\nand more")


def does_nothing(step, index):
    return lambda: None, torch.zeros(3)


@pytest.mark.parametrize(
    ("capture", "reason"), [(fails, "capturing"), (does_nothing, "gives other numbers")]
)
def test_a_graph_that_fails_or_differs_is_not_used(capture, reason, monkeypatch):
    plain, graph = (stack_of(TASK, "srelu", epochs=3, dtype="float32") for _ in range(2))
    wanted = steps(plain, monkeypatch, on=False)
    with pytest.warns(RuntimeWarning, match=reason) as said:
        found = steps(graph, monkeypatch, capture)
    assert len(said) == 1
    assert_close(found, wanted, rtol=0, atol=0)


def test_steps_that_python_takes_part_in_are_not_captured(monkeypatch):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        noisy = stack_of(TASK, "rrelu", epochs=3)
        steps(noisy, monkeypatch, fails)
    assert noisy.replayed is None


def test_nothing_holds_the_device_s_memory_after_a_training(monkeypatch):
    stand_in(monkeypatch)
    made = []
    monkeypatch.setattr(Stack, "evaluate", lambda s: made.append(ref(s)) or evaluate(s))
    gc.disable()
    try:
        afnlab.train(TASK, "srelu", seeds=2, epochs=1, progress=False)
        assert [stack() for stack in made] == [None]
    finally:
        gc.enable()


def test_graphs_are_for_gpus_unless_switched_off(monkeypatch):
    monkeypatch.delenv(graphs.SETTING, raising=False)
    assert graphs.wanted(torch.device("cuda"))
    assert not graphs.wanted(torch.device("cpu"))
    monkeypatch.setenv(graphs.SETTING, "0")
    assert not graphs.wanted(torch.device("cuda"))
