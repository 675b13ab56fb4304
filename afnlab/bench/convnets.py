"""Training steps of the convolutional networks, beside the usual loop and the machine's limit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torch.utils.flop_counter import FlopCounterMode

from afnlab.bench.pictures import Items
from afnlab.bench.timing import in_turn
from afnlab.training.data import Data
from afnlab.training.members import Member
from afnlab.training.memory import keep_freed_memory
from afnlab.training.plan import DTYPES, configure, plan
from afnlab.training.recorder import Recorder
from afnlab.training.stack import Stack
from afnlab.training.tasks import Task, get_task

ACTIVATION = {"cifar100-convnet": "relu", "cifar10-airbench94": "gelu"}
TORCH: dict[str, Callable[[], nn.Module]] = {"relu": nn.ReLU, "gelu": nn.GELU}
PRECISIONS = ("float32", "bfloat16")
STEPS = {"cifar100-convnet": 8, "cifar10-airbench94": 2}  # that a rival takes in its turn
SIDE = 2048  # of the square matrices that tell the machine's speed

Batches = Iterator[tuple[Tensor, Tensor]]


def measure(task: str, device: str = "cpu", rounds: int = 15) -> pd.DataFrame:
    """One row per way to train: seconds per epoch, the usual loop's too; share of the matrix speed.

    "usual loop": as apec-afn's script and most tutorials have it, a Dataset whose items go through
    Pillow, a DataLoader, the network channels first, with what memory the system gives. "original"
    (of airbench): its network channels last, and batches from pictures that lie in memory as
    floats, as its script has them, in float32. The others are afnlab's, with all that the recipe
    asks for. An epoch is so many of its steps; evaluation is left out everywhere.
    share: the floating-point operations of the products of a step, over its time, as a share of
    what products of large matrices reach in the same type.

    Ours begins each turn with fresh memory, which a training does once; so its ratios are too
    high rather than too low.
    """
    chosen, name = get_task(task), ACTIVATION[task]
    torch.manual_seed(0)
    stacks = {dtype: stack_of(chosen, name, dtype, device) for dtype in PRECISIONS}
    data = chosen.data()
    rivals: dict[str, Callable[[], object]] = {"usual loop": usual_loop(chosen, data, name, device)}
    if chosen.recipe.augment is not None:
        rivals["original"] = from_memory(chosen, data, name, device)
    rivals |= {dtype: ours(stack, STEPS[task]) for dtype, stack in stacks.items()}
    rivals |= {f"product, {dtype}": product(DTYPES[dtype], device) for dtype in PRECISIONS}
    times = in_turn(rivals, rounds, device=device)

    work = operations(stacks["float32"])
    rows = []
    for way in [way for way in times if not way.startswith("product")]:
        step = times[way] / STEPS[task]
        row: dict[str, object] = {"task": task, "way": way, "s per step": step}
        row["s per epoch"] = step * stacks["float32"].steps_per_epoch
        row |= {f"of {r}": times[way] / times[r] for r in ("usual loop", "original") if r in times}
        dtype = way if way in PRECISIONS else "float32"
        row["share"] = work / step / (2 * SIDE**3 / times[f"product, {dtype}"])
        rows.append(row)
    return pd.DataFrame(rows)


def stack_of(task: Task, activation: str, dtype: str, device: str) -> Stack:
    """The engine's network of one seed, for epochs without end: a benchmark takes what it needs."""
    config = configure(task, activation, device=device, dtype=dtype)
    return Stack.build(replace(plan(config), epochs=10**6), [Member(0, config.options)])


def usual_loop(task: Task, data: Data, activation: str, device: str) -> Callable[[], object]:
    """Steps over a DataLoader, the network channels first."""
    items = Items(data, data.mean, data.std)
    loader = DataLoader(items, batch_size=task.recipe.batch_size, shuffle=True)
    return _steps(task, task.model(TORCH[activation]), _again(loader), device)


def from_memory(task: Task, data: Data, activation: str, device: str) -> Callable[[], object]:
    """Steps over pictures in memory, the network channels last."""
    channels_last: Any = {"memory_format": torch.channels_last}
    x, y = data.floats(data.train_x).to(device, **channels_last), data.train_y.to(device)
    network = task.model(TORCH[activation]).to(**channels_last)

    def batches() -> Batches:
        while True:
            for index in torch.randperm(len(y), device=device).split(task.recipe.batch_size):
                yield x[index], y[index]

    return _steps(task, network, batches(), device)


def _again(loader: DataLoader) -> Batches:
    while True:
        yield from loader


def _steps(task: Task, network: nn.Module, batches: Batches, device: str) -> Callable[[], object]:
    """Steps with torch's own optimizers; for the time that they take, no more."""
    recipe, network = task.recipe, network.to(device)
    trained = [p for p in network.parameters() if p.requires_grad]
    if recipe.optimizer == "adam":
        optimizer: torch.optim.Optimizer = torch.optim.Adam(
            trained, recipe.lr, weight_decay=recipe.weight_decay
        )
    else:
        optimizer = torch.optim.SGD(trained, 1e-4, momentum=0.85, nesterov=True)

    def steps() -> None:
        for _ in range(STEPS[task.name]):
            x, y = next(batches)
            loss = F.cross_entropy(
                network(x.to(device)), y.to(device), label_smoothing=recipe.label_smoothing
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            loss.item()

    return steps


def ours(stack: Stack, steps: int) -> Callable[[], object]:
    """So many steps of the engine, which keeps freed memory meanwhile."""
    recorder = Recorder([0], stack, set())

    def indices() -> Iterator[Tensor]:
        while True:
            stack.train.next_epoch()
            yield from stack.batches()

    following = indices()

    def take() -> None:
        stack.network.train()
        with keep_freed_memory():
            for _ in range(steps):
                stack.step(next(following), recorder)

    return take


def product(dtype: torch.dtype, device: str) -> Callable[[], object]:
    """A product of large matrices."""
    a, b = (torch.randn(SIDE, SIDE, device=device).to(dtype) for _ in range(2))
    return lambda: a @ b


def operations(stack: Stack) -> int:
    """The floating-point operations of the products of a step."""
    with FlopCounterMode(display=False) as counted:
        ours(stack, steps=1)()
    return counted.get_total_flops()
