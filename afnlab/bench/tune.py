"""Tuning on the digits: candidates and seeds in one stack, beside one training after another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pandas as pd
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from afnlab import nn as activations
from afnlab.bench.timing import in_turn
from afnlab.bench.train import usual_epoch
from afnlab.training.data import Data
from afnlab.training.members import Member
from afnlab.training.options import resolve
from afnlab.training.plan import configure, plan
from afnlab.training.recorder import Recorder
from afnlab.training.stack import Stack
from afnlab.training.tasks import get_task

TASK, SEEDS, CANDIDATES = "digits-mlp", 12, 16
SIZES = (64, 64, 32, 10)  # of its network
USUAL: dict[str, Callable[[], nn.Module]] = {"relu": nn.ReLU, "srelu": activations.SReLU}


def usual_loop(data: Data, activation: Callable[[], nn.Module], device: str) -> Callable:
    """An epoch of one model as a tutorial has it, on a data set that lies in memory."""
    recipe = get_task(TASK).recipe
    pairs = TensorDataset(data.train_x, data.train_y)
    loader = DataLoader(pairs, batch_size=recipe.batch_size, shuffle=True)
    first, *inner, last = SIZES
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise((first, *inner)):
        layers += [nn.Linear(inputs, outputs), activation()]
    model = nn.Sequential(*layers, nn.Linear(inner[-1], last)).to(device)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=recipe.lr, weight_decay=recipe.weight_decay
    )
    return usual_epoch(model, loader, optimizer, device)


def stacked(activation: str, candidates: int, device: str) -> tuple[Callable, Stack]:
    """An epoch of so many candidates, each with its own learning rate, and 12 seeds of each."""
    task, record = get_task(TASK), activations.module_class(activation).activation
    rates = [task.recipe.lr * 1.3**i for i in range(candidates)]
    options = [resolve(task, record, {"lr": rate}) for rate in rates]
    how = plan(configure(task, record, device=device))
    members = [Member(seed, own) for own in options for seed in range(SEEDS)]
    # Epochs without end: a benchmark takes as many as it needs.
    stack = Stack.build(replace(how, epochs=10**6), members)
    recorder = Recorder(range(len(members)), stack, set())
    return lambda: stack.epoch(recorder), stack


def products(stack: Stack) -> Callable:
    """The matrix products of an epoch, forward and backward, and nothing else."""
    count, batch = stack.size, stack.batch_size
    pairs = []
    for inputs, outputs in pairwise(SIZES):
        x = torch.randn(count, batch, inputs, device=stack.test_x.device)
        weight = torch.randn(count, outputs, inputs, device=stack.test_x.device)
        grad = torch.randn(count, batch, outputs, device=stack.test_x.device)
        pairs.append((x, weight, grad))

    def epoch() -> None:
        for _ in range(stack.steps_per_epoch):
            for at, (x, weight, grad) in enumerate(pairs):
                torch.bmm(x, weight.mT)
                torch.bmm(grad.mT, x)
                if at:
                    torch.bmm(grad, weight)

    return epoch


def measure(device: str = "cpu", rounds: int = 15) -> pd.DataFrame:
    """One row per activation: milliseconds an epoch and model of each way, and their ratios."""
    rows = []
    for name, usual in USUAL.items():
        torch.manual_seed(0)
        one, stack = stacked(name, 1, device)
        every, whole = stacked(name, CANDIDATES, device)
        data = get_task(TASK).data()
        rivals = {
            "usual": usual_loop(data, usual, device),
            "one": one,
            "all": every,
            "products": products(whole),
        }
        times = in_turn(rivals, rounds, device=device)
        each = {
            "usual": times["usual"],
            "one": times["one"] / stack.size,
            "all": times["all"] / whole.size,
            "products": times["products"] / whole.size,
        }
        rows.append(
            {
                "activation": name,
                "usual loop, ms a model": 1000 * each["usual"],
                f"{SEEDS} seeds of one candidate, ms": 1000 * each["one"],
                f"{SEEDS} seeds x {CANDIDATES} candidates, ms": 1000 * each["all"],
                "matrix products alone, ms": 1000 * each["products"],
                "times the usual loop": each["usual"] / each["all"],
                "times one candidate": each["one"] / each["all"],
                "of the products": each["all"] / each["products"],
            }
        )
    return pd.DataFrame(rows)
