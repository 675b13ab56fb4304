"""Small networks are trained by one thread, large ones by as many as the caller has."""

from __future__ import annotations

import pytest
import torch

from afnlab import train
from afnlab.training import learner, threads
from afnlab.training.members import Member
from afnlab.training.plan import configure, plan
from afnlab.training.stack import Stack


@pytest.fixture
def two():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


SMALL = {
    ("digits-mlp", 10): True,
    ("digits-arp", 3): True,
    ("names-gpt", 1): True,
    ("digits-mlp", 200): False,
    ("digits-airbench", 1): False,  # convolutions use every weight at every pixel
}


@pytest.mark.parametrize(("task", "seeds"), SMALL)
def test_which_are_small(task, seeds):
    config = configure(task, "relu")
    stack = Stack.build(plan(config), [Member(seed, config.options) for seed in range(seeds)])
    assert (stack.threads == 1) == SMALL[task, seeds]


def test_a_wider_transformer_is_not_small():
    config = configure("names-gpt", "relu", params={"width": 256, "layers": 2})
    stack = Stack.build(plan(config), [Member(0, config.options)])
    assert stack.threads > 1


def test_the_caller_has_his_threads_back(two):
    found = train("digits-mlp", "relu", seeds=2, epochs=1)
    assert found.info["threads"] == 1
    assert torch.get_num_threads() == 2
    wide = train("digits-airbench", "relu", seeds=1, epochs=1, limit_train=64, limit_test=64)
    assert wide.info["threads"] == 2
    with pytest.raises(ZeroDivisionError), threads.at_most(1) as used:
        assert used == torch.get_num_threads() == 1
        1 / 0  # noqa: B018
    assert torch.get_num_threads() == 2
    with threads.at_most(5) as used:
        assert used == torch.get_num_threads() == 2


@pytest.mark.parametrize("number", [1, 2])
def test_the_user_may_say_how_many(two, monkeypatch, number):
    monkeypatch.setenv("AFNLAB_THREADS", str(number))
    assert train("digits-mlp", "relu", seeds=2, epochs=1).info["threads"] == number
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize("text", ["0", "many", "1.5"])
def test_what_is_no_number_of_threads(monkeypatch, text):
    monkeypatch.setenv("AFNLAB_THREADS", text)
    with pytest.raises(ValueError, match=f"AFNLAB_THREADS must be a whole number.*{text}"):
        train("digits-mlp", "relu", seeds=1, epochs=1)


def test_the_playground_uses_one(two, monkeypatch):
    network = learner.Learner(learner.Setup())
    seen = []
    forward = network.network.forward
    monkeypatch.setattr(
        network.network, "forward", lambda x: (seen.append(torch.get_num_threads()), forward(x))[1]
    )
    network.step(torch.randn(40, 2), torch.arange(40) % 2)
    assert seen == [1]
    assert torch.get_num_threads() == 2
