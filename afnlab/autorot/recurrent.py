"""Auto-Rotating recurrent layers.

The sources name these layers and never published them, so this is afnlab's reading: x_Q stands for
every input and every hidden feature, and each row of each gate gets its own
rho = L / (|x_Q (sum W_ih + sum W_hh) + b_ih + b_hh| + eps), applied to that row's pre-activation.
GRU's candidate is probed with its reset gate at 1; the projection of an LSTM is no gate and stays.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from afnlab.autorot.rotation import Rotation, rotated, sum_of_row
from afnlab.symbolic import is_symbol, leaf


class _RecurrentRotation(Rotation):
    """Rotates the gates' rows, then calls torch's fused kernels; no loop in time."""

    def forward(self: Any, input: object, hx: object = None) -> Any:
        if is_symbol(input):
            return leaf(self, input, hx)
        if not self.auto_rot:
            return super().forward(input, hx)  # type: ignore[misc]
        return super(_RecurrentRotation, self._rotated()).forward(input, hx)  # type: ignore[misc]

    def used_weights(self: Any) -> list[Tensor]:
        """The weights that a call uses, in torch's order: rotated, if `auto_rot` is on."""
        if self.auto_rot:
            return self._rotated_weights()
        return [getattr(self, name) for name in self._flat_weights_names]

    def _rotated(self: Any) -> object:
        """A copy of this layer for one call, so that calls of several threads are independent.

        It refers to no parameters, or torch would look whether its weights are still those, and
        put them back: parametrized ones are new tensors each time.
        """
        weights = self._rotated_weights()
        copy = object.__new__(type(self))
        copy.__dict__.update(self.__dict__)
        copy.__dict__.update(_flat_weights=weights, _flat_weight_refs=[None] * len(weights))
        return copy

    def _rotated_weights(self: Any) -> list[Tensor]:
        tensors: dict[str, Tensor] = {}
        for names in self._all_weights:  # one list for each layer and direction
            w_ih, w_hh = (getattr(self, name) for name in names[:2])
            b_ih, b_hh = (getattr(self, n) for n in names[2:4]) if self.bias else (None, None)
            at_probe = self.probe * (sum_of_row(w_ih) + sum_of_row(w_hh))
            if self.bias:
                at_probe = at_probe + b_ih + b_hh
            rho = self.rho(at_probe)
            values = [*rotated(rho, w_ih, b_ih), *rotated(rho, w_hh, b_hh)]
            order = [values[0], values[2], *([values[1], values[3]] if self.bias else [])]
            order += [getattr(self, name) for name in names[len(order) :]]  # the projection
            tensors |= dict(zip(names, order, strict=True))
        if next(iter(tensors.values())).is_cuda:
            tensors = _in_one_buffer(tensors)
        return [tensors[name] for name in self._flat_weights_names]


def _in_one_buffer(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors as views of one buffer, matrices first, as cuDNN lays them out."""
    names = sorted(tensors, key=lambda name: tensors[name].dim() == 1)
    flat = torch.cat([tensors[name].reshape(-1) for name in names])
    parts = flat.split([tensors[name].numel() for name in names])
    return {n: part.view_as(tensors[n]) for n, part in zip(names, parts, strict=True)}


class AutoRotRNN(_RecurrentRotation, nn.RNN):
    """torch.nn.RNN, rotated; see this module for what x_Q is here."""


class AutoRotLSTM(_RecurrentRotation, nn.LSTM):
    """torch.nn.LSTM, rotated; see this module for what x_Q is here."""


class AutoRotGRU(_RecurrentRotation, nn.GRU):
    """torch.nn.GRU, rotated; see this module for what x_Q is here."""
