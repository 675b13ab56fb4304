"""CIFAR-10's binary files, read from a folder: small ones made here, and the real ones if there."""

from __future__ import annotations

import os

import numpy as np
import pytest
import torch

from afnlab.training import cifar
from afnlab.training.data import DataError

real = pytest.mark.skipif(
    not os.path.isdir(os.path.join(os.environ.get("AFNLAB_DATA", ""), cifar.FOLDER)),  # noqa: PTH112, PTH118
    reason="set AFNLAB_DATA to a folder with cifar-10-batches-bin to test on the real CIFAR-10",
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of the right shape with three records a file."""
    monkeypatch.setattr(cifar, "RECORDS", 3)
    monkeypatch.setenv("AFNLAB_DATA", str(tmp_path))
    (tmp_path / cifar.FOLDER).mkdir()
    rng = np.random.default_rng(0)
    for name in (*cifar.TRAIN, "test_batch.bin"):
        rows = rng.integers(0, 256, (3, cifar.RECORD), dtype=np.uint8)
        rows[:, 0] %= 10
        (tmp_path / cifar.FOLDER / name).write_bytes(rows.tobytes())
    cifar.cifar10_grey.cache_clear()
    yield tmp_path / cifar.FOLDER
    cifar.cifar10_grey.cache_clear()


def test_grey_is_the_luminance_of_the_planes(folder):
    data = cifar.cifar10_grey()
    assert (len(data.train_x), len(data.test_x)) == (15, 3)
    raw = np.frombuffer((folder / "data_batch_2.bin").read_bytes(), np.uint8).reshape(3, -1)
    red, green, blue = raw[1, 1:].reshape(3, 1024) / 255
    expected = torch.tensor(0.2125 * red + 0.7154 * green + 0.0721 * blue).float()
    torch.testing.assert_close(data.train_x[4], expected)
    assert data.train_y[4] == raw[1, 0]


def test_files_that_are_missing_cut_or_wrong_are_named(folder):
    file = folder / "data_batch_3.bin"
    content = file.read_bytes()
    file.write_bytes(content[:-1])
    with pytest.raises(DataError, match=r"data_batch_3.bin has 9218 bytes, expected 9219"):
        cifar.cifar10_grey()
    file.write_bytes(b"\x63" + content[1:])
    with pytest.raises(DataError, match="labels above 9"):
        cifar.cifar10_grey()
    file.unlink()
    with pytest.raises(DataError, match=r"data_batch_3.bin: no such file \(AFNLAB_DATA is"):
        cifar.cifar10_grey()


@real
def test_the_real_set():
    cifar.cifar10_grey.cache_clear()
    data = cifar.cifar10_grey()
    assert data.train_x.shape == (50_000, 1024)
    assert data.train_y.bincount().tolist() == [5000] * 10
    assert data.test_y.bincount().tolist() == [1000] * 10
    assert 0.4 < float(data.train_x.mean()) < 0.55
