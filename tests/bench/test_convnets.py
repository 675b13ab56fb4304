"""The benchmark of convolutional training compares what it says, on a few small pictures here."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from afnlab import Data, cli
from afnlab.bench import convnets, pictures, train
from afnlab.training import tasks
from afnlab.training.convnets import airbench, residual_convnet

SMALL = {
    "cifar100-convnet": residual_convnet(3, 8, (4, 8), reduced=4, hidden=8, classes=10),
    "cifar10-airbench94": airbench(4, 8),
}


@pytest.fixture
def small(monkeypatch) -> Data:
    x = torch.randint(0, 256, (48, 3, 8, 8), generator=torch.Generator().manual_seed(0))
    x, y = x.to(torch.uint8), torch.arange(48) % 10
    data = Data(x, y, x, y, mean=(0.5, 0.4, 0.3), std=(0.2, 0.2, 0.3))
    for name, model in SMALL.items():
        task = tasks.get_task(name)
        recipe = replace(task.recipe, batch_size=16)
        own = replace(task, data=lambda: data, model=model, recipe=recipe)
        monkeypatch.setitem(tasks._TASKS, name, own)
    monkeypatch.setattr(convnets, "SIDE", 64)
    return data


def test_an_item_is_what_the_engine_sees(small):
    x, y = pictures.Items(small, small.mean, small.std)[7]
    torch.testing.assert_close(x, small.floats(small.train_x[7:8])[0])
    assert y == 7
    plain, _ = pictures.Items(small, (), ())[7]
    torch.testing.assert_close(plain, small.train_x[7].float() / 255)


@pytest.mark.parametrize("task", SMALL)
def test_the_table(small, task, monkeypatch, capsys):
    monkeypatch.setitem(convnets.STEPS, task, 2)
    table = train.measure(rounds=1, task=task)
    ways = ["usual loop", "float32", "bfloat16"]
    if task == "cifar10-airbench94":
        ways.insert(1, "original")
    assert table.way.tolist() == ways
    by_way = table.set_index("way")
    for way in ways:
        ratio = by_way["s per step"][way] / by_way["s per step"]["usual loop"]
        assert by_way["of usual loop"][way] == pytest.approx(ratio)
    torch.testing.assert_close(
        torch.tensor(table["s per epoch"]), torch.tensor(3 * table["s per step"])
    )
    assert (table.share > 0).all()
    assert cli.main(["bench", "train", "--task", task, "--rounds", "1"]) == 0
    assert "bfloat16" in capsys.readouterr().out


def test_what_a_step_costs(small):
    stack = convnets.stack_of(tasks.get_task("cifar100-convnet"), "relu", "float32", "cpu")
    batch = 16
    maps = {64: [(3, 4), (4, 4)], 16: [(4, 8), (8, 8)]}  # 3 x 3 convolutions by their pixels
    forward = sum(9 * a * b * pixels for pixels, pairs in maps.items() for a, b in pairs)
    forward += 4 * 8 * 4  # a pixel's channels reduced
    forward += 16 * 8 + 8 * 10 + 10 * 10
    first = 9 * 3 * 4 * 64  # nothing is handed back to the pictures
    assert convnets.operations(stack) == 2 * batch * (3 * forward - first)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train", "--task", "digits-mlp"], "task must be one of mnist-mlp, cifar100-convnet"),
        (["train", "--tuned", "--task", "digits-arp"], "task must be one of digits-mlp, mnist-mlp"),
        (["runs", "--tuned"], "--task and --tuned are for train"),
        (["activations", "--task", "mnist-mlp"], "--task and --tuned are for train"),
    ],
)
def test_what_it_cannot_measure(words, message, capsys):
    assert cli.main(["bench", *words]) == 2
    assert message in capsys.readouterr().err
