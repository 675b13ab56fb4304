"""Times of competing functions in one run: in turn, medians, ratios."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import TypeVar

import torch

K = TypeVar("K")


def in_turn(
    rivals: Mapping[K, Callable[[], object]],
    rounds: int = 15,
    least: float = 0.02,
    device: str = "cpu",
    clock: Callable[[], float] = time.perf_counter,
    done: Callable[[], None] = lambda: None,
) -> dict[K, float]:
    """Median seconds of one call of each rival, see `laps_in_turn`."""
    laps = laps_in_turn(rivals, rounds, least, device, clock, done)
    return {name: median(values) for name, values in laps.items()}


def laps_in_turn(
    rivals: Mapping[K, Callable[[], object]],
    rounds: int = 15,
    least: float = 0.02,
    device: str = "cpu",
    clock: Callable[[], float] = time.perf_counter,
    done: Callable[[], None] = lambda: None,
) -> dict[K, list[float]]:
    """Seconds of one call of each rival in each round, by a clock.

    The rivals take turns, so that a machine that slows down slows them all; each turn repeats its
    call for at least `least` seconds. `done` is called after each of the `turns(rounds)` turns.
    """
    repeats = {}
    for name, call in rivals.items():
        call()
        repeats[name] = max(1, round(least / max(_time(call, 1, device, clock), 1e-7)))
    done()
    times: dict[K, list[float]] = {name: [] for name in rivals}
    for _ in range(rounds):
        for name, call in rivals.items():
            times[name].append(_time(call, repeats[name], device, clock))
        done()
    return times


def turns(rounds: int) -> int:
    """How many turns `in_turn` takes: one to see how long a call takes, and the rounds."""
    return rounds + 1


def _time(
    call: Callable[[], object], repeats: int, device: str, clock: Callable[[], float]
) -> float:
    _wait(device)
    start = clock()
    for _ in range(repeats):
        call()
    _wait(device)
    return (clock() - start) / repeats


def _wait(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize()
