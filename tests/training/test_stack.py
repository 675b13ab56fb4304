"""The ways a stack computes: plain products, vmap, in turn, in groups; all the same networks."""

from __future__ import annotations

import warnings
from dataclasses import replace

import pandas as pd
import pytest
import torch
from torch import nn
from torch.testing import assert_close

import afnlab
from afnlab import Recipe, Task, get_activation, get_task
from afnlab.training import groups, layout
from afnlab.training.data import digits
from afnlab.training.members import Member
from afnlab.training.metrics import cross_entropy
from afnlab.training.optimizers import ONE_RATE
from afnlab.training.options import resolve
from afnlab.training.plan import configure, plan
from afnlab.training.recorder import Recorder
from afnlab.training.stack import Stack

TASK = get_task("digits-mlp")


def bits(result) -> pd.DataFrame:
    return result.history.drop(columns="seconds")


def stack_of(task, name, params=None, seeds=3, dtype="float64", epochs=2):
    record = get_activation(name)
    config = configure(task, record, params=params, dtype=dtype, limit_train=300)
    how, options = plan(config), config.options
    members = [Member(seed, options) for seed in range(seeds)]
    return Stack.build(replace(how, epochs=epochs), members)


@pytest.mark.parametrize("trainable", [False, True])
@pytest.mark.parametrize("sites", ["each", "shared"])
@pytest.mark.parametrize("name", ["relu", "srelu", "apec", "prelu", "rrelu"])
def test_plain_products_equal_vmap(name, sites, trainable):
    params = {"sites": sites, "trainable": trainable}
    plain, mapped = (stack_of(TASK, name, params) for _ in range(2))
    assert plain.chain is not None
    mapped.chain = None
    index = next(plain.batches())
    for stack in (plain, mapped):
        recorder = Recorder(range(3), stack, set())
        for _ in range(3):
            stack.step(index, recorder)
    assert_close(plain.params, mapped.params, rtol=1e-9, atol=1e-12)
    assert_close(plain.evaluate(), mapped.evaluate(), rtol=1e-9, atol=1e-12)


def activation_first(new):
    return nn.Sequential(nn.Flatten(), new(), nn.Linear(64, 8), new(), nn.Linear(8, 10))


def dropped(new):
    return nn.Sequential(nn.Linear(64, 8), new(), nn.Dropout(0.1), nn.Linear(8, 10))


SHARED = {  # the task, the activation, the type, and the seeds of the members
    "a chain": (TASK, "prelu", "float64", (4, 4, 4, 1, 1, 1)),
    "a chain in mixed precision": (TASK, "prelu", "bfloat16", (4, 4, 1, 1)),
    "noise": (TASK, "rrelu", "float64", (4, 4, 1, 1)),
    "seeds that come again": (TASK, "tanh", "float64", (4, 4, 1, 1, 4, 4)),
    "runs of other lengths": (TASK, "tanh", "float64", (4, 4, 1, 1, 1, 1)),
    "an activation first": (activation_first, "prelu", "float64", (4, 4, 1, 1)),
    "vmap": (dropped, "prelu", "float64", (4, 4, 1, 1)),
    "vmap of one seed": (dropped, "prelu", "float64", (4, 4)),
    "augmented pictures, summed": ("digits-airbench", "gelu", "float64", (4, 4, 1, 1)),
    "masked targets": ("names-gpt", "gelu", "float32", (4, 4, 1, 1)),
    "masked targets by vmap": ("names-gpt", "gelu", "float64", (4, 4, 1, 1)),
    "derivatives of the network": ("poisson-pinn", "tanh", "float64", (4, 4, 1, 1)),
}


@pytest.mark.parametrize("case", SHARED)
def test_members_of_one_seed_share_its_batches_and_are_what_they_are_apart(case, monkeypatch):
    task, name, dtype, seeds = SHARED[case]
    task = Task("own", digits, task, Recipe(2, 50)) if callable(task) else get_task(task)
    record, some = get_activation(name), {"limit_train": 120, "limit_test": 60}
    config = configure(task, record, dtype=dtype, **some)
    how = replace(plan(config), epochs=2)
    rates = [] if task.recipe.optimizer in ONE_RATE else [("lr", 0.01), ("lr", 0.03)]
    settings = [resolve(task, record, own) for own in ({}, *({n: v} for n, v in rates))]
    members = [Member(s, settings[at % len(settings)]) for at, s in enumerate(seeds)]
    stacks, results = [], []
    for shared in (True, False):
        if not shared:
            monkeypatch.setattr("afnlab.training.stack.sharing", lambda members: 1)
        stack = Stack.build(how, members)
        recorder = Recorder(range(len(members)), stack, set())
        torch.manual_seed(0)
        losses = [stack.epoch(recorder) for _ in range(2)]
        stacks.append(stack)
        results.append([*losses, *stack.evaluate(), *stack.params.values()])
    assert len(stacks[0].shuffles) < len(stacks[1].shuffles) == len(members)
    loose = {"rtol": 0.02, "atol": 0.02} if dtype == "bfloat16" else {"rtol": 1e-3, "atol": 1e-5}
    close = {"rtol": 1e-7, "atol": 1e-10} if dtype == "float64" else loose
    assert_close(*results, **close)


def test_each_place_takes_noise_of_its_own():
    noise = stack_of(TASK, "rrelu").noise
    pool = noise.draw(5)
    noise.load(pool)
    taken = [noise.take(torch.zeros(3, 5, width)).flatten(1) for width in (64, 32)]
    assert torch.equal(torch.cat(taken, 1), pool)


def layers(new):
    return nn.Sequential(nn.Linear(64, 8), new(), nn.Dropout(0.1), nn.Linear(8, 10))


def test_dropout_follows_from_the_seeds_whatever_was_drawn_before():
    task = Task("own", digits, layers, Recipe(1, 50))
    made = []
    for before in (1, 2):
        torch.manual_seed(before)
        made.append(bits(afnlab.train(task, "relu", seeds=2, limit_train=100)))
    pd.testing.assert_frame_equal(*made, check_exact=True)


def hooked(new):
    network = nn.Sequential(nn.Linear(64, 8), new(), nn.Linear(8, 10))
    network[0].register_forward_hook(lambda module, x, y: 2 * y)
    return network


def tied(new):
    one, other = nn.Linear(64, 64), nn.Linear(64, 64)
    other.weight, other.bias = one.weight, one.bias
    return nn.Sequential(one, new(), other, new(), nn.Linear(64, 10))


class HalfReLU(afnlab.nn.ReLU):
    def forward(self, x):
        return super().forward(x) / 2


def derived(new):
    return nn.Sequential(nn.Linear(64, 8), HalfReLU(), nn.Linear(8, 10))


@pytest.mark.parametrize("model", [layers, hooked, tied, derived])
def test_what_is_no_plain_chain_goes_through_vmap(model):
    stack = stack_of(Task("own", digits, model, Recipe(2, 50)), "relu")
    assert stack.chain is None
    assert stack.logits(stack.test_x[:5].double(), each=False).shape == (3, 5, 10)
    assert stack_of(TASK, "log_softmax").chain is None


def test_a_chain_without_bias_and_with_a_flattened_picture():
    def model(new):
        return nn.Sequential(nn.Flatten(), nn.Linear(64, 8, bias=False), new(), nn.Linear(8, 10))

    task = Task("own", get_task("digits-convnet").data, model, Recipe(2, 50))
    plain, mapped = (stack_of(task, "gelu") for _ in range(2))
    mapped.chain = None
    assert plain.chain is not None
    x = plain.test_x[:5].double()
    assert_close(plain.logits(x, each=False), mapped.logits(x, each=False))


@pytest.mark.parametrize("group", [1, 2, 4])
@pytest.mark.parametrize("name", ["relu", "rrelu", "apec"])
def test_groups_change_nothing_but_rounding(name, group):
    options = {"seeds": 5, "epochs": 2, "limit_train": 300, "dtype": "float64"}
    tables = {"record": ["parameters", "gradients", "steps", "signals"], "keep_weights": True}
    whole = afnlab.train(TASK, name, **options, **tables)
    parts = afnlab.train(TASK, name, **options, **tables, group=group)
    assert whole.info["trained_together"] == [5]
    assert parts.info["trained_together"] == {1: [1] * 5, 2: [2, 2, 1], 4: [4, 1]}[group]
    pd.testing.assert_frame_equal(bits(whole), bits(parts), rtol=1e-9)
    for table in ("parameters", "gradients", "steps"):
        one, other = (
            getattr(r, table).sort_values([*getattr(r, table).columns]).reset_index(drop=True)
            for r in (whole, parts)
        )
        assert len(one) == len(other)
        by = [c for c in one.columns if c not in ("value", "norm", "train_loss")]
        one, other = (t.sort_values(by).reset_index(drop=True) for t in (one, other))
        pd.testing.assert_frame_equal(one, other, rtol=1e-8)
    assert_close(whole.weights, parts.weights, rtol=1e-8, atol=1e-10)


def test_a_group_that_does_not_fit_is_halved(monkeypatch):
    class Small(Stack):
        @classmethod
        def build(cls, plan, members):
            if len(members) > 2:
                raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried 9 bytes")
            return super().build(plan, members)

    expected = bits(afnlab.train(TASK, "relu", seeds=5, epochs=1, limit_train=300))
    monkeypatch.setattr("afnlab.training.engine.Stack", Small)
    with (
        pytest.warns(UserWarning, match="5 seeds do not fit into memory; 3 at a time"),
        pytest.warns(UserWarning, match="3 seeds do not fit into memory; 2 at a time"),
    ):
        result = afnlab.train(TASK, "relu", seeds=5, epochs=1, limit_train=300)
    assert result.info["trained_together"] == [2, 2, 1]
    pd.testing.assert_frame_equal(bits(result), expected, rtol=1e-5)


def test_an_error_that_is_not_of_memory_is_not_hidden(monkeypatch):
    class Broken(Stack):
        def epoch(self, recorder):
            raise RuntimeError("shapes do not fit")

    monkeypatch.setattr("afnlab.training.engine.Stack", Broken)
    with warnings.catch_warnings(), pytest.raises(RuntimeError, match="shapes do not fit"):
        afnlab.train(TASK, "relu", seeds=2, epochs=1)


def test_the_group_follows_from_the_memory(monkeypatch):
    record = get_activation("relu")
    config = configure(TASK, record)
    how, options = plan(config), config.options
    members = [Member(seed, options) for seed in range(50)]
    assert groups.size(how, members) == 50
    assert groups.memory(torch.device("cpu")) > 2**28
    per_member = 6 * 4 * (64 * 64 + 64 + 64 * 32 + 32 + 320 + 10)
    monkeypatch.setattr(groups, "memory", lambda _: 2 * 20 * per_member)
    assert 5 < groups.size(how, members) < 20  # what the activations take is counted too
    monkeypatch.setattr(groups, "memory", lambda _: 10)
    assert groups.size(how, members) == 1


def test_convolutions_run_in_turn_and_equal_a_stack_of_them():
    task = get_task("digits-convnet")
    options = {"seeds": 2, "epochs": 1, "limit_train": 100, "limit_test": 50, "dtype": "float64"}
    network = nn.Sequential(*task.model(afnlab.nn.ReLU)[:2], nn.Flatten(), nn.Linear(64, 10))
    assert not layout.together(network, torch.device("cpu"), torch.float32)
    plain = Task("own", task.data, Convolutional, Recipe(2, 50))
    in_turn = afnlab.train(plain, "gelu", **options)
    at_once = afnlab.train(plain, "gelu", **options, group=2)
    assert in_turn.info["trained_together"] == [1, 1]
    assert at_once.info["trained_together"] == [2]
    pd.testing.assert_frame_equal(bits(in_turn), bits(at_once), rtol=1e-8)


def averaged(new):
    norm = nn.BatchNorm1d(8, momentum=None)  # which reads its count of batches in Python
    return nn.Sequential(nn.Linear(64, 8), norm, new(), nn.Linear(8, 10))


class Branching(nn.Module):
    def __init__(self, activation):
        super().__init__()
        self.one, self.new, self.out = nn.Linear(64, 8), activation(), nn.Linear(8, 10)

    def forward(self, x):
        y = self.one(x)
        return self.out(self.new(2 * y if y.mean() > 0 else y))


def of_volumes(new):
    layers = [nn.Unflatten(1, (1, 4, 4, 4)), nn.Conv3d(1, 2, 3), new(), nn.Flatten()]
    return nn.Sequential(*layers, nn.Linear(16, 10))


@pytest.mark.parametrize("name", ["srelu", "rrelu"])
@pytest.mark.parametrize("model", [averaged, Branching, of_volumes])
def test_what_cannot_be_stacked_is_trained_in_turn(model, name):
    task = Task("own", digits, model, Recipe(2, 50))
    options = {"limit_train": 100, "keep_weights": True}
    both = afnlab.train(task, name, seeds=2, **options)
    assert both.info["trained_together"] == [1, 1]
    alone = afnlab.train(task, name, seeds=[1], **options)
    mine = bits(both).query("seed == 1").reset_index(drop=True)
    pd.testing.assert_frame_equal(mine, bits(alone), check_exact=True)


class Counting(nn.Module):
    """Its buffers are assigned anew, not changed in place."""

    def __init__(self, activation):
        super().__init__()
        self.new, self.out = activation(), nn.Linear(64, 10)
        self.register_buffer("calls", torch.zeros((), dtype=torch.int64))
        self.register_buffer("mean", torch.zeros(64))

    def forward(self, x):
        if self.training:
            self.calls = self.calls + 1
            self.mean = 0.9 * self.mean + 0.1 * x.mean(0)
        return self.out(self.new(x - self.mean))


@pytest.mark.parametrize("group", [1, 2])
def test_buffers_that_are_assigned_anew_are_kept(group):
    task = Task("own", digits, Counting, Recipe(3, 50))
    options = {"limit_train": 100, "keep_weights": True, "seeds": 2, "dtype": "float64"}
    result = afnlab.train(task, "gelu", group=group, **options)
    assert result.weights["calls"].tolist() == [6, 6]
    network, x = result.model(0), digits().train_x[:100].double()
    assert_close(network.mean, (1 - 0.9**6) * x.mean(0), rtol=0.2, atol=0.02)


class Convolutional(nn.Module):
    def __init__(self, activation):
        super().__init__()
        self.conv, self.norm, self.new = nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), activation()
        self.out = nn.Linear(144, 10)

    def forward(self, x):
        return self.out(self.new(self.norm(self.conv(x))).flatten(1))


@pytest.mark.parametrize("task", ["digits-convnet", "digits-airbench"])
def test_a_rerun_of_a_convnet_gives_the_same_bits_and_a_seed_is_what_it_is_alone(task):
    options = {"epochs": 2, "limit_train": 200, "limit_test": 100, "keep_weights": True}
    first, again = (afnlab.train(task, "apec", seeds=2, **options) for _ in range(2))
    pd.testing.assert_frame_equal(bits(first), bits(again), check_exact=True)
    assert_close(first.weights, again.weights, rtol=0, atol=0)
    alone = afnlab.train(task, "apec", seeds=[1], **options)  # dropout and all
    mine = bits(first).query("seed == 1").reset_index(drop=True)
    pd.testing.assert_frame_equal(mine, bits(alone), check_exact=True)


def test_label_smoothing_and_sums():
    logits = torch.randn(2, 5, 4, generator=torch.Generator().manual_seed(0))
    y = torch.tensor([[0, 1, 2, 3, 0], [3, 3, 2, 1, 0]])
    expected = [nn.functional.cross_entropy(a, b, label_smoothing=0.2) for a, b in zip(logits, y)]  # noqa: B905
    assert_close(cross_entropy(logits, y, 0.2).mean(1), torch.stack(expected))
