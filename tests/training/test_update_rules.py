"""The optimizers of stacks, against torch.optim."""

from __future__ import annotations

import pytest
import torch

from afnlab.training.optimizers import NanoGPT, OptimizerSettings
from afnlab.training.update_rules import SGD, Adam, Group, Optimizer, RMSprop

RATES = ({"lr": 0.03, "weight_decay": 0.1}, {"lr": 0.2, "weight_decay": 0.0})
RULES = {
    "adam": (
        lambda groups: Adam(groups, (0.8, 0.99), decoupled=False),
        lambda groups: torch.optim.Adam(groups, betas=(0.8, 0.99), fused=True),
    ),
    "adamw": (
        lambda groups: Adam(groups, (0.9, 0.999), decoupled=True),
        lambda groups: torch.optim.AdamW(groups, fused=True),
    ),
    "sgd": (SGD, torch.optim.SGD),
    "fused sgd": (
        lambda groups: SGD(groups, fused=True),
        lambda groups: torch.optim.SGD(groups, fused=True),
    ),
    "momentum": (
        lambda groups: SGD(groups, 0.9, fused=True),
        lambda groups: torch.optim.SGD(groups, momentum=0.9, fused=True),
    ),
    "nesterov": (
        lambda groups: SGD(groups, 0.85, nesterov=True),
        lambda groups: torch.optim.SGD(groups, momentum=0.85, nesterov=True),
    ),
    "rmsprop": (
        RMSprop,
        lambda groups: torch.optim.RMSprop(groups, alpha=0.9, eps=1e-7),
    ),
    "rmsprop with momentum": (
        lambda groups: RMSprop(groups, 0.5),
        lambda groups: torch.optim.RMSprop(groups, alpha=0.9, eps=1e-7, momentum=0.5),
    ),
}


def tensors():
    draws = torch.Generator().manual_seed(0)
    return [torch.randn(3, n, generator=draws, requires_grad=True) for n in (1, 40, 7)]


@pytest.mark.parametrize("rule", RULES)
def test_the_same_bits_as_torch(rule):
    """With parameters that get no gradient, never, or at some steps only, and a changed rate."""
    ours, torchs = RULES[rule]
    mine, others = tensors(), tensors()
    splits = (slice(0, 1), slice(1, 3))
    made: Optimizer = ours([Group(mine[s], **r) for s, r in zip(splits, RATES, strict=True)])
    other = torchs([{"params": others[s], **r} for s, r in zip(splits, RATES, strict=True)])
    draws = torch.Generator().manual_seed(1)
    for at in range(6):
        for i, (p, q) in enumerate(zip(mine, others, strict=True)):
            grad = torch.randn(p.shape, generator=draws)
            p.grad, q.grad = (grad, grad.clone()) if i != 2 or at in (0, 1, 4) else (None, None)
        made.groups[1].lr = other.param_groups[1]["lr"] = 0.2 / (1 + at)
        made.step()
        other.step()
    assert all(torch.equal(p, q) for p, q in zip(mine, others, strict=True))
    assert not torch.equal(mine[0], tensors()[0])


def test_matrices_alone_decay_in_nanogpt():
    params = {"matrix": torch.ones(2, 3, 3), "bias": torch.ones(2, 3)}
    for p in params.values():
        p.requires_grad_().grad = torch.zeros_like(p)
    NanoGPT(OptimizerSettings(params, {}, 0.1, 0.5, 8, 10, 10)).step()
    assert (params["matrix"] < 1).all()
    assert (params["bias"] == 1).all()
