"""What a training may be given, for somebody who looks it up: parameters, and recipes of tasks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import NamedTuple

from afnlab import paths
from afnlab.errors import ParameterError
from afnlab.registry import get_activation
from afnlab.runs.conventions import DEFAULT_BASELINE
from afnlab.runs.notebook_parameters import declarations
from afnlab.runs.notebook_parameters.training import PARAMS
from afnlab.training.augment import Augment
from afnlab.training.options import CHOICES, TASK_PARAMS, TRAINABLE, resolve, with_meanings
from afnlab.training.plan import DEVICES, DTYPES
from afnlab.training.recorder import TABLES
from afnlab.training.task_settings import Choice, Setting, Whole, default
from afnlab.training.tasks import Recipe, Task, get_task

_WHOLE = "a whole number, 0 (all) or more"
# By name: what it may be, where no refusal says so in these words, and what it means.
_WORDS: Mapping[str, tuple[str, str]] = {
    "task": ("a name, or `my.py:mytask`", "the data, the network and the recipe"),
    "activation": ("a name, or `my.py:f`", "the activation of the network"),
    "seeds": (
        "a whole number, 1 or more (10: seeds 0 to 9), or a list of whole numbers",
        "a network is trained for each: initial weights, batches and noise are drawn from it",
    ),
    "epochs": (
        "a whole number, 0 (as many as the task says) or more",
        "passes over the training examples",
    ),
    "lr": ("", "learning rate; where the optimizer has a schedule, its maximum"),
    "weight_decay": (
        "",
        "how strongly weights shrink: decoupled with adamw and nanogpt, added to the gradient with"
        " the others",
    ),
    "batch_size": ("", "examples in a step"),
    "optimizer": (
        "",
        "torch's, but: rmsprop-keras (eps inside the root), airbench (Nesterov SGD with lookahead)"
        " and nanogpt (AdamW with clipped gradients), both with a schedule of the learning rate",
    ),
    "momentum": (
        "a number, 0 or more and below 1",
        "decay of the mean gradient (of Adam the first beta); without one, the optimizer's own:"
        " 0.9 of adam, adamw and nanogpt, 0.85 of airbench, 0 of sgd and rmsprop",
    ),
    "init": (
        "",
        "initial weights of linear and convolutional layers: the standard deviation is gain /"
        " sqrt(inputs) with gain and sigma_w / sqrt(inputs) with critical, and the first layer"
        " corrects for the size of the inputs; biases are 0 with gain, normal with critical",
    ),
    "init_scale": ("", "a factor on the initial weights of linear and convolutional layers"),
    "sites": ("", "whether the places of an activation share what it learns"),
    "split": ("", "the examples that the network is evaluated on"),
    TRAINABLE: (
        "true, false or a list of names",
        "which parameters of the activation are trained; without one, as its definition says",
    ),
    "limit_train": (_WHOLE, "only so many of the training examples"),
    "limit_test": (_WHOLE, "only so many of the test examples"),
    "device": (
        f"auto (a GPU where there is one), {', '.join(DEVICES)}; or with a number, cuda:1",
        "where it is computed",
    ),
    "dtype": (
        ", ".join(DTYPES),
        "precision; bfloat16 is mixed: linear and convolutional layers in bfloat16, weights,"
        " normalization and loss in float32",
    ),
    "tune": (
        "a mapping, such as {lr: [0.001, 0.01]}",
        "what each seed first chooses among, on validation examples",
    ),
    "record": (
        f"a list of {', '.join(TABLES)}",
        "further tables to keep: by epoch the learned parameters of the activation, the norms of"
        " the gradients and what goes on in the layers; by step the loss",
    ),
    "keep_weights": ("true or false", "whether the trained weights are kept"),
    PARAMS: (
        "a mapping, such as {activation.lr: 1.0}",
        "parameters by name, where `activation.` or `task.` has to say whose one is",
    ),
    "out": ("a folder", "where a notebook saves that is executed without afnlab"),
}
# What the parameters mean that afnlab's tasks have of their own.
_OWN = {
    "auto_rot": "whether layers are Auto-Rotating",
    "classic": "whether the network is made of plain layers, without anything of rotation",
    "L": "the limit L of Auto-Rotating layers",
    "trainable_L": "whether every layer learns its own L",
    "cell": "the kind of recurrent layer",
    "form": "the form of the feed-forward layers",
    "width": "numbers for each character",
    "layers": "blocks",
    "limit": "how many surnames are taken",
}
_OF_OPTIMIZER, _OF_TASK = "the optimizer's", "the task's"
_SET_BY_TASK = {"lr", "weight_decay", "batch_size", "optimizer", "sites"}


class Parameter(NamedTuple):
    """A parameter of a training.

    usual: the value that it has where none is given. allowed: its type and values, in words.
    """

    name: str
    usual: str
    allowed: str
    meaning: str


def parameters() -> list[Parameter]:
    """Every parameter that any training has, the recipe's after those of the data."""
    declared = declarations.declared(paths.shared("notebooks") / "train.ipynb")
    task, record = get_task(str(declared["task"].default)), get_activation(DEFAULT_BASELINE)
    options = resolve(task, record, {})
    usual = {name: _shown(one.default) for name, one in declared.items()}
    usual["epochs"] = _OF_TASK
    usual[TRAINABLE] = "the activation's"
    for name in TASK_PARAMS:
        value = getattr(options, name)
        of_others = _OF_OPTIMIZER if value is None else _shown(value)
        usual[name] = _OF_TASK if name in _SET_BY_TASK else of_others
    return [
        Parameter(name, usual.pop(name), words or _allowed(task, name), meaning)
        for name, (words, meaning) in _WORDS.items()
    ]


def _allowed(task: Task, name: str) -> str:
    """What a parameter of the recipe may be: what is said where it is given something else."""
    if name in CHOICES:
        return with_meanings(CHOICES[name])
    try:
        resolve(task, get_activation(DEFAULT_BASELINE), {name: ""})
    except ParameterError as error:
        return error.allowed
    raise ValueError(f"{name}: takes everything")


def recipe(task: Task) -> dict[str, str]:
    """How a task trains, by name: what all recipes have, then what this one has beside it.

    Args:
        task: the task.

    Returns:
        The values, as texts.
    """
    texts = {}
    for one in fields(Recipe):
        value = getattr(task.recipe, one.name)
        rare = one.name not in (*TASK_PARAMS, "epochs")
        if rare and one.default is not MISSING and value == one.default:
            continue
        texts[one.name] = _augmented(value) if isinstance(value, Augment) else _shown(value)
    return texts | ({"sites": task.sites} if task.sites != Task.sites else {})


def parameters_of(task: Task) -> list[Parameter]:
    """The parameters that a task has of its own, of its network and of its data.

    Args:
        task: the task.
    """
    return [
        Parameter(name, _shown(default(setting)), _values(setting), _OWN.get(name, ""))
        for name, setting in task.every_setting.items()
    ]


def _values(setting: Setting) -> str:
    if isinstance(setting, Choice):
        return f"one of {', '.join(setting.values)}"
    if isinstance(setting, bool):
        return "true or false"
    if isinstance(setting, float):
        return "a number above 0"
    whole = setting if isinstance(setting, Whole) else Whole(setting)
    least = f"from {whole.least} to {whole.most:,}" if whole.most < Whole(1).most else ""
    multiple = f"a multiple of {whole.multiple}" if whole.multiple > 1 else ""
    return ", ".join(filter(None, ["a whole number", multiple or least or "1 or more"]))


def _augmented(augment: Augment) -> str:
    values = {one.name: getattr(augment, one.name) for one in fields(augment)}
    return ", ".join(n if v is True else f"{n} {_shown(v)}" for n, v in values.items() if v)


def _shown(value: object) -> str:
    """A value as a sweep file has it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(map(_shown, value))}]"
    return f"{value:g}" if isinstance(value, float) else str(value)
