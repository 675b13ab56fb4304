"""How many networks to train together: what is faster, and what fits into memory."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from afnlab.training.forward import chain
from afnlab.training.initial import build
from afnlab.training.layout import stackable, together
from afnlab.training.members import Member
from afnlab.training.noise import Noise
from afnlab.training.plan import Plan

SHARE = 0.5  # of all memory, not of what is free: a rerun makes the same groups
PROBE = 8


def size(how: Plan, members: Sequence[Member]) -> int:
    """How many of these members to train together, at least 1."""
    first = members[0]
    with torch.random.fork_rng(devices=[]):
        network = build(how.task, how.activation, first.options, first.seed, how.data.inputs)
        if not together(network, how.device, how.dtype):
            return 1
        count = min(PROBE, len(how.data.train_x))
        example = how.data.floats(how.data.train_x[:count])
        noise = Noise(network, example[:2], [first.seed])
        pool = noise.draw(count)
        noise.load(None if pool is None else pool[0])
        kept: dict[int, int] = {}

        def keep(t: Tensor) -> Tensor:
            kept[t.data_ptr()] = t.nbytes
            return t

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda t: t):
            network(example)
        weights = sum(p.nbytes for p in network.parameters())
        for p in network.parameters():
            kept.pop(p.data_ptr(), None)
        noise.load(None if pool is None else pool[0])
        other = how.device.type != "cpu" or how.dtype != torch.float32
        if chain(network, noise, other) is None and not stackable(network, example):
            return 1
    # Beside the weights: their gradients, the optimizer's two averages, and as much again.
    per_member = sum(kept.values()) * first.options.batch_size / count + 6 * weights
    wider = 2 if how.dtype == torch.float64 else 1
    room = SHARE * memory(how.device) / wider
    return max(1, min(len(members), int(room / per_member)))


def memory(device: torch.device) -> int:
    """Bytes of the device's memory; in a container, of the memory that it may use."""
    if device.type == "cuda":
        return torch.cuda.get_device_properties(device).total_memory
    try:
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError):  # no such call on Windows
        return 8 * 2**30
    limit = Path("/sys/fs/cgroup/memory.max")
    text = limit.read_text().strip() if limit.is_file() else "max"
    return min(total, int(text)) if text.isdigit() else total


def out_of_memory(error: Exception) -> bool:
    """Whether torch, or Python, reports that memory is insufficient."""
    words = ("not enough memory", "can't allocate memory", "out of memory", "ALLOC_FAILED")
    return isinstance(error, MemoryError) or any(w in str(error) for w in words)
