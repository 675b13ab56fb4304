"""Training steps of the character transformer, beside the reference network's own code."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor

from afnlab.bench.nanogpt import GPT, Function
from afnlab.bench.timing import in_turn
from afnlab.feedforward import form_name
from afnlab.registry import get_activation
from afnlab.training.members import Member
from afnlab.training.memory import keep_freed_memory
from afnlab.training.options import resolve
from afnlab.training.plan import plan
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
STEPS, COMPARED = 10, 25  # that a rival takes in its turn; whose losses are compared


def measure(task: str, device: str = "cpu", rounds: int = 15) -> pd.DataFrame:
    """A row a feed-forward layer: milliseconds a step and model, and their ratio.

    Both train one network by one thread, with the same batches of the same size. The reference is
    nanoGPT's network in eager mode with torch's AdamW as it comes, which computes the padding too.
    losses differ by: the largest difference of the two, over 25 steps from the same weights.
    """
    rows = []
    with at_most(1):
        for name, form, function in LAYERS:
            ours, theirs = _rivals(get_task(task), name, form, function, device)
            pairs = [(ours(), theirs()) for _ in range(COMPARED)]
            differ = max(abs(float(a) - float(b)) for a, b in pairs)
            rivals = {"reference": _repeated(theirs), "afnlab": _repeated(ours)}
            times = in_turn(rivals, rounds, device=device)
            rows.append(
                {
                    "layer": form_name(name, form),
                    "reference, ms a step": 1e3 * times["reference"] / STEPS,
                    "afnlab, ms a step": 1e3 * times["afnlab"] / STEPS,
                    "times faster": times["reference"] / times["afnlab"],
                    "losses differ by": f"{differ:.0e}",
                }
            )
    return pd.DataFrame(rows)


def _rivals(
    task: Task, name: str, form: str, function: Function, device: str
) -> tuple[Callable[[], Tensor], Callable[[], Tensor]]:
    """A step of our training and one of the reference's, from the same weights on."""
    record = get_activation(name)
    options = resolve(task, record, {"form": form})
    how = replace(plan(task, record, options, device=device), epochs=10**6)
    stack = Stack.build(how, [Member(0, options)])
    stack.network.train()
    recorder = Recorder([0], stack, set())
    other = GPT(stack.network, function).to(device)  # type: ignore[arg-type]
    optimizer = torch.optim.AdamW(
        other.parameters(), lr=options.lr, weight_decay=options.weight_decay
    )
    own, same = _indices(stack), _indices(Stack.build(how, [Member(0, options)]))

    def ours() -> Tensor:
        return stack.step(next(own), recorder)

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
                step().item()

    return steps
