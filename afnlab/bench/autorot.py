"""What a training step of an Auto-Rotating layer costs, beside the plain layer and two passes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import pandas as pd
import torch
from torch import Tensor, nn

from afnlab import autorot
from afnlab.autorot.convert import PLAIN
from afnlab.bench.timing import in_turn
from afnlab.training.memory import keep_freed_memory

Outputs = Tensor | tuple[Tensor, ...]  # a recurrent layer returns several


@dataclass(frozen=True)
class Case:
    """A layer and its input; rho is a vector or a map."""

    layer: type[nn.Module]
    arguments: tuple
    shape: tuple[int, ...]
    rho: str = "vector"
    settings: tuple[tuple[str, object], ...] = ()

    @property
    def label(self) -> str:
        words = [*map(str, self.arguments), *(f"{k}={v}" for k, v in self.settings)]
        return f"{self.layer.__name__}({', '.join(words)})"


PAD = (("padding", 1),)
CASES = (
    Case(autorot.AutoRotLinear, (512, 512), (128, 512)),
    Case(autorot.AutoRotLinear, (1024, 1024), (128, 1024)),
    Case(autorot.AutoRotRNN, (128, 128), (32, 128, 128)),
    Case(autorot.AutoRotLSTM, (128, 128), (32, 128, 128)),
    Case(autorot.AutoRotGRU, (128, 128), (32, 128, 128)),
    Case(autorot.AutoRotConv1d, (64, 64, 5), (128, 64, 64)),
    Case(autorot.AutoRotConv2d, (32, 32, 3), (128, 32, 16, 16)),
    Case(autorot.AutoRotConv2d, (32, 32, 3), (128, 32, 16, 16), "map", PAD),
    Case(autorot.AutoRotConv3d, (8, 16, 3), (128, 8, 8, 8, 8)),
    Case(autorot.AutoRotConv3d, (8, 16, 3), (128, 8, 8, 8, 8), "map", PAD),
    Case(autorot.AutoRotConvTranspose1d, (64, 64, 5), (128, 64, 64), "map"),
    Case(autorot.AutoRotConvTranspose2d, (32, 32, 3), (128, 32, 16, 16), "map"),
    Case(autorot.AutoRotConvTranspose3d, (16, 8, 3), (128, 16, 6, 6, 6), "map"),
    Case(autorot.AutoRotSeparableConv1d, (64, 64, 5), (128, 64, 128)),
    Case(autorot.AutoRotSeparableConv2d, (32, 64, 3), (128, 32, 16, 16)),
    Case(autorot.AutoRotSeparableConv2d, (32, 64, 3), (128, 32, 16, 16), "map", PAD),
    Case(autorot.AutoRotDepthwiseConv2d, (32, 3), (128, 32, 24, 24)),
    Case(autorot.AutoRotDepthwiseConv2d, (32, 3), (128, 32, 24, 24), "map", PAD),
)


def two_passes(plain: nn.Module, x: Tensor, L: float = 4.0) -> Tensor:
    """The published way: the layer on the batch, and on a constant batch of the same size."""
    y, at_probe = (_first(plain(value)) for value in (x, torch.full_like(x, 2.0)))
    return L / (at_probe.abs() + 1e-5) * y


def _first(output: Outputs) -> Tensor:
    return output[0] if isinstance(output, tuple) else output


def step(
    forward: Callable[[Tensor], Outputs], x: Tensor, inputs: list[Tensor]
) -> Callable[[], object]:
    """One training step's work: forward, and backward to inputs and parameters."""
    gradient = torch.randn_like(_first(forward(x)))
    return lambda: torch.autograd.grad(_first(forward(x)), inputs, gradient)


@keep_freed_memory()
def measure(device: str = "cpu", rounds: int = 15) -> pd.DataFrame:
    """One row per case: plain milliseconds, ratios of the rotated layer and of two passes to it.

    The process keeps freed memory, see `afnlab.training.memory`.
    """
    rows = []
    for case in CASES:
        torch.manual_seed(0)
        rotated = case.layer(*case.arguments, **dict(case.settings)).to(device)
        plain = PLAIN[case.layer](*case.arguments, **dict(case.settings)).to(device)
        plain.load_state_dict(rotated.state_dict())
        x = torch.randn(case.shape, device=device, requires_grad=True)
        rivals = {
            "plain": step(plain, x, [x, *plain.parameters()]),
            "rotated": step(rotated, x, [x, *rotated.parameters()]),
            "two passes": step(partial(two_passes, plain), x, [x, *plain.parameters()]),
        }
        times = in_turn(rivals, rounds, device=device)
        rows.append(
            {
                "layer": case.label,
                "input": "x".join(map(str, case.shape)),
                "rho": case.rho,
                "plain ms": 1000 * times["plain"],
                "rotated / plain": times["rotated"] / times["plain"],
                "two passes / plain": times["two passes"] / times["plain"],
            }
        )
    return pd.DataFrame(rows)
