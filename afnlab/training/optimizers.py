"""Optimizers by name, over stacked parameters: all are elementwise, so members do not mix."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import torch
from torch import Tensor

RMS_DECAY, RMS_EPS = 0.9, 1e-7
ADAM_MOMENTUM = 0.9


@dataclass(frozen=True)
class Setting:
    """What an optimizer may know of a training: stacked parameters by name, and its length.

    schedule: see `Airbench`; the others keep their learning rate. momentum: the decay of the mean
    gradient (Adam's first beta); None: the optimizer's own. groups: the parameters by learning
    rate, weight decay and momentum, in which members may differ; Airbench takes the first three.
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
    groups: Sequence[Mapping[str, Any]] = field(default=(), repr=False)

    @property
    def capturable(self) -> bool:
        """Whether its steps are to be captured as a graph: on a GPU."""
        return any(p.is_cuda for p in self.params.values())


class RateGroup:
    """Slices of stacked parameters that share a learning rate, weight decay and momentum.

    A slice is a tensor of its own to an optimizer, and the same memory as the stack's.
    """

    def __init__(
        self, params: Mapping[str, Tensor], part: slice, rates: tuple[float | None, ...]
    ) -> None:
        self.params, self.part = list(params.values()), part
        self.lr, self.weight_decay, self.momentum = rates
        whole = all(part == slice(0, len(p)) for p in self.params)
        self.slices = self.params if whole else [p.detach()[part] for p in self.params]

    def take_gradients(self) -> None:
        """Give the slices their part of the stack's gradients."""
        for p, own in zip(self.params, self.slices, strict=True):
            if own is not p:
                own.grad = None if p.grad is None else p.grad[self.part]

    @property
    def settings(self) -> dict[str, Any]:
        names = ("lr", "weight_decay", "momentum")
        return {"params": self.slices, **{name: getattr(self, name) for name in names}}


def rate_groups(
    params: Mapping[str, Tensor], rates: Sequence[tuple[float | None, ...]]
) -> list[RateGroup]:
    """One group for each stretch of members with the same rates (lr, weight decay, momentum)."""
    groups, at = [], 0
    for own, stretch in groupby(rates):
        count = len(list(stretch))
        groups.append(RateGroup(params, slice(at, at + count), own))
        at += count
    return groups


class KerasRMSprop(torch.optim.Optimizer):
    """RMSprop with eps under the root, p -= lr g / sqrt(v + eps), as Keras has it since 2.11.

    torch.optim.RMSprop divides by sqrt(v) + eps. With eps = 1e-7 the difference shows where
    gradients are small: the step is bounded by lr g / 3e-4 here, and by lr sqrt(10) there.
    """

    def __init__(self, params: Iterable[Any], lr: float, weight_decay: float = 0.0) -> None:
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                grad = p.grad.add(p, alpha=group["weight_decay"])
                state = self.state[p]
                if not state:
                    state["square"] = torch.zeros_like(p)
                square = state["square"].mul_(RMS_DECAY).addcmul_(grad, grad, value=1 - RMS_DECAY)
                p.addcmul_(grad, (square + RMS_EPS).rsqrt_(), value=-group["lr"])


class Airbench(torch.optim.SGD):
    """Nesterov SGD as cifar10-airbench has it (Jordan 2024), on losses summed over the batch.

    lr and weight decay are stated for 1,024 examples and apart from the momentum; biases of
    normalisations learn 64 times faster; the whitening layer's bias rests after three epochs. Over
    the steps the rate goes in lines from schedule[0] of lr to lr, after a share of schedule[1], and
    to schedule[2] of it. Every five steps parameters and running statistics become their slow
    average (lookahead), which follows ever less closely; at the end they are that average.
    """

    MOMENTUM, BIAS_FACTOR, RESTS_AFTER, EVERY, SLOWEST = 0.85, 64.0, 3, 5, 0.95**5

    def __init__(self, setting: Setting) -> None:
        momentum = self.MOMENTUM if setting.momentum is None else setting.momentum
        kilostep = 1024 * (1 + 1 / (1 - momentum))
        lr = setting.lr / kilostep
        decay = setting.weight_decay * setting.batch_size / kilostep
        biases = [p for n, p in setting.params.items() if "norm" in n]
        others = [p for n, p in setting.params.items() if "norm" not in n]
        groups = [
            {"params": params, "lr": rate, "peak": rate, "weight_decay": decay / rate}
            for params, rate in ((biases, lr * self.BIAS_FACTOR), (others, lr))
            if params
        ]
        super().__init__(groups, lr=lr, momentum=momentum, nesterov=momentum > 0)
        self.setting, self.done = setting, 0
        self.resting = [p for n, p in setting.params.items() if n.endswith("whiten.bias")]
        tensors = (*setting.params.values(), *setting.buffers.values())
        self.fast = [t.detach() for t in tensors if t.is_floating_point()]
        self.slow = [t.clone() for t in self.fast]

    @property
    def rate(self) -> float:
        """The share of the learning rate at this step."""
        first, share, last = self.setting.schedule or (1.0, 0.0, 1.0)
        rising = int(self.setting.steps * share)
        if self.done < rising:
            return first + (1 - first) * self.done / rising
        return 1 + (last - 1) * (self.done - rising) / (self.setting.steps - rising)

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            group["lr"] = group["peak"] * self.rate
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


def _adamw(s: Setting) -> torch.optim.Optimizer:
    return torch.optim.AdamW(_with_betas(s), fused=True, capturable=s.capturable)


def _adam(s: Setting) -> torch.optim.Optimizer:
    return torch.optim.Adam(_with_betas(s), fused=True, capturable=s.capturable)


def _with_betas(s: Setting) -> list[dict[str, Any]]:
    """The groups, their momentum as Adam's first beta."""
    found = []
    for group in s.groups:
        own = dict(group)
        momentum = own.pop("momentum")
        found.append(own | {"betas": (ADAM_MOMENTUM if momentum is None else momentum, 0.999)})
    return found


def _rmsprop(s: Setting) -> torch.optim.Optimizer:
    groups = [{**group, "momentum": group["momentum"] or 0.0} for group in s.groups]
    return torch.optim.RMSprop(groups, alpha=RMS_DECAY, eps=RMS_EPS, capturable=s.capturable)


def _keras(s: Setting) -> torch.optim.Optimizer:
    groups = [{n: v for n, v in group.items() if n != "momentum"} for group in s.groups]
    return KerasRMSprop(groups, lr=s.lr)


# AdamW's weight decay is decoupled; Adam's is added to the gradient (L2), of every parameter.
OPTIMIZERS: dict[str, Callable[[Setting], torch.optim.Optimizer]] = {
    "adamw": _adamw,
    "adam": _adam,
    "rmsprop": _rmsprop,
    "rmsprop-keras": _keras,
    "airbench": Airbench,
}
WITHOUT_MOMENTUM = ("rmsprop-keras",)
