"""Tuning: candidates and seeds in one stack, beside one training after another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import ceil

import pandas as pd
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from afnlab import nn as activations
from afnlab.bench.timing import in_turn
from afnlab.bench.train import usual_epoch
from afnlab.training.engine import train_members
from afnlab.training.members import Member
from afnlab.training.memory import keep_freed_memory
from afnlab.training.options import Options, choice, resolve
from afnlab.training.plan import Plan, configure, plan
from afnlab.training.recorder import Recorder
from afnlab.training.stack import Stack
from afnlab.training.tasks import Task, get_task

SEEDS = 12
CANDIDATES = {"digits-mlp": 16, "mnist-mlp": 2}  # by task: so many that an epoch takes seconds
EPOCHS = {"digits-mlp": 40, "mnist-mlp": 1}  # of whole trainings, by task: half a minute or less
WHOLE_ROUNDS = 5  # a whole training is timed in one round of so many
USUAL: dict[str, Callable[[], nn.Module]] = {"relu": nn.ReLU, "srelu": activations.SReLU}
TIMES, OF_PRODUCTS = "times the usual loop (goal: 10)", "of the products (goal: 1.5 at most)"
OF_TRAININGS = "whole trainings, times one candidate (goal: 2)"


def usual_loop(task: Task, activation: Callable[[], nn.Module], device: str) -> Callable:
    """An epoch of one model as a tutorial has it, on a data set that lies in memory."""
    recipe, data = task.recipe, task.data()
    pairs = TensorDataset(data.floats(data.train_x), data.train_y)
    loader = DataLoader(pairs, batch_size=recipe.batch_size, shuffle=True)
    model = task.model(activation).to(device)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=recipe.lr, weight_decay=recipe.weight_decay
    )
    return usual_epoch(model, loader, optimizer, device)


def _candidates(task: Task, activation: str, count: int, device: str) -> tuple[Plan, list[Options]]:
    """The plan of a training, and the options of so many candidates, each with its own rate."""
    record = activations.module_class(activation).activation
    rates = [task.recipe.lr * 1.3**i for i in range(count)]
    options = [resolve(task, record, {"lr": rate}) for rate in rates]
    return plan(configure(task, record, device=device), curves=False), options  # as tunings have it


def stacked(task: Task, activation: str, candidates: int, device: str) -> tuple[Callable, Stack]:
    """An epoch of so many candidates, each with its own learning rate, and 12 seeds of each."""
    how, options = _candidates(task, activation, candidates, device)
    members = [Member(seed, setting) for seed in range(SEEDS) for setting in options]
    # Epochs without end: a benchmark takes as many as it needs.
    stack = Stack.build(replace(how, epochs=10**6), members)
    recorder = Recorder(range(len(members)), stack, set())
    return lambda: stack.epoch(recorder), stack


def trainings(task: Task, activation: str, candidates: int, device: str) -> dict[str, Callable]:
    """Whole trainings, from the initial weights to the one evaluation, after the last epoch.

    Args:
        task, activation, device: what is trained, and where.
        candidates: how many there are, with 12 seeds each.

    Returns:
        "apart": all candidates, one after another; "together": all in one stack.
    """
    how, options = _candidates(task, activation, candidates, device)
    how = replace(how, epochs=EPOCHS[task.name])

    def train(settings: list[Options]) -> None:
        members = [Member(seed, setting) for setting in settings for seed in range(SEEDS)]
        seeds = [member.seed for member in members]
        train_members(how, members, seeds, progress=False)

    def one() -> None:
        for setting in options:
            train([setting])

    return {"apart": one, "together": lambda: train(options)}


def products(stack: Stack) -> Callable:
    """The matrix products of an epoch, forward and backward, and nothing else."""
    pairs = []
    for weight in (p for name, p in stack.params.items() if name.endswith("weight")):
        count, outputs, inputs = weight.shape
        x = torch.randn(count, stack.batch_size, inputs, device=weight.device)
        grad = torch.randn(count, stack.batch_size, outputs, device=weight.device)
        pairs.append((x, weight.detach().clone(), grad))

    def epoch() -> None:
        for _ in range(stack.steps_per_epoch):
            for at, (x, weight, grad) in enumerate(pairs):
                torch.bmm(x, weight.mT)
                torch.bmm(grad.mT, x)
                if at:
                    torch.bmm(grad, weight)

    return epoch


def measure(device: str = "cpu", rounds: int = 15, task: str | None = None) -> pd.DataFrame:
    """One row per task and activation: milliseconds per model of each way, and ratios.

    Milliseconds are of an epoch, or of a whole training of EPOCHS where the column says so.

    task: the only one, of CANDIDATES.
    """
    if task is not None:
        choice(task, "task", CANDIDATES)
    tasks = CANDIDATES if task is None else (task,)
    return pd.DataFrame([_row(get_task(t), a, device, rounds) for t in tasks for a in USUAL])


@keep_freed_memory()
def _row(task: Task, name: str, device: str, rounds: int) -> dict[str, object]:
    torch.manual_seed(0)
    one, stack = stacked(task, name, 1, device)
    every, whole = stacked(task, name, CANDIDATES[task.name], device)
    rivals = {
        "usual": usual_loop(task, USUAL[name], device),
        "one": one,
        "all": every,
        "products": products(whole),
    }
    times = in_turn(rivals, rounds, device=device)
    long = trainings(task, name, CANDIDATES[task.name], device)
    times |= in_turn(long, ceil(rounds / WHOLE_ROUNDS), device=device)
    models = dict.fromkeys(times, whole.size) | {"usual": 1, "one": stack.size}
    each = {way: seconds / models[way] for way, seconds in times.items()}
    return {
        "task": task.name,
        "activation": name,
        "candidates": CANDIDATES[task.name],
        "usual loop, ms per model": 1000 * each["usual"],
        f"{SEEDS} seeds of one candidate, ms": 1000 * each["one"],
        f"{SEEDS} seeds of all candidates, ms": 1000 * each["all"],
        "matrix products alone, ms": 1000 * each["products"],
        TIMES: each["usual"] / each["all"],
        "times one candidate": each["one"] / each["all"],
        OF_PRODUCTS: each["all"] / each["products"],
        "whole trainings one candidate at a time, ms per model": 1000 * each["apart"],
        "whole trainings together, ms per model": 1000 * each["together"],
        OF_TRAININGS: each["apart"] / each["together"],
    }
