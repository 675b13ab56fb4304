"""Data sets as tensors, checked against checksums before they are used."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np
import torch
from torch import Tensor

from afnlab.training import files
from afnlab.training.files import DataError
from afnlab.training.streams import generator

MASKED = -100  # a target that counts neither for a loss nor for a metric, as in torch
SAMPLE = 5000
MASKED = -100  # a target that counts neither for a loss nor for a metric, as in torch


@dataclass(frozen=True)
class Data:
    """A data set.

    Attributes:
        train_x, test_x: inputs (examples, ...): floating point, pixels as bytes, or int64 (such as
            tokens), which networks see as they are.
        train_y, test_y: targets (examples, ...): int64, which are classes of 0 or more, or -100
            where there is none; or floating point.
        mean: networks see pixels as (pixel / 255 - mean) / std: a number for each channel of
            (examples, channels, height, width), or none for 0.
        std: likewise, or none for 1.
        evaluated: which examples `test_x`, `test_y` are: "test", or "validation" (part of the
            training examples, held out wherever something is selected).
    """

    train_x: Tensor
    train_y: Tensor
    test_x: Tensor
    test_y: Tensor
    evaluated: str = "test"
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        for part in ("train", "test"):
            x, y = getattr(self, f"{part}_x"), getattr(self, f"{part}_y")
            good = x.is_floating_point() or x.dtype in (torch.uint8, torch.int64)
            known = y.is_floating_point() or y.dtype == torch.int64
            if not (good and known) or not y.dim() or y.shape[:1] != x.shape[:1]:
                raise DataError(
                    f"{part}: needs inputs (examples, ...), floating point, int64 or bytes, and"
                    f" targets (examples, ...), int64 or floating point,"
                    f" got {x.dtype} {tuple(x.shape)} and {y.dtype} {tuple(y.shape)}"
                )
            if len(x) == 0:
                raise DataError(f"{part}: holds no examples")
            _check_targets(part, y)
        if self.train_y.dtype != self.test_y.dtype:
            kinds = f"{self.train_y.dtype} and {self.test_y.dtype}"
            raise DataError(f"targets must be of one type in train and test, got {kinds}")
        if len(self.mean) != len(self.std):
            raise DataError(f"mean and std must be of one length, got {self.mean} and {self.std}")

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of all its values."""
        digest = hashlib.sha256(repr((self.mean, self.std)).encode() if self.mean else b"")
        for tensor in (self.train_x, self.train_y, self.test_x, self.test_y):
            digest.update(f"{tensor.dtype}{tuple(tensor.shape)}".encode())
            digest.update(tensor.contiguous().numpy().tobytes())
        return digest.hexdigest()

    @cached_property
    def classes(self) -> int | None:
        """The number of classes, or None where the targets are no classes."""
        if self.train_y.is_floating_point():
            return None
        return int(max(self.train_y.max(), self.test_y.max())) + 1

    @cached_property
    def one_class_each(self) -> bool:
        """True if every training example has one class."""
        y = self.train_y
        return y.dtype == torch.int64 and y.dim() == 1 and not bool((y == MASKED).any())

    def floats(self, x: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
        """Stored inputs as networks see them.

        Bytes are scaled to 0 to 1, and standardized if the data have a mean. Tokens (int64) stay.

        Args:
            x: stored inputs (..., channels, height, width).
            dtype: the type of the result, unless the inputs are tokens.

        Returns:
            The inputs, of the same shape.
        """
        if x.is_floating_point():
            return x.to(dtype)
        if x.dtype == torch.int64:
            return x
        x = x.to(dtype).div_(255)
        if self.mean:
            mean, std = (_of_channels(v, dtype, x.device) for v in (self.mean, self.std))
            x = x.sub_(mean).div_(std)
        return x

    @cached_property
    def inputs(self) -> Tensor:
        """Training inputs as networks see them; of pixels the first 5,000."""
        pixels = self.train_x.dtype == torch.uint8
        return self.floats(self.train_x[:SAMPLE]) if pixels else self.train_x

    def limited(self, train: int | None, test: int | None) -> Data:
        """The first examples of either part.

        Args:
            train: how many training examples, or None for all.
            test: how many test examples, or None for all.
        """
        return replace(
            self,
            train_x=self.train_x[:train],
            train_y=self.train_y[:train],
            test_x=self.test_x[:test],
            test_y=self.test_y[:test],
        )

    def validation(self, share: float = 0.2) -> Data:
        """The training examples alone, with the held-out `share` as the examples to evaluate.

        The share is stratified by class where every example has one. There are no test examples
        in it, so what it selects does not depend on any. The split is always the same.

        Args:
            share: of the training examples, between 0 and 1.
        """
        train, held = self._split(round(share * len(self.train_y)))
        x, y = self.train_x, self.train_y
        examples = (x[train], y[train], x[held], y[held])
        return Data(*examples, evaluated="validation", mean=self.mean, std=self.std)

    def _split(self, held_out: int) -> tuple[Tensor, Tensor]:
        """Indices (kept, held out) of the training examples."""
        count = len(self.train_y)
        if self.one_class_each:
            classes = self.train_y.unique(return_counts=True)
            if held_out < len(classes[0]) or classes[1].min() < 2:
                raise DataError(
                    f"validation needs two training examples or more of every class, and as many"
                    f" held out as there are classes; got {count} of {len(classes[0])} classes"
                )
            return stratified_split(self.train_y, held_out)
        if not 1 <= held_out < count:
            raise DataError(
                f"validation needs one training example or more, and as many held out; of {count}"
                f" it would hold out {held_out}"
            )
        order = torch.randperm(count, generator=generator(0, "validation"))
        return order[held_out:], order[:held_out]


def _check_targets(part: str, y: Tensor) -> None:
    """DataError if targets are no classes, nor finite numbers, or none counts."""
    if y.is_floating_point():
        if not bool(torch.isfinite(y).all()):
            raise DataError(f"{part}: targets must be finite numbers")
        return
    counted = y[y != MASKED]
    if not len(counted):
        raise DataError(f"{part}: all targets are {MASKED}, which is none")
    if (least := int(counted.min())) < 0:
        raise DataError(f"{part}: classes must be 0 or more, or {MASKED} for none, got {least}")


@lru_cache
def _of_channels(values: tuple[float, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """One number per channel. Kept: to bring it to a GPU, every step would have to wait for it."""
    return torch.tensor(values, dtype=dtype, device=device).view(-1, 1, 1)


def stratified_split(labels: Tensor, held: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Indices (kept, held out), in random order, stratified by class."""
    from sklearn.model_selection import train_test_split  # noqa: PLC0415

    index = np.arange(len(labels))
    parts = train_test_split(index, test_size=held, stratify=labels.numpy(), random_state=seed)
    return torch.from_numpy(parts[0]), torch.from_numpy(parts[1])


@lru_cache(maxsize=1)
def digits() -> Data:
    """scikit-learn's handwritten digits: 1,797 images of 8 x 8, as rows of 64 values in [0, 1].

    1,347 to train and 450 to test, always the same, stratified by class. Nothing is downloaded.
    """
    from sklearn.datasets import load_digits  # noqa: PLC0415

    bunch = load_digits()
    x = torch.from_numpy(bunch.data).float() / 16
    y = torch.from_numpy(bunch.target).long()
    train, test = stratified_split(y, 450)
    return Data(x[train], y[train], x[test], y[test])


@lru_cache(maxsize=1)
def digits_pictures() -> Data:
    """The digits of `digits` as images of shape (1, 8, 8)."""
    rows = digits()
    train, test = (x.view(-1, 1, 8, 8) for x in (rows.train_x, rows.test_x))
    return replace(rows, train_x=train, test_x=test)


@lru_cache(maxsize=1)
def mnist() -> Data:
    """MNIST: 60,000 and 10,000 handwritten digits as rows of 784 pixels, seen as [0, 1]."""
    read = {file: files.read("mnist", file) for file in files.source("mnist").files}

    def images(part: str) -> Tensor:
        return _bytes(read[f"{part}-images-idx3-ubyte"])[16:].view(-1, 784)

    def labels(part: str) -> Tensor:
        return _bytes(read[f"{part}-labels-idx1-ubyte"])[8:].long()

    return Data(images("train"), labels("train"), images("t10k"), labels("t10k"))


def _bytes(content: bytes) -> Tensor:
    return torch.frombuffer(bytearray(content), dtype=torch.uint8)


def pixels(name: str) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """CIFAR's training images (n, 3, 32, 32) as bytes and labels (n,), and those of the test."""
    wanted = files.source(name)
    tables = {}
    for file in wanted.files:
        tables[file] = _bytes(files.read(name, file)).view(-1, wanted.record)
    last = next(f for f in wanted.files if "test" in f)
    parts = torch.cat([t for f, t in tables.items() if f != last]), tables[last]
    first = len(wanted.classes)  # of CIFAR-100's two label bytes the second, finer one counts
    train, test = ((p[:, first:].reshape(-1, 3, 32, 32), p[:, first - 1].long()) for p in parts)
    return (*train, *test)


CIFAR10_MEAN, CIFAR10_STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)
LUMINANCE = (0.2125, 0.7154, 0.0721)


@lru_cache(maxsize=1)
def cifar10() -> Data:
    """CIFAR-10: 50,000 and 10,000 images (3, 32, 32), standardized per channel."""
    return Data(*pixels("cifar10"), mean=CIFAR10_MEAN, std=CIFAR10_STD)


@lru_cache(maxsize=1)
def cifar10_grey() -> Data:
    """CIFAR-10 in greyscale: 50,000 and 10,000 images as rows of 1,024 luminances in [0, 1]."""
    x, y, test_x, test_y = pixels("cifar10")
    return Data(_grey(x), y, _grey(test_x), test_y)


def _grey(pixels: Tensor) -> Tensor:
    weights = torch.tensor(LUMINANCE, dtype=torch.float32, device="cpu")
    planes = pixels.view(len(pixels), 3, 1024)
    parts = [torch.einsum("c,ncp->np", weights, part.float() / 255) for part in planes.split(5000)]
    return torch.cat(parts)


@lru_cache(maxsize=1)
def cifar100() -> Data:
    """CIFAR-100: 50,000 and 10,000 images (3, 32, 32) of 100 classes, pixels in [0, 1]."""
    return Data(*pixels("cifar100"))
