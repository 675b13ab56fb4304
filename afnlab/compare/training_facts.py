"""What a training was, as its record says: nothing of a user's is loaded to know it."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from afnlab.measures import ACCURACY, Measure
from afnlab.runs.file_labels import Row
from afnlab.runs.notebook_parameters.training import in_label
from afnlab.runs.setting import TrainingSetting
from afnlab.runs.storage import record_schema
from afnlab.runs.within import Configured, Within, options_of, recipe


@dataclass(frozen=True)
class TaskFacts:
    """What a record says of its task, see `afnlab.Task`.

    epochs: what its recipe trains. code: the SHA-256 of the code of a user's own; empty: one of
    afnlab's.
    """

    name: str
    summary: str = ""
    source: str = ""
    published: str = ""
    epochs: float = 0.0
    code: str = ""


@dataclass(frozen=True)
class Trained:
    """One setting of a training, of which there may be several runs that differ in seeds.

    activation: its label; label: the same with what is not as by default; settings: that, by name;
    parameters: values of the activation's parameters; trainable: the trained ones; options: of the
    task; native: whether compiled kernels were used; limit_train, limit_test: 0 for all examples;
    tuned: what was tuned, as JSON. reference: what the activation was given as. named: what the
    field calls the activation under the task's settings (SwiGLU), if not as afnlab does. measure:
    what the task is judged by, without its chance level. within: the settings by which the
    comparison is split, see `afnlab.runs.within`.
    """

    group: str
    task: TaskFacts
    activation: str
    label: str
    settings: Mapping[str, str]
    parameters: Mapping[str, object]
    trainable: tuple[str, ...]
    options: Mapping[str, object]
    epochs: float
    device: str
    dtype: str
    native: bool
    limit_train: int
    limit_test: int
    tuned: str = ""
    reference: str = ""
    named: str = ""
    measure: Measure = ACCURACY
    within: Within = ()

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> Trained:
        """The training of a record; ValueError if that does not tell of one."""
        try:
            normal, about = record["parameters"], record.get("task", {})
            described = {name: str(text) for name, text in about.items() if name != "epochs"}
            measure = record_schema.measure(record)
            setting = TrainingSetting.of(normal, described.get("code", ""), measure)
            return cls(
                group=record["group"],
                task=TaskFacts(setting.task, **described, epochs=float(about.get("epochs", 0))),
                activation=str(normal["activation"]),
                label=str(normal["label"]),
                settings={str(n): str(text) for n, text in record.get("settings", {}).items()},
                parameters=dict(normal["parameters"]),
                trainable=tuple(map(str, normal["trainable"])),
                options={
                    "lr": None,
                    "split": "test",
                    **options_of(normal),
                },
                epochs=setting.epochs,
                device=setting.device,
                dtype=setting.dtype,
                native=bool(normal.get("native", False)),
                limit_train=setting.limit_train,
                limit_test=setting.limit_test,
                tuned=setting.tuned,
                reference=str(record.get("given", {}).get("activation", "")),
                named=str(record.get("named", "")),
                measure=setting.measure,
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            run = record.get("id", "a run")
            raise ValueError(f"{run}: its record is not that of a training ({error!r})") from None

    @property
    def is_user_defined(self) -> bool:
        """Whether the activation is a user's: its label names a file or a module then."""
        return ":" in self.activation

    @property
    def source(self) -> str:
        """The activation: its label, with the whole path of the file that it lies in."""
        in_file = self.is_user_defined and self.reference.endswith(self.activation)
        return self.reference if in_file else self.activation

    def row(self, shared: Collection[str] = ()) -> Row:
        """What it may be called as the baseline of others, all of which have the shared settings"""
        return self.configured.row(shared, dict(self.within))

    @property
    def configured(self) -> Configured:
        """What it is, and how it was trained."""
        how = recipe(self.options, self.settings)
        labelled = partial(self.labelled, activation=self.source)
        values = {n: in_label(value) for n, value in self.parameters.items()}
        return Configured(self.source, self.named, self.settings, values, how, labelled)

    @property
    def setting(self) -> TrainingSetting:
        """What must be equal in a comparison."""
        its = {n: getattr(self, n) for n in TrainingSetting._fields if n not in ("task", "code")}
        return TrainingSetting(task=self.task.name, code=self.task.code, **its)

    @property
    def training(self) -> str:
        """How it was trained, the activation aside, to be distinguished from another's."""
        return json.dumps([self.options, self.trainable], sort_keys=True)

    def labelled(self, without: Collection[str], activation: str = "") -> str:
        """The label, but for these of its settings; the activation under another name, if given."""
        activation = activation or self.activation
        if self.named:
            file, colon, _ = activation.rpartition(":")
            activation = f"{file}{colon}{self.named}"
        elif not without and self.label.startswith(self.activation):
            return activation + self.label.removeprefix(self.activation)
        words = [f"{name}={text}" for name, text in self.settings.items() if name not in without]
        return f"{activation}({', '.join(words)})" if words else activation
