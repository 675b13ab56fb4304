"""The benchmark of training compares what it says, on a small set here."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from afnlab import Data
from afnlab.bench import pictures, train
from afnlab.training import tasks


@pytest.fixture
def small(monkeypatch) -> Data:
    x = torch.randint(0, 256, (300, 784), generator=torch.Generator().manual_seed(0))
    x, y = x.to(torch.uint8), torch.arange(300) % 10
    data = Data(x, y, x, y)
    task = replace(tasks.get_task(train.TASK), data=lambda: data)
    monkeypatch.setitem(tasks._TASKS, train.TASK, task)
    return data


def test_both_learn_the_same_task(small):
    usual = train.usual_loop(small, train.USUAL["relu"], "cpu")
    epoch, data = train.stacked("relu", "cpu")
    assert torch.equal(data.train_x, small.train_x)
    first, later = usual(), [usual() for _ in range(5)][-1]
    start, end = epoch(), [epoch() for _ in range(5)][-1]
    assert later < first
    assert start.shape == (train.SEEDS,)
    assert (end < start).all()
    assert float(end.mean()) == pytest.approx(later, rel=0.15)


def test_an_item_is_scaled_and_standardized(small):
    x, y = pictures.Items(small)[7]
    expected = (small.train_x[7].float() / 255 - 0.1307) / 0.3081
    torch.testing.assert_close(x.flatten(), expected)
    assert y == 7


def test_the_table(small, monkeypatch):
    assert list(train.USUAL) == ["relu", "gelu", "swish", "srelu"]
    monkeypatch.delitem(train.USUAL, "gelu")
    monkeypatch.delitem(train.USUAL, "swish")
    table = train.measure(rounds=1)
    assert table.activation.tolist() == ["relu", "srelu"]
    ratio = table["usual loop, s per model"] / table["10 seeds together, s per model"]
    torch.testing.assert_close(
        torch.tensor(table["times faster"].to_numpy()), torch.tensor(ratio.to_numpy())
    )
