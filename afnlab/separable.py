"""Depthwise and separable convolutions, for which torch has no layers.

As Keras defines them: each input channel is filtered on its own, `depth_multiplier` times; the
separable ones then mix the channels with a 1 x 1 convolution, and add one bias at the end.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from afnlab.errors import shown

Size = int | tuple[int, ...]  # the same on every axis, or one for each


def _multiplier(value: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"depth_multiplier must be a whole number, 1 or more; got {shown(value)}")
    return value


class DepthwiseConv2d(nn.Conv2d):
    """Each channel filtered on its own, depth_multiplier times.

    Input (N, C, H, W) or (C, H, W), output (N, C depth_multiplier, H', W'). The other arguments are
    those of torch.nn.Conv2d.
    """

    def __init__(
        self,
        in_channels: int,
        kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int] = 1,
        padding: int | tuple[int, int] | str = 0,
        dilation: int | tuple[int, int] = 1,
        depth_multiplier: int = 1,
        bias: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(
            in_channels,
            in_channels * _multiplier(depth_multiplier),
            kernel_size,
            stride=stride,
            padding=padding,
            dilation=dilation,
            groups=in_channels,
            bias=bias,
            **options,
        )

    def extra_repr(self) -> str:
        c, out = self.in_channels, self.out_channels
        said = super().extra_repr().replace(f"{c}, {out}, ", f"{c}, ", 1)
        return said.replace(f", groups={c}", "", 1) + f", depth_multiplier={out // c}" * (out > c)


class _SeparableConv(nn.Module):
    conv: Callable[..., nn.Conv1d | nn.Conv2d]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size | str = 0,
        dilation: Size = 1,
        depth_multiplier: int = 1,
        bias: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        place = {"device": device, "dtype": dtype}
        middle = in_channels * _multiplier(depth_multiplier)
        where = {"stride": stride, "padding": padding, "dilation": dilation}
        self.depthwise = self.conv(
            in_channels, middle, kernel_size, groups=in_channels, bias=False, **where, **place
        )
        self.pointwise = self.conv(middle, out_channels, 1, bias=bias, **place)

    def reset_parameters(self) -> None:
        """Draw the weights of both parts anew."""
        self.depthwise.reset_parameters()
        self.pointwise.reset_parameters()

    def forward(self, x: Tensor) -> Tensor:
        return self.pointwise(self.depthwise(x))

    def extra_repr(self) -> str:
        first = self.depthwise
        times = first.out_channels // first.in_channels
        return f"depth_multiplier={times}" * (times > 1)


class SeparableConv1d(_SeparableConv):
    """Depthwise, then pointwise; input (N, C, W) or (C, W), output (N, out_channels, W')."""

    conv = nn.Conv1d


class SeparableConv2d(_SeparableConv):
    """Depthwise, then pointwise; input (N, C, H, W) or (C, H, W), output (N, out_channels, ...)."""

    conv = nn.Conv2d
