"""What a task minimizes, and what it is judged by: losses and metrics."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from math import log, log2
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from afnlab import measures
from afnlab.errors import with_article
from afnlab.measures import Measure
from afnlab.training.data import MASKED, Data

VECTOR = 16  # numbers of float32 in the widest registers
ROUNDING = 1e-6  # by which a value may leave its bounds
_WITHOUT_CLASSES = (
    "; where targets are no classes give the task a loss= and a metric=, such as MEAN_SQUARED_ERROR"
    " and SQUARED_ERROR of afnlab.training.metrics"
)


class MisfitError(ValueError):
    """A loss or a metric cannot be evaluated on a network's outputs and the targets."""


@dataclass(frozen=True)
class Loss:
    """The loss that a training minimizes: the mean over all targets that are not masked.

    Attributes:
        name: as it stands in a sentence.
        of: given outputs (examples, ...) and targets (examples, ...), returns the loss of every
            target or of every example. Examples are independent of each other: those of several
            seeds come as one batch. What it returns at masked targets does not count.
        of_network: `of` is called with (network, inputs, targets) instead. `network` maps inputs
            (examples, ...) to outputs, and can be called several times, always with as many
            examples; the inputs require a gradient, so that `torch.autograd.grad(network(x).sum(),
            x, create_graph=True)` is a derivative with respect to them.
    """

    name: str
    of: Callable[..., Tensor]
    of_network: bool = False


def _same(value: Tensor) -> Tensor:
    """The metric's value, which is the mean itself unless a metric has another `finish`.

    Args:
        value: the mean over all parts of the data.

    Returns:
        The same tensor.
    """
    return value


@dataclass(frozen=True, kw_only=True)
class Metric(Measure):
    """A metric by which trained networks are judged.

    Attributes:
        total: given the outputs (examples, ...) of one network and the targets (examples, ...),
            returns the sum over the examples and what to divide it by, two numbers or tensors
            without dimensions, so that parts of the data add up exactly. It is called inside
            `torch.vmap`. Where targets can be `MASKED`, it has to leave them out.
        finish: maps the quotient of the two, summed over all parts, to the value.
        chance: also a function of the `Data`.

    The rest is as in `Measure`.
    """

    total: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
    finish: Callable[[Tensor], Tensor] = _same

    def __post_init__(self) -> None:
        super().__post_init__()
        for field in ("total", "finish"):
            if not callable(value := getattr(self, field)):
                raise self._refused(field, value, "a function")

    def measure(self, data: Data) -> Measure:
        """Describe the metric without its functions, with the chance level on these data.

        Args:
            data: what the chance level is computed from, if it is a function.

        Returns:
            The description that a run's record holds.

        Raises:
            ParameterError: if the chance level is not a number within the bounds.
        """
        described = self.described()
        if callable(self.chance):
            value = self.chance(data)
            described["chance"] = None if value is None else _number(value)
        return Measure(**described)

    def totals(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Sums and counts of the outputs of several networks, in double precision.

        Args:
            outputs: (seeds, examples, ...).
            targets: (examples, ...), the same for every network.

        Returns:
            A tensor (2, seeds): the sums, then the counts.

        Raises:
            MisfitError: if `total` cannot be evaluated, or returns anything but two numbers.
        """
        try:
            total, count = torch.vmap(self._totals, (0, None))(outputs, targets)
        except (RuntimeError, TypeError, ValueError, AttributeError, IndexError) as error:
            reason = str(error).partition("\n")[0]
            if "memory" in reason:
                raise
            raise MisfitError(
                f"metric {self.name}: total cannot be evaluated on outputs"
                f" {tuple(outputs.shape[1:])} and targets {tuple(targets.shape)}: {reason}"
            ) from error
        for part in (total, count):
            if part.shape != outputs.shape[:1]:
                raise MisfitError(
                    f"metric {self.name}: total must return two numbers, the sum and the count,"
                    f" got a tensor {tuple(part.shape[1:])}"
                )
        return torch.stack([total, count])

    def _totals(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, ...]:
        totals = self.total(outputs, targets)
        if not isinstance(totals, tuple) or len(totals) != 2:
            got = with_article(type(totals).__name__)
            raise TypeError(f"it must return the sum and the count, got {got}")
        return tuple(torch.as_tensor(v, device=outputs.device).double() for v in totals)

    def values(self, totals: Tensor) -> Tensor:
        """The values (seeds,) of totals that were added up over all parts of the data.

        Args:
            totals: (2, seeds), the sums and the counts.

        Raises:
            MisfitError: if `finish` does not return one number for each.
        """
        finished = self.finish(totals[0] / totals[1])
        if not isinstance(finished, Tensor) or finished.shape != totals[0].shape:
            raise MisfitError(f"metric {self.name}: finish must return a number for every number")
        return finished

    def check(self, values: Tensor, losses: Tensor) -> None:
        """Check the values of networks, given their losses; a diverged network may have any.

        Args:
            values: (seeds,), what `values` returned.
            losses: (seeds,), not finite where a network has diverged.

        Raises:
            ValueError: if no value is finite, or one is out of bounds by more than rounding.
        """
        learned = values[torch.isfinite(losses)]
        finite = learned[torch.isfinite(learned)].tolist()
        if len(learned) and not finite:
            got = learned[0].item()
            raise ValueError(f"metric {self.name}: must give finite numbers, got {got}")
        for value in finite:
            inside = value if self.low is None else max(value, self.low)
            inside = inside if self.high is None else min(inside, self.high)
            if abs(value - inside) > ROUNDING * max(1.0, abs(inside)):
                bounds = " to ".join(
                    "any" if v is None else f"{v:g}" for v in (self.low, self.high)
                )
                raise ValueError(f"metric {self.name}: must be {bounds}, got {value}")


def _number(value: object) -> Any:
    return value.item() if hasattr(value, "item") else value


def _wide(outputs: Tensor) -> Tensor:
    return outputs.float() if outputs.dtype in (torch.float16, torch.bfloat16) else outputs


def _fits(what: str, outputs: Tensor, targets: Tensor, classes: bool) -> None:
    """MisfitError if outputs and targets are not those of classes, or not of one shape."""
    expected = "(examples, ..., classes)" if classes else "of the shape of the targets"
    shape = outputs.shape[:-1] if classes else outputs.shape
    if shape != targets.shape or (classes and targets.is_floating_point()):
        numbers = ", which are floating point" if targets.is_floating_point() and classes else ""
        raise MisfitError(
            f"{what}: needs outputs {expected}, got {tuple(outputs.shape)} for targets"
            f" {tuple(targets.shape)}{numbers}{_WITHOUT_CLASSES if classes else ''}"
        )


def cross_entropy(outputs: Tensor, targets: Tensor, smoothing: float = 0.0) -> Tensor:
    """Cross entropy of every target (examples, ...), given logits (examples, ..., classes)."""
    _fits("cross entropy", outputs, targets, classes=True)
    wide = _wide(outputs)
    if VECTOR / 2 <= wide.shape[-1] < VECTOR and wide.device.type == "cpu" and not smoothing:
        # torch's CPU softmax vectorizes over whole vectors of classes only: 4 times faster for ten.
        wide = F.pad(wide, (0, VECTOR - wide.shape[-1]), value=-torch.inf)
    flat = F.cross_entropy(
        wide.flatten(0, -2),
        targets.flatten(),
        ignore_index=MASKED,
        reduction="none",
        label_smoothing=smoothing,
    )
    return flat.view(targets.shape)


def smoothed(smoothing: float) -> Loss:
    """Cross entropy whose targets are mixed with this share of the uniform distribution."""
    return Loss("cross entropy", partial(cross_entropy, smoothing=smoothing))


def squared_error(outputs: Tensor, targets: Tensor) -> Tensor:
    """Squared difference of every output from its target, of one shape."""
    _fits("squared error", outputs, targets, classes=False)
    return (_wide(outputs) - targets).square()


CROSS_ENTROPY = Loss("cross entropy", cross_entropy)
MEAN_SQUARED_ERROR = Loss("mean squared error", squared_error)


def _correct(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    _fits("accuracy", outputs, targets, classes=True)
    return (outputs.argmax(-1) == targets).sum(), (targets != MASKED).sum()


def _entropy(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    return cross_entropy(outputs, targets).double().sum(), (targets != MASKED).sum()


def _squares(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    squared = squared_error(outputs, targets).double()
    return squared.sum(), torch.full_like(squared, 1.0).sum()


def _relative(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    return squared_error(outputs, targets).double().sum(), targets.double().square().sum()


def _uniform(data: Data) -> float | None:
    """The accuracy of a guess among the classes."""
    return 1 / data.classes if data.classes else None


def _uniform_entropy(data: Data) -> float | None:
    """The mean cross entropy of equal probabilities for all classes."""
    return log(data.classes) if data.classes else None


def _uniform_bits(data: Data) -> float | None:
    return log2(data.classes) if data.classes else None


def _in_bits(nats: Tensor) -> Tensor:
    return nats / log(2)


def _decibels(error: Tensor) -> Tensor:
    return -10 * error.log10()


def _of_the_mean(data: Data) -> float:
    """The mean squared error of the training targets' mean."""
    return float((data.test_y.double() - data.train_y.double().mean(0)).square().mean())


ACCURACY = Metric(**measures.ACCURACY.described() | {"chance": _uniform}, total=_correct)
LOG_LOSS = Metric(
    name="log loss",
    key="log_loss",
    unit="nats",
    better="lower",
    low=0.0,
    chance=_uniform_entropy,
    decimals=4,
    total=_entropy,
)
BITS_PER_CHARACTER = replace(
    LOG_LOSS,
    name="bits per character",
    key="bits_per_character",
    unit="bits",
    chance=_uniform_bits,
    finish=_in_bits,
)
SQUARED_ERROR = Metric(
    name="mean squared error",
    key="squared_error",
    better="lower",
    low=0.0,
    chance=_of_the_mean,
    decimals=5,
    total=_squares,
)
PSNR = Metric(  # of values in [0, 1]; a chance level of decibels has no factor, so it has none
    name="PSNR", key="psnr", unit="dB", better="higher", total=_squares, finish=_decibels
)
RELATIVE_ERROR = Metric(
    name="relative L2 error",
    key="relative_error",
    better="lower",
    low=0.0,
    chance=1.0,
    decimals=5,
    total=_relative,
    finish=torch.sqrt,
)
