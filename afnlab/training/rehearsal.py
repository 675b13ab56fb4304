"""A task of the user's own is tried on one batch, before a process is started for its training."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import torch
from torch import Tensor

from afnlab.training.data import MASKED
from afnlab.training.members import Member
from afnlab.training.metrics import MisfitError
from afnlab.training.plan import Config, plan
from afnlab.training.settings import torch_defaults
from afnlab.training.stack import Stack
from afnlab.training.task_parts import watched
from afnlab.training.tasks import Task, canonical_task, get_task
from afnlab.training.threads import at_most

CLOSE = 1e-3  # of the largest, by which values in float32 may differ

_TRIED: list[tuple[Task, dict[str, object]]] = []  # with the settings of network and data


def rehearse(configs: Iterable[Config]) -> None:
    """Evaluate the losses and the metrics of users' own tasks on a batch, by untrained networks.

    Args:
        configs: the trainings; each task is tried once with its settings.

    Raises:
        MisfitError: a loss or a metric does not fit the outputs and the targets, or mixes
            examples. Whatever else is wrong the training will say, which may be elsewhere, beside
            its data.
    """
    for config in configs:
        settings = {**config.options.model, **config.options.data}
        tried = any(t is config.task and of == settings for t, of in _TRIED)
        if not tried and not _built_in(config.task):
            _try(config)
            _TRIED.append((config.task, settings))


def _built_in(task: Task) -> bool:
    name = canonical_task(task.name)
    return name is not None and get_task(name) is task


@torch_defaults()
def _try(config: Config) -> None:
    batch = config.options.batch_size
    few = replace(config, limit_train=batch, limit_test=batch, device=torch.device("cpu"))
    member = Member(config.seeds[0], config.options)
    try:
        with (
            watched(config.task, config.activation),
            torch.random.fork_rng(devices=[]),
            at_most(1),
            Stack.build(plan(few), [member]) as one,
        ):
            one.evaluate()
            _check_parts(one)
    except MisfitError as error:
        raise MisfitError(f"task {config.task.name}: {error}") from None
    except (Exception, SystemExit):  # it is somebody's code
        return


@torch.no_grad()
def _check_parts(one: Stack) -> None:
    """MisfitError if what the loss or a metric says of two halves of the examples is not what it
    says of all.

    Outputs (examples, 1) against targets (examples,) are all pairs of examples in torch, of which
    each half has a quarter; a mean in place of a sum, or one over the examples, is seen as well.
    """
    count = len(one.test_y)
    if count < 2:
        return
    halves, whole = (slice(0, count // 2), slice(count // 2, count)), slice(0, count)
    inputs, targets, outputs = one.shown(whole)
    loss, masked = one.task.loss, one.test_counted is not None

    def each(part: slice) -> Tensor:
        x, y = inputs[part].unsqueeze(0), targets[part]
        losses = one.each(loss, x, y, masked, outputs[:, part])
        return torch.where(y == MASKED, 0.0, losses) if masked else losses

    def totals(part: slice) -> Tensor:
        return one.totals(part, inputs[part], targets[part], outputs[:, part])[1:, :, 0]

    alone, together, again = torch.cat([*map(each, halves)]), each(whole), each(whole)
    if torch.equal(together, again) and not _close(alone, together, together.abs().amax()):
        raise MisfitError(
            f"loss {loss.name}: the loss of an example must not depend on the others, but those of"
            f" two halves of {count} examples are not the same alone and together"
        )
    parts, sums, again = torch.stack([*map(totals, halves)]), totals(whole), totals(whole)
    largest = torch.cat([parts, sums.unsqueeze(0)]).abs().amax(0)
    for at, metric in enumerate(one.task.metrics):
        for row, what in enumerate(("sums", "counts")):
            added, of_all = parts[:, at, row].sum(), sums[at, row]
            drawn = not torch.equal(of_all, again[at, row])  # at random
            if not drawn and not _close(added, of_all, largest[at, row]):
                raise MisfitError(
                    f"metric {metric.name}: parts of the data must add up, but the {what} of two"
                    f" halves of {count} examples are {added:g} together and that of all is"
                    f" {of_all:g}: examples are mixed, or a mean stands for a sum"
                )


def _close(one: Tensor, other: Tensor, size: Tensor) -> bool:
    """Whether values are the same up to rounding, or diverged."""
    gap = (one - other).abs().amax()
    return not torch.isfinite(gap) or bool(gap <= CLOSE * size)
