"""Networks of coordinates: a picture as a function, and the solution of an equation."""

from __future__ import annotations

from collections.abc import Callable
from math import inf, pi, sqrt

import torch
from torch import Tensor, nn

from afnlab.nn import ActivationModule
from afnlab.training.embedded import poisson_source
from afnlab.training.metrics import Loss
from afnlab.training.models import MakeActivation, glorot_uniform, mlp


def neural_field(*sizes: int) -> Callable[[MakeActivation], nn.Module]:
    """A fully connected network of coordinates, initialized as in the code of SIREN.

    The weights of a sine network are uniform: up to 1 / inputs in the first layer, and up to
    sqrt(6 / inputs) / omega in the others. For other activations they are normal, by He for
    unbounded ones (there ReLU and softplus) and by Glorot for bounded ones (there tanh and
    sigmoid). Biases are torch's.
    """

    def build(activation: MakeActivation) -> nn.Module:
        network = mlp(*sizes)(activation)
        layers = [m for m in network.modules() if isinstance(m, nn.Linear)]
        first = next(m for m in network.modules() if isinstance(m, ActivationModule))
        for at, layer in enumerate(layers):
            _draw_weights(layer.weight, first, in_front=at == 0)
        return network

    return build


def _draw_weights(weight: Tensor, activation: ActivationModule, in_front: bool) -> None:
    low, high = activation.activation.range
    if activation.activation.name == "sine":
        inputs = weight.shape[1]
        edge = 1 / inputs if in_front else sqrt(6 / inputs) / float(activation.values()["omega"])
        nn.init.uniform_(weight, -edge, edge)
    elif -inf < low and high < inf:
        nn.init.xavier_normal_(weight)
    else:
        nn.init.kaiming_normal_(weight, nonlinearity="relu")


class FixedAtBoundary(nn.Module):
    """x + x (pi - x) N(x) for a network N: 0 at 0 and pi at pi, whatever N is."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        return x + x * (pi - x) * self.network(x)


def boundary_value_mlp(*sizes: int) -> Callable[[MakeActivation], nn.Module]:
    """A fully connected network with Glorot uniform weights that meets the boundary values."""

    def build(activation: MakeActivation) -> nn.Module:
        network = mlp(*sizes)(activation)
        glorot_uniform(network)
        return FixedAtBoundary(network)

    return build


def poisson_residual(network: Callable[[Tensor], Tensor], x: Tensor, _: Tensor) -> Tensor:
    """The squared residual u'' + f of Poisson's equation at every point (examples, 1)."""
    u = network(x)
    (slope,) = torch.autograd.grad(u.sum(), x, create_graph=True)
    (bend,) = torch.autograd.grad(slope.sum(), x, create_graph=True)
    return (bend + poisson_source(x)).square()


POISSON_RESIDUAL = Loss("squared residual", poisson_residual, of_network=True)
