"""A training step as a CUDA graph: launched as a whole, without Python between its kernels.

Off unless `AFNLAB_CUDA_GRAPHS=1`: written after torch's rules for capture, not yet run on a GPU.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import torch
from torch import Tensor

SETTING = "AFNLAB_CUDA_GRAPHS"
WARM = 3  # steps taken as they are, so that every allocation and kernel choice has been made


def wanted(device: torch.device) -> bool:
    return device.type == "cuda" and os.environ.get(SETTING) == "1"


class Replayed:
    """A function of a tensor of indices, captured after a few calls and then replayed.

    It may read and write tensors that live on, and draw from torch's default generator; what it
    does in Python happens at the capture alone. Calls with another shape are not captured.
    """

    def __init__(self, step: Callable[[Tensor], Tensor]) -> None:
        self.step, self.calls = step, 0
        self.graph: torch.cuda.CUDAGraph | None = None

    def __call__(self, index: Tensor) -> Tensor:
        if self.calls == 0:
            self.index = index.clone()
        if index.shape != self.index.shape:
            return self.step(index)
        self.calls += 1
        if self.calls <= WARM:
            return self._aside(index)
        self.index.copy_(index)
        if self.graph is None:
            self.graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self.graph):  # records, and does not run
                self.losses = self.step(self.index)
        self.graph.replay()
        return self.losses

    def _aside(self, index: Tensor) -> Tensor:
        """A step on another stream than the default one, as capture demands of those before it."""
        main, side = torch.cuda.current_stream(), torch.cuda.Stream()
        side.wait_stream(main)
        with torch.cuda.stream(side):
            losses = self.step(index)
        main.wait_stream(side)
        return losses
