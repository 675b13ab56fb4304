"""All seeds at once: the seeds' networks are stacked and trained as one batched model.

Whatever the activation, one seed means the same initial weights and the same batches, so results
are paired by seed. A single run is a stack of one.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from afnlab.clamping import inward_clamp
from afnlab.spec import Activation, get_activation
from afnlab.training import progress as progress_bars
from afnlab.training.data import Data
from afnlab.training.initial import build, generator, stream
from afnlab.training.noise import Noise, activation_modules
from afnlab.training.optimizers import OPTIMIZERS
from afnlab.training.options import Options, resolve, seed_list, whole
from afnlab.training.record import Recorder, Result
from afnlab.training.tasks import Task, get_task

DTYPES = {"float32": torch.float32, "float64": torch.float64}
EVALUATION_BATCH = 2048


def train(
    task: str | Task,
    activation: str | Activation,
    *,
    params: Mapping[str, Any] | None = None,
    seeds: int | Iterable[int] = 10,
    epochs: int | None = None,
    device: str | torch.device | None = None,
    dtype: str = "float32",
    limit_train: int | None = None,
    limit_test: int | None = None,
    record: Iterable[str] = (),
    keep_weights: bool = False,
    progress: bool | None = None,
) -> Result:
    """Train a task's network with an activation, for all seeds at once.

    task, activation: names, references to a user's own (`path/my.py:name`), or records.
    params: the activation's parameters, the task's (lr, weight_decay, batch_size, init, sites,
        split) and `trainable`; see `afnlab.training.options.resolve`.
    seeds: how many (10 means 0 to 9), or a list of them.
    epochs: None means the task's own number. device: None means CUDA where there is one.
    limit_train, limit_test: use only so many of the examples.
    record: further tables to keep: "parameters" (learned parameters of the activations, per
        epoch), "gradients" (gradient norms, per epoch), "steps" (training loss, per step).
    keep_weights: keep the trained weights in the result.
    progress: show a bar; None means where somebody can see it.

    Returns a `Result`. A seed whose loss is no longer finite stays in its tables, as diverged.
    Raises ValueError naming the argument for anything that is not allowed.
    """
    task, chosen = get_task(task), get_activation(activation)
    options = resolve(task, chosen, params or {})
    members = seed_list(seeds)
    epochs = task.recipe.epochs if epochs is None else epochs
    whole(epochs, "epochs", least=1)
    for name, limit in (("limit_train", limit_train), ("limit_test", limit_test)):
        if limit is not None:
            whole(limit, name, least=1)
    if dtype not in DTYPES:
        raise ValueError(f"dtype must be one of {', '.join(DTYPES)}; got {dtype!r}")
    place = pick_device(device)
    data = task.data()
    data = data.validation() if options.split == "validation" else data
    data = data.limited(limit_train, limit_test)
    stack = Stack(task, chosen, options, members, data, place, DTYPES[dtype])
    recorder = Recorder(members, stack, set(record))
    start = time.perf_counter()
    with (
        # What a network draws itself (dropout) repeats with the same seeds; it is not paired.
        torch.random.fork_rng(devices=[place] if place.type == "cuda" else []),
        progress_bars.bar(epochs, chosen.label, progress) as bar,
    ):
        torch.manual_seed(stream(members[0], "noise"))
        for epoch in range(1, epochs + 1):
            losses = stack.epoch(recorder)
            test_loss, test_accuracy = stack.evaluate()
            now = time.perf_counter()
            recorder.epoch(epoch, losses, test_loss, test_accuracy, now - start)
            bar.step(test_accuracy)
            start = now
    return recorder.result(task, chosen, options, data, place, dtype, keep_weights)


def pick_device(device: str | torch.device | None) -> torch.device:
    """The device asked for, or CUDA where there is one; ValueError if it is not to be had."""
    if device is None or device in ("", "auto"):
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        place = torch.device(device)
        torch.empty(0, device=place)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"device {str(device)!r} is not available: {reason}") from None
    return place


class Stack:
    """The networks of several seeds, their parameters stacked on axis 0, and their optimizer.

    A member is its own network: it draws its own batches, and no operation mixes it with another.
    """

    def __init__(
        self,
        task: Task,
        record: Activation,
        options: Options,
        seeds: tuple[int, ...],
        data: Data,
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        models = [build(task, record, options, s, data.train_x).to(device, dtype) for s in seeds]
        self.network, self.size = models[0], len(seeds)
        # torch's fused recurrent kernels have no rule for a batch of weights.
        self.one_by_one = any(isinstance(m, nn.RNNBase) for m in self.network.modules())
        params, buffers = torch.func.stack_module_state(models)
        self.params = {n: p.detach().requires_grad_() for n, p in params.items()}
        self.buffers = {n: b.detach() for n, b in buffers.items()}
        self.batch_size = options.batch_size
        self.shuffles = [generator(s, "batches") for s in seeds]
        self.train_x, self.test_x = (x.to(device, dtype) for x in (data.train_x, data.test_x))
        self.train_y, self.test_y = data.train_y.to(device), data.test_y.to(device)
        self.noise = Noise(self.network, self.train_x[:2], seeds)
        self.optimizer = OPTIMIZERS[options.optimizer](
            self.params.values(), lr=options.lr, weight_decay=options.weight_decay
        )
        self.activations = dict(activation_modules(self.network))
        self.bounds: dict[str, tuple[float, float]] = {}
        for site, module in self.activations.items():
            self.bounds |= module.stored_bounds(site)
            module.constrained = False  # `logits` does it for all members at once

    def logits(self, x: Tensor, each: bool) -> Tensor:
        """Outputs (seeds, batch, classes); x is (seeds, batch, ...) if each, else shared."""
        noise = self.noise.draw(x.shape[1]) if self.network.training else None

        def member(params: dict, buffers: dict, noise: Tensor | None, x: Tensor) -> Tensor:
            self.noise.load(noise)
            return torch.func.functional_call(self.network, (params, buffers), (x,))

        inside = {n: inward_clamp(self.params[n], *bounds) for n, bounds in self.bounds.items()}
        stacked = (self.params | inside, self.buffers, noise, x)
        if self.one_by_one:
            return torch.stack([member(*self._slice(stacked, each, i)) for i in range(self.size)])
        dims = (0, 0, None if noise is None else 0, 0 if each else None)
        return torch.vmap(member, dims, randomness="different")(*stacked)

    @staticmethod
    def _slice(stacked: tuple, each: bool, i: int) -> tuple:
        """One member's parameters, buffers, noise and inputs."""
        params, buffers, noise, x = stacked
        own = [{name: t[i] for name, t in tensors.items()} for tensors in (params, buffers)]
        return (*own, None if noise is None else noise[i], x[i] if each else x)

    def batches(self) -> Iterator[Tensor]:
        """Indices (seeds, batch) of the training examples: each seed in an order of its own."""
        count = len(self.train_x)
        orders = torch.stack([torch.randperm(count, generator=g) for g in self.shuffles])
        yield from orders.to(self.train_x.device).split(self.batch_size, dim=1)

    def epoch(self, recorder: Recorder) -> Tensor:
        """Train one epoch; the mean loss of its examples, per seed."""
        self.network.train()
        total = torch.zeros(self.size, dtype=torch.float64, device=self.train_x.device)
        for index in self.batches():
            losses = cross_entropy(self.logits(self.train_x[index], each=True), self.train_y[index])
            self.optimizer.zero_grad()
            losses.sum().backward()
            recorder.step(losses)
            self.optimizer.step()
            for name, bounds in self.bounds.items():
                self.params[name].data.clamp_(*bounds)
            total += losses.detach() * index.shape[1]
        return total / len(self.train_x)

    @torch.no_grad()
    def evaluate(self) -> tuple[Tensor, Tensor]:
        """Mean loss and accuracy on the test examples, per seed."""
        self.network.eval()
        loss, right = torch.zeros(2, self.size, device=self.test_x.device).double()
        for x, y in zip(
            self.test_x.split(EVALUATION_BATCH), self.test_y.split(EVALUATION_BATCH), strict=True
        ):
            logits = self.logits(x, each=False)
            loss = loss + cross_entropy(logits, y.expand(logits.shape[:2])).double() * len(y)
            right = right + (logits.argmax(-1) == y).sum(1).double()
        return loss / len(self.test_y), right / len(self.test_y)


def cross_entropy(logits: Tensor, y: Tensor) -> Tensor:
    """Mean cross entropy per seed: logits (seeds, batch, classes), labels y (seeds, batch)."""
    return (
        F.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="none").view(y.shape).mean(1)
    )
