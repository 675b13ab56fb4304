"""Training beside the usual loop: of ten MNIST networks at once, of a convnet, of a transformer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pandas as pd
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader

from afnlab import nn as activations
from afnlab.bench import convnets, transformers
from afnlab.bench.pictures import Items
from afnlab.bench.timing import in_turn
from afnlab.training.data import Data
from afnlab.training.members import Member
from afnlab.training.options import choice
from afnlab.training.plan import configure, plan
from afnlab.training.recorder import Recorder
from afnlab.training.stack import Stack
from afnlab.training.tasks import get_task

TASK, SEEDS = "mnist-mlp", 10
# What one would write in torch; SReLU has no module there.
USUAL: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "swish": nn.SiLU,
    "srelu": activations.SReLU,
}


def usual_loop(data: Data, activation: Callable[[], nn.Module], device: str) -> Callable:
    """An epoch of one model as a tutorial has it: Dataset, DataLoader, AdamW as it comes."""
    loader = DataLoader(Items(data), batch_size=256, shuffle=True)
    layers = (nn.Linear(784, 128), activation(), nn.Linear(128, 64), activation())
    model = nn.Sequential(*layers, nn.Linear(64, 10)).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=1e-4)
    return usual_epoch(model, loader, optimizer, device)


def usual_epoch(
    model: nn.Module, loader: DataLoader, optimizer: torch.optim.Optimizer, device: str
) -> Callable[[], float]:
    """An epoch over a loader as one writes it; the mean loss of its examples."""

    def epoch() -> float:
        total, count = 0.0, 0
        for inputs, labels in loader:
            x, y = inputs.to(device).view(len(inputs), -1), labels.to(device)
            loss = F.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(y)
            count += len(y)
        return total / count

    return epoch


def stacked(activation: str, device: str) -> tuple[Callable, Data]:
    """An epoch of ten seeds by the engine, and the data it trains on."""
    task, record = get_task(TASK), activations.module_class(activation).activation
    config = configure(task, record, seeds=SEEDS, device=device)
    how = plan(config)
    members = [Member(seed, config.options) for seed in config.seeds]
    # Epochs without end: a benchmark takes as many as it needs.
    stack = Stack.build(replace(how, epochs=10**6), members)
    recorder = Recorder(range(SEEDS), stack, set())
    return lambda: stack.epoch(recorder), how.data


def measure(device: str = "cpu", rounds: int = 15, task: str = TASK) -> pd.DataFrame:
    """One row per activation: seconds per epoch and model, and their ratio.

    task: a convolutional one instead, see `afnlab.bench.convnets.measure`, or a transformer, see
        `afnlab.bench.transformers.measure`.
    """
    if task != TASK:
        choice(task, "task", (TASK, *convnets.ACTIVATION, *transformers.TASKS))
        if task in transformers.TASKS:
            return transformers.measure(task, device, rounds)
        return convnets.measure(task, device, rounds)
    rows = []
    for name, usual in USUAL.items():
        torch.manual_seed(0)
        epoch, data = stacked(name, device)
        rivals = {"usual": usual_loop(data, usual, device), "stacked": epoch}
        times = in_turn(rivals, rounds, device=device)
        each = times["stacked"] / SEEDS
        rows.append(
            {
                "activation": name,
                "usual loop, s per model": times["usual"],
                f"{SEEDS} seeds together, s per model": each,
                "times faster": times["usual"] / each,
            }
        )
    return pd.DataFrame(rows)
