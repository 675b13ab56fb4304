"""The data sets: their addresses, files and checksums."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DataSource:
    """A data set at its address.

    Attributes:
        url: the address of its files, with a slash at the end.
        folder: their folder on disk.
        files: name: (bytes, MD5 or SHA-256 of the content), as they are read.
        archive: name and MD5 of the archive that holds `folder` with all of them; None: each is
            fetched by itself, as `name.gz`.
        packed: MD5 of those.
        plain: names at the address of files that are fetched as they are read.
        classes: the label bytes of a record, each with the number of its classes.
    """

    title: str
    url: str
    folder: str
    files: dict[str, tuple[int, str]]
    archive: tuple[str, str] | None = None
    packed: dict[str, str] | None = None
    plain: dict[str, str] | None = None
    classes: tuple[int, ...] = ()

    @property
    def record(self) -> int:
        """The size in bytes of a record of a CIFAR file."""
        return len(self.classes) + 3072


_IMAGES, _LABELS = "images-idx3-ubyte", "labels-idx1-ubyte"
_CIFAR = "https://www.cs.toronto.edu/~kriz/"
# Checksums as published with torchvision (MNIST) and, of the archives, on the sets' own site
# (CIFAR). Those of the files in CIFAR's archives are as rai-project/dldataset and several CMake
# scripts have them, which check them after unpacking.
SOURCES = {
    "mnist": DataSource(
        "MNIST: 60,000 and 10,000 handwritten digits, 28 x 28",
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "MNIST/raw",
        {
            f"train-{_IMAGES}": (47_040_016, "6bbc9ace898e44ae57da46a324031adb"),
            f"train-{_LABELS}": (60_008, "a25bea736e30d166cdddb491f175f624"),
            f"t10k-{_IMAGES}": (7_840_016, "2646ac647ad5339dbf082846283269ea"),
            f"t10k-{_LABELS}": (10_008, "27ae3e4e09519cfbb04c329615203637"),
        },
        packed={
            f"train-{_IMAGES}": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
            f"train-{_LABELS}": "d53e105ee54ea40749a09fcbcd1e9432",
            f"t10k-{_IMAGES}": "9fb629c4189551a2d022fa330f9573f3",
            f"t10k-{_LABELS}": "ec29112dd5afa0611ce80d1b7f02629c",
        },
    ),
    "cifar10": DataSource(
        "CIFAR-10: 50,000 and 10,000 colour pictures, 32 x 32, 10 classes",
        _CIFAR,
        "cifar-10-batches-bin",
        {
            "data_batch_1.bin": (30_730_000, "5dd7e06a14cb22eb9f671a540d1b7c25"),
            "data_batch_2.bin": (30_730_000, "5ea93a67294ea407fff1d09f752e9692"),
            "data_batch_3.bin": (30_730_000, "942cd6a4bcdd0dd3c604fbe906cb4421"),
            "data_batch_4.bin": (30_730_000, "ae636b3ba5c66a11e91e8cb52e771fcb"),
            "data_batch_5.bin": (30_730_000, "53f37980c15c3d472c316c40844f3f0d"),
            "test_batch.bin": (30_730_000, "803d5f7f4d78ea53de84dbe85f74fb6d"),
        },
        archive=("cifar-10-binary.tar.gz", "c32a1d4ab5d03f1284b67883e8d87530"),
        classes=(10,),
    ),
    "cifar100": DataSource(
        "CIFAR-100: 50,000 and 10,000 colour pictures, 32 x 32, 100 classes",
        _CIFAR,
        "cifar-100-binary",
        {
            "train.bin": (153_700_000, "6172c7755cfe09b2fe270c85cebc1b15"),
            "test.bin": (30_740_000, "4499cfba6c016c1be1438163640a0898"),
        },
        archive=("cifar-100-binary.tar.gz", "03b5dce01913d631647c71ecec9e9cb8"),
        classes=(20, 100),
    ),
    "shakespeare": DataSource(
        "tiny Shakespeare: 1,115,394 characters of plays, 65 different ones",
        "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/",
        "text",
        {
            "tinyshakespeare.txt": (
                1_115_394,
                "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
            )
        },
        plain={"tinyshakespeare.txt": "input.txt"},
    ),
}
