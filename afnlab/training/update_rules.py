"""Adam, SGD and RMSprop: torch's update rules over groups of parameters.

The first instance of a torch.optim.Optimizer imports torch's compiler, which takes longer (1.5 s)
than a short training. torch's update rules are also functions, and these import nothing: the
optimizers here keep the averages, call those functions, and take the same steps to the last bit.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.optim.adam import adam
from torch.optim.rmsprop import rmsprop
from torch.optim.sgd import sgd

from afnlab.native.adam import EPS

RMS_DECAY, RMS_EPS = 0.9, 1e-7


@dataclass
class Group:
    """Parameters that have a learning rate and a weight decay in common."""

    params: Sequence[Tensor]
    lr: float
    weight_decay: float = 0.0


class Optimizer(ABC):
    """Changes the parameters of its groups by their gradients; without a gradient they stay.

    Attributes:
        groups: may be given other rates from step to step.
        state: of each parameter, the tensors that a step changes, by name.
    """

    def __init__(self, groups: Iterable[Group]) -> None:
        self.groups = list(groups)
        self.state: defaultdict[Tensor, dict[str, Tensor]] = defaultdict(dict)

    @torch.no_grad()
    def step(self) -> None:
        for group in self.groups:
            params = [p for p in group.params if p.grad is not None]
            if params:
                self.update(group, params, [p.grad for p in params if p.grad is not None])

    @abstractmethod
    def update(self, group: Group, params: list[Tensor], grads: list[Tensor]) -> None:
        """Change these parameters of a group."""

    def averages(
        self,
        name: str,
        params: list[Tensor],
        make: Callable[[Tensor], Tensor] = torch.zeros_like,
    ) -> list[Tensor]:
        """The tensors of one name in the state of these parameters, made where there is none."""
        for p in params:
            if name not in self.state[p]:
                self.state[p][name] = make(p)
        return [self.state[p][name] for p in params]

    def steps(self, params: list[Tensor]) -> list[Tensor]:
        """How many steps each of them has taken, where a GPU's graph can count on."""
        return self.averages("step", params, lambda p: torch.zeros((), device=p.device))


class Adam(Optimizer):
    """Adam, or AdamW where the weight decay is decoupled.

    Args:
        groups: what it changes.
        betas: how much of the averages of gradients, and of their squares, remains after a step.
        decoupled: whether the decay shrinks the parameters (AdamW), or is added to the gradients.
    """

    def __init__(
        self, groups: Iterable[Group], betas: tuple[float, float], decoupled: bool
    ) -> None:
        super().__init__(groups)
        self.betas, self.decoupled = betas, decoupled

    def update(self, group: Group, params: list[Tensor], grads: list[Tensor]) -> None:
        adam(
            params,
            grads,
            self.averages("mean", params),
            self.averages("square", params),
            [],
            self.steps(params),
            fused=True,
            capturable=params[0].is_cuda,
            decoupled_weight_decay=self.decoupled,
            amsgrad=False,
            beta1=self.betas[0],
            beta2=self.betas[1],
            lr=group.lr,
            weight_decay=group.weight_decay,
            eps=EPS,
            maximize=False,
        )


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum if it is not 0.

    Args:
        groups: what it changes.
        momentum: how much of the last step is added to the next.
        nesterov: whether the gradient looks ahead by it.
        fused: whether all is done in one pass over the memory; None: as torch's own does.
    """

    def __init__(
        self,
        groups: Iterable[Group],
        momentum: float = 0.0,
        nesterov: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(groups)
        self.momentum, self.nesterov, self.fused = momentum, nesterov, fused

    def update(self, group: Group, params: list[Tensor], grads: list[Tensor]) -> None:
        velocities = self.averages("velocity", params) if self.momentum else []
        sgd(
            params,
            grads,
            [*velocities],
            fused=self.fused,
            weight_decay=group.weight_decay,
            momentum=self.momentum,
            lr=group.lr,
            dampening=0.0,
            nesterov=self.nesterov,
            maximize=False,
        )


class RMSprop(Optimizer):
    """RMSprop as torch has it, which divides by sqrt(v) + eps.

    Args:
        groups: what it changes.
        momentum: how much of the last step is added to the next.
    """

    def __init__(self, groups: Iterable[Group], momentum: float = 0.0) -> None:
        super().__init__(groups)
        self.momentum = momentum

    def update(self, group: Group, params: list[Tensor], grads: list[Tensor]) -> None:
        rmsprop(
            params,
            grads,
            self.averages("square", params),
            [],
            self.averages("velocity", params) if self.momentum else [],
            self.steps(params),
            capturable=params[0].is_cuda,
            lr=group.lr,
            alpha=RMS_DECAY,
            eps=RMS_EPS,
            weight_decay=group.weight_decay,
            momentum=self.momentum,
            centered=False,
        )


class KerasRMSprop(Optimizer):
    """RMSprop with eps under the root, p -= lr g / sqrt(v + eps), as in Keras since 2.11.

    With eps = 1e-7 it differs from `RMSprop` where gradients are small: the step is bounded by
    lr g / 3e-4 here, and by lr sqrt(10) there.
    """

    def update(self, group: Group, params: list[Tensor], grads: list[Tensor]) -> None:
        for p, grad, square in zip(params, grads, self.averages("square", params), strict=True):
            decayed = grad.add(p, alpha=group.weight_decay)
            square.mul_(RMS_DECAY).addcmul_(decayed, decayed, value=1 - RMS_DECAY)
            p.addcmul_(decayed, (square + RMS_EPS).rsqrt_(), value=-group.lr)
