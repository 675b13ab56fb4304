"""Convolutional networks of the published experiments, as functions of their activations."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from afnlab.native.planes import HalvingPool, PlaneNorm
from afnlab.training.models import MakeActivation

COMPILED = "compiled"  # attribute of what builds networks with compiled loops of `afnlab.native`


class ResidualBlock(nn.Module):
    """Two convolutions with an activation each, whose outputs are added, pooled, normalized."""

    def __init__(self, inputs: int, width: int, size: int, activation: MakeActivation) -> None:
        super().__init__()
        self.conv1, self.activation1 = nn.Conv2d(inputs, width, 3, padding=1), activation()
        self.conv2, self.activation2 = nn.Conv2d(width, width, 3, padding=1), activation()
        self.pool, self.norm = HalvingPool(), PlaneNorm((size // 2, size // 2))

    def forward(self, x: Tensor) -> Tensor:
        first = self.activation1(self.conv1(x))
        return self.norm(self.pool(first + self.activation2(self.conv2(first))))


class PerPixel(nn.Module):
    """A linear layer over the channels of every pixel, with activation and normalization."""

    def __init__(self, inputs: int, width: int, size: int, activation: MakeActivation) -> None:
        super().__init__()
        self.linear, self.activation = nn.Linear(inputs, width), activation()
        self.norm = PlaneNorm((size, size))

    def forward(self, x: Tensor) -> Tensor:
        x = self.linear(x.movedim(1, -1)).movedim(-1, 1)
        # What comes next, dropout and flattening, depends on the layout, and wants this one.
        return self.norm(self.activation(x)).contiguous()


def residual_convnet(
    channels: int, size: int, widths: tuple[int, ...], reduced: int, hidden: int, classes: int
) -> Callable[[MakeActivation], nn.Module]:
    """The network of apec-afn's CIFAR-100 script, for images (channels, size, size).

    It has one residual block per width, each of which halves the image; a reduction of the channels
    to `reduced`, pixel by pixel; dropout; and linear layers to `hidden`, `classes` and `classes`,
    of which the first two are followed by activation and batch normalization. The source ends in a
    log-softmax, which is a part of the loss here.
    """

    def build(activation: MakeActivation) -> nn.Module:
        layers: list[nn.Module] = []
        inputs, side = channels, size
        for width in widths:
            layers.append(ResidualBlock(inputs, width, side, activation))
            inputs, side = width, side // 2
        layers += [PerPixel(inputs, reduced, side, activation), nn.Dropout(0.5), nn.Flatten()]
        inputs = reduced * side * side
        for width in (hidden, classes):
            layers += [nn.Linear(inputs, width), activation(), nn.BatchNorm1d(width)]
            inputs = width
        return nn.Sequential(*layers, nn.Linear(classes, classes))

    setattr(build, COMPILED, True)
    return build


def _conv(inputs: int, outputs: int) -> nn.Conv2d:
    """A 3 x 3 convolution without bias; its first filters start as the identity."""
    layer = nn.Conv2d(inputs, outputs, 3, padding="same", bias=False)
    nn.init.dirac_(layer.weight[:inputs])
    return layer


class AirbenchBlock(nn.Module):
    """Convolution, pooling, then one or two further convolutions, each normalized and activated.

    With two further ones, the input of the first is added before the last activation. The scales of
    the normalizations stay 1. momentum: share of the new batch in the running statistics.
    """

    def __init__(
        self, inputs: int, width: int, depth: int, momentum: float, activation: MakeActivation
    ) -> None:
        super().__init__()
        with torch.no_grad():
            self.convs = nn.ModuleList(
                _conv(inputs if i == 0 else width, width) for i in range(depth)
            )
        self.norms = nn.ModuleList(
            nn.BatchNorm2d(width, eps=1e-12, momentum=momentum) for _ in range(depth)
        )
        for norm in self.norms:
            norm.weight.requires_grad_(False)
        self.pool, self.activation, self.residual = HalvingPool(), activation(), depth > 2

    def forward(self, x: Tensor) -> Tensor:
        x = start = self.activation(self.norms[0](self.pool(self.convs[0](x))))
        for i, (conv, norm) in enumerate(zip(self.convs, self.norms, strict=True)):
            if i == 0:
                continue
            x = norm(conv(x))
            if self.residual and i == len(self.convs) - 1:
                x = x + start
            x = self.activation(x)
        return x


class Airbench(nn.Module):
    """The network of cifar10-airbench (Jordan 2024); `start_from` sets its whitening layer."""

    def __init__(
        self,
        channels: int,
        widths: tuple[int, ...],
        depth: int,
        momentum: float,
        activation: MakeActivation,
    ) -> None:
        super().__init__()
        patch = 2 * 2 * channels
        self.whiten = nn.Conv2d(channels, 2 * patch, 2)
        self.whiten.weight.requires_grad_(False)
        nn.init.zeros_(self.whiten.bias)  # type: ignore[arg-type]
        self.activation = activation()
        pairs = zip((2 * patch, *widths[:-1]), widths, strict=True)
        self.blocks = nn.Sequential(
            *(AirbenchBlock(i, w, depth, momentum, activation) for i, w in pairs)
        )
        self.pool, self.flatten = nn.AdaptiveMaxPool2d(1), nn.Flatten()
        self.head = nn.Linear(widths[-1], 10, bias=False)

    @torch.no_grad()
    def start_from(self, x: Tensor, eps: float = 5e-4) -> None:
        """Set the filters to those that decorrelate patches of these images, and negatives."""
        windows = x.float().unfold(2, 2, 1).unfold(3, 2, 1)  # (n, channels, rows, columns, 2, 2)
        patches = windows.permute(0, 2, 3, 1, 4, 5).flatten(3).flatten(0, 2)
        values, vectors = torch.linalg.eigh(patches.T @ patches / len(patches))
        filters = (vectors / (values + eps).sqrt()).T.flip(0).view(-1, *windows.shape[1:2], 2, 2)
        self.whiten.weight.copy_(torch.cat([filters, -filters]))

    def forward(self, x: Tensor) -> Tensor:
        x = self.blocks(self.activation(self.whiten(x)))
        return self.head(self.flatten(self.pool(x))) / 9


def airbench(
    *widths: int, depth: int = 2, momentum: float = 0.4, channels: int = 3
) -> Callable[[MakeActivation], nn.Module]:
    """The network of cifar10-airbench: one block per width, `depth` convolutions in each."""

    def build(activation: MakeActivation) -> nn.Module:
        return Airbench(channels, widths, depth, momentum, activation)

    setattr(build, COMPILED, True)
    return build
