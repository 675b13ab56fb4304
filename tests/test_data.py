"""Data sets: fixed splits, and files that are not used unless they are what they should be."""

from __future__ import annotations

import gzip
import http.server
import os
import shutil
import threading
from functools import partial
from pathlib import Path

import pytest
import torch

import afnlab
from afnlab import Data
from afnlab.training import data
from afnlab.training.data import ENVIRONMENT, DataError, digits, mnist, stratified_split

REAL = os.environ.get(ENVIRONMENT)
needs_mnist = pytest.mark.skipif(
    not REAL, reason=f"set {ENVIRONMENT} to a folder with MNIST/raw to test on the real MNIST"
)
FIRST = "train-images-idx3-ubyte"


@pytest.fixture
def fresh():
    """MNIST is read once a process; here every test reads its own."""
    mnist.cache_clear()
    yield
    mnist.cache_clear()


@pytest.fixture
def raw(tmp_path, monkeypatch, fresh) -> Path:
    folder = tmp_path / "MNIST" / "raw"
    folder.mkdir(parents=True)
    monkeypatch.setenv(ENVIRONMENT, str(tmp_path))
    return folder


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
        (torch.zeros(3, 2).int(), torch.zeros(3).long(), "train: needs floating-point inputs"),
        (torch.zeros(3, 2), torch.zeros(3), "int64 labels"),
        (torch.zeros(3, 2), torch.zeros(2).long(), r"\(3, 2\) and torch.int64 \(2,\)"),
        (torch.zeros(3, 2), torch.zeros(3, 1).long(), "int64 labels"),
        (torch.zeros(0, 2), torch.zeros(0).long(), "train: holds no examples"),
    ],
)
def test_data_of_the_wrong_kind(x, y, message):
    good = torch.zeros(3, 2), torch.zeros(3).long()
    with pytest.raises(DataError, match=message):
        Data(x, y, *good)
    with pytest.raises(DataError, match=message.replace("train", "test")):
        Data(*good, x, y)


def test_a_split_is_stratified():
    labels = torch.tensor([0] * 50 + [1] * 30 + [2] * 20)
    kept, held = stratified_split(labels, 20)
    assert sorted(torch.cat([kept, held]).tolist()) == list(range(100))
    assert labels[held].bincount().tolist() == [10, 6, 4]
    assert torch.equal(stratified_split(labels, 20)[1], held)


def test_a_missing_file_is_named(raw):
    with pytest.raises(DataError, match=rf"{raw / FIRST}: no such file, nor {FIRST}\.gz"):
        mnist()


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_an_altered_file_is_named(raw, suffix):
    content = b"\0" * 100
    file = raw / f"{FIRST}{suffix}"
    file.write_bytes(gzip.compress(content) if suffix else content)
    with pytest.raises(
        DataError, match=rf"{file}: is not MNIST's {FIRST} \(MD5 \w+, expected 6bbc"
    ):
        mnist()


@pytest.mark.parametrize("cut", [3, 15, 40])
def test_a_broken_gz_is_named(raw, cut):
    file = raw / f"{FIRST}.gz"
    file.write_bytes(gzip.compress(bytes(range(100)))[:cut])
    with pytest.raises(DataError, match=f"{file}: cannot be read"):
        mnist()


def test_an_altered_byte_inside_a_gz_is_named(raw):
    file = raw / f"{FIRST}.gz"
    packed = bytearray(gzip.compress(os.urandom(1000)))
    packed[500] ^= 1
    file.write_bytes(packed)
    with pytest.raises(DataError, match=f"{file}: cannot be read"):
        mnist()


@pytest.fixture
def mirror(tmp_path, monkeypatch, fresh):
    """A server on this machine in the place of the mirror, and a cache of its own."""
    folder = tmp_path / "served"
    folder.mkdir()
    monkeypatch.delenv(ENVIRONMENT, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(Quiet, directory=folder)
    ) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setattr(data, "_MNIST_MIRROR", f"http://127.0.0.1:{server.server_port}/")
        yield folder
        server.shutdown()


def test_a_download_that_is_not_the_file(mirror):
    (mirror / f"{FIRST}.gz").write_bytes(gzip.compress(b"something else"))
    with pytest.raises(DataError, match=rf"{FIRST}.gz: could not be fetched .*set {ENVIRONMENT}"):
        mnist()


def test_a_download_that_is_not_there(mirror):
    with pytest.raises(DataError, match=rf"{FIRST}.gz: could not be fetched .*404"):
        mnist()


@needs_mnist
def test_real_mnist_from_plain_and_packed_files(raw):
    source = Path(REAL) / "MNIST" / "raw"
    for name in data._MNIST:
        if (source / f"{name}.gz").is_file() and "train" in name:
            shutil.copyfile(source / f"{name}.gz", raw / f"{name}.gz")
        else:
            (raw / name).symlink_to(source / name)
    d = mnist()
    assert d.train_x.shape == (60000, 784)
    assert d.test_x.shape == (10000, 784)
    assert (d.train_x.min(), d.train_x.max()) == (0, 1)
    assert d.train_y[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert d.test_y.bincount().tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


@needs_mnist
def test_training_on_real_mnist(fresh):
    options = {"seeds": 2, "epochs": 1, "limit_train": 10_000, "progress": False}
    result = afnlab.train("mnist-mlp", "srelu", **options)
    assert result.summary().test_accuracy > 0.8
    assert result.info["examples"] == {"train": 10_000, "test": 10_000}
