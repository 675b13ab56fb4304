"""Derivatives of elementwise functions."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def derivatives(
    function: Callable[..., Tensor], x: Tensor, order: int = 2, **params: object
) -> list[Tensor]:
    """[f, f', ...] up to `order` at x, by automatic differentiation, also where that is off."""
    with torch.inference_mode(False), torch.enable_grad():
        x = x.detach().clone().requires_grad_()
        values = [function(x, **params)]
        for left in reversed(range(order)):
            last = values[-1]
            if last.requires_grad:
                (slope,) = torch.autograd.grad(
                    last.sum(), x, create_graph=left > 0, materialize_grads=True
                )
            else:
                slope = torch.zeros_like(x)
            values.append(slope)
        return [v.detach() for v in values]
