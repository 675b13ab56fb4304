"""A task of the user's own is tried on one batch, before a process is started for its training."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import torch

from afnlab.training.members import Member
from afnlab.training.metrics import MisfitError
from afnlab.training.plan import Config, plan
from afnlab.training.settings import torch_defaults
from afnlab.training.stack import Stack
from afnlab.training.task_parts import watched
from afnlab.training.tasks import Task, canonical_task, get_task
from afnlab.training.threads import at_most

_TRIED: list[tuple[Task, dict[str, object]]] = []  # with the settings of network and data


def rehearse(configs: Iterable[Config]) -> None:
    """Evaluate the losses and the metrics of users' own tasks on a batch, by untrained networks.

    Args:
        configs: the trainings; each task is tried once with its settings.

    Raises:
        MisfitError: a loss or a metric does not fit the outputs and the targets. Whatever else is
            wrong the training will say, which may be elsewhere, beside its data.
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
    except MisfitError as error:
        raise MisfitError(f"task {config.task.name}: {error}") from None
    except Exception:  # it is somebody's code
        return
