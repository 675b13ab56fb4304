"""Across a dimension: the value of an element depends on its neighbours."""

from __future__ import annotations

from math import inf

import torch

from afnlab.registry import Param, activation

DIM = Param(
    -1,
    domain="integer",
    fixed=True,
    document="all units of the layer",
    why="torch's None guesses from the number of dimensions",
)


@activation(
    "Softmax",
    latex=r"e^{x_i} / \sum_j e^{x_j}",
    reference="softmax",
    range=(0, 1),
    elementwise=False,
    fused=True,
    dim=DIM,
)
def softmax(x, dim):
    """Positive values that sum to 1 along dim, the largest for the largest input."""
    return torch.softmax(x, int(dim))


@activation(
    "Softmin",
    latex=r"e^{-x_i} / \sum_j e^{-x_j}",
    reference="softmax",
    range=(0, 1),
    elementwise=False,
    fused=True,
    dim=DIM,
)
def softmin(x, dim):
    """Positive values that sum to 1 along dim, the largest for the smallest input."""
    return torch.softmax(-x, int(dim))


@activation(
    "LogSoftmax",
    latex=r"x_i - \ln \sum_j e^{x_j}",
    reference="softmax",
    range=(-inf, 0),
    elementwise=False,
    fused=True,
    dim=DIM,
)
def log_softmax(x, dim):
    """The logarithms of positive values that sum to 1 along dim."""
    return torch.log_softmax(x, int(dim))
