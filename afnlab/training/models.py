"""Networks, as functions of what makes their activations."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

from torch import Tensor, nn

from afnlab.autorot import AutoRotLinear, input_limits

MakeActivation = Callable[[], nn.Module]


def mlp(*sizes: int) -> Callable[[MakeActivation], nn.Module]:
    """A fully connected network of these sizes, an activation after each layer except the last."""

    def build(activation: MakeActivation) -> nn.Module:
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(sizes):
            layers += [nn.Linear(inputs, outputs), activation()]
        return nn.Sequential(*layers[:-1])

    return build


def rotated_linear(inputs: int, outputs: int, L: float | Tensor, **options: Any) -> AutoRotLinear:
    """An Auto-Rotating linear layer; an L that is a tensor is a buffer of it, unless trained."""
    rotated = AutoRotLinear(inputs, outputs, L=float(L), **options)
    if not rotated.trainable_L:
        keep_limit(rotated, L)
    return rotated


def keep_limit(layer: nn.Module, L: float | Tensor) -> None:
    """Make an L that is a tensor a buffer, which can differ within a stack of networks."""
    if isinstance(L, Tensor):
        del layer.L
        layer.register_buffer("L", L.clone(), persistent=False)


def rotated_mlp(*sizes: int) -> Callable[..., nn.Module]:
    """A fully connected network of Auto-Rotating layers, the last plain, initialized as in Keras.

    Weights are Glorot uniform, biases 0. auto_rot=False keeps the same layers without rotation;
    classic=True builds it of plain layers; trainable_L lets every layer learn its own limit,
    initialized with L. Inputs are assumed to lie in [0, 1].
    """

    def build(
        activation: MakeActivation,
        auto_rot: bool = True,
        classic: bool = False,
        L: float | Tensor = 4.0,
        trainable_L: bool = False,
    ) -> nn.Module:
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(sizes[:-1]):
            after = activation()
            if classic:
                layers += [nn.Linear(inputs, outputs), after]
                continue
            low, high = input_limits(after.activation, 0.0, 1.0)  # type: ignore[arg-type]
            limits: dict[str, Any] = {"xmin_lim": low, "xmax_lim": high, "trainable_L": trainable_L}
            layers += [rotated_linear(inputs, outputs, L, auto_rot=auto_rot, **limits), after]
        layers.append(nn.Linear(sizes[-2], sizes[-1]))
        network = nn.Sequential(*layers)
        glorot_uniform(network)
        return network

    return build


def glorot_uniform(network: nn.Module) -> None:
    """Initialize linear layers as Keras does: Glorot uniform weights, biases of 0."""
    for layer in network.modules():
        if isinstance(layer, nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)


def autoencoder(*sizes: int) -> Callable[[MakeActivation], nn.Module]:
    """A fully connected encoder of these sizes and its mirror image; code and output are linear."""

    def build(activation: MakeActivation) -> nn.Module:
        encoder, decoder = mlp(*sizes)(activation), mlp(*reversed(sizes))(activation)
        return nn.Sequential(*encoder.children(), *decoder.children())

    return build
