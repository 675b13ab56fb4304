"""Streams of random numbers: one for each purpose of each seed."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

STREAMS = ("network", "activation", "batches", "noise", "augment", "selection", "validation")


def stream(seed: int, purpose: str) -> int:
    """A seed for one purpose (see STREAMS), unrelated to the other purposes' and other seeds'."""
    words = np.random.SeedSequence([seed, STREAMS.index(purpose)]).generate_state(2)
    return int(words[0]) << 31 | int(words[1]) >> 1


def generator(seed: int, purpose: str) -> torch.Generator:
    """A CPU generator for one purpose of one seed."""
    return torch.Generator().manual_seed(stream(seed, purpose))


def sent(drawn: Tensor, device: torch.device) -> Tensor:
    """Draws from the CPU, on the device; no GPU's work is waited for."""
    drawn = drawn.pin_memory() if device.type == "cuda" else drawn
    return drawn.to(device, non_blocking=True)
