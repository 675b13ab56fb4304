"""Data sets that need no download: scikit-learn's, and points of an equation."""

from __future__ import annotations

from functools import lru_cache
from math import pi

import numpy as np
import torch
from torch import Tensor

from afnlab.training.data import Data, digits, stratified_split
from afnlab.training.streams import generator


@lru_cache(maxsize=1)
def digit_rows() -> Data:
    """scikit-learn's digits as sequences of eight rows of eight pixels, with their classes."""
    data = digits()
    return Data(data.train_x.view(-1, 8, 8), data.train_y, data.test_x.view(-1, 8, 8), data.test_y)


@lru_cache(maxsize=1)
def digits_to_reconstruct() -> Data:
    """scikit-learn's digits, each as its own target."""
    data = digits()
    return Data(data.train_x, data.train_x, data.test_x, data.test_x)


@lru_cache(maxsize=1)
def breast_cancer() -> Data:
    """scikit-learn's breast cancer data: 569 tumours, 30 measurements, malignant (0) or benign (1).

    426 to train and 143 to test, always the same, stratified by class. Measurements are
    standardized by mean and standard deviation of the training examples.
    """
    from sklearn.datasets import load_breast_cancer  # noqa: PLC0415

    bunch = load_breast_cancer()
    x, y = torch.from_numpy(bunch.data), torch.from_numpy(bunch.target).long()
    train, test = stratified_split(y, 143)
    x = ((x - x[train].mean(0)) / x[train].std(0)).float()
    return Data(x[train], y[train], x[test], y[test])


@lru_cache(maxsize=1)
def flower() -> Data:
    """Pixels of scikit-learn's flower.jpg: places (x, y) in [-1, 1], with their colours in [0, 1].

    The middle 384 x 384 pixels are averaged to 128 x 128. Every second pixel of every second row is
    for training (4,096), the 12,288 others are for testing. The file is decoded by Pillow, whose
    versions may differ in the last bit of a pixel.
    """
    from sklearn.datasets import load_sample_image  # noqa: PLC0415

    picture = torch.from_numpy(np.array(load_sample_image("flower.jpg"))).double() / 255
    top, left = ((n - 384) // 2 for n in picture.shape[:2])
    middle = picture[top : top + 384, left : left + 384]
    colours = middle.reshape(128, 3, 128, 3, 3).mean((1, 3)).float()
    line = torch.linspace(-1, 1, 128)
    places = torch.stack(torch.meshgrid(line, line, indexing="xy"), -1)
    train = torch.zeros(128, 128, dtype=torch.bool)
    train[::2, ::2] = True
    return Data(places[train], colours[train], places[~train], colours[~train])


POISSON_WAVES = ((1.0, 1), (1 / 2, 2), (1 / 3, 3), (1 / 4, 4), (1 / 8, 8))  # amplitude, frequency


def poisson_solution(x: Tensor) -> Tensor:
    """u(x) = x + sin x + sin(2x) / 2 + sin(3x) / 3 + sin(4x) / 4 + sin(8x) / 8."""
    return x + sum(a * torch.sin(k * x) for a, k in POISSON_WAVES)


def poisson_source(x: Tensor) -> Tensor:
    """-u''(x) of the solution."""
    return torch.as_tensor(sum(a * k**2 * torch.sin(k * x) for a, k in POISSON_WAVES))


@lru_cache(maxsize=1)
def poisson() -> Data:
    """Points of the interval from 0 to pi, with the solution of Poisson's equation.

    1,024 drawn uniformly to train, where the loss does not look at the solution, and 400 evenly
    spaced to test.
    """
    drawn = torch.rand(1024, 1, generator=generator(0, "batches"), dtype=torch.float64)
    even = torch.linspace(0, 1, 400, dtype=torch.float64)[:, None]
    parts = [(x.float(), poisson_solution(x).float()) for x in (pi * drawn, pi * even)]
    return Data(*parts[0], *parts[1])
