"""All seeds at once: the seeds' networks are stacked and trained as one batched model.

At one seed all activations have the same initial weights and the same batches, so results are
paired by seed. A training of one seed is a stack of one.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterable, Mapping, Sequence
from math import ceil

import torch

from afnlab.registry import Activation
from afnlab.training import groups
from afnlab.training import progress as progress_bars
from afnlab.training.members import Member, aligned, stacks
from afnlab.training.memory import keep_freed_memory
from afnlab.training.plan import Config, Plan, configure, plan
from afnlab.training.recorder import Recorder
from afnlab.training.result import Result, result
from afnlab.training.settings import torch_defaults
from afnlab.training.stack import Stack
from afnlab.training.streams import stream
from afnlab.training.task_parts import watched
from afnlab.training.task_settings import defaults
from afnlab.training.tasks import Task
from afnlab.training.threads import at_most
from afnlab.usercode.mainguard import refuse_while_importing


@torch_defaults()
def train(
    task: str | Task,
    activation: str | Activation,
    *,
    params: Mapping[str, object] | None = None,
    seeds: int | Iterable[int] = 10,
    epochs: float | None = None,
    device: str | torch.device | None = None,
    dtype: str = "float32",
    limit_train: int | None = None,
    limit_test: int | None = None,
    record: Iterable[str] = (),
    keep_weights: bool = False,
    progress: bool | None = None,
    group: int | None = None,
) -> Result:
    """Train a task's network with an activation, for all seeds at once.

    Args:
        task, activation: names, references to a user's own (`path/my.py:name`), or objects.
        params: the activation's parameters, the task's (lr, weight_decay, batch_size, init, sites,
            split) and `trainable`; see `afnlab.training.options.resolve`.
        seeds: the number of seeds (10 means 0 to 9), or a list of them.
        epochs: the number of epochs; None means the task's own.
        device: None means CUDA if it is available.
        dtype: "float32", "float64", or "bfloat16" for mixed precision (`afnlab.training.mixed`):
            linear layers and convolutions in bfloat16; weights, normalization and loss in float32.
        limit_train, limit_test: use only so many of the examples; None means all.
        record: further tables to keep: "parameters" (learned parameters of the activations, per
            epoch), "gradients" (gradient norms, per epoch), "steps" (training loss, per step),
            "signals" (what goes on inside the networks, per epoch: `afnlab.training.signals`).
        keep_weights: keep the trained weights in the result.
        progress: show a progress bar; None means in a terminal or a notebook only.
        group: how many seeds to train together; None means as many as is fastest and fits, which
            `Result.info` reports. It changes results by rounding only.

    A small network is trained by one thread, a larger one by as many as torch has; AFNLAB_THREADS
    in the environment sets another number. `Result.info["threads"]` says how many there were.

    Returns:
        A `Result`. A seed that diverged stays in its tables, and is marked there.

    Raises:
        ValueError: for an argument that is not allowed, which the message names.
    """
    refuse_while_importing("afnlab.train")
    config = configure(
        task,
        activation,
        params=params,
        seeds=seeds,
        epochs=epochs,
        device=device,
        dtype=dtype,
        limit_train=limit_train,
        limit_test=limit_test,
        record=record,
        keep_weights=keep_weights,
        group=group,
    )
    return train_configured(config, progress)


@torch_defaults()
def train_configured(config: Config, progress: bool | None = None) -> Result:
    """Train what has been checked already; see `train`."""
    with watched(config.task, config.activation) as parts:
        how = plan(config)
        members = [Member(seed, config.options) for seed in config.seeds]
        recorders = train_members(
            how, members, config.seeds, config.record, config.keep_weights, progress
        )
        return result(config, recorders, how.data, parts)


@torch_defaults()
@keep_freed_memory()
def train_members(
    how: Plan,
    members: Sequence[Member],
    seeds: Sequence[int],
    record: Iterable[str] = (),
    keep_weights: bool = False,
    progress: bool | None = None,
    labels: Mapping[str, Sequence[float]] | None = None,
) -> list[Recorder]:
    """Train networks in groups as large as is fast and fits.

    A group that does not fit into memory after all is halved, with a warning. Memory that is freed
    meanwhile is kept, see `afnlab.training.memory`.

    Args:
        how: the plan of the training.
        members: the networks, as seeds and options.
        seeds: the values of the column `seed` in the members' rows.
        record: the names of further tables.
        keep_weights: keep the trained weights.
        progress: show a progress bar.
        labels: further columns that distinguish the members' rows, one value per member.

    Returns:
        One recorder per group.
    """
    done: list[Recorder] = []
    rows, parts = ceil(how.epochs), stacks(members)
    labels = {} if labels is None else labels
    with progress_bars.bar(rows, _label(how, members), progress) as bar:
        for turn, order in enumerate(parts, 1):
            alike = aligned([members[i] for i in order])
            size = how.group or groups.size(how, alike)
            at = 0
            while at < len(alike):
                pending = ceil((len(alike) - at) / size) + len(parts) - turn
                bar.expect(rows * (len(done) + pending))
                part = slice(at, at + size)
                part_seeds = [seeds[i] for i in order[part]]
                names = {n: [values[i] for i in order[part]] for n, values in labels.items()}
                try:
                    recorder = _train_group(how, alike[part], part_seeds, names, set(record), bar)
                except (MemoryError, RuntimeError) as error:
                    if not groups.out_of_memory(error) or len(alike[part]) == 1:
                        raise
                    size = (len(alike[part]) + 1) // 2
                    message = f"{len(alike[part])} seeds do not fit into memory; {size} at a time"
                    warnings.warn(message, stacklevel=4)
                    continue
                recorder.close(keep_weights)
                done.append(recorder)
                at += size
    return done


def _label(how: Plan, members: Sequence[Member]) -> str:
    """What is trained, in a few words: task, activation, and settings that all members share."""
    usual = {**how.activation.complete({}), **defaults(how.task.settings)}
    settings = [{**m.options.activation, **m.options.model} for m in members]
    shared = {n: v for n, v in settings[0].items() if all(other.get(n) == v for other in settings)}
    parts = [
        f"{n}={v:g}" if isinstance(v, float) else f"{n}={v}"
        for n, v in shared.items()
        if not isinstance(v, torch.Tensor) and v != usual.get(n)
    ]
    named = f"{how.task.name} {how.activation.label}"
    return f"{named}({', '.join(parts)})" if parts else named


def _train_group(
    how: Plan,
    members: Sequence[Member],
    seeds: Sequence[int],
    labels: Mapping[str, Sequence[float]],
    record: set[str],
    bar: progress_bars.Bar,
) -> Recorder:
    on_gpu = how.device.type == "cuda"
    start = time.perf_counter()
    # What a network draws itself (dropout) repeats with the same seeds; stacked it is not paired.
    with torch.random.fork_rng(devices=[how.device] if on_gpu else []):
        torch.manual_seed(stream(members[0].seed, "noise"))
        with Stack.build(how, members) as stack:
            making = time.perf_counter() - start
            recorder = Recorder(seeds, stack, record, labels)
            with at_most(stack.threads) as recorder.threads:
                _epochs(how, stack, recorder, time.perf_counter() - making, bar)
    return recorder


def _epochs(
    how: Plan, stack: Stack, recorder: Recorder, start: float, bar: progress_bars.Bar
) -> None:
    """Train all epochs of a stack; start: when its first one began, the stack's making included.

    What is recorded takes no part of an epoch's time.
    """
    last = ceil(how.epochs)
    for epoch in range(1, last + 1):
        trained = stack.epoch(recorder)
        if epoch < last and not how.curves:
            recorder.unseen(trained)
            bar.step()
            continue
        measured = [trained, *stack.evaluate()]
        losses, *tested = (t.cpu() for t in measured)  # here a GPU is waited for
        now = time.perf_counter()
        recorder.epoch(epoch, losses, tested, now - start)
        bar.step(progress_bars.mean_text(how.task.metric, tested[1], how.split))
        start = time.perf_counter()
