"""Auto-Rotating convolutions."""

from __future__ import annotations

from math import prod
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from afnlab.autorot.rotation import Rotation, for_any_size, rotated, scaled, sum_of_row
from afnlab.separable import DepthwiseConv2d, SeparableConv1d, SeparableConv2d
from afnlab.symbolic import is_symbol, leaf


class _ConvRotation(Rotation):
    """Convolutions: rho is a vector, or a map where zero padding makes f(x_Q) vary."""

    @property
    def features(self) -> int:  # type: ignore[override]
        return self.in_channels  # type: ignore[attr-defined]

    def forward(self: Any, input: Tensor) -> Tensor:
        if is_symbol(input):
            return leaf(self, input)
        if not self.auto_rot:
            return super().forward(input)  # type: ignore[misc]
        if has_zero_padding(self):
            one = self.constant(input, 1, self.in_channels, *spatial(self, input))
            rho = self.rho(super().forward(one))  # type: ignore[misc]
            y = super().forward(input)  # type: ignore[misc]
            return scaled(y, rho if batched(self, input) else rho[0])
        # Any place is like any other: one patch of the kernel's reach stands for all.
        patch = self.constant(input, 1, self.in_channels, *reach(self))
        conv = (F.conv1d, F.conv2d, F.conv3d)[len(self.kernel_size) - 1]
        at_probe = conv(patch, self.weight, self.bias, 1, 0, self.dilation, self.groups)
        rho = self.rho(at_probe.flatten())
        if not for_any_size(input) and 2 * input.numel() < self.weight.numel():
            y = super().forward(input)  # type: ignore[misc]
            return scaled(y, rho.view(-1, *[1] * len(self.kernel_size)))
        return self._conv_forward(input, *rotated(rho, self.weight, self.bias))


def batched(layer: _ConvNd, x: Tensor) -> bool:
    return x.dim() == len(layer.kernel_size) + 2


def spatial(layer: _ConvNd, x: Tensor) -> tuple[int, ...]:
    return tuple(x.shape[-len(layer.kernel_size) :])


def reach(layer: _ConvNd) -> list[int]:
    """Size of the input patch that one output depends on."""
    return [d * (k - 1) + 1 for k, d in zip(layer.kernel_size, layer.dilation, strict=True)]


def has_zero_padding(layer: _ConvNd) -> bool:
    """Whether an output near the border sees zeros from outside."""
    if layer.padding_mode != "zeros":
        return False
    if isinstance(layer.padding, str):
        return layer.padding == "same" and prod(layer.kernel_size) > 1
    return any(layer.padding)


class AutoRotConv1d(_ConvRotation, nn.Conv1d):
    """torch.nn.Conv1d, rotated; input (N, C, W) or (C, W)."""


class AutoRotConv2d(_ConvRotation, nn.Conv2d):
    """torch.nn.Conv2d, rotated; input (N, C, H, W) or (C, H, W)."""


class AutoRotConv3d(_ConvRotation, nn.Conv3d):
    """torch.nn.Conv3d, rotated; input (N, C, D, H, W) or (C, D, H, W)."""


class AutoRotDepthwiseConv2d(_ConvRotation, DepthwiseConv2d):
    """afnlab.nn.DepthwiseConv2d, rotated; input (N, C, H, W) or (C, H, W)."""


class _TransposeRotation(Rotation):
    """Transposed convolutions: f(x_Q) varies with the border and the stride's phase, always."""

    @property
    def features(self) -> int:  # type: ignore[override]
        return self.in_channels  # type: ignore[attr-defined]

    def forward(self: Any, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        if is_symbol(input):
            return leaf(self, input, output_size)
        if not self.auto_rot:
            return super().forward(input, output_size)  # type: ignore[misc]
        one = self.constant(input, 1, self.in_channels, *spatial(self, input))
        y = super().forward(input, output_size)  # type: ignore[misc]
        size = None if output_size is None else list(y.shape[-len(self.kernel_size) :])
        rho = self.rho(super().forward(one, size))  # type: ignore[misc]
        return scaled(y, rho if batched(self, input) else rho[0])


class AutoRotConvTranspose1d(_TransposeRotation, nn.ConvTranspose1d):
    """torch.nn.ConvTranspose1d, rotated; input (N, C, W) or (C, W)."""


class AutoRotConvTranspose2d(_TransposeRotation, nn.ConvTranspose2d):
    """torch.nn.ConvTranspose2d, rotated; input (N, C, H, W) or (C, H, W)."""


class AutoRotConvTranspose3d(_TransposeRotation, nn.ConvTranspose3d):
    """torch.nn.ConvTranspose3d, rotated; input (N, C, D, H, W) or (C, D, H, W)."""


class _SeparableRotation(Rotation):
    """Separable convolutions: the whole is rotated, depthwise and pointwise together."""

    @property
    def features(self) -> int:  # type: ignore[override]
        return self.depthwise.in_channels  # type: ignore[attr-defined]

    def forward(self: Any, input: Tensor) -> Tensor:
        if is_symbol(input):
            return leaf(self, input)
        if not self.auto_rot:
            return super().forward(input)  # type: ignore[misc]
        first, last = self.depthwise, self.pointwise
        if has_zero_padding(first):
            one = self.constant(input, 1, self.features, *spatial(first, input))
            rho = self.rho(super().forward(one))  # type: ignore[misc]
            y = super().forward(input)  # type: ignore[misc]
            return scaled(y, rho if batched(first, input) else rho[0])
        middle = first(input)
        hooked = last._forward_pre_hooks or last._forward_hooks  # then it has to be called itself
        y = last(middle) if hooked else None
        x_q = self.probe
        if isinstance(x_q, Tensor):
            x_q = x_q.repeat_interleave(first.out_channels // self.features)
        at_probe = last.weight.flatten(1) @ (sum_of_row(first.weight) * x_q)
        rho = self.rho(at_probe if last.bias is None else at_probe + last.bias)
        if y is not None:
            return scaled(y, rho.view(-1, *[1] * len(last.kernel_size)))
        return last._conv_forward(middle, *rotated(rho, last.weight, last.bias))


class AutoRotSeparableConv1d(_SeparableRotation, SeparableConv1d):
    """afnlab.nn.SeparableConv1d, rotated; input (N, C, W) or (C, W)."""


class AutoRotSeparableConv2d(_SeparableRotation, SeparableConv2d):
    """afnlab.nn.SeparableConv2d, rotated; input (N, C, H, W) or (C, H, W)."""
