"""Recurrent networks with any activation in their cells.

torch's kernels have tanh inside (its RNN also ReLU). Here the activation takes the place that
`activation=` has in Keras: that of tanh, in the state of an RNN, in the candidate of a GRU, in the
candidate and before the output of an LSTM. Gates stay logistic. The layer only holds the weights,
so with tanh the numbers are those of torch's layer, rotated or not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from afnlab.autorot import AutoRotGRU, AutoRotLSTM, AutoRotRNN, input_limits
from afnlab.nn import ActivationModule
from afnlab.training.models import MakeActivation, keep_limit

LAYERS = {"rnn": AutoRotRNN, "lstm": AutoRotLSTM, "gru": AutoRotGRU}
State = tuple[Tensor, ...]  # what is handed on, the output first


class Unrolled(nn.Module):
    """A recurrent layer (batch first, one direction), step by step, which returns its last output.

    Args:
        cell: "rnn", "lstm" or "gru".
        inputs: the size of an element of a sequence.
        hidden: the size of the state.
        activation: what stands in the place of tanh.
        rotation: keywords of an Auto-Rotating layer: L, auto_rot.
    """

    def __init__(
        self, cell: str, inputs: int, hidden: int, activation: ActivationModule, **rotation: Any
    ) -> None:
        super().__init__()
        low, high = input_limits(activation.activation, 0.0, 1.0)
        rotation |= {"xmin_lim": low, "xmax_lim": high}
        layer: Any = LAYERS[cell](inputs, hidden, batch_first=True, **rotation)
        layer.unrolled = True  # so it can be stacked
        self.layer = layer
        self.activation = activation
        self.cell, self.hidden = cell, hidden

    def forward(self, x: Tensor) -> Tensor:
        w_ih, w_hh, b_ih, b_hh = self.layer.used_weights()
        step: Callable[[Tensor, Tensor, State], State] = getattr(self, f"_{self.cell}")
        seen = torch.nn.functional.linear(x, w_ih, b_ih)  # of all steps at once
        zero = x.new_zeros(len(x), self.hidden)
        state: State = (zero, zero) if self.cell == "lstm" else (zero,)
        for at in range(x.shape[1]):
            state = step(seen[:, at], torch.nn.functional.linear(state[0], w_hh, b_hh), state)
        return state[0]

    def _rnn(self, seen: Tensor, kept: Tensor, state: State) -> State:
        return (self.activation(seen + kept),)

    def _lstm(self, seen: Tensor, kept: Tensor, state: State) -> State:
        enter, forget, candidate, leave = (seen + kept).chunk(4, -1)
        content = forget.sigmoid() * state[1] + enter.sigmoid() * self.activation(candidate)
        return leave.sigmoid() * self.activation(content), content

    def _gru(self, seen: Tensor, kept: Tensor, state: State) -> State:
        gates, candidate = seen.split([2 * self.hidden, self.hidden], -1)
        kept_gates, kept_candidate = kept.split([2 * self.hidden, self.hidden], -1)
        reset, update = (gates + kept_gates).sigmoid().chunk(2, -1)
        new = self.activation(candidate + reset * kept_candidate)
        return (new + update * (state[0] - new),)


def sequence_classifier(inputs: int, hidden: int, classes: int) -> Callable[..., nn.Module]:
    """A recurrent layer that reads a sequence (batch, steps, inputs), and a linear read-out."""

    def build(
        activation: MakeActivation,
        cell: str = "rnn",
        auto_rot: bool = False,
        L: float | Tensor = 2.0,
    ) -> nn.Module:
        function = activation()
        assert isinstance(function, ActivationModule)
        read = Unrolled(cell, inputs, hidden, function, L=float(L), auto_rot=auto_rot)
        layer = read.layer
        assert isinstance(layer, nn.Module)
        keep_limit(layer, L)
        return nn.Sequential(read, nn.Linear(hidden, classes))

    return build
