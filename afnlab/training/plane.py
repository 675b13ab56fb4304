"""Points in the plane in two classes, for networks that can be visualized."""

from __future__ import annotations

from collections.abc import Callable
from math import pi

import numpy as np
import torch
from torch import Tensor

from afnlab.spellings import unknown
from afnlab.training.options import number, whole

MOST = 5000


def _moons(label: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    angle = pi * draw.random(len(label))
    x = np.where(label, 1 - np.cos(angle), np.cos(angle)) - 0.5
    y = np.where(label, 0.5 - np.sin(angle), np.sin(angle)) - 0.25
    return np.column_stack([x, y]) / 1.9


def _circles(label: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    angle = 2 * pi * draw.random(len(label))
    return np.column_stack([np.cos(angle), np.sin(angle)]) * np.where(label, 0.4, 0.85)[:, None]


def _spirals(label: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    way = np.sqrt(draw.random(len(label)))
    angle = 3 * pi * way + pi * label
    return np.column_stack([np.cos(angle), np.sin(angle)]) * (0.08 + 0.8 * way)[:, None]


def _xor(label: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    size = draw.uniform(0.07, 0.85, (2, len(label)))
    right = np.where(draw.random(len(label)) < 0.5, -1.0, 1.0)
    above = np.where(label, -right, right)
    return np.column_stack([right * size[0], above * size[1]])


SHAPES: dict[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
    "moons": _moons,
    "circles": _circles,
    "spirals": _spirals,
    "xor": _xor,
}


def points(
    shape: str, count: int = 400, noise: float = 0.05, seed: int = 0
) -> tuple[Tensor, Tensor]:
    """Points (count, 2), nearly all within [-1, 1], and their classes (count,), 0, 1, 0, 1 ...

    Args:
        shape: "moons", "circles", "spirals" or "xor".
        count: the number of points.
        noise: the standard deviation of the normal noise added to the coordinates.
        seed: of the points.

    Raises:
        ValueError: for an argument that is not allowed, which the message names.
    """
    if shape not in SHAPES:
        raise ValueError(unknown("shape", shape, SHAPES))
    whole(count, "count", least=2)
    if count > MOST:
        raise ValueError(f"count must be at most {MOST}, got {count}")
    number(noise, "noise", least=0)
    draw = np.random.default_rng(seed)
    label = np.arange(count) % 2
    place = SHAPES[shape](label == 1, draw) + noise * draw.standard_normal((count, 2))
    return torch.tensor(place, dtype=torch.float32), torch.tensor(label)
