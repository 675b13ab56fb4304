"""CIFAR-10 from its binary archive: records of one label byte and 3,072 pixel bytes."""

from __future__ import annotations

import os
import tarfile
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from afnlab.training.data import ENVIRONMENT, Data, DataError, download

URL = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
MD5 = "c32a1d4ab5d03f1284b67883e8d87530"
FOLDER = "cifar-10-batches-bin"
TRAIN = tuple(f"data_batch_{i}.bin" for i in range(1, 6))
RECORD, RECORDS = 3073, 10_000
LUMINANCE = (0.2125, 0.7154, 0.0721)


@lru_cache(maxsize=1)
def cifar10_grey() -> Data:
    """CIFAR-10 in grey: 50,000 and 10,000 pictures as rows of 1,024 luminances in [0, 1].

    Read from `$AFNLAB_DATA/cifar-10-batches-bin` if that is set, else downloaded once.
    """
    x, y = _records(TRAIN)
    test_x, test_y = _records(("test_batch.bin",))
    return Data(_grey(x), y, _grey(test_x), test_y)


def _grey(pixels: Tensor) -> Tensor:
    weights = torch.tensor(LUMINANCE)
    planes = pixels.view(len(pixels), 3, 1024)
    parts = [torch.einsum("c,ncp->np", weights, part.float() / 255) for part in planes.split(5000)]
    return torch.cat(parts)


def _records(names: tuple[str, ...]) -> tuple[Tensor, Tensor]:
    """Pixels (n, 3072) as bytes, and labels (n,)."""
    rows = np.concatenate([_file(name) for name in names])
    return torch.from_numpy(rows[:, 1:].copy()), torch.from_numpy(rows[:, 0].astype(np.int64))


def _file(name: str) -> np.ndarray:
    root = os.environ.get(ENVIRONMENT)
    if root:
        path = Path(root).expanduser() / FOLDER / name
        if not path.is_file():
            raise DataError(f"{path}: no such file ({ENVIRONMENT} is {root})")
        content = path.read_bytes()
    else:
        path = download(URL, MD5)
        with tarfile.open(path) as archive:
            member = archive.extractfile(f"{FOLDER}/{name}")
            content = member.read() if member else b""
    if len(content) != RECORD * RECORDS:
        expected = RECORD * RECORDS
        raise DataError(f"{path}: {name} has {len(content)} bytes, expected {expected}; remove it")
    rows = np.frombuffer(content, np.uint8).reshape(RECORDS, RECORD)
    if rows[:, 0].max() > 9:
        raise DataError(f"{path}: {name} holds labels above 9; it is not CIFAR-10's")
    return rows
