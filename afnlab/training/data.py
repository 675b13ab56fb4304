"""Data sets as tensors, checked against checksums before they are used."""

from __future__ import annotations

import gzip
import hashlib
import os
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

ENVIRONMENT = "AFNLAB_DATA"
_MNIST_MIRROR = "https://ossci-datasets.s3.amazonaws.com/mnist/"
# File: (MD5 of its content, MD5 of the distributed .gz), as published with torchvision.
_MNIST = {
    "train-images-idx3-ubyte": (
        "6bbc9ace898e44ae57da46a324031adb",
        "f68b3c2dcbeaaa9fbdd348bbdeb94873",
    ),
    "train-labels-idx1-ubyte": (
        "a25bea736e30d166cdddb491f175f624",
        "d53e105ee54ea40749a09fcbcd1e9432",
    ),
    "t10k-images-idx3-ubyte": (
        "2646ac647ad5339dbf082846283269ea",
        "9fb629c4189551a2d022fa330f9573f3",
    ),
    "t10k-labels-idx1-ubyte": (
        "27ae3e4e09519cfbb04c329615203637",
        "ec29112dd5afa0611ce80d1b7f02629c",
    ),
}


class DataError(ValueError):
    """A data file is missing or not what it should be."""


@dataclass(frozen=True)
class Data:
    """A classification data set: inputs (examples, ...) floating point, labels (examples,) int64.

    evaluated: which examples `test_x`, `test_y` are: "test", or "validation" (part of the training
    examples, held out wherever something is selected).
    """

    train_x: Tensor
    train_y: Tensor
    test_x: Tensor
    test_y: Tensor
    evaluated: str = "test"

    def __post_init__(self) -> None:
        for part in ("train", "test"):
            x, y = getattr(self, f"{part}_x"), getattr(self, f"{part}_y")
            if not x.is_floating_point() or y.dtype != torch.int64 or y.shape != x.shape[:1]:
                raise DataError(
                    f"{part}: needs floating-point inputs (examples, ...) and int64 labels"
                    f" (examples,), got {x.dtype} {tuple(x.shape)} and {y.dtype} {tuple(y.shape)}"
                )
            if len(x) == 0:
                raise DataError(f"{part}: holds no examples")

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of all its values."""
        digest = hashlib.sha256()
        for tensor in (self.train_x, self.train_y, self.test_x, self.test_y):
            digest.update(f"{tensor.dtype}{tuple(tensor.shape)}".encode())
            digest.update(tensor.contiguous().numpy().tobytes())
        return digest.hexdigest()

    def limited(self, train: int | None, test: int | None) -> Data:
        """The first `train` and `test` examples (None: all)."""
        return replace(
            self,
            train_x=self.train_x[:train],
            train_y=self.train_y[:train],
            test_x=self.test_x[:test],
            test_y=self.test_y[:test],
        )

    def validation(self, share: float = 0.2) -> Data:
        """The training part alone, its `share` held out, drawn per class, as what is evaluated.

        It holds no test example, so what it selects has seen none. The split is always the same.
        """
        train, held = stratified_split(self.train_y, round(share * len(self.train_y)))
        x, y = self.train_x, self.train_y
        return Data(x[train], y[train], x[held], y[held], evaluated="validation")


def stratified_split(labels: Tensor, held: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Indices (kept, held out), in random order, with the classes in proportion in both."""
    from sklearn.model_selection import train_test_split  # noqa: PLC0415

    index = np.arange(len(labels))
    parts = train_test_split(index, test_size=held, stratify=labels.numpy(), random_state=seed)
    return torch.from_numpy(parts[0]), torch.from_numpy(parts[1])


@lru_cache(maxsize=1)
def digits() -> Data:
    """scikit-learn's handwritten digits: 1,797 pictures of 8 x 8, as rows of 64 values in [0, 1].

    1,347 to train and 450 to test, always the same, drawn per class. Nothing is downloaded.
    """
    from sklearn.datasets import load_digits  # noqa: PLC0415

    bunch = load_digits()
    x = torch.from_numpy(bunch.data).float() / 16
    y = torch.from_numpy(bunch.target).long()
    train, test = stratified_split(y, 450)
    return Data(x[train], y[train], x[test], y[test])


@lru_cache(maxsize=1)
def mnist() -> Data:
    """MNIST: 60,000 and 10,000 handwritten digits as rows of 784 values in [0, 1].

    Read from `$AFNLAB_DATA/MNIST/raw` if that is set (torchvision's layout, plain or .gz), else
    downloaded once into the user's cache folder. DataError names a file that is missing or altered.
    """
    parts = {name: _mnist_content(name) for name in _MNIST}

    def images(part: str) -> Tensor:
        raw = torch.frombuffer(bytearray(parts[f"{part}-images-idx3-ubyte"]), dtype=torch.uint8)
        return raw[16:].view(-1, 784).float() / 255

    def labels(part: str) -> Tensor:
        raw = torch.frombuffer(bytearray(parts[f"{part}-labels-idx1-ubyte"]), dtype=torch.uint8)
        return raw[8:].long()

    return Data(images("train"), labels("train"), images("t10k"), labels("t10k"))


def _mnist_content(name: str) -> bytes:
    md5, packed_md5 = _MNIST[name]
    root = os.environ.get(ENVIRONMENT)
    if root:
        folder = Path(root).expanduser() / "MNIST" / "raw"
        plain, packed = folder / name, folder / f"{name}.gz"
        found = plain if plain.is_file() else packed
        if not found.is_file():
            raise DataError(f"{plain}: no such file, nor {packed.name} ({ENVIRONMENT} is {root})")
    else:
        found = download(_MNIST_MIRROR + name + ".gz", packed_md5)
    try:
        content = found.read_bytes()
        content = gzip.decompress(content) if found.suffix == ".gz" else content
    except (OSError, EOFError, gzip.zlib.error) as error:  # type: ignore[attr-defined]
        raise DataError(
            f"{found}: cannot be read ({error}); remove it and fetch it again"
        ) from error
    actual = hashlib.md5(content).hexdigest()
    if actual != md5:
        raise DataError(f"{found}: is not MNIST's {name} (MD5 {actual}, expected {md5}); remove it")
    return content


def download(url: str, md5: str) -> Path:
    import pooch  # noqa: PLC0415

    try:
        return Path(
            pooch.retrieve(url, f"md5:{md5}", path=pooch.os_cache("afnlab"), progressbar=True)
        )
    except Exception as error:
        raise DataError(
            f"{url}: could not be fetched ({error}); put the file under MNIST/raw in a folder of"
            f" yours and set {ENVIRONMENT} to that folder"
        ) from error
