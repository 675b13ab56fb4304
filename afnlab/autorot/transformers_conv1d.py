"""The Auto-Rotating form of transformers' Conv1D, a linear layer whose weights are transposed.

Imported where transformers is in use; `auto_rotate` converts such layers.
"""

from __future__ import annotations

from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from afnlab.autorot.linear import rotated_linear
from afnlab.autorot.rotation import Rotation
from afnlab.symbolic import is_symbol, leaf


class AutoRotTransformersConv1D(Rotation, Conv1D):
    """transformers' Conv1D(nf, nx), rotated; input (..., nx), output (..., nf)."""

    __repr__ = nn.Module.__repr__

    @property
    def features(self) -> int:  # type: ignore[override]
        return self.nx

    def forward(self, x: Tensor) -> Tensor:
        if is_symbol(x):
            return leaf(self, x)
        if not self.auto_rot:
            return super().forward(x)
        return rotated_linear(self, x, self.weight.t(), self.bias)
