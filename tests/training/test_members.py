"""Networks of one stack that differ in their options: each is what it would be alone."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest
import torch

from afnlab import Recipe, Task, get_activation, get_task, train
from afnlab.training.data import digits
from afnlab.training.engine import train_members
from afnlab.training.members import Member, sharing, stacks
from afnlab.training.options import resolve
from afnlab.training.plan import configure, plan

SHORT = {"epochs": 2, "dtype": "float64", "limit_train": 300}


def together(task, name, settings, seeds=(0, 3)) -> dict[int, pd.DataFrame]:
    """The history of each setting, all trained as the engine sees fit; and in how many stacks."""
    record = get_activation(name)
    options = [resolve(task, record, own) for own in settings]
    how = plan(configure(task, record, **SHORT))
    members = [Member(seed, own) for own in options for seed in seeds]
    recorders = train_members(how, members, range(len(members)))
    table = pd.concat([r.tables_of()["history"] for r in recorders]).set_index("seed")
    found = {}
    for i in range(len(settings)):
        rows = [table.loc[[i * len(seeds) + at]] for at in range(len(seeds))]
        found[i] = pd.concat(rows).drop(columns="seconds").reset_index(drop=True)
    return found, len(stacks(members))


@pytest.mark.parametrize(
    ("seeds", "shared"),
    [
        ([0, 1, 2], 1),
        ([5], 1),
        ([5, 5], 2),
        ([0, 0, 1, 1, 0, 0], 2),
        ([0, 0, 1, 1, 1, 1], 2),
        ([0, 0, 0, 1, 1], 1),
    ],
)
def test_how_many_members_in_a_row_have_one_seed(seeds, shared):
    options = resolve(get_task("digits-mlp"), get_activation("relu"), {})
    assert sharing([Member(seed, options) for seed in seeds]) == shared
    parted = [Member(seed, options, at // 2) for at, seed in enumerate(seeds)]
    assert sharing(parted) == (shared if len(seeds) < 3 else 1)


def test_members_of_one_seed_follow_one_another_in_a_stack():
    task, record = get_task("digits-mlp"), get_activation("relu")
    small, large = (resolve(task, record, {"batch_size": size}) for size in (50, 100))
    sizes = [small, small, small, small, large, large]
    both = [Member(s, own) for s, own in zip([7, 2] * 3, sizes, strict=True)]
    assert stacks(both) == [[0, 2, 1, 3], [4, 5]]
    parted = [replace(member, part=at // 2) for at, member in enumerate(both[:4])]
    assert stacks(parted) == [[0, 1, 2, 3]]


def test_candidates_and_seeds_in_any_order():
    """Each is what it is alone, under its own name."""
    task, record = get_task("digits-mlp"), get_activation("srelu")
    pairs = [(7, 1e-3), (2, 0.03), (2, 1e-3), (5, 0.01), (7, 0.03), (5, 1e-3), (2, 0.01)]
    how = plan(configure(task, record, **SHORT))
    members = [Member(seed, resolve(task, record, {"lr": lr})) for seed, lr in pairs]
    for most in (None, 4):
        recorders = train_members(replace(how, group=most), members, range(10, 17))
        table = pd.concat([r.tables_of()["history"] for r in recorders]).set_index("seed")
        for at, (seed, lr) in enumerate(pairs):
            alone = train(task, "srelu", params={"lr": lr}, seeds=[seed], **SHORT).history
            columns = ["train_loss", "test_loss", "test_accuracy"]
            mine, expected = table.loc[10 + at, columns], alone[columns]
            pd.testing.assert_frame_equal(mine.reset_index(drop=True), expected, rtol=1e-9)


AXES = [
    ("adamw", "lr", [1e-4, 1e-3, 0.03]),
    ("adamw", "weight_decay", [0.0, 0.1, 3.0]),
    ("adam", "lr", [1e-3, 1e-2]),
    ("adam", "weight_decay", [0.0, 0.1]),
    ("rmsprop", "lr", [1e-4, 1e-2]),
    ("rmsprop", "weight_decay", [0.0, 0.5]),
    ("rmsprop-keras", "lr", [1e-4, 1e-2]),
    ("rmsprop-keras", "weight_decay", [0.0, 0.5]),
    ("adamw", "init_scale", [0.25, 1.0, 2.0]),
    ("adamw", "init", ["source", "gain"]),
    ("adamw", "t", [0.5, 2.21, 4.0]),
]


@pytest.mark.parametrize(("optimizer", "axis", "values"), AXES)
def test_a_member_is_what_it_is_alone(optimizer, axis, values):
    task = get_task("digits-mlp")
    settings = [{"optimizer": optimizer, axis: value} for value in values]
    found, count = together(task, "srelu", settings)
    assert count == 1
    tables = []
    for i, own in enumerate(settings):
        alone = train(task, "srelu", params=own, seeds=[0, 3], **SHORT).history
        alone = alone.drop(columns=["seconds", "seed"])
        # RMSprop divides by the size of the gradients, and rounding grows with it.
        loose = 1e-6 if optimizer.startswith("rmsprop") else 1e-9
        pd.testing.assert_frame_equal(found[i], alone, rtol=loose)
        tables.append(alone.train_loss.tolist())
    assert len(set(map(tuple, tables))) == len(values)


def test_rates_and_starts_may_differ_at_once():
    settings = [
        {"lr": 0.03, "init_scale": 0.5, "t": 1.0},
        {"lr": 0.001, "weight_decay": 0.1},
        {"lr": 0.03, "init": "gain", "t": 3.0},
        {"lr": 0.001, "weight_decay": 0.1, "trainable": []},
    ]
    task = get_task("digits-mlp")
    settings = [{"t": 2.21} | own for own in settings]
    found, count = together(task, "srelu", settings)
    assert count == 1
    for i, own in enumerate(settings):
        alone = train(task, "srelu", params=own, seeds=[0, 3], **SHORT).history
        alone = alone.drop(columns=["seconds", "seed"])
        pd.testing.assert_frame_equal(found[i], alone, rtol=1e-9)


@pytest.mark.parametrize(
    ("axis", "values"),
    [
        ("batch_size", [32, 64, 50]),
        ("momentum", [0.0, 0.5, 0.95]),
        ("optimizer", ["adam", "adamw"]),
        ("sites", ["each", "shared"]),
        ("trainable", [True, False]),
    ],
)
def test_what_cannot_differ_within_a_stack_is_trained_in_stacks_of_its_own(axis, values):
    task = get_task("digits-mlp")
    settings = [{axis: value, "lr": lr} for value in values for lr in (1e-3, 1e-2)]
    found, count = together(task, "prelu", settings)
    assert count == len(values)
    for i, own in enumerate(settings):
        alone = train(task, "prelu", params=own, seeds=[0, 3], **SHORT).history
        alone = alone.drop(columns=["seconds", "seed"])
        pd.testing.assert_frame_equal(found[i], alone, rtol=1e-9)


PARTS = [  # the settings of the members of each part, and whether the parts share a stack
    ("prelu", [[{}] * 3, [{"lr": 0.01}, {"lr": 0.1, "weight_decay": 0.1}]], True),
    ("srelu", [[{"optimizer": "adam"}] * 2, [{"optimizer": "adam", "lr": 0.02}] * 3], True),
    ("tanh", [[{"optimizer": "rmsprop", "lr": lr}] * 2 for lr in (1e-3, 1e-4)], True),
    ("relu", [[{"optimizer": "rmsprop-keras", "lr": lr}] * 2 for lr in (1e-3, 1e-4)], True),
    ("relu", [[{"optimizer": "airbench", "lr": 1.0}] * 2] * 2, False),
]


@pytest.mark.parametrize(("name", "parts", "one_stack"), PARTS, ids=str)
def test_a_part_of_a_stack_is_to_the_last_bit_what_it_is_alone(name, parts, one_stack):
    task, record = get_task("digits-mlp"), get_activation(name)
    options = [[resolve(task, record, own) for own in part] for part in parts]
    how = plan(configure(task, record, params=parts[0][0], epochs=2, limit_train=300))
    members = [[Member(seed, o, at) for seed, o in enumerate(p)] for at, p in enumerate(options)]
    both = [member for part in members for member in part]
    assert (len(stacks(both)) == 1) == one_stack
    recorders = train_members(how, both, range(len(both)), ["parameters"], keep_weights=True)
    first = 0
    for part in members:
        names = {first + i: member.seed for i, member in enumerate(part)}
        (own,) = (mine for r in recorders if (mine := r.of(names)).seeds)
        (alone,) = train_members(how, part, range(len(part)), ["parameters"], keep_weights=True)
        for table, expected in alone.tables_of().items():
            tables = [t.reset_index(drop=True) for t in (own.tables_of()[table], expected)]
            found, wanted = (t.drop(columns="seconds", errors="ignore") for t in tables)
            pd.testing.assert_frame_equal(found, wanted, check_exact=True)
        assert all(torch.equal(own.weights[n], weights) for n, weights in alone.weights.items())
        first += len(part)


def test_settings_of_a_users_own_network_may_differ():
    def model(new, dropout=0.5):
        return torch.nn.Sequential(
            torch.nn.Linear(64, 16), new(), torch.nn.Dropout(dropout), torch.nn.Linear(16, 10)
        )

    task = Task("own", digits, model, Recipe(2, 50), settings={"dropout": 0.5})
    found, count = together(task, "relu", [{"dropout": 0.1}, {"dropout": 0.9}])
    assert count == 2
    assert (found[0].train_loss < found[1].train_loss).all()


def test_a_member_that_diverges_leaves_the_others_alone():
    task = get_task("digits-mlp")
    one, _ = together(task, "relu", [{"lr": 1e-3}, {"lr": 1e30}])
    other, _ = together(task, "relu", [{"lr": 1e-3}, {"lr": 1e-3, "init_scale": 2.0}])
    pd.testing.assert_frame_equal(one[0], other[0], rtol=1e-9)


@pytest.mark.parametrize("task", ["digits-convnet", "digits-airbench"])
def test_convolutional_networks_keep_their_own_rates_too(task):
    settings = [{"lr": 1e-3}, {"lr": 5.0 if "airbench" in task else 1e-2}]
    found, _ = together(get_task(task), "relu", settings, seeds=(1,))
    for i, own in enumerate(settings):
        alone = train(task, "relu", params=own, seeds=[1], **SHORT).history
        alone = alone.drop(columns=["seconds", "seed"])
        pd.testing.assert_frame_equal(found[i], alone)
