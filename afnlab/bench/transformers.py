"""Training steps of the character transformer, beside the reference network's own code."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor

from afnlab.bench.nanogpt import GPT, Function
from afnlab.bench.timing import in_turn
from afnlab.feedforward import form_name
from afnlab.training.initial import build
from afnlab.training.members import Member
from afnlab.training.memory import keep_freed_memory
from afnlab.training.plan import configure, plan
from afnlab.training.recorder import Recorder
from afnlab.training.stack import Stack
from afnlab.training.tasks import Task, get_task
from afnlab.training.threads import at_most

TASKS = ("names-gpt",)
LAYERS: tuple[tuple[str, str, Function], ...] = (
    ("gelu", "plain", F.gelu),
    ("relu", "squared", F.relu),
    ("swish", "gated", F.silu),
)
SEEDS = 12
STEPS, COMPARED = 4, 25  # that a rival takes in its turn; whose losses are compared


def measure(task: str, device: str = "cpu", rounds: int = 15) -> pd.DataFrame:
    """A row a feed-forward layer: milliseconds of processor time a step and model, and their ratio.

    The reference is nanoGPT's network in eager mode with torch's AdamW as it comes, one model,
    which computes the padding too. Ours trains twelve seeds together. Both have one thread and the
    same batches. The time is the processor's, which other processes disturb least (on a GPU it is
    elapsed time). losses differ by: the largest difference between the reference and our first
    seed, over 25 steps from the same weights.
    """
    rows = []
    with at_most(1):
        for name, form, function in LAYERS:
            ours, theirs = rivals(get_task(task), name, form, function, device)
            pairs = [(float(ours()[0]), float(theirs())) for _ in range(COMPARED)]
            differ = max(abs(a - b) for a, b in pairs)
            calls = {"reference": _repeated(theirs), "afnlab": _repeated(ours)}
            clock = time.thread_time if device == "cpu" else time.perf_counter
            times = in_turn(calls, rounds, device=device, clock=clock)
            row: dict[str, object] = {"layer": form_name(name, form)}
            row |= {"reference, ms per step": 1e3 * times["reference"] / STEPS}
            row |= {f"{SEEDS} seeds, ms per step and model": 1e3 * times["afnlab"] / STEPS / SEEDS}
            row |= {"times faster": SEEDS * times["reference"] / times["afnlab"]}
            rows.append(row | {"losses differ by": f"{differ:.0e}"})
    return pd.DataFrame(rows)


def rivals(
    task: Task, name: str, form: str, function: Function, device: str
) -> tuple[Callable[[], Tensor], Callable[[], Tensor]]:
    """A step of our seeds, and one of the reference from the weights and batches of the first."""
    config = configure(task, name, params={"form": form}, device=device)
    how, options = replace(plan(config), epochs=10**6), config.options
    stack = Stack.build(how, [Member(seed, options) for seed in range(SEEDS)])
    stack.network.train()
    recorder = Recorder(range(SEEDS), stack, set())
    start = build(task, config.activation, options, 0, how.data.inputs)
    other = GPT(start, function).to(device)  # type: ignore[arg-type]
    optimizer = torch.optim.AdamW(
        other.parameters(), lr=options.lr, weight_decay=options.weight_decay
    )
    mine, same = _indices(stack), _indices(Stack.build(how, [Member(0, options)]))

    def ours() -> Tensor:
        return stack.step(next(mine), recorder)

    def theirs() -> Tensor:
        index = next(same)[0]
        loss = other(stack.train.x[index], stack.train.y[index])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return ours, theirs


def _indices(stack: Stack) -> Iterator[Tensor]:
    while True:
        yield from stack.batches()


def _repeated(step: Callable[[], Tensor]) -> Callable[[], None]:
    """Steps of a training, which keeps freed memory meanwhile and looks at the loss."""

    def steps() -> None:
        with keep_freed_memory():
            for _ in range(STEPS):
                step().tolist()

    return steps
