"""The networks of a stack: one seed each, and options that may differ as far as a stack allows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain, groupby
from math import gcd

import torch
from torch import Tensor

from afnlab.training.optimizers import ONE_RATE
from afnlab.training.options import Options

# Options in which the members of a stack may differ: the optimizer's rates, and what shapes where
# a network starts, which each does by itself anyway.
_RATES, _STARTS = ("lr", "weight_decay"), ("init", "init_scale")


@dataclass(frozen=True)
class Member:
    """One network of a stack: its seed and its options.

    part: members of one part of a stack share an optimizer, so that their numbers are to the last
    bit those of the part alone.
    """

    seed: int
    options: Options
    part: int = 0

    @property
    def rates(self) -> tuple[float, float]:
        """Learning rate and weight decay."""
        return self.options.lr, self.options.weight_decay


def stacks(members: Sequence[Member]) -> list[list[int]]:
    """Positions of the members that can be trained in one stack, a list for each stack.

    Members of a stack may differ in their seed, learning rate, weight decay, initial weights and in
    continuous parameters of the activation; members that differ in anything else are in other
    stacks. In a stack those of one part and seed follow one another, see `sharing`.
    """
    groups: dict[str, dict[tuple[int, int], list[int]]] = {}
    for at, member in enumerate(members):
        group = groups.setdefault(repr(_alike(member)), {})
        group.setdefault((member.part, member.seed), []).append(at)
    return [list(chain.from_iterable(group.values())) for group in groups.values()]


def sharing(members: Sequence[Member]) -> int:
    """How many members in a row have one seed, and so the same batches, throughout a stack.

    1 in a stack of several parts, whose numbers are to be those of each part alone.
    """
    if len({member.part for member in members}) > 1:
        return 1
    return gcd(*(len(list(run)) for _, run in groupby(members, lambda member: member.seed)))


def _alike(member: Member) -> list[object]:
    """What has to be the same for all members of a stack."""
    options, part = member.options, member.part
    apart = {*_STARTS, "activation", "model"}
    if options.optimizer not in ONE_RATE:
        apart, part = apart | set(_RATES), 0
    same = [getattr(options, n) for n in Options.__dataclass_fields__ if n not in apart]
    whole = {n: v for n, v in options.activation.items() if not isinstance(v, (float, Tensor))}
    model = {n: v for n, v in options.model.items() if not isinstance(v, Tensor)}
    return [part, same, sorted(options.activation), sorted(whole.items()), sorted(model.items())]


def aligned(members: Sequence[Member]) -> list[Member]:
    """The members, with the activation's parameters in which they differ as tensors.

    A tensor becomes a buffer of the network, which is stacked like its weights. It is in double
    precision, and so exact, until it is converted to the type of the network.
    """
    values: dict[str, set[float]] = {}
    for member in members:
        for name, value in member.options.activation.items():
            if isinstance(value, float):
                values.setdefault(name, set()).add(value)
    differ = {name for name, numbers in values.items() if len(numbers) > 1}
    return [_with_tensors(member, differ) for member in members] if differ else list(members)


def _with_tensors(member: Member, names: set[str]) -> Member:
    parameters = member.options.activation
    tensors = {
        n: torch.tensor(parameters[n], dtype=torch.float64) for n in names if n in parameters
    }
    return replace(member, options=replace(member.options, activation=parameters | tensors))


def with_tensor(options: Options, part: str, name: str) -> Options:
    """The options with a value as a tensor, in which the members of a stack may differ.

    It takes the type of the network with it; until then it has all its digits.

    Args:
        options: of a member.
        part: "model" or "activation", which the value is of.
        name: the value's.
    """
    values = getattr(options, part)
    tensor = torch.tensor(values[name], dtype=torch.float64)
    return replace(options, **{part: values | {name: tensor}})
