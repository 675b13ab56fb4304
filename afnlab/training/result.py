"""What a training leaves: its tables, its weights, and how it was made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn

from afnlab.errors import shown
from afnlab.messages import counted
from afnlab.registry import Activation
from afnlab.training.data import Data
from afnlab.training.initial import build
from afnlab.training.machine import machine
from afnlab.training.options import Options
from afnlab.training.plan import Config
from afnlab.training.recorder import Recorder
from afnlab.training.task_parts import ACTIVATION, Part, watched
from afnlab.training.tasks import Task


@dataclass(frozen=True)
class Result:
    """A finished training.

    Attributes:
        history: one row per seed and epoch: seed, epoch (from 1), train_loss (mean over the epoch's
            examples as they were trained on), test_loss, a column for each metric of the
            task (test_accuracy, a fraction), seconds (the epoch's time over the number of seeds
            trained together), diverged (a loss or a metric was not finite up to then).
        parameters: if requested with `record`, else None: seed, epoch (0: at initialization), site,
            parameter, index, value.
        gradients: likewise: seed, epoch, parameter, norm (mean over the epoch's steps).
        steps: likewise: seed, step (from 1), train_loss.
        signals: likewise: seed, epoch (0: at initialization), and what goes on inside a network,
            one row per layer, see `afnlab.training.signals.measured`.
        weights: the trained parameters and buffers, stacked on axis 0 in the order of `seeds`, or
            None.
        info: the conditions: resolved options, parameters of a network, device, dtype, threads,
            versions, data fingerprint, and how many seeds were trained together.
        candidates, chosen, fixed, cheaper: of a tuning (`afnlab.tune`), else None: the validation
            results of every candidate, what each seed chose, the history of the same seeds at the
            fixed recipe, and their results with the cheaper tunings that this one contains (None:
            it contains none).
        own_options: the options of each seed, by its number.
        parts: what the task's parts and the activation were made of when it was trained, by name;
            None: it was not kept.
    """

    task: Task
    activation: Activation
    options: Options
    seeds: tuple[int, ...]
    history: pd.DataFrame
    parameters: pd.DataFrame | None = None
    gradients: pd.DataFrame | None = None
    steps: pd.DataFrame | None = None
    signals: pd.DataFrame | None = None
    weights: dict[str, Tensor] | None = None
    info: dict[str, Any] = field(default_factory=dict)
    candidates: pd.DataFrame | None = None
    chosen: pd.DataFrame | None = None
    fixed: pd.DataFrame | None = None
    cheaper: pd.DataFrame | None = None
    own_options: dict[int, Options] = field(default_factory=dict)
    parts: Mapping[str, Part] | None = None

    def __repr__(self) -> str:
        epochs = counted(int(self.history.epoch.max()), "epoch")
        sizes = f"{counted(len(self.seeds), 'seed')}, {epochs}"
        metric = self.task.metric
        reached = f"test {metric.name} {metric.text(self.final[metric.column].mean())}"
        return f"<Result {self.task.name} {self.activation.label}: {sizes}, {reached}>"

    @property
    def final(self) -> pd.DataFrame:
        """The rows of the last epoch, one per seed."""
        return self.history[self.history.epoch == self.history.epoch.max()].set_index("seed")

    def summary(self) -> pd.Series:
        """Means over the seeds after the last epoch, and how many diverged."""
        last = self.final
        return pd.Series(
            {
                "seeds": len(last),
                **{m.column: last[m.column].mean() for m in self.task.metrics},
                "test_loss": last.test_loss.mean(),
                "train_loss": last.train_loss.mean(),
                "diverged": int(last.diverged.sum()),
                "seconds": self.history.seconds.sum(),
            },
            dtype=object,  # numbers of seeds stay whole
        )

    def model(self, seed: int) -> nn.Module:
        """The trained network of one seed, in evaluation mode.

        A network that was trained in float16 is converted to float32, so that it takes inputs as
        `Data.floats` gives them.

        Args:
            seed: one of `seeds`.

        Raises:
            ValueError: if the weights were not kept (keep_weights=True), the seed is not there, or
                the task's model or the activation is no longer what was trained: a function
                that it uses was defined anew since, say, or a number that it reads.
        """
        if self.weights is None:
            raise ValueError("the weights were not kept; train with keep_weights=True")
        if seed not in self.seeds:
            raise ValueError(f"seed must be one of {list(self.seeds)}, got {shown(seed)}")
        with watched(self.task, self.activation) as now:
            self._check_parts(now)
            example = self.task.data(**self.options.data).inputs
            options = self.own_options.get(seed, self.options)
            network = build(self.task, self.activation, options, seed, example)
        at = self.seeds.index(seed)
        # By the names of the stack, where a shared module stands once; its state dict repeats it.
        state = dict(network.named_parameters()) | dict(network.named_buffers())
        for name, stacked in self.weights.items():
            if name not in state:  # a value of the activation, which the network was built with
                continue
            value = stacked[at].clone()
            state[name].data = value.float() if value.dtype == torch.float16 else value
        return network.eval()

    def _check_parts(self, now: Mapping[str, Part]) -> None:
        """ValueError if another network would be built of what the parts are now."""
        for name, called in (("model", "the task's model"), (ACTIVATION, "the activation")):
            if self.parts is not None and not self.parts[name].same(now[name]):
                raise ValueError(
                    f"the network of {self.task.name} cannot be built again: {called} is no longer"
                    " what was trained, as what it uses has changed since; train again"
                )

    def save_weights(self, path: str | Path) -> None:
        """Write the stacked weights as safetensors; the metadata names the seeds.

        Args:
            path: the file, which is replaced if it is there.

        Raises:
            ValueError: if the weights were not kept.
        """
        from safetensors.torch import save_file  # noqa: PLC0415

        if self.weights is None:
            raise ValueError("the weights were not kept; train with keep_weights=True")
        save_file(self.weights, path, {"seeds": " ".join(map(str, self.seeds))})


def result(
    config: Config, recorders: Sequence[Recorder], data: Data, made_of: Mapping[str, Part]
) -> Result:
    """The result of a training, from what was recorded of its groups of seeds.

    Args:
        config: what was trained.
        recorders: of each group.
        data: what it was trained on.
        made_of: what the task's parts were made of; see `afnlab.training.task_parts`.

    Returns:
        The result.
    """
    parts = [recorder.tables_of() for recorder in recorders]
    tables = {name: pd.concat([p[name] for p in parts], ignore_index=True) for name in parts[0]}
    history = tables.pop("history").sort_values(["seed", "epoch"], ignore_index=True)
    weights = None
    if config.keep_weights:
        kept = [recorder.weights for recorder in recorders]
        trained = [seed for recorder in recorders for seed in recorder.seeds]
        order = torch.tensor([trained.index(seed) for seed in config.seeds])
        # Stacks whose members differ in a value of the activation have it as a buffer, others not.
        names = [name for name in kept[0] if all(name in part for part in kept)]
        weights = {name: torch.cat([part[name] for part in kept])[order] for name in names}
    info = {
        "options": asdict(config.options),
        "evaluated": data.evaluated,
        "examples": {"train": len(data.train_y), "test": len(data.test_y)},
        "classes": data.classes,
        "measures": [metric.measure(data).described() for metric in config.task.metrics],
        "data": data.fingerprint,
        "dtype": recorders[0].dtype,
        "parameters": recorders[0].parameter_count,
        "trained_together": [recorder.together for recorder in recorders],
        **machine(config.device),
        "threads": recorders[0].threads,
    }
    extra: dict[str, Any] = tables
    named = (config.task, config.activation, config.options, config.seeds)
    return Result(*named, history, **extra, weights=weights, info=info, parts=made_of)
