"""What is to be run, and the id that follows from it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from afnlab import paths
from afnlab.errors import ParameterError, about, shown
from afnlab.loading import expanded, unknown
from afnlab.runs import cell, values
from afnlab.runs.asked import PARAMS, Training, short, training
from afnlab.runs.sources import code_of_kernels, code_of_run, digest
from afnlab.spec import Activation, get_activation
from afnlab.training.machine import native_kernels
from afnlab.training.tasks import Task, get_task

OUT = "out"
ID_LENGTH = 16
_REFERENCES = ("task", "activation", "activations")


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
        """Checked: ValueError for an unknown notebook, ParameterError for a parameter or value."""
        path = paths.find("notebooks", notebook, ".ipynb")
        if not isinstance(parameters, Mapping):
            raise TypeError(f"parameters must be a mapping of names, got {shown(parameters)}")
        for name in parameters:
            if not isinstance(name, str):
                message = f"parameter {shown(name)}: its name must be a text"
                raise ParameterError(name, parameters[name], message=message)
        settled = {name: values.settle(name, value) for name, value in parameters.items()}
        given = {name: value for name, value in settled.items() if "." not in name}
        dotted = {name: value for name, value in settled.items() if "." in name}
        if dotted:
            nested = given.get(PARAMS, {})
            if not isinstance(nested, dict):
                raise ParameterError(PARAMS, nested, "dict", label=f"parameter {PARAMS!r}")
            for name, value in dotted.items():
                if name in nested:
                    message = f"parameter {shown(name)} is given twice, alone and in {PARAMS!r}"
                    raise ParameterError(name, value, message=message)
            given[PARAMS] = nested | dotted
        if OUT in given:
            message = f"parameter {OUT!r} is set by afnlab and cannot be given"
            raise ParameterError(OUT, given[OUT], message=message)
        spec = cls(path, given, native, here)
        if spec.training is not None:
            given["activation"] = spec.training.activation.key
        else:
            given |= cell.checked(given, spec.known)
        # A kernel may run in another folder: no relative paths.
        for name in _REFERENCES:
            if name in given:
                with about(name, given[name]):
                    given[name] = _absolute(given[name])
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
                message = unknown("parameter", name, self.known, of=self.notebook.name)
                raise ParameterError(name, self.parameters[name], message=message)
        return None

    @cached_property
    def objects(self) -> list[Task | Activation]:
        """The task and the activations that its parameters name."""
        if self.training is not None:
            return [self.training.task, self.training.activation]
        told = {name: d.default for name, d in self.known.items()} | self.parameters
        found: list[Task | Activation] = []
        for name in _REFERENCES:
            given = told.get(name)
            for ref in given if isinstance(given, (list, tuple)) else [given]:
                if isinstance(ref, str):
                    with suppress(ValueError):  # the notebook's own use of the name
                        found.append(get_task(ref) if name == "task" else get_activation(ref))
        return found

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
        code = code_of_run(self.objects, source)
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
            words = ", ".join(f"{name}={short(value)}" for name, value in told.items())
            return f"{self.notebook.stem}({words})" if words else self.notebook.stem
        return f"{self.training.task.name} {self.training.label}"


def canonical(value: Any) -> str:
    """JSON with sorted keys; TypeError for what JSON cannot hold."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _absolute(ref: Any) -> Any:
    """References to files with whole paths; anything else as it is."""
    if isinstance(ref, (list, tuple)):
        return type(ref)(map(_absolute, ref))
    file, _, name = ref.rpartition(":") if isinstance(ref, str) else ("", "", "")
    return f"{expanded(file).resolve()}:{name}" if file.endswith(".py") else ref
