"""Networks, as functions of what makes their activations."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from torch import nn

MakeActivation = Callable[[], nn.Module]


def mlp(*sizes: int) -> Callable[[MakeActivation], nn.Module]:
    """A fully connected network of these sizes, an activation after each layer but the last."""

    def build(activation: MakeActivation) -> nn.Module:
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(sizes):
            layers += [nn.Linear(inputs, outputs), activation()]
        return nn.Sequential(*layers[:-1])

    return build
