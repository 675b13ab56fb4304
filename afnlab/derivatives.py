"""Derivatives of elementwise functions."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def derivatives(
    function: Callable[..., Tensor], x: Tensor, order: int = 2, **params: object
) -> list[Tensor]:
    """Derivatives by automatic differentiation, also where gradients are switched off.

    Args:
        function: takes a tensor and the parameters.
        x: where they are evaluated.
        order: the highest derivative, 0 or more.
        **params: parameters of the function.

    Returns:
        [f, f', ...] up to `order`, each of the shape of x.
    """
    with torch.inference_mode(False), torch.enable_grad():
        x = x.detach().clone().requires_grad_()
        values = [function(x, **params)]
        for remaining in reversed(range(order)):
            last = values[-1]
            if last.requires_grad:
                (slope,) = torch.autograd.grad(
                    last.sum(), x, create_graph=remaining > 0, materialize_grads=True
                )
            else:
                slope = torch.zeros_like(x)
            values.append(slope)
        return [v.detach() for v in values]
