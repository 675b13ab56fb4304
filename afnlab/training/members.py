"""The networks of a stack: a seed each, and options that may differ as far as a stack allows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from afnlab.training.options import Options

# What an optimizer may be told for each member apart, in the order in which members are sorted.
RATES = ("lr", "weight_decay", "momentum")
# These shape where a network starts, which each member does by itself anyway.
_STARTS = ("init", "init_scale")


@dataclass(frozen=True)
class Member:
    """One network of a stack: its seed and its options."""

    seed: int
    options: Options

    @property
    def rates(self) -> tuple[float | None, ...]:
        return tuple(getattr(self.options, name) for name in RATES)


def stacks(members: Sequence[Member]) -> list[list[int]]:
    """Positions of the members that can be trained in one stack, a list for each stack.

    Members of a stack may differ in their seed, learning rate, weight decay, momentum, initial
    weights and in continuous parameters of the activation. Those with the same rates are side by
    side, so that the optimizer has few groups. The airbench optimizer keeps one rate for all.
    """
    found: dict[str, list[int]] = {}
    for at, member in enumerate(members):
        found.setdefault(repr(_alike(member.options)), []).append(at)
    return [sorted(part, key=lambda at: _order(members[at])) for part in found.values()]


def _order(member: Member) -> tuple[float, ...]:
    return tuple(-1.0 if rate is None else rate for rate in member.rates)


def _alike(options: Options) -> list[Any]:
    """What has to be the same for all members of a stack."""
    apart = {*_STARTS, *RATES, "activation", "model"}
    if options.optimizer == "airbench":
        apart -= set(RATES)
    names = [n for n in Options.__dataclass_fields__ if n not in apart]
    whole = {n: v for n, v in options.activation.items() if not isinstance(v, (float, Tensor))}
    model = {n: v for n, v in options.model.items() if not isinstance(v, Tensor)}
    same = [getattr(options, name) for name in names]
    return [same, sorted(options.activation), sorted(whole.items()), sorted(model.items())]


def aligned(members: Sequence[Member]) -> list[Member]:
    """The members, with the activation's parameters in which they differ as tensors.

    A tensor becomes a buffer of the network, which is stacked like its weights; as double precision
    it has all its digits until it takes the type of the network.
    """
    values: dict[str, set[float]] = {}
    for member in members:
        for name, value in member.options.activation.items():
            if isinstance(value, float):
                values.setdefault(name, set()).add(value)
    differ = {name for name, found in values.items() if len(found) > 1}
    return [_with_tensors(member, differ) for member in members] if differ else list(members)


def _with_tensors(member: Member, names: set[str]) -> Member:
    own = member.options.activation
    tensors = {n: torch.tensor(own[n], dtype=torch.float64) for n in names if n in own}
    return replace(member, options=replace(member.options, activation=own | tensors))
