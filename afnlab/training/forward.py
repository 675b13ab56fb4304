"""A fully connected network of many seeds as plain batched operations.

`torch.func.vmap` gives the same numbers with several times the overhead, which is most of a step of
a small network. A network that is not a chain of linear layers and activations uses vmap.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from afnlab.autorot import AutoRotLinear
from afnlab.backward import Context
from afnlab.nn import ActivationModule, module_class
from afnlab.training import stacked_transformer
from afnlab.training.noise import Noise
from afnlab.training.stacked_transformer import Tensors
from afnlab.training.transformer import Transformer

# A layer of all stacked tensors by name, and x (seeds, batch, ...).
StackedLayer = Callable[[Tensors, Tensor], Tensor]


class _Linear(torch.autograd.Function):
    """x W' + b of stacks: x (seeds, batch, inputs), W (seeds, outputs, inputs), b (seeds, outputs).

    In memory what comes out has the batch last: a product that ends in a few classes takes three
    times as long the other way. torch's own backward of baddbmm leaves the gradient of W
    transposed, and copies it into place.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        if bias is None:
            return torch.bmm(weight, x.mT).mT
        return torch.baddbmm(bias.unsqueeze(2), weight, x.mT).mT

    @staticmethod
    def backward(ctx: Context, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (x, weight), needs = ctx.saved_tensors, ctx.needs_input_grad
        grad = grads[0].mT
        return (
            torch.bmm(weight.mT, grad).mT if needs[0] else None,
            torch.bmm(grad, x) if needs[1] else None,
            grad.sum(2) if needs[2] else None,
        )


def _product(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Outputs (seeds, batch, outputs) for x (draws, batch, inputs).

    Networks in a row that share a draw are one network with all their outputs.
    """
    if len(x) == len(weight):
        return _Linear.apply(x, weight, bias)
    wide = weight.reshape(len(x), -1, weight.shape[2])
    out = _Linear.apply(x, wide, None if bias is None else bias.reshape(len(x), -1))
    return out.mT.reshape(*weight.shape[:2], -1).mT


def spread(x: Tensor, size: int) -> Tensor:
    """(draws, ...) for each of so many networks, (seeds, ...): as many in a row share a draw."""
    return x.unsqueeze(1).expand(len(x), size // len(x), *x.shape[1:]).flatten(0, 1)


def _spread(tensors: Tensors, x: Tensor) -> Tensor:
    return spread(x, len(next(iter(tensors.values()))))


def chain(network: nn.Module, noise: Noise, other: bool = False) -> list[StackedLayer] | None:
    """The network's layers over stacked tensors; None if it is not a chain of known ones.

    The first one accepts fewer inputs than there are networks, (draws, batch, ...), see `spread`. A
    transformer counts as one layer, on a CPU and in float32; other: it is to run otherwise.
    """
    if isinstance(network, Transformer):
        served = not other and stacked_transformer.serves(network)
        return [_spread, stacked_transformer.forward(network)] if served else None
    if type(network) is not nn.Sequential or _hooked(network):
        return None
    names = {id(module): name for name, module in network.named_modules()}  # shared: the first
    stacked = {name for name, _ in network.named_parameters()}
    layers: list[StackedLayer] = []
    shared = True  # until a layer's outputs are those of each network
    for module in network._modules.values():
        assert module is not None
        name = names[id(module)]
        tied = {n for n, _ in module.named_parameters(name)} - stacked  # stacked by another's name
        layer = None if tied or _hooked(module) else _layer(name, module, noise)
        if layer is None:
            return None
        if shared and isinstance(module, ActivationModule):
            layers.append(_spread)
        shared = shared and isinstance(module, nn.Flatten)
        layers.append(layer)
    return layers


def _hooked(module: nn.Module) -> bool:
    return bool(module._forward_hooks or module._forward_pre_hooks or module._backward_hooks)


def _layer(name: str, module: nn.Module, noise: Noise) -> StackedLayer | None:
    if type(module) is nn.Linear or (type(module) is AutoRotLinear and not module.auto_rot):

        def linear(tensors: Tensors, x: Tensor) -> Tensor:
            weight, bias = tensors[f"{name}.weight"], tensors.get(f"{name}.bias")
            out = _product(x.flatten(1, -2), weight, bias)
            return out if x.dim() == 3 else out.unflatten(1, x.shape[1:-1])

        return linear
    if isinstance(module, ActivationModule) and type(module) is module_class(module.activation):
        simple = module.activation.elementwise and module.num_features is None
        return _activation(name, module, noise) if simple else None
    if type(module) is nn.Flatten and (module.start_dim, module.end_dim) == (1, -1):
        return lambda tensors, x: x.flatten(2)
    return None


def _activation(name: str, module: ActivationModule, noise: Noise) -> StackedLayer:
    record = module.activation
    names = {n: f"{name}.{n}" for n in record.params}
    numbers = {n: v for n in names if not isinstance(v := getattr(module, n), Tensor)}
    stacked = [n for n in names if n not in numbers]

    def activation(tensors: Tensors, x: Tensor) -> Tensor:
        values: dict[str, Any] = dict(numbers)
        for n in stacked:  # one number per seed
            values[n] = tensors[names[n]].view(-1, *[1] * (x.dim() - 1))
        if record.stochastic and module.training:
            return record(x, noise=noise.take(x), **values)
        return record(x, **values)

    return activation
