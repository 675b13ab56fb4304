"""Adam and AdamW of stacked networks, each with its own rates, in one pass; for the CPU."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable, Sequence
from functools import cache

import torch
from torch import Tensor

from afnlab.eager import in_memory
from afnlab.native import library
from afnlab.native.kernels import SWITCH
from afnlab.native.launch import DTYPES, Arguments

EPS = 1e-8  # torch's
_TYPES = (torch.float32, torch.float64)


class AdamLaunch(Arguments):
    """The arguments of this loop; adam.h says what they mean."""

    __slots__ = ()
    _fields_ = (
        *((name, ctypes.c_int64) for name in ("members", "size")),
        *((name, ctypes.c_void_p) for name in ("p", "grad", "mean", "square", "rates", "decays")),
        *((name, ctypes.c_double) for name in ("momentum", "second", "eps")),
        *((name, ctypes.c_double) for name in ("of_mean", "of_square")),
        *((name, ctypes.c_int32) for name in ("decoupled", "dtype", "threads")),
    )


class StackedAdam:
    """Adam or AdamW of stacked parameters (members, ...) that `serves` has accepted.

    Args:
        params: what it changes.
        rates, decays: learning rate and weight decay of each member.
        decoupled: whether the decay shrinks the parameters (AdamW), or is added to the gradients.
        betas: how much of the averages of gradients, and of their squares, remains after a step.
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        rates: Sequence[float],
        decays: Sequence[float],
        decoupled: bool,
        betas: tuple[float, float],
    ) -> None:
        self.rates, self.decays = torch.tensor([rates, decays], dtype=torch.float64)
        self.decoupled, self.betas = decoupled, betas
        self.state = {
            p: {"mean": torch.zeros_like(p), "square": torch.zeros_like(p)} for p in params
        }
        self.steps = dict.fromkeys(self.state, 0)

    @torch.no_grad()
    def step(self) -> None:
        loops = _library()
        assert loops is not None
        for p, state in self.state.items():
            if p.grad is None:
                continue
            self.steps[p] += 1
            momentum, second = self.betas
            rates = {"rates": self.rates, "decays": self.decays}
            tensors = {"p": p, "grad": p.grad.contiguous(), **state, **rates}
            launch = AdamLaunch(
                members=len(p),
                size=p[0].numel(),
                momentum=momentum,
                second=second,
                eps=EPS,
                of_mean=1 - momentum ** self.steps[p],
                of_square=1 - second ** self.steps[p],
                decoupled=self.decoupled,
                dtype=DTYPES[p.dtype],
                threads=torch.get_num_threads(),
                **{name: t.data_ptr() for name, t in tensors.items()},
            )
            loops["step"](launch)


def serves(params: Iterable[Tensor]) -> bool:
    """Whether the loop can change these stacked tensors."""
    for p in params:
        if not (in_memory(p) and p.is_cpu and p.dtype in _TYPES and p.is_contiguous()):
            return False
    return os.environ.get(SWITCH) != "0" and _library() is not None


@cache
def _library() -> dict[str, library.CompiledFunction] | None:
    return library.loops(library.ADAM, AdamLaunch, ("step",), "Adam")
