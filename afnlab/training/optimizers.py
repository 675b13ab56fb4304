"""Optimizers by name, over stacked parameters: all are elementwise, so members are independent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import cos, pi

import torch
from torch import Tensor

from afnlab.native.adam import StackedAdam, serves
from afnlab.training.update_rules import SGD, Adam, Group, KerasRMSprop, Optimizer, RMSprop

ADAM_MOMENTUM = 0.9


@dataclass(frozen=True)
class OptimizerSettings:
    """What an optimizer needs to know of a training: stacked parameters by name, and its length.

    schedule: see `Airbench` and `NanoGPT`; the others keep their learning rate. momentum: the decay
    of the mean gradient (Adam's first beta); None: the optimizer's own.
    """

    params: dict[str, Tensor]
    buffers: dict[str, Tensor]
    lr: float
    weight_decay: float
    batch_size: int
    steps_per_epoch: int
    steps: int
    schedule: tuple[float, float, float] | None = None
    momentum: float | None = None

    @property
    def groups(self) -> list[Group]:
        """All parameters, at one rate."""
        return [Group(list(self.params.values()), self.lr, self.weight_decay)]

    @property
    def betas(self) -> tuple[float, float]:
        """Of Adam."""
        return (ADAM_MOMENTUM if self.momentum is None else self.momentum, 0.999)


class PerMember:
    """An optimizer whose learning rate and weight decay differ between the members of a stack.

    An `Optimizer` has one learning rate per tensor. Its steps are proportional to it, so an
    optimizer with learning rate 1 computes the steps of tensors of zeros, and each member takes its
    own multiple of them. `StackedAdam` does without, where it serves.

    Args:
        make: the optimizer, of a `OptimizerSettings`.
        setting: of the stack; its lr and weight_decay are not used.
        lr, weight_decay: a number for each member.
        decoupled: whether the decay shrinks the parameters (AdamW), or is added to the gradients.
    """

    def __init__(
        self,
        make: Callable[[OptimizerSettings], Optimizer],
        setting: OptimizerSettings,
        lr: Sequence[float],
        weight_decay: Sequence[float],
        decoupled: bool,
    ) -> None:
        self.params, self.decoupled = list(setting.params.values()), decoupled
        self.steps = [torch.zeros_like(p) for p in self.params]
        named = dict(zip(setting.params, self.steps, strict=True))
        self.inner = make(replace(setting, params=named, lr=1.0, weight_decay=0.0))
        rates, decays = torch.tensor([lr, weight_decay], dtype=torch.float64)
        decays = decays * rates if decoupled else decays
        self.lr = [_column(rates, p) for p in self.params]
        self.decay = [_column(decays, p) for p in self.params] if decays.any() else None

    @property
    def state(self) -> dict[Tensor, Mapping[str, object]]:
        return {
            **self.inner.state,
            **{p: {"step": s} for p, s in zip(self.params, self.steps, strict=True)},
        }

    @torch.no_grad()
    def step(self) -> None:
        torch._foreach_zero_(self.steps)
        for i, (p, step) in enumerate(zip(self.params, self.steps, strict=True)):
            step.grad = p.grad
            if self.decay is not None and p.grad is not None and not self.decoupled:
                step.grad = torch.addcmul(p.grad, p, self.decay[i])
        self.inner.step()
        for i, (p, step) in enumerate(zip(self.params, self.steps, strict=True)):
            if p.grad is None:
                continue
            if self.decay is not None and self.decoupled:
                p.addcmul_(p, self.decay[i], value=-1)
            p.addcmul_(step, self.lr[i])


class InParts:
    """An optimizer for each part of a stack, whose members follow one another.

    Args:
        name: of the optimizer.
        setting: of the stack.
        rates: of each part, the (learning rate, weight decay) of its members.
    """

    def __init__(
        self, name: str, setting: OptimizerSettings, rates: Sequence[Sequence[tuple[float, float]]]
    ) -> None:
        self.params, self.sizes = list(setting.params.values()), [len(pairs) for pairs in rates]
        self.views = [p.detach().split(self.sizes) for p in self.params]
        self.parts = []
        for pairs, *views in zip(rates, *self.views, strict=True):
            params = dict(zip(setting.params, views, strict=True))
            self.parts.append(optimizer(name, replace(setting, params=params), [pairs]))

    @property
    def state(self) -> dict[Tensor, Mapping[str, object]]:
        return {p: values for part in self.parts for p, values in part.state.items()}

    def step(self) -> None:
        for p, views in zip(self.params, self.views, strict=True):
            grads = p.grad.split(self.sizes) if p.grad is not None else len(views) * [None]
            for view, grad in zip(views, grads, strict=True):
                view.grad = grad
        for part in self.parts:
            part.step()


def _column(values: Tensor, like: Tensor) -> Tensor:
    """A number for each member, to be multiplied with a stacked tensor."""
    return values.to(like.device, like.dtype).view(-1, *[1] * (like.dim() - 1))


class Airbench(SGD):
    """Nesterov SGD as in cifar10-airbench (Jordan 2024), on losses summed over the batch.

    lr and weight decay are stated for 1,024 examples and separate from the momentum; biases of
    normalizations have a learning rate 64 times as high; the whitening layer's bias is constant
    after three epochs. Over the steps the learning rate changes linearly from schedule[0] of lr to
    lr, after a share of schedule[1], and then to schedule[2] of it. Every five steps parameters and
    running statistics become their slow average (lookahead), which follows ever less closely; at
    the end they are that average.
    """

    MOMENTUM, BIAS_FACTOR, RESTS_AFTER, EVERY, SLOWEST = 0.85, 64.0, 3, 5, 0.95**5

    def __init__(self, setting: OptimizerSettings) -> None:
        momentum = self.MOMENTUM if setting.momentum is None else setting.momentum
        kilostep = 1024 * (1 + 1 / (1 - momentum))
        lr = setting.lr / kilostep
        decay = setting.weight_decay * setting.batch_size / kilostep
        biases = [p for n, p in setting.params.items() if "norm" in n]
        others = [p for n, p in setting.params.items() if "norm" not in n]
        self.peaks = (lr * self.BIAS_FACTOR, lr)
        groups = [
            Group(params, peak, decay / peak)
            for params, peak in zip((biases, others), self.peaks, strict=True)
        ]
        super().__init__(groups, momentum, nesterov=momentum > 0)
        self.setting, self.done = setting, 0
        self.resting = [p for n, p in setting.params.items() if n.endswith("whiten.bias")]
        tensors = (*setting.params.values(), *setting.buffers.values())
        self.fast = [t.detach() for t in tensors if t.is_floating_point()]
        self.slow = [t.clone() for t in self.fast]

    @property
    def rate(self) -> float:
        """The learning rate at this step, as a share of lr."""
        first, share, last = self.setting.schedule or (1.0, 0.0, 1.0)
        rising = int(self.setting.steps * share)
        if self.done < rising:
            return first + (1 - first) * self.done / rising
        return 1 + (last - 1) * (self.done - rising) / (self.setting.steps - rising)

    @torch.no_grad()
    def step(self) -> None:
        for group, peak in zip(self.groups, self.peaks, strict=True):
            group.lr = peak * self.rate
        if self.done >= self.RESTS_AFTER * self.setting.steps_per_epoch:
            for p in self.resting:
                p.grad = None
        super().step()
        self.done += 1
        if self.done % self.EVERY == 0:
            decay = self.SLOWEST * (self.done / self.setting.steps) ** 3
            for slow, fast in zip(self.slow, self.fast, strict=True):
                fast.copy_(slow.lerp_(fast, 1 - decay))
        if self.done == self.setting.steps:
            for slow, fast in zip(self.slow, self.fast, strict=True):
                fast.copy_(slow)


class NanoGPT(Adam):
    """AdamW as nanoGPT uses it: matrices decay alone, gradients are clipped, the rate has a cosine.

    The second average decays by 0.99 a step. The learning rate grows linearly up to a share
    schedule[1] of the steps and then follows half a cosine down to schedule[2] of it; schedule[0]
    is not used: it grows from 0. Each member's gradients together have a norm of at most 1.
    """

    SECOND, LARGEST_NORM = 0.99, 1.0

    def __init__(self, setting: OptimizerSettings) -> None:
        self.trained = list(setting.params.values())
        matrices = [p for p in self.trained if p.dim() > 2]  # stacked
        others = [p for p in self.trained if p.dim() <= 2]
        groups = [Group(matrices, setting.lr, setting.weight_decay), Group(others, setting.lr)]
        super().__init__(groups, (setting.betas[0], self.SECOND), decoupled=True)
        self.setting, self.done = setting, 0

    @property
    def rate(self) -> float:
        """The learning rate at this step, as a share of lr."""
        _, share, last = self.setting.schedule or (0.0, 0.0, 1.0)
        rising = round(self.setting.steps * share)
        if self.done < rising:
            return (self.done + 1) / (rising + 1)
        progress = (self.done - rising) / max(self.setting.steps - rising, 1)
        return last + (1 - last) * (1 + cos(pi * progress)) / 2

    @torch.no_grad()
    def step(self) -> None:
        grads = [p.grad for p in self.trained if p.grad is not None]
        norms = torch.stack([g.flatten(1).norm(dim=1) for g in grads]).norm(dim=0)
        factors = (self.LARGEST_NORM / (norms + 1e-6)).clamp(max=1.0)
        for grad in grads:
            grad.mul_(_column(factors, grad))
        for group in self.groups:
            group.lr = self.setting.lr * self.rate
        super().step()
        self.done += 1


# AdamW's weight decay is decoupled; Adam's is added to the gradient (L2), of every parameter.
OPTIMIZERS: dict[str, Callable[[OptimizerSettings], Optimizer]] = {
    "adamw": lambda s: Adam(s.groups, s.betas, decoupled=True),
    "adam": lambda s: Adam(s.groups, s.betas, decoupled=False),
    "sgd": lambda s: SGD(s.groups, s.momentum or 0.0, fused=True),
    "rmsprop": lambda s: RMSprop(s.groups, s.momentum or 0.0),
    "rmsprop-keras": lambda s: KerasRMSprop(s.groups),
    "airbench": Airbench,
    "nanogpt": NanoGPT,
}
SCHEDULED = (Airbench, NanoGPT)  # whose learning rate changes from step to step
DECOUPLED, WITHOUT_MOMENTUM, ONE_RATE = ("adamw",), ("rmsprop-keras",), ("airbench", "nanogpt")
ADAMS = ("adam", "adamw")

AnyOptimizer = Optimizer | StackedAdam | PerMember | InParts


def optimizer(
    name: str, setting: OptimizerSettings, rates: Sequence[Sequence[tuple[float, float]]]
) -> AnyOptimizer:
    """The optimizer of a stack; rates: of each of its parts, as in `InParts`."""
    if len(rates) > 1:
        return InParts(name, setting, rates)
    if len(set(rates[0])) == 1:
        lr, weight_decay = rates[0][0]
        return OPTIMIZERS[name](replace(setting, lr=lr, weight_decay=weight_decay))
    lrs, decays = zip(*rates[0], strict=True)
    params, decoupled = setting.params.values(), name in DECOUPLED
    if name in ADAMS and serves(params):
        return StackedAdam(params, lrs, decays, decoupled, setting.betas)
    return PerMember(OPTIMIZERS[name], setting, lrs, decays, decoupled)
