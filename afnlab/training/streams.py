"""Streams of random numbers: one for each purpose of each seed."""

from __future__ import annotations

import numpy as np
import torch

STREAMS = ("network", "activation", "batches", "noise", "augment")


def stream(seed: int, purpose: str) -> int:
    """A seed for one purpose (see STREAMS), unrelated to the other purposes' and other seeds'."""
    words = np.random.SeedSequence([seed, STREAMS.index(purpose)]).generate_state(2)
    return int(words[0]) << 31 | int(words[1]) >> 1


def generator(seed: int, purpose: str) -> torch.Generator:
    """A CPU generator for one purpose of one seed."""
    return torch.Generator().manual_seed(stream(seed, purpose))
