"""The initialization of a network: its seed's weights, or weights scaled for an activation."""

from __future__ import annotations

from functools import cache, lru_cache
from math import sqrt

import torch
from torch import Tensor, nn

from afnlab.nn import make
from afnlab.registry import Activation, get_activation
from afnlab.signal.critical import Critical, critical
from afnlab.signal.gaussian import Gaussian
from afnlab.training.data import SAMPLE
from afnlab.training.options import Options
from afnlab.training.streams import generator, stream
from afnlab.training.tasks import Task


def gain(ref: str | Activation, **params: object) -> float:
    """The factor g with which weights of variance g^2 / inputs preserve a mean square of 1.

    g = 1 / sqrt(E[f(z)^2]) for a standard normal z (He et al. 2015 for the ReLU, where it is
    sqrt 2): pre-activations of variance 1 lead, on average over the weights, to variance 1 in the
    next layer. Over many layers the variance stays there if 1 is a stable fixed point of the
    layer's map of mean squares, as for tanh, sigmoid or SELU. If it is unstable, small deviations
    grow: after 50 layers of width 400 the mean square is around 100 for SReLU and GELU, 1e5 for
    Swish (medians of 20 draws of the weights, which range from a tenth to ten times that), and
    5e32 for tanhshrink. For ReLU, which is neither, it varies between 0.1 and 3. The stable choice
    is `afnlab.signal.critical`, which `init: critical` draws from.

    Args:
        ref: an elementwise activation, by name, reference or object.
        params: parameters of the activation, by name; those that are left out have their defaults.

    Raises:
        ValueError: for an activation that is not elementwise, or 0 everywhere.
    """
    record = get_activation(ref)
    if not record.elementwise:
        raise ValueError(f"{record.name}: a gain is defined for elementwise activations only")
    return Gaussian(record, **params).gain()


def weighted_layers(model: nn.Module) -> list[nn.Linear | nn.modules.conv._ConvNd]:
    """The linear and convolutional layers of a network, in its order."""
    return [m for m in model.modules() if isinstance(m, (nn.Linear, nn.modules.conv._ConvNd))]


@lru_cache(maxsize=64)  # the same for all seeds
def _critical(record: Activation, params: tuple[tuple[str, float], ...]) -> tuple[Critical, float]:
    """The critical initialization, and the mean square of the activation's outputs there."""
    point = critical(record, **dict(params))
    return point, float(Gaussian(record, **dict(params)).moments(point.q).square)


@torch.no_grad()
def draw_critical(
    model: nn.Module,
    record: Activation,
    params: dict[str, object],
    inputs: Tensor,
    draws: torch.Generator,
) -> None:
    """Draw weights and biases so that deep networks keep their scale and their gradients.

    Weights have the standard deviation sigma_w / sqrt(fan in) and biases sigma_b of
    `afnlab.signal.critical`; the first layer's weights give its pre-activations the variance q
    that the others keep, and those of the last give the outputs a mean square of 1, with biases 0.

    Raises:
        ValueError: where the activation has no critical initialization, with the reason.
    """
    values = {n: v.item() if isinstance(v, Tensor) else v for n, v in params.items()}
    point, square = _critical(record, tuple(sorted(values.items())))
    layers = weighted_layers(model)
    for i, layer in enumerate(layers):
        last = i == len(layers) - 1
        scale, bias = (square**-0.5, 0.0) if last else (point.sigma_w, point.sigma_b)
        if not i and inputs.is_floating_point():  # integers are embedded first
            scale = sqrt(1.0 if last else point.q - bias**2) * _for_unit(inputs)
        _draw(layer, scale, draws)
        if layer.bias is not None:
            layer.bias.copy_(torch.randn(layer.bias.shape, generator=draws) * bias)


def _for_unit(inputs: Tensor) -> float:
    """The scale of a first layer's weights that gives pre-activations of mean square 1."""
    return float(inputs.square().mean().rsqrt())


def _draw(layer: nn.Linear | nn.modules.conv._ConvNd, scale: float, draws: torch.Generator) -> None:
    """Draw normal weights of standard deviation scale / sqrt(fan in)."""
    fan_in = layer.weight[0].numel()
    layer.weight.copy_(torch.randn(layer.weight.shape, generator=draws) * scale / sqrt(fan_in))


@torch.no_grad()
def scale_weights(model: nn.Module, factor: float, inputs: Tensor, draws: torch.Generator) -> None:
    """Draw weights of linear and convolution layers: standard deviation gain / sqrt(fan in).

    Biases are 0. The first layer's gain corrects for the size of the inputs, so that its
    pre-activations have a mean square of 1; see `gain` for what follows from that in many layers.
    Every activation gets the same normal draws, times its own gain.
    """
    for i, layer in enumerate(weighted_layers(model)):
        first = not i and inputs.is_floating_point()  # integers are embedded first
        _draw(layer, _for_unit(inputs) if first else factor, draws)
        if layer.bias is not None:
            layer.bias.zero_()


def network(task: Task, record: Activation, options: Options, seed: int) -> nn.Module:
    """The task's network as it is constructed for one seed; `build` initializes it.

    The network and the activation draw from streams of their own, so that at one seed all
    activations have the same weights.
    """
    start = generator(seed, "activation")

    def new() -> nn.Module:
        return make(record, options.activation, trainable=options.trainable, generator=start)

    if options.sites == "shared":
        new = cache(new)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream(seed, "network"))
        return task.model(new, **options.model)


def build(task: Task, record: Activation, options: Options, seed: int, inputs: Tensor) -> nn.Module:
    """The task's network as initialized for one seed.

    A network with a method `start_from` is given the first 5,000 of the training inputs.
    """
    model = network(task, record, options, seed)
    if options.init == "gain":
        draws = generator(seed, "network")
        scale_weights(model, gain(record, **options.activation), inputs, draws)
    elif options.init == "critical":
        draws = generator(seed, "network")
        draw_critical(model, record, dict(options.activation), inputs, draws)
    if options.init_scale != 1:
        with torch.no_grad():
            for layer in weighted_layers(model):
                layer.weight.mul_(options.init_scale)
    if hasattr(model, "start_from"):
        model.start_from(inputs[:SAMPLE])  # type: ignore[operator]
    return model
