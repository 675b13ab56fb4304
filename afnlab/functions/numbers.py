"""The numbers at which functions are looked at, and their types."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

HALF = (torch.bfloat16, torch.float16)
DTYPES = (torch.float64, torch.float32, *HALF)
SIZES = (0.5, 1.0, 3.0, 10.0, 20.0, 50.0, 100.0, 1e3, 1e4)
LEAST_OF_FLOAT16 = 2.0**-24
LOW_DIGITS = 3001  # of 8192, the digits that float32 has beyond those of float16


def few(dtype: torch.dtype) -> Tensor:
    """0, and numbers of either sign ever further out."""
    return torch.tensor([0.0, *(s * v for v in SIZES for s in (-1, 1))], dtype=dtype)


@cache
def many(dtype: torch.dtype) -> Tensor:
    """Numbers up to 1e4 in size, ascending.

    Args:
        dtype: float32 or a half type.

    Returns:
        All that a half type has. Of float32 those that are numbers of float16 too (integers up to
        2048, simple fractions; no two neighbours are further apart than a thousandth of them), each
        second one moved to digits that float16 does not have; and every 16th one of bfloat16 that
        is smaller than all of those.
    """
    if dtype != torch.float32:
        bits = torch.arange(-(2**15), 2**15).to(torch.int16).view(dtype)
        return bits[bits.abs() <= max(SIZES)].sort()[0]
    x, tiny = (v[v > 0].float() for v in (many(torch.float16), many(torch.bfloat16)))
    x[::2] = (x[::2].view(torch.int32) + LOW_DIGITS).view(torch.float32)
    x = torch.cat([tiny[tiny < LEAST_OF_FLOAT16][::16], x])
    return torch.cat([-x.flip(0), torch.zeros(1), x])


def plainest(x: Tensor) -> int:
    """The index of the number whose size is nearest to 1, by its logarithm."""
    return int(x.double().abs().log().abs().argmin())


def name_of(dtype: torch.dtype) -> str:
    """What a type is called in a sentence."""
    return str(dtype).removeprefix("torch.")
