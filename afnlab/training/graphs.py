"""A training step as a CUDA graph: launched as a whole, without Python between its kernels."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable
from functools import cache

import torch
from torch import Tensor

SETTING = "AFNLAB_CUDA_GRAPHS"
WARM = 3  # steps taken as they are, so that every allocation and kernel choice has been made
CLOSE = (1e-3, 1e-5)  # relative and absolute: what a replayed step may differ by from the step

Step = Callable[[Tensor], Tensor]


def wanted(device: torch.device) -> bool:
    """Whether steps are captured: on a GPU, unless `AFNLAB_CUDA_GRAPHS=0`."""
    return device.type == "cuda" and os.environ.get(SETTING) != "0"


class Replayed:
    """A step, a function of a tensor of indices: after a few calls it is captured, then replayed.

    Before a graph is used it is compared with the step from which it was made. If it cannot be
    captured, or differs, the step is executed without it, with a warning.

    Args:
        step: it may read and write tensors that live on, and draw from torch's default generator;
            its Python code is executed at the capture alone. Calls with another shape are not
            captured.
        state: all tensors that it changes.
    """

    def __init__(self, step: Step, state: Callable[[], Iterable[Tensor]]) -> None:
        self.step, self.state, self.calls = step, state, 0
        self.replay: Callable[[], object] | None = None

    def __call__(self, index: Tensor) -> Tensor:
        if self.calls == 0:
            self.index = index.clone()
        if index.shape != self.index.shape:
            return self.step(index)
        self.calls += 1
        if self.calls <= WARM:
            return aside(self.step, index)
        self.index.copy_(index)
        if self.calls == WARM + 1:
            return self._captured()
        if self.replay is None:
            return self.step(index)
        self.replay()
        return self.losses

    @torch.no_grad()
    def _copies(self) -> list[Tensor]:
        return [t.clone() for t in self.state()]

    def _captured(self) -> Tensor:
        """The step, once as a graph and once as it is; the latter is what counts."""
        device = self.index.device
        try:
            replay, self.losses = capture(self.step, self.index)
        except RuntimeError as error:
            return self._uncaptured(str(error).partition("\n")[0])
        before = self._copies()
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            replay()
        replayed = [self.losses.clone(), *self._copies()]
        with torch.no_grad():
            for now, then in zip(self.state(), before, strict=True):
                now.copy_(then)
        losses = self.step(self.index)
        pairs = zip(replayed, (losses, *self.state()), strict=True)
        if not all(torch.allclose(a, b, *CLOSE, equal_nan=True) for a, b in pairs):
            return self._uncaptured("it gives other numbers", losses)
        self.replay = replay
        return losses

    def _uncaptured(self, reason: str, losses: Tensor | None = None) -> Tensor:
        warnings.warn(
            f"the training step is not used as a CUDA graph ({reason}); it takes several times"
            f" longer, and {SETTING}=0 says no more of it",
            RuntimeWarning,
            stacklevel=2,
        )
        return self.step(self.index) if losses is None else losses


@cache
def _side(device: torch.device) -> torch.cuda.Stream:
    """One for all: cuBLAS keeps 32 MiB for every stream that it has met."""
    return torch.cuda.Stream(device)


def aside(step: Step, index: Tensor) -> Tensor:
    """A step on a side stream, which capture requires of the steps before it."""
    with torch.cuda.device(index.device):
        main, side = torch.cuda.current_stream(), _side(index.device)
        side.wait_stream(main)
        with torch.cuda.stream(side):
            losses = step(index)
        main.wait_stream(side)
    return losses


def capture(step: Step, index: Tensor) -> tuple[Callable[[], object], Tensor]:
    """The function that replays a step, and its losses. The capture itself computes nothing."""
    with torch.cuda.device(index.device):
        graph, side = torch.cuda.CUDAGraph(), _side(index.device)
        # The outer one is left whatever happens inside: a capture that fails leaves its own on.
        with torch.cuda.stream(torch.cuda.current_stream()), torch.cuda.graph(graph, stream=side):
            losses = step(index)
    return graph.replay, losses
