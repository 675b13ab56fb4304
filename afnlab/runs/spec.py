"""What is to be run, and the id that follows from it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from afnlab import paths
from afnlab.loading import unknown
from afnlab.runs import cell, values
from afnlab.runs.sources import code_of_kernels, code_of_run, digest
from afnlab.spec import Activation, get_activation
from afnlab.training.engine import DTYPES, pick_device
from afnlab.training.machine import native_kernels
from afnlab.training.options import TASK_PARAMS, TRAINABLE, Options, resolve, seed_list, whole
from afnlab.training.record import TABLES
from afnlab.training.tasks import Task, get_task

OUT, PARAMS = "out", "params"
ID_LENGTH = 16
DEVICES = ("cpu", "cuda", "mps", "xpu")


@dataclass(frozen=True)
class Training:
    """What a training notebook is asked to do, checked and complete."""

    task: Task
    activation: Activation
    params: dict[str, Any]
    options: Options
    seeds: tuple[int, ...]
    epochs: float
    device: str
    dtype: str
    limit_train: int | None
    limit_test: int | None
    record: tuple[str, ...]
    keep_weights: bool
    native: bool

    @property
    def label(self) -> str:
        """The activation, and what is not as it would be by default, for tables and figures."""
        plain = resolve(self.task, self.activation, {})
        told = {
            name: value
            for name, value in self.options.activation.items()
            if value != self.activation.params[name].default or name in self.options.trainable
        }
        if self.options.trainable != plain.trainable:
            told[TRAINABLE] = "+".join(self.options.trainable) or "none"
        for name in TASK_PARAMS:
            if getattr(self.options, name) != getattr(plain, name):
                told[name] = getattr(self.options, name)
        told |= {n: v for n, v in self.options.model.items() if v != plain.model[n]}
        words = [f"{name}={_short(value)}" for name, value in sorted(told.items())]
        return f"{self.activation.label}({', '.join(words)})" if words else self.activation.label

    def normal(self) -> dict[str, Any]:
        """Everything but the seeds, with no two ways to say the same."""
        record, options = self.activation, self.options
        values = record.complete(options.activation)
        # A trained parameter without a value starts at random: that is not its default, given.
        kept = {n: v for n, v in values.items() if n not in options.trainable}
        kept |= options.activation
        return {
            "task": self.task.name,
            "activation": record.label,
            "label": self.label,
            "parameters": kept,
            "trainable": list(options.trainable),
            "options": {name: getattr(options, name) for name in TASK_PARAMS} | options.model,
            "epochs": self.epochs,
            "device": self.device,
            "native": self.native,
            "dtype": self.dtype,
            "limit_train": self.limit_train,
            "limit_test": self.limit_test,
            "record": sorted(self.record),
            "keep_weights": self.keep_weights,
        }


def training(
    given: Mapping[str, Any],
    known: Mapping[str, cell.Declared],
    *,
    native: bool | None = None,
    here: bool = True,
) -> Training:
    """Check what a training notebook is given; ValueError, with the nearest spelling.

    Beside the names that its parameters cell declares, it takes what the chosen activation and task
    declare, and `trainable`. native: whether compiled kernels are used (None: as they are here).
    here: whether the device must be this machine's.
    """
    told = {name: d.default for name, d in known.items()} | cell.checked(given, known)
    task, record = get_task(told["task"]), get_activation(told["activation"])
    params = {name: value for name, value in told.items() if name not in known}
    for name, value in told.get(PARAMS, {}).items():
        if name in params:
            raise ValueError(f"parameter {name!r} is given twice, alone and in {PARAMS!r}")
        params[name] = value
    own = [n for p, q in record.params.items() for n in (p, *q.aliases)]
    for name in params:
        if name.rpartition(".")[2] not in (*own, *TASK_PARAMS, *task.settings, TRAINABLE):
            names = [*known, *own, *TASK_PARAMS, *task.settings, TRAINABLE]
            raise ValueError(unknown("parameter", name, names))
    dtype = told.get("dtype", "float32")
    if dtype not in DTYPES:
        raise ValueError(f"dtype must be one of {', '.join(DTYPES)}; got {dtype!r}")
    tables = tuple(told.get("record", ()))
    for table in tables:
        if table not in TABLES:
            raise ValueError(unknown("record", table, TABLES))
    counts = {}
    for name in ("epochs", "limit_train", "limit_test"):
        counts[name] = told.get(name, 0)
        whole(counts[name], name, least=0)
    device = _device_kind(told.get("device", "auto"), here)
    return Training(
        task=task,
        activation=record,
        params=params,
        options=resolve(task, record, params),
        seeds=seed_list(told.get("seeds", 10)),
        epochs=counts["epochs"] or task.recipe.epochs,
        device=device,
        dtype=dtype,
        limit_train=counts["limit_train"] or None,
        limit_test=counts["limit_test"] or None,
        record=tables,
        keep_weights=bool(told.get("keep_weights", False)),
        native=native_kernels(device, record.key) if native is None else native,
    )


def _device_kind(name: str, here: bool) -> str:
    """`cpu`, `cuda`, ...; one that only other machines have passes where `here` is false."""
    kind = name.partition(":")[0]
    return kind if not here and kind in DEVICES else pick_device(name).type


@dataclass(frozen=True)
class RunSpec:
    """A notebook and the parameters it is to be given.

    id: 16 hexadecimal digits that follow from the normal form of the parameters, the notebook's
    source and the sources that it can reach; group: the same without the seeds, so that runs of one
    group are one experiment. native: whether compiled kernels are used, None: as they are here;
    here: whether the device must be this machine's.
    """

    notebook: Path
    parameters: dict[str, Any]
    native: bool | None = None
    here: bool = True

    @classmethod
    def make(
        cls,
        notebook: str | Path,
        parameters: Mapping[str, Any],
        *,
        native: bool | None = None,
        here: bool = True,
    ) -> RunSpec:
        """Checked: ValueError for an unknown notebook, parameter or value."""
        path = paths.find("notebooks", notebook, ".ipynb")
        settled = {name: values.settle(name, value) for name, value in parameters.items()}
        given = {name: value for name, value in settled.items() if "." not in name}
        dotted = {name: value for name, value in settled.items() if "." in name}
        if dotted:
            nested = given.get(PARAMS, {})
            if not isinstance(nested, dict):
                raise ValueError(f"parameter {PARAMS!r} must be dict, got {nested!r}")
            given[PARAMS] = nested | dotted
        if OUT in given:
            raise ValueError(f"parameter {OUT!r} is set by afnlab and cannot be given")
        spec = cls(path, given, native, here)
        if spec.training is not None:  # a kernel may run in another folder: no relative paths
            given["activation"] = spec.training.activation.key
            if ":" in str(given.get("task", "")):
                file, _, name = given["task"].rpartition(":")
                given["task"] = (
                    f"{Path(file).resolve()}:{name}" if file.endswith(".py") else given["task"]
                )
        else:
            given |= cell.checked(given, spec.known)
        return spec

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> RunSpec:
        """What a record's run would be with today's code, on a device and kernels like its own."""
        given, normal = values.decode(record["given"]), record["parameters"]
        if "options" in normal:  # a training
            given["device"] = normal["device"]
        return cls.make(record["notebook"], given, native=record.get("native"), here=False)

    @cached_property
    def known(self) -> dict[str, cell.Declared]:
        return cell.declared(self.notebook)

    @cached_property
    def training(self) -> Training | None:
        """The training that it asks for, if the notebook declares task, activation and out."""
        if {"task", "activation", OUT} <= set(self.known):
            return training(self.parameters, self.known, native=self.native, here=self.here)
        for name in self.parameters:
            if name not in self.known:
                raise ValueError(unknown("parameter", name, self.known, of=self.notebook.name))
        return None

    @cached_property
    def normal(self) -> dict[str, Any]:
        if self.training is not None:
            return self.training.normal()
        return {name: values.encode(d.default) for name, d in self.known.items()} | {
            name: values.encode(value) for name, value in self.parameters.items()
        }

    @property
    def uses_native(self) -> bool:
        if self.training is not None:
            return self.training.native
        return native_kernels("cpu") if self.native is None else self.native

    @property
    def seeds(self) -> tuple[int, ...]:
        return self.training.seeds if self.training is not None else ()

    @cached_property
    def group(self) -> str:
        source = "\n".join(text for _, text, _ in cell.sources(self.notebook))
        objects = (self.training.task, self.training.activation) if self.training else ()
        code = code_of_run(objects, source)
        parts = [self.notebook.name, source, code, canonical(self.normal)]
        if self.uses_native and "afnlab" in source:
            parts.append(code_of_kernels(self.training.device if self.training else "cpu"))
        return digest(*parts)[:ID_LENGTH]

    @cached_property
    def id(self) -> str:
        return digest(self.group, canonical(list(self.seeds)))[:ID_LENGTH]

    def with_seeds(self, seeds: tuple[int, ...]) -> RunSpec:
        return replace(self, parameters=self.parameters | {"seeds": list(seeds)})

    @property
    def label(self) -> str:
        if self.training is None:
            told = {n: v for n, v in self.parameters.items() if v != self.known[n].default}
            words = ", ".join(f"{name}={_short(value)}" for name, value in told.items())
            return f"{self.notebook.stem}({words})" if words else self.notebook.stem
        return f"{self.training.task.name} {self.training.label}"


def canonical(value: Any) -> str:
    """JSON with sorted keys; TypeError for what JSON cannot hold."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
