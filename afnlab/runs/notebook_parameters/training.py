"""What a training notebook is asked to do: its parameters, checked and complete."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from afnlab.errors import ParameterError, about, shown
from afnlab.messages import masked
from afnlab.registry import get_activation
from afnlab.runs.conventions import OUT
from afnlab.runs.identity import absolute
from afnlab.runs.notebook_parameters import declarations, encoding
from afnlab.runs.storage.record_schema import FURTHER
from afnlab.spellings import unknown
from afnlab.training.machine import native_kernels
from afnlab.training.options import TASK_PARAMS, TRAINABLE, resolve
from afnlab.training.plan import Config, configure
from afnlab.training.space import TUNE, space
from afnlab.training.task_settings import Choice
from afnlab.training.tasks import get_task

PARAMS = "params"
_SETTINGS = ("seeds", "device", "dtype", "record", "keep_weights")  # of a notebook that declares it
_LENGTHS = ("epochs", "limit_train", "limit_test")
_KNOWN = ("task", "activation", OUT, *_SETTINGS, *_LENGTHS, TUNE, PARAMS)


@dataclass(frozen=True, kw_only=True)
class Training(Config):
    """What a training notebook is asked to do.

    native: whether compiled kernels are used; further: parameters of the notebook's own, by name as
    their values and defaults.
    """

    native: bool
    further: Mapping[str, tuple[object, object]] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """The activation, and what is not as it would be by default, for tables and figures."""
        return self.labelled()

    def labelled(self, without: Collection[str] = (), activation: str = "") -> str:
        """The label, but for these of its settings; the activation under another name, if given."""
        name = activation or self.activation.label
        file, colon, _ = name.rpartition(":")
        name = f"{file}{colon}{self.name}" if self.name else name
        words = [f"{name}={text}" for name, text in self.changed.items() if name not in without]
        return f"{name}({', '.join(words)})" if words else name

    @property
    def name(self) -> str:
        """What the field calls the activation under the task's settings; "" if nothing else."""
        return self._naming[1]

    @cached_property
    def _naming(self) -> tuple[str, str]:
        """The first setting that gives the activation another name, and the name."""
        for setting, value in self.options.model.items():
            kind = self.task.settings[setting]
            if isinstance(kind, Choice) and kind.named is not None and value != kind.default:
                return setting, kind.named(self.activation, value)
        return "", ""

    @cached_property
    def changed(self) -> dict[str, str]:
        """What is not as it would be by default, by name."""
        plain = resolve(self.task, self.activation, {})
        values = {
            name: value
            for name, value in self.options.activation.items()
            if value != self.activation.params[name].default or name in self.options.trainable
        }
        if self.options.trainable != plain.trainable:
            values[TRAINABLE] = "+".join(self.options.trainable) or "none"
        for name in TASK_PARAMS:
            if getattr(self.options, name) != getattr(plain, name):
                values[name] = getattr(self.options, name)
        values |= {n: v for n, v in self.options.model.items() if v != plain.model[n]}
        values |= {n: v for n, v in self.options.data.items() if v != plain.data[n]}
        if self.name:  # which says it
            del values[self._naming[0]]
        values |= {n: value for n, (value, default) in self.further.items() if value != default}
        values |= {"dtype": self.dtype} if self.dtype != "float32" else {}
        return {name: in_label(value) for name, value in sorted(values.items())}

    def facts(self, code: str = "") -> dict[str, object]:
        """What else a record holds, so that a reader of it needs neither task nor activation.

        code: the SHA-256 of the task's code, if it is a user's own.
        """
        task = self.task
        facts = {"summary": task.summary, "source": task.source, "published": task.published}
        about = facts | {"epochs": task.recipe.epochs} | ({"code": code} if code else {})
        named = {"named": self.name} if self.name else {}
        return {"settings": self.changed, **named, "task": about}

    @property
    def activation_values(self) -> dict[str, object]:
        """The values of the activation's parameters, as far as they are known beforehand."""
        values = self.activation.complete(self.options.activation)
        # A trained parameter without a value starts at random: that is not its default, given.
        kept = {n: v for n, v in values.items() if n not in self.options.trainable}
        return kept | self.options.activation

    def normal(self) -> dict[str, Any]:
        """Everything but the seeds, with no two ways to say the same."""
        record, options = self.activation, self.options
        tuning = {} if self.tuning is None else {TUNE: self.tuning.normal()}
        further = {name: encoding.encode(value) for name, (value, _) in self.further.items()}
        return {
            **tuning,
            **({FURTHER: further} if further else {}),
            "task": self.task.name,
            "activation": record.label,
            "label": self.label,
            "parameters": self.activation_values,
            "trainable": list(options.trainable),
            "options": {name: getattr(options, name) for name in TASK_PARAMS}
            | options.model
            | options.data,
            "epochs": self.epochs,
            "device": self.device.type,
            "native": self.native,
            "dtype": self.dtype,
            "limit_train": self.limit_train,
            "limit_test": self.limit_test,
            "record": sorted(self.record),
            "keep_weights": self.keep_weights,
        }


def training(
    parameters: Mapping[str, object],
    known: Mapping[str, declarations.Declared],
    *,
    native: bool | None = None,
    here: bool = True,
) -> Training:
    """Check what a training notebook is given; ParameterError, with the nearest spelling.

    Beside the names that its parameters cell declares, it takes what the chosen activation and task
    declare, and `trainable`. native: whether compiled kernels are used (None: as they are here).
    here: whether the device must be this machine's.
    """
    values = {name: d.default for name, d in known.items()}
    values |= declarations.checked(parameters, known)
    meant = absolute(values)
    with about("task", values["task"]):
        task = get_task(meant["task"])
    with about("activation", values["activation"]):
        record = get_activation(meant["activation"])
    params = {name: value for name, value in values.items() if name not in known}
    for name, value in values.get(PARAMS, {}).items():
        if name in params:
            twice = f"parameter {shown(name)} is given twice, alone and in {PARAMS!r}"
            raise ParameterError(name, value, message=twice)
        params[name] = value
    parameter_names = [n for p, q in record.params.items() for n in (p, *q.aliases)]
    for name, value in params.items():
        last = name.rpartition(".")[2] if isinstance(name, str) else name
        if last not in (*parameter_names, *TASK_PARAMS, *task.every_setting, TRAINABLE):
            of_training = [TRAINABLE, *task.every_setting, *TASK_PARAMS, *known]
            names = [*parameter_names, *of_training]  # what is most probably meant first
            raise ParameterError(name, value, message=unknown("parameter", name, names))
    settings = {name: values[name] for name in _SETTINGS if name in values}
    # A parameters cell has no empty value of a number: 0 stands for it.
    settings |= {name: values.get(name) or None for name in _LENGTHS}
    tuning = space(values[TUNE]) if values.get(TUNE) else None
    config = configure(task, record, params=params, tuning=tuning, here=here, **settings)
    used = _native(config) if native is None else native
    further = {n: (values[n], one.default) for n, one in known.items() if n not in _KNOWN}
    return Training(**vars(config), native=used, further=further)


def _native(config: Config) -> bool:
    """Whether compiled loops are used, which are the activation's, or whatever that is: those of
    the task's network, or of the steps of candidates that have rates of their own."""
    device = config.device.type
    others = config.task.compiled or (config.tuning is not None and device == "cpu")
    return native_kernels(device) if others else native_kernels(device, config.activation.label)


def in_label(value: object) -> str:
    """A value as labels say it."""
    return masked(short(value))


def short(value: object) -> str:
    """A value as labels have it."""
    return f"{value:g}" if isinstance(value, float) else str(value)
