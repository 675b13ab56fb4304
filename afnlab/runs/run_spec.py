"""What is to be run, and the id that follows from it."""

from __future__ import annotations

import os
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, TypeVar

from afnlab import paths
from afnlab.errors import ParameterError, about, shown
from afnlab.measures import Measure
from afnlab.messages import distinct_endings, masked
from afnlab.registry import canonical_name
from afnlab.runs import training_notebook
from afnlab.runs.conventions import ACTIVATION, OUT, REFERENCES
from afnlab.runs.file_labels import Row
from afnlab.runs.fingerprint import Manifest
from afnlab.runs.fingerprint.syntax import digest
from afnlab.runs.identity import (
    ID_LENGTH,
    absolute,
    by_file_name,
    canonical,
    group_of,
    is_in_file,
    is_reference,
)
from afnlab.runs.notebook_parameters import declarations, encoding
from afnlab.runs.notebook_parameters.training import PARAMS, Training, in_label, short, training
from afnlab.runs.reading import code_read, read_now
from afnlab.runs.setting import TrainingSetting
from afnlab.runs.staleness import states
from afnlab.runs.storage.record_schema import Judged, Stored, is_training
from afnlab.runs.task_code import check_name, code_of
from afnlab.runs.whereabouts import folder_of, notebook_of
from afnlab.runs.within import Configured, options_of, recipe
from afnlab.spellings import unknown
from afnlab.training.machine import native_kernels
from afnlab.training.space import TUNE
from afnlab.training.tasks import canonical_task

Name = TypeVar("Name", str, int)
_INSTEAD = "choose its settings by other seeds, and list them in the grid or in zip (docs/batch.md)"
FILE = re.compile(rf"{re.escape(os.sep)}[^'\"\n]+?\.py:[A-Za-z_]\w*")
CANONICAL: dict[str, Callable[[object], str | None]] = {  # the name that a spelling means
    name: canonical_task if name == "task" else canonical_name for name in REFERENCES
}


@dataclass(frozen=True)
class RunSpec(ABC):
    """A notebook and the parameters it is to be given: a `TrainingSpec` or a `NotebookSpec`.

    Attributes:
        notebook: its path.
        parameters: those that are given, checked.
        native: whether compiled kernels are used; None: as they are here.
        here: whether the device must be this machine's.
        content: what the notebook held when the spec was made, which is what is executed.
        reached: the code that it then could reach.
        folder: where it is executed.
        until_decided: whether seeds are added until the evidence decides, so that their number
            follows from their results. Its record says so; its id does not depend on it.
        confirmation: of which confirmation it is, as its record says; see `compare.attempts`. Its
            id does not depend on it.
        judged: for which judging it is made, as its record says; see `judging.trained_before`. Its
            id does not depend on it.
        id: 16 hexadecimal digits that follow from the normal form of the parameters, the notebook's
            code cells and the code that it can reach.
        group: the same without the seeds, so that runs of one group are one experiment.
    """

    notebook: Path
    parameters: dict[str, object]
    native: bool | None = None
    here: bool = True
    content: bytes = field(default=b"", repr=False)
    reached: Manifest | None = field(default=None, repr=False)
    folder: Path = field(default_factory=Path.cwd)
    until_decided: bool = False
    confirmation: Mapping[str, str] = field(default_factory=dict)
    judged: Judged | None = None

    @staticmethod
    def make(
        notebook: str | Path,
        parameters: Mapping[str, object],
        *,
        native: bool | None = None,
        here: bool = True,
        folder: Path | None = None,
        closed: Sequence[Path] = (),
    ) -> RunSpec:
        """The spec of a notebook and parameters, checked.

        Args:
            notebook: a path, or the name of one of afnlab's.
            parameters: values by name.
            native, here: see `RunSpec`.
            folder: where it is to be executed; None: in the current one.
            closed: folders whose code is not to be run.

        Returns:
            A `TrainingSpec` if the notebook trains (see `training_notebook.trains`), else a
            `NotebookSpec`.

        Raises:
            ValueError: for an unknown notebook, and for one of which it is not clear whether it
                trains.
            ParameterError: for a parameter or value that is not allowed.
        """
        path = paths.find("notebooks", notebook, ".ipynb")
        named = _named(parameters)
        content = declarations.content(path)
        known = declarations.declared(path, content)
        kind = TrainingSpec if training_notebook.trains(known) else NotebookSpec
        if kind is TrainingSpec or path.parent == paths.shared("notebooks"):
            named = {name: _spelled(name, value) for name, value in named.items()}
        values = {name: d.default for name, d in known.items()} | named
        folder = folder or Path.cwd()
        reached = code_read(path, content, values, folder=folder, closed=closed)
        return kind(path, named, native, here, content, reached, folder)._settled(closed)

    @staticmethod
    def of_record(record: Stored, closed: Sequence[Path] = ()) -> RunSpec:
        """The run of a record with today's code, on a device and kernels like its own.

        It is executed where it was: see `whereabouts`.

        Args:
            record: of a run.
            closed: folders whose code is not to be run, such as that of the record.

        Returns:
            The spec.

        Raises:
            ValueError: for whatever the record asks for that cannot be.
        """
        try:
            parameters = encoding.decode(record["given"])
            if is_training(record):
                parameters["device"] = record["parameters"]["device"]
            return RunSpec.make(
                notebook_of(record["notebook"]),
                parameters,
                native=record.get("native"),
                here=False,
                folder=folder_of(record["notebook"], parameters, record.get("folder"), closed),
                closed=closed,
            )
        except ValueError:
            raise
        except Exception as error:  # a record may hold anything
            said = f"{type(error).__name__}: {error}"
            raise ValueError(f"{record.get('id')}: cannot be a run today ({said})") from None

    @cached_property
    def known(self) -> dict[str, declarations.Declared]:
        return declarations.declared(self.notebook, self.content)

    @abstractmethod
    def _settled(self, closed: Sequence[Path]) -> RunSpec:
        """The run with its parameters checked, and as a record will name them."""

    @property
    @abstractmethod
    def normal(self) -> dict[str, Any]:
        """The parameters in their normal form, all but the seeds."""

    @property
    @abstractmethod
    def seeds(self) -> tuple[int, ...]:
        """The seeds of a training; a notebook of the user's own has none that afnlab knows of."""

    @property
    @abstractmethod
    def label(self) -> str:
        """The name of the run in lists and messages."""

    @property
    @abstractmethod
    def facts(self) -> dict[str, object]:
        """The further entries of its record."""

    @property
    @abstractmethod
    def uses_native(self) -> bool:
        """True if compiled kernels are used."""

    @property
    @abstractmethod
    def _devices(self) -> tuple[str, ...]:
        """The kinds of devices that its kernels may be for."""

    @abstractmethod
    def pending(self, done: Collection[int] | None) -> RunSpec | None:
        """The part of the run that is still to be made.

        Args:
            done: the seeds that complete runs of its group hold; None if there is no such run.

        Returns:
            The spec with the seeds that are left; None if nothing is.
        """

    @cached_property
    def code(self) -> Manifest:
        """The code that its numbers depend on."""
        assert self.reached is not None
        return self.reached.compiled(*self._devices) if self.uses_native else self.reached

    def data_now(self) -> frozenset[str]:
        """The files of data that its code names now, where `code` has those of when it was made."""
        values = {name: d.default for name, d in self.known.items()} | self.parameters
        return code_read(self.notebook, self.content, values, folder=self.folder).data

    @cached_property
    def group(self) -> str:
        return group_of(self.notebook, self.code, self.normal)

    @cached_property
    def id(self) -> str:
        return digest(self.group, canonical(list(self.seeds)))[:ID_LENGTH]

    def _with_references(self, parameters: Mapping[str, object]) -> dict[str, object]:
        return {**parameters, **{n: v for n, v in absolute(parameters).items() if n in REFERENCES}}


class TrainingSpec(RunSpec):
    """One of a notebook that trains, see `training_notebook.trains`."""

    def _settled(self, closed: Sequence[Path]) -> RunSpec:
        assert self.reached is not None
        training_notebook.check_trains(self.notebook.name, self.content, self.reached)
        values = {name: d.default for name, d in self.known.items()} | self.parameters
        self._check_task(values["task"])
        lasting, before = self.training.activation.lasting_key(), values["activation"]
        reached = self.reached
        if lasting != before:  # as its record will name it
            values |= {"activation": lasting}
            reached = code_read(
                self.notebook, self.content, values, folder=self.folder, closed=closed
            )
        parameters = self._with_references(self.parameters | {"activation": lasting})
        return replace(self, parameters=parameters, reached=reached)

    def _check_task(self, reference: Any) -> None:
        task = self.training.task
        if is_reference(reference):
            with about("task", reference):
                check_name(reference, task)

    @cached_property
    def training(self) -> Training:
        """The training that it asks for."""
        return training(self.parameters, self.known, native=self.native, here=self.here)

    @cached_property
    def normal(self) -> dict[str, object]:
        return self.training.normal()

    @property
    def seeds(self) -> tuple[int, ...]:
        return self.training.seeds

    @property
    def label(self) -> str:
        tuning = self.training.tuning
        tuned = "" if tuning is None else f", tuned {tuning.label}"
        return f"{self.training.task.name} {self.training.label}{tuned}"

    @property
    def configured(self) -> Configured:
        """What it trains, and how."""
        reference, training = str(self.parameters["activation"]), self.training
        activation = reference if is_in_file(reference) else training.activation.label
        return Configured(
            activation,
            training.name,
            training.changed,
            {n: in_label(value) for n, value in training.activation_values.items()},
            recipe(options_of(training.normal()), training.changed),
            partial(training.labelled, activation=activation),
        )

    @property
    def row(self) -> Row:
        """What it may be called as the baseline of others."""
        return self.configured.row()

    @cached_property
    def task_code(self) -> str:
        """The SHA-256 of the code of a user's own task; empty: it is one of afnlab's."""
        reference = self.parameters.get("task", self.known["task"].default)
        return code_of(reference) if is_reference(reference) else ""

    @cached_property
    def setting(self) -> TrainingSetting:
        """What it must share with another training to be compared with it."""
        measure = Measure.read(self.training.task.metric.described())
        return TrainingSetting.of(self.normal, self.task_code, measure)

    @property
    def facts(self) -> dict[str, object]:
        return self.training.facts(self.task_code)

    @property
    def uses_native(self) -> bool:
        return self.training.native

    @property
    def _devices(self) -> tuple[str, ...]:
        return (self.training.device.type,)

    def pending(self, done: Collection[int] | None) -> RunSpec | None:
        missing = tuple(seed for seed in self.seeds if seed not in (done or ()))
        if len(missing) == len(self.seeds):
            return self
        return self.with_seeds(missing) if missing else None

    def with_seeds(self, seeds: Iterable[int]) -> RunSpec:
        return replace(self, parameters=self.parameters | {"seeds": list(seeds)})

    def until(self, seeds: Iterable[int]) -> RunSpec:
        """The run with the seeds up to which the evidence is to decide."""
        return replace(self.with_seeds(seeds), until_decided=True)


class NotebookSpec(RunSpec):
    """One of any other notebook."""

    def _settled(self, closed: Sequence[Path]) -> RunSpec:
        training_notebook.check_measures(self.notebook.name, self.known)
        for name in self.parameters:
            if name not in self.known:
                message = unknown("parameter", name, self.known, of=self.notebook.name)
                if name == TUNE:
                    message = f"tune is for trainings, and {self.notebook.name} is none; {_INSTEAD}"
                raise ParameterError(name, self.parameters[name], message=message)
        parameters = self.parameters | declarations.checked(self.parameters, self.known)
        return replace(self, parameters=self._with_references(parameters))

    @cached_property
    def normal(self) -> dict[str, object]:
        assert self.reached is not None
        values = {name: d.default for name, d in self.known.items()} | self.parameters
        named = by_file_name(values, self.folder, self.reached.units)
        return {
            **{name: encoding.encode(value) for name, value in named.items()},
            **read_now(values, self.folder, states),
        }

    @property
    def seeds(self) -> tuple[int, ...]:
        return ()

    @property
    def label(self) -> str:
        changed = {
            name: value
            for name, value in self.parameters.items()
            if name == ACTIVATION or value != self.known[name].default
        }
        words = masked(", ".join(f"{name}={text}" for name, text in texts(changed).items()))
        return f"{self.notebook.stem}({words})" if words else self.notebook.stem

    @property
    def facts(self) -> dict[str, object]:
        return {}

    @property
    def uses_native(self) -> bool:
        return native_kernels("cpu") if self.native is None else self.native

    @property
    def _devices(self) -> tuple[str, ...]:
        return ("cpu", "cuda")

    def pending(self, done: Collection[int] | None) -> RunSpec | None:
        return self if done is None else None


def _named(parameters: Mapping[str, object]) -> dict[str, object]:
    """Parameters by name, those with a dot gathered under `params`; ParameterError for a name."""
    if not isinstance(parameters, Mapping):
        raise TypeError(f"parameters must be a mapping of names, got {shown(parameters)}")
    for name in parameters:
        if not isinstance(name, str):
            message = f"parameter {shown(name)}: its name must be a text"
            raise ParameterError(name, parameters[name], message=message)
    settled = {name: encoding.settle(name, value) for name, value in parameters.items()}
    plain = {name: value for name, value in settled.items() if "." not in name}
    dotted = {name: value for name, value in settled.items() if "." in name}
    if dotted:
        nested = plain.get(PARAMS, {})
        if not isinstance(nested, dict):
            raise ParameterError(PARAMS, nested, "a mapping", label=f"parameter {PARAMS!r}")
        for name, value in dotted.items():
            if name in nested:
                message = f"parameter {shown(name)} is given twice, alone and in {PARAMS!r}"
                raise ParameterError(name, value, message=message)
        plain[PARAMS] = nested | dotted
    if OUT in plain:
        message = f"parameter {OUT!r} is set by afnlab and cannot be given"
        raise ParameterError(OUT, plain[OUT], message=message)
    return plain


def _spelled(name: str, value: object) -> object:
    """A parameter's value with afnlab's own names as afnlab writes them: one run, one id."""
    if name in CANONICAL and isinstance(value, (list, tuple)):
        return type(value)(_spelled(name, one) for one in value)
    return (name in CANONICAL and CANONICAL[name](value)) or value


def texts(values: Mapping[Name, object]) -> dict[Name, str]:
    """Values as labels have them: of references to files (`my.py:fn`) no more of where these lie
    than tells them apart.

    Args:
        values: by whatever names them.
    """
    shorter = {name: short(value) for name, value in values.items()}
    files = list(dict.fromkeys(f for text in shorter.values() for f in FILE.findall(text)))
    named = dict(zip(files, distinct_endings(files), strict=True))
    return {name: FILE.sub(lambda f: named[f[0]], text) for name, text in shorter.items()}
