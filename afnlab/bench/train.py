"""An epoch of training beside the usual loop: of ten MNIST networks at once, or of a convnet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from afnlab import nn as activations
from afnlab.bench.timing import in_turn
from afnlab.training.data import Data
from afnlab.training.engine import plan
from afnlab.training.members import Member
from afnlab.training.options import choice, resolve
from afnlab.training.record import Recorder
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


class Items(Dataset):
    """Pictures one by one, each through Pillow, scaled and standardised when it is asked for.

    What torchvision's data sets do with the transforms ToTensor and, with a mean and deviation for
    each channel, Normalize. Where there is no Pillow they are spared the detour.
    """

    def __init__(
        self, data: Data, mean: Sequence[float] = (0.1307,), std: Sequence[float] = (0.3081,)
    ) -> None:
        x = data.train_x
        x = x.permute(0, 2, 3, 1) if x.dim() == 4 else x.view(-1, 28, 28)  # colours come last
        self.x, self.y = x.contiguous().numpy(), data.train_y.tolist()
        self.mean, self.std = mean, std
        self.picture: Callable[[np.ndarray], object] = lambda x: x
        with suppress(ImportError):
            from PIL import Image  # noqa: PLC0415

            self.picture = Image.fromarray

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, i: int) -> tuple[Tensor, int]:
        picture = torch.from_numpy(np.array(self.picture(self.x[i]), copy=True))
        channels = picture.unsqueeze(0) if picture.dim() == 2 else picture.permute(2, 0, 1)
        x = channels.contiguous().float().div(255)
        if self.mean:
            mean, std = (torch.tensor(v).view(-1, 1, 1) for v in (self.mean, self.std))
            x = x.clone().sub_(mean).div_(std)
        return x, self.y[i]


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
    options = resolve(task, record, {})
    how = plan(task, record, options, device=device)
    members = [Member(seed, options) for seed in range(SEEDS)]
    # Epochs without end: a benchmark takes as many as it needs.
    stack = Stack(task, record, members, how.data, how.device, how.dtype, epochs=10**6)
    recorder = Recorder(range(SEEDS), stack, set())
    return lambda: stack.epoch(recorder), how.data


def measure(device: str = "cpu", rounds: int = 15, task: str = TASK) -> pd.DataFrame:
    """A row an activation: seconds an epoch and model, and their ratio.

    task: one of the convolutional ones instead, see `afnlab.bench.convnets.measure`.
    """
    if task != TASK:
        from afnlab.bench import convnets  # noqa: PLC0415

        choice(task, "task", (TASK, *convnets.ACTIVATION))
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
                "usual loop, s a model": times["usual"],
                f"{SEEDS} seeds together, s a model": each,
                "times faster": times["usual"] / each,
            }
        )
    return pd.DataFrame(rows)
