"""Signals and gradients inside a network: how much of them its activations pass on.

All is measured on a sample of examples, in evaluation mode, so that nothing of it influences the
training.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from math import nan, sqrt

import pandas as pd
import torch
from torch import Tensor, nn

from afnlab.nn import ActivationModule
from afnlab.training.history_columns import SIGNAL_COLUMNS

SAMPLE = 256  # examples, evenly spaced among those that are evaluated
SATURATED = 0.05  # of the largest slope: a pre-activation with a smaller one is saturated
DEAD = 0.001  # likewise: a unit is dead if all of the sample give it a smaller one
SPAN, POINTS = 12.0, 2401  # where the largest slope is looked for


@dataclass(frozen=True)
class _Call:
    """One call of an activation: its pre-activations in the graph, and what is known of them."""

    site: str
    x: Tensor
    facts: dict[str, float]


def sample(count: int) -> Tensor:
    """The positions of the sample among so many examples."""
    return torch.linspace(0, count - 1, min(SAMPLE, count)).round().long()


def measured(
    network: nn.Module,
    sites: Mapping[str, ActivationModule],
    loss: Callable[[], Tensor],
    examples: int,
) -> pd.DataFrame:
    """Run a network once, and measure every call of its activations.

    Args:
        network: the network, in evaluation mode.
        sites: its activations, by their names in it.
        loss: calls the network on the sample, and returns the mean loss of the sample.
        examples: the size of the sample.

    Returns:
        One row per call, in their order: layer (its number, from 1), site, call (how often the
        site was called before: the time step of a recurrent layer); and

        - dead: the share of the units whose slope, at every example, is below 0.001 of the largest
          slope of the activation.
        - saturated: the share of the pre-activations at which it is below 0.05 of the largest.
        - rank: the effective rank of the activations (Roy and Vetterli 2007), the exponential of
          the entropy of the singular values of the matrix of all examples (rows) and units.
        - q: the mean square of the pre-activations.
        - gradient: the norm of an example's gradient with respect to the pre-activations, as the
          root of its mean square.
        - chi: the squared norm of that gradient over the one in the next layer; in the last layer,
          over the one with respect to the outputs.

        Units are the last dimension, of pictures the channels; other dimensions count as examples.
        The largest slope is that on [-12, 12]. Missing are dead and saturated of an activation that
        is not elementwise, and what is not finite or has no gradient (as in the last layer, if the
        loss takes derivatives of the network alone).
    """
    calls: list[_Call] = []
    outputs: list[Tensor] = []

    def called(site: str, module: ActivationModule, inputs: tuple[Tensor, ...], y: Tensor) -> None:
        if not outputs:  # a loss may call the network again
            calls.append(_Call(site, inputs[0], _forward(module, inputs[0], y)))

    hooks = [m.register_forward_hook(partial(called, name)) for name, m in sites.items()]
    hooks.append(network.register_forward_hook(lambda _, inputs, y: outputs.append(y)))
    try:
        with torch.enable_grad():
            mean_loss = loss()
    finally:
        for hook in hooks:
            hook.remove()
    squares = _squares(mean_loss, [*(call.x for call in calls), outputs[0]])
    rows, seen = [], dict.fromkeys(sites, 0)
    for at, call in enumerate(calls):
        backward = {
            "gradient": sqrt(squares[at] * examples),
            "chi": squares[at] / squares[at + 1] if squares[at + 1] else nan,
        }
        place = {"layer": at + 1, "site": call.site, "call": seen[call.site]}
        rows.append(place | call.facts | backward)
        seen[call.site] += 1
    return pd.DataFrame(rows, columns=list(SIGNAL_COLUMNS))


def _squares(loss: Tensor, tensors: list[Tensor]) -> list[float]:
    """The squared norms of the gradients with respect to these; missing where there is none."""
    wanted = [t for t in tensors if t.requires_grad]
    grads = iter(torch.autograd.grad(loss, wanted, allow_unused=True) if wanted else ())
    slopes = [next(grads) if t.requires_grad else None for t in tensors]
    return [nan if g is None else float(g.double().square().sum()) for g in slopes]


def _forward(module: ActivationModule, x: Tensor, y: Tensor) -> dict[str, float]:
    facts = {"dead": nan, "saturated": nan}
    if module.activation.elementwise:
        slope = _slope(module, x).abs() / _largest(module, x)
        facts["dead"] = float((_by_unit(slope) < DEAD).all(0).double().mean())
        facts["saturated"] = float((slope < SATURATED).double().mean())
    q = float(x.detach().double().square().mean())
    return facts | {"rank": effective_rank(_by_unit(y.detach())), "q": q}


def _slope(module: ActivationModule, x: Tensor) -> Tensor:
    leaf = x.detach().requires_grad_()
    return torch.autograd.grad(module.forward(leaf).sum(), leaf)[0]


def _largest(module: ActivationModule, x: Tensor) -> Tensor:
    """The largest slope of each unit, or of all, so that the slopes can be divided by it."""
    shape = [POINTS, *[1] * (x.dim() - 1)]
    if module.num_features is not None:
        shape[module.feature_dim] = x.shape[module.feature_dim]
    grid = torch.linspace(-SPAN, SPAN, POINTS, dtype=x.dtype, device=x.device)
    points = grid.view(-1, *[1] * (x.dim() - 1)).expand(shape).contiguous()
    return _slope(module, points).abs().amax(0, keepdim=True)


def _by_unit(x: Tensor) -> Tensor:
    """As a matrix with a column for each unit."""
    last = x.movedim(1, -1) if x.dim() > 3 else x
    return last.reshape(-1, last.shape[-1])


def effective_rank(rows: Tensor) -> float:
    """The effective rank of a matrix (Roy and Vetterli 2007).

    Args:
        rows: the matrix.

    Returns:
        The exponential of the entropy of its singular values, each over their sum; 0 for zeros,
        missing where a value is not finite.
    """
    values = rows.double()
    if not bool(values.isfinite().all()):
        return nan
    tall = len(values) > values.shape[1]
    gram = values.mT @ values if tall else values @ values.mT
    singular = torch.linalg.eigvalsh(gram).clamp(min=0).sqrt()
    if not bool(singular.any()):
        return 0.0
    share = singular / singular.sum()
    return float(torch.special.entr(share).sum().exp())
