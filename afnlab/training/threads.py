"""How many threads a training uses: small networks have one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

ENVIRONMENT = "AFNLAB_THREADS"  # how many threads a training uses, whatever its size
SMALL = 2e8  # floating-point operations of a step: a few milliseconds of one core


def operations(weights: int, examples: int) -> int:
    """About how many floating-point operations one step of products takes.

    Args:
        weights: of all networks that are trained together.
        examples: of a batch, times the positions of each that a weight is used at.
    """
    return 6 * weights * examples


@contextmanager
def at_most(threads: int) -> Iterator[int]:
    """A context in which torch uses no more threads than that; how many it uses.

    Operations that take some microseconds gain little by a second thread, and wait for it where
    another process has its core: a step of a small network then took up to a hundred times longer.
    $AFNLAB_THREADS is used instead, where it is set. ValueError if it is no number above 0.
    """
    before = torch.get_num_threads()
    used = _asked() or min(before, threads)
    if used != before:
        torch.set_num_threads(used)
    try:
        yield used
    finally:
        if used != before:
            torch.set_num_threads(before)


def _asked() -> int | None:
    """What the user has set."""
    text = os.environ.get(ENVIRONMENT)
    if not text:
        return None
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(f"{ENVIRONMENT} must be a whole number, 1 or more; got {text!r}")
    return int(text)
