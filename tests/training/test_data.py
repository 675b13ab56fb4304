"""Data sets: fixed splits, and files that are not used unless they are what they should be."""

from __future__ import annotations

import os

import pytest
import torch

import afnlab
from afnlab import Data
from afnlab.training.data import DataError, digits, digits_pictures, stratified_split
from afnlab.training.files import ENVIRONMENT

REAL = os.environ.get(ENVIRONMENT)
needs_mnist = pytest.mark.skipif(
    not REAL, reason=f"set {ENVIRONMENT} to a folder with MNIST/raw to test on the real MNIST"
)


def test_digits():
    d = digits()
    assert d.train_x.shape == (1347, 64)
    assert d.test_x.shape == (450, 64)
    assert (d.train_x.min(), d.train_x.max()) == (0, 1)
    assert d.train_y.bincount().tolist() == [133, 136, 133, 137, 136, 136, 136, 134, 131, 135]
    assert d.test_y.bincount().tolist() == [45, 46, 44, 46, 45, 46, 45, 45, 43, 45]
    # All published numbers rest on this split.
    assert d.fingerprint == "5c9c28d787689c2d5066986a5a81a875de94fd4eac0fd23f549108b43f3ffb9e"
    both = torch.cat([d.train_x, d.test_x])
    assert len(both.unique(dim=0)) == 1797  # no picture is in both parts


def test_the_fingerprint_sees_every_value():
    x, y = torch.zeros(3, 2), torch.tensor([0, 1, 2])
    first = Data(x, y, x, y).fingerprint
    moved = x.clone()
    moved[2, 1] = 1
    assert Data(x, y, x.clone(), y.clone()).fingerprint == first
    for other in (Data(moved, y, x, y), Data(x, y, moved, y), Data(x, y.flip(0), x, y)):
        assert other.fingerprint != first
    assert Data(x.double(), y, x, y).fingerprint != first


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (torch.zeros(3, 2).int(), torch.zeros(3).long(), "train: needs inputs"),
        (torch.zeros(3, 2), torch.zeros(3).int(), "int64 or floating point, got"),
        (torch.zeros(3, 2), torch.zeros(2).long(), r"\(3, 2\) and torch.int64 \(2,\)"),
        (torch.zeros(3, 2), torch.tensor(1), r"got torch.float32 \(3, 2\) and torch.int64 \(\)"),
        (
            torch.zeros(3, 2),
            torch.tensor([0.0, float("inf"), 1.0]),
            "train: targets must be finite",
        ),
        (torch.zeros(3, 2), torch.full((3, 4), -100), "train: all targets are -100"),
        (torch.zeros(0, 2), torch.zeros(0).long(), "train: holds no examples"),
        (torch.zeros(2, 2), torch.tensor([3, -1]), "train: classes must be 0 or more, .* got -1"),
    ],
)
def test_data_of_the_wrong_kind(x, y, message):
    good = torch.zeros(3, 2), torch.zeros(3).long()
    with pytest.raises(DataError, match=message):
        Data(x, y, *good)
    with pytest.raises(DataError, match=message.replace("train", "test")):
        Data(*good, x, y)


def test_pixels_are_bytes_until_they_are_seen():
    x = torch.arange(2 * 3 * 4, dtype=torch.uint8).view(2, 3, 2, 2)
    y = torch.tensor([0, 1])
    d = Data(x, y, x, y, mean=(0.1, 0.2, 0.3), std=(1.0, 2.0, 4.0))
    seen = d.floats(x, torch.float64)
    assert seen[1, 2, 0, 1].item() == pytest.approx((21 / 255 - 0.3) / 4)
    assert torch.equal(d.inputs, d.floats(x))
    assert torch.equal(x, d.train_x)
    assert d.fingerprint != Data(x, y, x, y).fingerprint
    validation = Data(*(t.repeat_interleave(10, 0) for t in (x, y, x, y)), mean=(0.0,), std=(1.0,))
    assert validation.validation().mean == (0.0,)


def test_digits_as_pictures():
    rows, pictures = digits(), digits_pictures()
    assert pictures.train_x.shape == (1347, 1, 8, 8)
    assert torch.equal(pictures.test_x.flatten(1), rows.test_x)


def test_a_split_is_stratified():
    labels = torch.tensor([0] * 50 + [1] * 30 + [2] * 20)
    kept, held = stratified_split(labels, 20)
    assert sorted(torch.cat([kept, held]).tolist()) == list(range(100))
    assert labels[held].bincount().tolist() == [10, 6, 4]
    assert torch.equal(stratified_split(labels, 20)[1], held)


@needs_mnist
def test_training_on_real_mnist():
    options = {"seeds": 2, "epochs": 1, "limit_train": 10_000, "progress": False}
    result = afnlab.train("mnist-mlp", "srelu", **options)
    assert result.summary().test_accuracy > 0.8
    assert result.info["examples"] == {"train": 10_000, "test": 10_000}
