"""Named experiments: data, network, recipe, and the numbers that the source of each printed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal

from torch import nn

from afnlab.errors import ParameterError
from afnlab.feedforward import FORMS, form_name
from afnlab.spellings import spelling, unknown
from afnlab.training import data, embedded, texts
from afnlab.training.augment import Augment
from afnlab.training.convnets import COMPILED, airbench, residual_convnet
from afnlab.training.fields import POISSON_RESIDUAL, boundary_value_mlp, neural_field
from afnlab.training.metrics import (
    ACCURACY,
    BITS_PER_CHARACTER,
    CROSS_ENTROPY,
    LOG_LOSS,
    MEAN_SQUARED_ERROR,
    PSNR,
    RELATIVE_ERROR,
    SQUARED_ERROR,
    Loss,
    Metric,
    smoothed,
)
from afnlab.training.models import autoencoder, mlp, rotated_mlp
from afnlab.training.recurrent import sequence_classifier
from afnlab.training.task_settings import Choice, Setting, Whole
from afnlab.training.transformer import transformer
from afnlab.usercode.lookup import load


@dataclass(frozen=True)
class Recipe:
    """How a task trains.

    Attributes:
        epochs: the number of passes over the examples; a fraction of an epoch is allowed.
        optimizer: see `afnlab.training.optimizers`; AdamW's weight decay is decoupled.
        schedule: the learning rate's first value, the time of its maximum and its last value, as
            shares (optimizers "airbench" and "nanogpt").
        label_smoothing: the share of the uniform distribution in the targets of a training by
            cross entropy; the test loss is without.
        drop_last: leave out an epoch's last, smaller batch.
        summed: the loss is a sum over the batch.
        augment: how training images are augmented.
        views: evaluate the trained network by the mean logits of six views of a test image (in the
            epochs before the last by the image alone).
        half: on a GPU everything except batch normalization in float16.
    """

    epochs: float
    batch_size: int
    lr: float = 1e-3
    weight_decay: float = 1e-4
    optimizer: str = "adamw"
    schedule: tuple[float, float, float] | None = None
    label_smoothing: float = 0.0
    drop_last: bool = False
    summed: bool = False
    augment: Augment | None = None
    views: bool = False
    half: bool = False


@dataclass(frozen=True)
class Task:
    """An experiment in which any activation can be used.

    Attributes:
        name: its name.
        data: returns the `Data`, given the `data_settings`.
        model: given a function that makes an activation module, returns the network, which maps
            inputs (batch, ...) to outputs: logits (batch, ..., classes) of classes.
        settings: further arguments of the model by name: their defaults (booleans, numbers above
            0), or a `Choice` or `Whole`, which say what is allowed; a run may set them like any
            parameter of the task.
        data_settings: further arguments of the data, likewise.
        sites: whether the places of an activation share one module ("shared") or have each its own
            ("each"), and so their own learned parameters.
        source: the origin of the experiment.
        published: the file of `data/published` with the numbers that the source printed.
        loss: what is minimized.
        metric: what the task is judged by.
        also: further metrics, which are recorded.

    Raises:
        ParameterError: for a loss or a metric that is none, two metrics of one key, or label
            smoothing of another loss than cross entropy.
    """

    name: str
    data: Callable[..., data.Data]
    model: Callable[..., nn.Module]
    recipe: Recipe
    sites: Literal["each", "shared"] = "each"
    settings: Mapping[str, Setting] = field(default_factory=dict)
    data_settings: Mapping[str, Setting] = field(default_factory=dict)
    summary: str = ""
    source: str = ""
    published: str = ""
    loss: Loss = CROSS_ENTROPY
    metric: Metric = ACCURACY
    also: tuple[Metric, ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.loss, Loss):
            raise ParameterError("loss", self.loss, "an afnlab.Loss")
        for metric in self.metrics:
            if not isinstance(metric, Metric):
                raise ParameterError("metric", metric, "an afnlab.Metric")
        keys = [metric.key for metric in self.metrics]
        if len(set(keys)) < len(keys):
            raise ParameterError("also", keys, "metrics with keys that differ")
        if self.recipe.label_smoothing and self.loss is not CROSS_ENTROPY:
            allowed = f"0 for the loss {self.loss.name}"
            raise ParameterError("label_smoothing", self.recipe.label_smoothing, allowed)

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """All that are recorded, what the task is judged by first."""
        return self.metric, *self.also

    @property
    def trained_loss(self) -> Loss:
        """The loss of the training: with label smoothing, if the recipe has it."""
        smoothing = self.recipe.label_smoothing
        return smoothed(smoothing) if smoothing else self.loss

    @property
    def every_setting(self) -> dict[str, Setting]:
        """The settings of its network and of its data, by name."""
        return {**self.settings, **self.data_settings}

    @property
    def compiled(self) -> bool:
        """True if its network has layers with compiled loops, whatever the activation has."""
        return bool(getattr(self.model, COMPILED, False))

    def __reduce__(self) -> str | tuple:
        if _TASKS.get(self.name) is self:
            return get_task, (self.name,)
        return super().__reduce__()


# Keras's RMSprop of today; "rmsprop" is torch's, with eps outside the root.
_ARP = Recipe(epochs=20, batch_size=128, weight_decay=0.0, optimizer="rmsprop-keras")
_ARP_SETTINGS = {"auto_rot": True, "classic": False, "L": 4.0, "trainable_L": False}

_AIRBENCH = Recipe(
    epochs=9.9,
    batch_size=1024,
    lr=11.5,
    weight_decay=0.0153,
    optimizer="airbench",
    schedule=(0.2, 0.23, 0.07),
    label_smoothing=0.2,
    drop_last=True,
    summed=True,
    augment=Augment(flip=True, translate=2),
    views=True,
    half=True,
)
_AIRBENCH_SOURCE = (
    "SReLU, evaluation 2; recipe of cifar10-airbench, legacy/airbench{}.py, which was tuned with"
    " GELU; that nothing but the activation was exchanged is assumed"
)


# Without a chance level: two thirds of it, up to which a network counts as stuck, is a good result.
_BITS = replace(BITS_PER_CHARACTER, chance=None)
_NANOGPT = Recipe(
    epochs=81,
    batch_size=64,
    lr=1e-3,
    weight_decay=0.1,
    optimizer="nanogpt",
    schedule=(0.0, 0.02, 0.1),
)
_NANOGPT_SPREAD = 0.02
_NANOGPT_SOURCE = (
    "nanoGPT, {}; that windows of the text do not overlap, and an epoch has each once, is afnlab's"
)


def _transformer_settings(width: int, layers: int, heads: int) -> dict[str, Setting]:
    """The settings of a character transformer."""
    form = Choice(FORMS, form_name)
    size: dict[str, Setting] = {"width": Whole(width, multiple=heads), "layers": Whole(layers)}
    return {"form": form, **size, "auto_rot": False, "L": 4.0}


_TASKS = {
    task.name: task
    for task in (
        Task(
            "digits-mlp",
            data.digits,
            mlp(64, 64, 32, 10),
            Recipe(epochs=40, batch_size=64),
            summary="MLP 64-64-32-10 on scikit-learn's 8 x 8 digits (1,347 to train, 450 to test)",
            source="afnlab",
        ),
        Task(
            "mnist-mlp",
            data.mnist,
            mlp(784, 128, 64, 10),
            Recipe(epochs=20, batch_size=256),
            sites="shared",
            summary="MLP 784-128-64-10 on MNIST (60,000 to train, 10,000 to test)",
            source="SReLU, evaluation 1; batch size and scaling to [0, 1] are afnlab's",
            published="srelu-mnist.csv",
        ),
        Task(
            "cifar10-airbench94",
            data.cifar10,
            airbench(64, 256, 256),
            _AIRBENCH,
            summary="convnet 64-256-256 on CIFAR-10, 9.9 epochs",
            source=_AIRBENCH_SOURCE.format(94),
            published="srelu-airbench.csv",
        ),
        Task(
            "cifar10-airbench95",
            data.cifar10,
            airbench(128, 384, 384),
            replace(_AIRBENCH, epochs=15, lr=10.0),
            summary="convnet 128-384-384 on CIFAR-10, 15 epochs",
            source=_AIRBENCH_SOURCE.format(95),
            published="srelu-airbench.csv",
        ),
        Task(
            "cifar10-airbench96",
            data.cifar10,
            airbench(128, 384, 512, depth=3, momentum=0.1),
            replace(
                _AIRBENCH,
                epochs=37,
                lr=9.0,
                weight_decay=0.012,
                schedule=(0.2, 0.1, 0.0),
                augment=Augment(flip=True, translate=4, cutout=12),
            ),
            summary="residual convnet 128-384-512 on CIFAR-10, 37 epochs",
            source=_AIRBENCH_SOURCE.format(96),
            published="srelu-airbench.csv",
        ),
        Task(
            "digits-airbench",
            data.digits_pictures,
            airbench(16, 32, channels=1),
            replace(
                _AIRBENCH,
                epochs=8,
                batch_size=64,
                lr=40.0,
                augment=Augment(flip=False, translate=1),
                views=False,
            ),
            summary="small convnet 16-32 with the recipe of airbench, on 8 x 8 digits",
            source="afnlab",
        ),
        Task(
            "cifar100-convnet",
            data.cifar100,
            residual_convnet(3, 32, (32, 64, 128), reduced=32, hidden=256, classes=100),
            Recipe(epochs=20, batch_size=256, lr=2.5e-4, weight_decay=1e-5, optimizer="adam"),
            summary="residual convnet 32-64-128 on CIFAR-100",
            source="apec-afn, scripts/eval_cifar100.py; that it is shuffled without a GPU too, and"
            " that all activations meet the same weights, is afnlab's",
            published="apec-cifar100.csv",
        ),
        Task(
            "digits-convnet",
            data.digits_pictures,
            residual_convnet(1, 8, (8, 16), reduced=8, hidden=32, classes=10),
            Recipe(epochs=10, batch_size=64, lr=2.5e-3, weight_decay=1e-5, optimizer="adam"),
            summary="small residual convnet 8-16 on 8 x 8 digits",
            source="afnlab",
        ),
        Task(
            "cifar10-arp",
            data.cifar10_grey,
            rotated_mlp(1024, 50, 50, 40, 40, 30, 10),
            _ARP,
            settings=_ARP_SETTINGS,
            summary="deep MLP 1024-50-50-40-40-30-10, Auto-Rotating, on CIFAR-10 in grey",
            source="Auto-Rotating Perceptrons, example notebook",
            published="arp-cifar10.csv",
        ),
        Task(
            "digits-arp",
            data.digits,
            rotated_mlp(64, 50, 50, 40, 40, 30, 10),
            replace(_ARP, epochs=40, batch_size=32),
            settings=_ARP_SETTINGS,
            summary="deep MLP 64-50-50-40-40-30-10, Auto-Rotating, on 8 x 8 digits",
            source="afnlab",
        ),
        Task(
            "names-gpt",
            texts.names,
            transformer(texts.TOKENS, texts.NAME_LENGTH, heads=4, padding=0),
            Recipe(epochs=0.28, batch_size=64, lr=5e-3, weight_decay=0.01),  # 350 steps
            settings=_transformer_settings(width=32, layers=1, heads=4),
            data_settings={"limit": Whole(texts.SURNAMES, least=100, most=texts.SURNAMES)},
            metric=_BITS,
            summary="transformer of one block, width 32, on the letters of 88,799 surnames",
            source="afnlab",
        ),
        Task(
            "shakespeare-gpt",
            partial(texts.shakespeare, length=256),
            transformer(
                texts.CHARACTERS, 256, heads=6, tied=True, dropout=0.2, spread=_NANOGPT_SPREAD
            ),
            _NANOGPT,
            settings=_transformer_settings(width=384, layers=6, heads=6),
            metric=_BITS,
            summary="transformer of six blocks, width 384, on the characters of tiny Shakespeare",
            source=_NANOGPT_SOURCE.format("config/train_shakespeare_char.py"),
            published="nanogpt-shakespeare.csv",
        ),
        Task(
            "shakespeare-gpt-cpu",
            partial(texts.shakespeare, length=64),
            transformer(texts.CHARACTERS, 64, heads=4, tied=True, spread=_NANOGPT_SPREAD),
            replace(_NANOGPT, epochs=1.53, batch_size=12, schedule=(0.0, 0.05, 0.1)),
            settings=_transformer_settings(width=128, layers=4, heads=4),
            metric=_BITS,
            summary="transformer of four blocks, width 128, on tiny Shakespeare, for a CPU",
            source=_NANOGPT_SOURCE.format('README, "I only have a macbook"'),
            published="nanogpt-shakespeare.csv",
        ),
        Task(
            "digits-rnn",
            embedded.digit_rows,
            sequence_classifier(8, 32, 10),
            Recipe(epochs=30, batch_size=64, lr=3e-3),
            settings={"cell": Choice(("rnn", "lstm", "gru")), "auto_rot": False, "L": 2.0},
            summary="recurrent network of 32 units that reads 8 x 8 digits row by row; the"
            " activation in the place of tanh",
            source="afnlab",
        ),
        Task(
            "breast-cancer",
            embedded.breast_cancer,
            mlp(30, 32, 16, 2),
            Recipe(epochs=40, batch_size=32),
            summary="MLP 30-32-16-2 on scikit-learn's breast cancer data (426 to train, 143 to"
            " test)",
            source="afnlab",
            metric=LOG_LOSS,
            also=(ACCURACY,),
        ),
        Task(
            "autoencoder",
            embedded.digits_to_reconstruct,
            autoencoder(64, 48, 24, 6),
            Recipe(epochs=60, batch_size=64, lr=3e-3),
            summary="autoencoder 64-48-24-6-24-48-64 of 8 x 8 digits",
            source="afnlab; the shape follows Hinton and Salakhutdinov (2006), linear code and all",
            loss=MEAN_SQUARED_ERROR,
            metric=SQUARED_ERROR,
        ),
        Task(
            "flower-field",
            embedded.flower,
            neural_field(2, 64, 64, 64, 3),
            Recipe(epochs=60, batch_size=512, lr=1e-3, weight_decay=0.0, optimizer="adam"),
            summary="neural field 2-64-64-64-3, from (x, y) to the colours of scikit-learn's"
            " flower.jpg (4,096 pixels to train, the 12,288 between them to test)",
            source="SIREN (Sitzmann et al. 2020), image fitting, with its initial weights; smaller,"
            " in batches, and judged between the pixels, as by Tancik et al. (2020)",
            loss=MEAN_SQUARED_ERROR,
            metric=PSNR,
        ),
        Task(
            "poisson-pinn",
            embedded.poisson,
            boundary_value_mlp(1, 50, 50, 50, 1),
            Recipe(epochs=60, batch_size=64, lr=3e-3, weight_decay=0.0, optimizer="adam"),
            summary="physics-informed network 1-50-50-50-1 for -u'' = f on [0, pi]; needs second"
            " derivatives, so ReLU cannot work",
            source="DeepXDE (Lu et al. 2021), example Poisson_Dirichlet_1d_exactBC; new points in"
            " every step, a constant learning rate, fewer steps",
            loss=POISSON_RESIDUAL,
            metric=RELATIVE_ERROR,
        ),
    )
}


def list_tasks() -> tuple[str, ...]:
    """The names of all built-in tasks, sorted."""
    return tuple(sorted(_TASKS))


def canonical_task(name: object) -> str | None:
    """The name of the built-in task that is meant, in any case; None if none is."""
    spelled = {spelling(known): known for known in _TASKS}
    return spelled.get(spelling(name)) if isinstance(name, str) else None


def get_task(ref: str | Task) -> Task:
    """A task by its name, or a user's own.

    Args:
        ref: a name, in any case; `path/my.py:mytask`, `package.module:mytask`; or a task.

    Raises:
        ValueError: for an unknown task, with the nearest spelling.
    """
    if isinstance(ref, Task):
        return ref
    if isinstance(ref, str) and ":" in ref:
        return load(ref, Task, "make it an afnlab.Task(...)")
    name = canonical_task(ref)
    if name is None:
        raise ValueError(unknown("task", ref, _TASKS, shown_by="afnlab list"))
    return _TASKS[name]
