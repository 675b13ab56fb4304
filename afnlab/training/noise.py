"""Noise for stochastic activations, the same for a seed alone and in a stack."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from afnlab.nn import ActivationModule
from afnlab.training.streams import generator, sent


def activation_modules(network: nn.Module) -> Iterator[tuple[str, ActivationModule]]:
    """The activations inside a network, with their names in it."""
    for name, module in network.named_modules():
        if isinstance(module, ActivationModule):
            yield name, module


def _float_type(network: nn.Module, example: Tensor) -> torch.dtype:
    """The type of the examples, or of the parameters where the examples are integers."""
    floating = [t for t in (example, *network.parameters()) if t.is_floating_point()]
    return floating[0].dtype


class Noise:
    """Uniform noise for the stochastic activations, drawn per seed from a stream of its own.

    Each forward pass takes its noise from one pool, in the order of its calls, so that a member of
    a stack has the noise that it would have alone.
    """

    def __init__(self, network: nn.Module, example: Tensor, seeds: Sequence[int]) -> None:
        sites = [m for _, m in activation_modules(network) if m.activation.stochastic]
        self.per_example = self._count(network, sites, example)
        self.generators = [generator(s, "noise") for s in seeds]
        self.dtype, self.device = _float_type(network, example), example.device
        self.load(None)
        for module in sites:
            module.noise = self.take

    @staticmethod
    def _count(network: nn.Module, sites: list[ActivationModule], example: Tensor) -> int:
        """Values of noise that one example needs."""
        if not sites:
            return 0
        count = 0

        def probe(x: Tensor) -> Tensor:
            nonlocal count
            count += x.numel()
            return torch.zeros_like(x)

        for module in sites:
            module.noise = probe
        network.train()
        with torch.no_grad():  # several examples, since batch normalization refuses one
            network(example)
        return count // len(example)

    def draw(self, batch: int) -> Tensor | None:
        """A pool for one step, (seeds, values); None if no activation is stochastic."""
        if not self.per_example:
            return None
        size = self.per_example * batch
        drawn = [torch.rand(size, generator=g, dtype=self.dtype) for g in self.generators]
        return sent(torch.stack(drawn), self.device)

    def load(self, pool: Tensor | None) -> None:
        self.pool, self.taken = pool, 0

    def take(self, x: Tensor) -> Tensor:
        """The next values for x: one member's (inside vmap), or all members' where the pool is."""
        assert self.pool is not None
        count = x.numel() if self.pool.dim() == 1 else x[0].numel()
        part = self.pool[..., self.taken : self.taken + count]
        self.taken += count
        return part.reshape(x.shape)
