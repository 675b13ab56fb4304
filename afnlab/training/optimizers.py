"""Optimizers by name, over stacked parameters: all are elementwise, so members do not mix."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

RMS_DECAY, RMS_EPS = 0.9, 1e-7


class KerasRMSprop(torch.optim.Optimizer):
    """RMSprop with eps under the root, p -= lr g / sqrt(v + eps), as Keras has it.

    torch.optim.RMSprop divides by sqrt(v) + eps. With eps = 1e-7 the difference shows where
    gradients are small: the step is bounded by lr g / 3e-4 here, and by lr sqrt(10) there.
    """

    def __init__(self, params: Iterable[Tensor], lr: float, weight_decay: float = 0.0) -> None:
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                grad = p.grad.add(p, alpha=group["weight_decay"])
                state = self.state[p]
                if not state:
                    state["square"] = torch.zeros_like(p)
                square = state["square"].mul_(RMS_DECAY).addcmul_(grad, grad, value=1 - RMS_DECAY)
                p.addcmul_(grad, (square + RMS_EPS).rsqrt_(), value=-group["lr"])


def _adamw(params: Iterable[Tensor], lr: float, weight_decay: float) -> torch.optim.Optimizer:
    return torch.optim.AdamW(params, lr=lr, weight_decay=weight_decay, fused=True)


def _rmsprop(params: Iterable[Tensor], lr: float, weight_decay: float) -> torch.optim.Optimizer:
    return torch.optim.RMSprop(
        params, lr=lr, alpha=RMS_DECAY, eps=RMS_EPS, weight_decay=weight_decay
    )


OPTIMIZERS = {"adamw": _adamw, "rmsprop": _rmsprop, "rmsprop-keras": KerasRMSprop}
