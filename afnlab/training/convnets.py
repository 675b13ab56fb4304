"""Convolutional networks of the published experiments, as functions of their activations."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from afnlab.native.planes import HalvingPool, PlaneNorm
from afnlab.training.models import MakeActivation

LOGIT_DIVISOR = 9  # of cifar10-airbench, whose script calls 1/9 the scaling factor
COMPILED = "compiled"  # attribute of what builds networks with compiled loops of `afnlab.native`


class ResidualBlock(nn.Module):
    """Two convolutions with an activation each, whose outputs are added, pooled, normalized."""

    def __init__(self, inputs: int, width: int, size: int, activation: MakeActivation) -> None:
        super().__init__()
        self.conv1, self.activation1 = nn.Conv2d(inputs, width, 3, padding=1), activation()
        self.conv2, self.activation2 = nn.Conv2d(width, width, 3, padding=1), activation()
        self.pool, self.norm = HalvingPool(), PlaneNorm([size // 2, size // 2])

    def forward(self, x: Tensor) -> Tensor:
        first = self.activation1(self.conv1(x))
        return self.norm(self.pool(first + self.activation2(self.conv2(first))))


class PerPixel(nn.Module):
    """A linear layer over the channels of every pixel, with activation and normalization."""

    def __init__(self, inputs: int, width: int, size: int, activation: MakeActivation) -> None:
        super().__init__()
        self.linear, self.activation = nn.Linear(inputs, width), activation()
        self.norm = PlaneNorm([size, size])

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
    with torch.no_grad():
        nn.init.dirac_(layer.weight[:inputs])
    return layer


def _norm(width: int, momentum: float) -> nn.BatchNorm2d:
    """A batch normalization whose scale stays 1."""
    layer = nn.BatchNorm2d(width, eps=1e-12, momentum=momentum)
    layer.weight.requires_grad_(False)
    return layer


class ConvGroup(nn.Module):
    """Two convolutions, the first with pooling, or three with a residual connection over two.

    Args:
        inputs, width: channels before and after.
        depth: the number of convolutions, 2 or 3.
        momentum: share of the new batch in the running statistics.
        activation: makes the activation, which all steps share.
    """

    def __init__(
        self, inputs: int, width: int, depth: int, momentum: float, activation: MakeActivation
    ) -> None:
        super().__init__()
        self.depth = depth
        self.conv1 = _conv(inputs, width)
        self.pool = HalvingPool()
        self.norm1 = _norm(width, momentum)
        self.conv2 = _conv(width, width)
        self.norm2 = _norm(width, momentum)
        if depth == 3:
            self.conv3 = _conv(width, width)
            self.norm3 = _norm(width, momentum)
        self.activation = activation()

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1(x)
        x = self.pool(x)
        x = self.norm1(x)
        x = start = self.activation(x)
        x = self.conv2(x)
        x = self.norm2(x)
        x = self.activation(x)
        if self.depth == 3:
            x = self.conv3(x)
            x = self.norm3(x)
            x = x + start
            x = self.activation(x)
        return x


class AirbenchNetwork(nn.Module):
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
            *(ConvGroup(i, w, depth, momentum, activation) for i, w in pairs)
        )
        self.pool = nn.AdaptiveMaxPool2d(1)
        self.flatten = nn.Flatten()
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
        x = self.whiten(x)
        x = self.activation(x)
        x = self.blocks(x)
        x = self.pool(x)
        x = self.flatten(x)
        x = self.head(x)
        return x / LOGIT_DIVISOR


def airbench(
    *widths: int, depth: int = 2, momentum: float = 0.4, channels: int = 3
) -> Callable[[MakeActivation], nn.Module]:
    """The network of cifar10-airbench: one group per width, of `depth` (2 or 3) convolutions."""

    def build(activation: MakeActivation) -> nn.Module:
        return AirbenchNetwork(channels, widths, depth, momentum, activation)

    setattr(build, COMPILED, True)
    return build
