"""The tables of a training's history, collected while it goes on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from typing import Protocol

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from afnlab.errors import ParameterError
from afnlab.nn import ActivationModule
from afnlab.spellings import unknown
from afnlab.training.history_columns import SIGNAL_COLUMNS, history_columns
from afnlab.training.tasks import Task

TABLES = ("parameters", "gradients", "steps", "signals")
TUNED = ("candidates", "chosen", "fixed", "cheaper")  # further tables of a tuning


class Networks(Protocol):
    """What is recorded of: networks of several seeds, their tensors stacked on axis 0."""

    params: dict[str, Tensor]
    buffers: dict[str, Tensor]
    dtype: torch.dtype
    task: Task

    @property
    def activations(self) -> Mapping[str, ActivationModule]: ...

    def signals(self) -> list[pd.DataFrame]: ...


class Recorder:
    """Collects a stack's history while it trains.

    Args:
        seeds: the members' values of the column `seed`.
        stack: the networks.
        tables: the further tables that are kept.
        labels: further columns of the history by name, one value per member; for members that have
            the same seed.
    """

    def __init__(
        self,
        seeds: Sequence[int],
        stack: Networks,
        tables: set[str],
        labels: Mapping[str, Sequence[float]] | None = None,
    ) -> None:
        self.seeds, self.stack, self.tables = tuple(seeds), stack, tables
        self.labels = {} if labels is None else dict(labels)
        self.metrics = stack.task.metrics
        self.together = len(seeds)  # also of a part of them, see `of`
        self.rows: list[pd.DataFrame] = []
        self.parameters: list[pd.DataFrame] = []
        self.gradients: list[pd.DataFrame] = []
        self.signals: list[pd.DataFrame] = []
        self.steps: list[Tensor] = []
        self.norms: dict[str, Tensor] = {}
        self.steps_seen = 0
        self.diverged = np.zeros(len(seeds), dtype=bool)
        self.threads = torch.get_num_threads()
        self.parameter_count = sum(p[0].numel() for p in stack.params.values())
        self._state(0)

    def step(self, losses: Tensor) -> None:
        """After a backward pass: the losses (seeds,) and the gradients in the stack."""
        if "steps" in self.tables:
            self.steps.append(losses.detach().clone())
        if "gradients" in self.tables:
            self.steps_seen += 1
            for name, param in self.stack.params.items():
                if param.grad is not None:
                    norm = (
                        param.grad.flatten(1).norm(dim=1) if param.dim() > 1 else param.grad.abs()
                    )
                    self.norms[name] = self.norms.get(name, torch.zeros_like(norm)) + norm

    def unseen(self, train_loss: Tensor) -> None:
        """An epoch after which nothing is evaluated."""
        self.diverged |= ~np.isfinite(train_loss.cpu().numpy())

    def epoch(
        self, epoch: int, train_loss: Tensor, tested: Sequence[Tensor], seconds: float
    ) -> None:
        """After an epoch; `tested` is the test loss, and then every metric."""
        for metric, measured in zip(self.metrics, tested[1:], strict=True):
            metric.check(measured, tested[0])
        values = [t.numpy() for t in (train_loss, *tested)]
        self.diverged |= ~np.isfinite(values).all(0)
        row = [self.seeds, epoch, *values, seconds / len(self.seeds), self.diverged.copy()]
        names = history_columns(self.metrics)
        self.rows.append(pd.DataFrame(self.labels | dict(zip(names, row, strict=True))))
        self._state(epoch)
        for name, total in self.norms.items():
            norm = (total / self.steps_seen).cpu().numpy()
            table = {"seed": self.seeds, "epoch": epoch, "parameter": name, "norm": norm}
            self.gradients.append(pd.DataFrame(table))
        self.norms, self.steps_seen = {}, 0

    def _state(self, epoch: int) -> None:
        """Record what the networks are like after this epoch; 0: at the start."""
        if "parameters" in self.tables:
            self._learned(epoch)
        if "signals" in self.tables:
            tables = zip(self.seeds, self.stack.signals(), strict=True)
            self.signals += [table.assign(seed=seed, epoch=epoch) for seed, table in tables]

    def _learned(self, epoch: int) -> None:
        learned = [
            (s, name) for s, module in self.stack.activations.items() for name in module.trained
        ]
        # Those of rotated layers.
        learned += [(n[:-2], "L") for n in self.stack.params if n.endswith(".L")]
        for site, name in dict.fromkeys(learned):
            stacked = self.stack.params[f"{site}.{name}" if site else name].detach().cpu()
            for index, values in enumerate(stacked.view(len(self.seeds), -1).T.numpy()):
                row = {"seed": self.seeds, "epoch": epoch, "site": site, "parameter": name}
                self.parameters.append(pd.DataFrame({**row, "index": index, "value": values}))

    def tables_of(self) -> dict[str, pd.DataFrame]:
        """The history and the tables that were asked for, by name."""
        tables = {"history": pd.concat(self.rows)}
        if "parameters" in self.tables:
            columns = "seed epoch site parameter index value"
            tables["parameters"] = _joined(self.parameters, columns)
        if "gradients" in self.tables:
            tables["gradients"] = _joined(self.gradients, "seed epoch parameter norm")
        if "signals" in self.tables:
            named = ["seed", "epoch", *SIGNAL_COLUMNS]
            tables["signals"] = _joined(self.signals, " ".join(named))[named]
        if "steps" in self.tables:
            losses = torch.stack(self.steps).cpu().numpy()
            step = np.arange(1, len(losses) + 1)
            parts = [
                pd.DataFrame({"seed": s, "step": step, "train_loss": losses[:, i]})
                for i, s in enumerate(self.seeds)
            ]
            tables["steps"] = _joined(parts, "seed step train_loss")
        return tables

    def of(self, names: Mapping[int, int]) -> Recorder:
        """What was recorded of these members, after `close`; names: what to call each of them."""
        kept = [at for at, seed in enumerate(self.seeds) if seed in names]
        part = copy(self)
        part.seeds = tuple(names[self.seeds[at]] for at in kept)
        for table in ("rows", "parameters", "gradients", "signals"):
            parts = getattr(self, table)
            setattr(part, table, [_renamed(pd.concat(parts), names)] if parts else [])
        part.steps = [losses[kept] for losses in self.steps]
        part.weights = {name: stacked[kept] for name, stacked in self.weights.items()}
        return part

    def close(self, keep_weights: bool) -> None:
        """Let go of the stack; its parameters and buffers are kept, on the CPU, if asked for."""
        state = self.stack.params | self.stack.buffers if keep_weights else {}
        self.weights = {name: tensor.detach().cpu().clone() for name, tensor in state.items()}
        self.dtype = str(self.stack.dtype).removeprefix("torch.")
        del self.stack


def table_names(record: Iterable[str]) -> tuple[str, ...]:
    """The tables to keep, checked."""
    if isinstance(record, (str, bytes)) or not isinstance(record, Iterable):
        raise ParameterError("record", record, f"a list of names, of {', '.join(TABLES)}")
    listed = tuple(record)
    for at, name in enumerate(listed):
        if name not in TABLES:
            raise ParameterError("record", name, message=unknown("record", name, TABLES), at=(at,))
    return listed


def history_of(recorders: Sequence[Recorder]) -> pd.DataFrame:
    """The histories of groups of networks as one, sorted by labels, seed and epoch."""
    table = pd.concat([recorder.tables_of()["history"] for recorder in recorders])
    return table.sort_values([*recorders[0].labels, "seed", "epoch"], ignore_index=True)


def _renamed(table: pd.DataFrame, names: Mapping[int, int]) -> pd.DataFrame:
    rows = table[table.seed.isin(names)]
    return rows.assign(seed=rows.seed.map(names))


def _joined(parts: list[pd.DataFrame], columns: str) -> pd.DataFrame:
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns.split())
