"""One torch module per activation: `nn.SReLU(t=2.21, trainable=False)`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from sys import float_info
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor, nn

from afnlab import activations as _activations  # noqa: F401  (fills the registry)
from afnlab.clamping import inward_clamp
from afnlab.errors import shown
from afnlab.feedforward import GLU, FeedForward
from afnlab.registry import Activation, get_activation, list_activations
from afnlab.restoring import Restoring, kept, stored, write
from afnlab.separable import DepthwiseConv2d, SeparableConv1d, SeparableConv2d
from afnlab.usercode.lookup import unknown

if TYPE_CHECKING:

    def __getattr__(name: str) -> type[ActivationModule]: ...


CONSTRAINTS = "constraints_"
LARGEST = 2**63 - 1  # that torch takes as a size


class ActivationModule(Restoring, nn.Module):
    """A torch module of one activation; shapes: input (*), output (*), the same dtype.

    Args:
        *args: its parameters by position: numbers, or tensors, which become buffers.
        **params: its parameters by name or alias. One that is left out takes its default.
        trainable: True (all that can be), False, or the names of the parameters to train; None: as
            the record says. A parameter by which the gradient is zero everywhere cannot be trained.
        num_features: each trained parameter is a vector of this size, broadcast over dimension
            `feature_dim` of the input; None: a scalar.
        std: standard deviation of the normal start of the trained parameters; None: as the record
            says. It applies to the parameters that are not given a value.
        constrained: keep the trained parameters inside their bounds: the value used is always
            inside, and a gradient that would lead further out is zero.
        constraints_<name>: other bounds, (low, high); the start is then normal about their middle.
        generator: draws the start; None: torch's default generator.

    Raises:
        TypeError, ValueError: naming the argument, for an unknown one or a value outside its
            domain.

    A stochastic one (RReLU) draws its noise in training from torch's default generator, or calls
    its attribute `noise` with the input, which must return uniform noise of the same shape.
    """

    activation: ClassVar[Activation]
    noise: Callable[[Tensor], Tensor] | None = None

    def __init__(
        self,
        *args: object,
        trainable: bool | Iterable[str] | None = None,
        num_features: int | None = None,
        feature_dim: int = -1,
        std: float | None = None,
        constrained: bool = True,
        generator: torch.Generator | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        **params: object,
    ) -> None:
        super().__init__()
        record = self.activation
        if params.pop("inplace", False):
            raise ValueError(f"{self._label()}: inplace=True is not supported; leave it out")
        if num_features is not None and not (
            type(num_features) is int and 1 <= num_features <= LARGEST
        ):
            raise ValueError(
                f"{self._label()}: num_features must be 1 or more, got {shown(num_features)}"
            )
        if std is not None and not (isinstance(std, (int, float)) and 0 <= std <= float_info.max):
            raise ValueError(f"{self._label()}: std must be 0 or more, got {shown(std)}")
        if type(feature_dim) is not int:
            message = f"feature_dim must be a whole number, got {shown(feature_dim)}"
            raise ValueError(f"{self._label()}: {message}")
        self.num_features, self.feature_dim = num_features, feature_dim
        self.constrained = constrained
        self.trained = trained_names(record, trainable)
        self.bounds = {n: record.params[n].kept_inside for n in self.trained}
        ranges = self._take_ranges(params)
        self.bounds |= ranges
        given = record.given(args, params)
        std = None if std is None else float(std)
        self._start: dict[str, tuple[Any, float]] = {}  # mean and deviation
        shape = () if num_features is None else (num_features,)
        for name, value in record.complete(given).items():
            if name in self.trained:
                self._start[name] = self._starting(name, value, name in given, name in ranges, std)
                empty = torch.empty(shape, device=device, dtype=dtype)
                setattr(self, name, nn.Parameter(empty))
            elif isinstance(value, Tensor):
                self._start[name] = kept(value), 0.0
                self.register_buffer(name, kept(value).to(_place(value, device)))
            else:
                setattr(self, name, value)
        self.reset_parameters(generator)

    def _take_ranges(self, params: dict[str, object]) -> dict[str, tuple[float, float]]:
        """The bounds among the arguments, removed from them, checked."""
        ranges = {}
        for argument in [n for n in params if n.startswith(CONSTRAINTS)]:
            label = f"{self._label()}: {argument}"
            name = self.activation.canonical(argument.removeprefix(CONSTRAINTS))
            if name not in self.trained:
                raise ValueError(f"{label} needs {name} to be trained")
            ranges[name] = _interval(label, params.pop(argument))
            for end in ranges[name]:
                if abs(end) < torch.inf:
                    self.activation.params[name].check(label, end)
        return ranges

    def _starting(
        self, name: str, value: object, given: bool, ranged: bool, std: float | None
    ) -> tuple[object, float]:
        """Mean and deviation of the start of a trained parameter."""
        low, high = self.bounds[name]
        if given:
            value = kept(value) if isinstance(value, Tensor) else value
            if self.constrained and not _within(value, low, high):
                start = value.tolist() if isinstance(value, Tensor) else value
                raise ValueError(
                    f"{self._label()}: {name} must start within [{low:g}, {high:g}] to be"
                    f" trained, got {shown(start)}"
                )
            return value, 0.0
        middle = (low + high) / 2 if ranged else value
        return middle, self.activation.params[name].std if std is None else std

    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Draw the start of the trained parameters anew, and write in the tensors that were given.

        generator: as in the constructor. A module on the meta device draws nothing; it is reset
        when it is given memory.
        """
        self._restore(self._start, generator)

    def _restore(self, names: Iterable[str], generator: torch.Generator | None = None) -> None:
        # Not on the default device, which the generator may not serve, and which may be meta.
        place = "cpu" if generator is None else generator.device
        for name in [n for n in self._start if n in names]:
            start, std = self._start[name]
            if std and not any(t.is_meta for t in stored(self, name)):
                shape = getattr(self, name).shape
                start = start + std * torch.randn(shape, generator=generator, device=place)
            write(self, name, start)
        if names:
            self.project()

    @torch.no_grad()
    def project(self) -> None:
        """Move stored parameters that have left their bounds to the nearest point inside."""
        for name, (low, high) in self.stored_bounds().items():
            getattr(self, name).clamp_(low, high)

    def stored_bounds(self, prefix: str = "") -> dict[str, tuple[float, float]]:
        """Bounds of the stored parameters that have any, by their name in a model's state."""
        dot = f"{prefix}." if prefix else ""
        bounds = self.bounds.items() if self.constrained else ()
        return {dot + name: b for name, b in bounds if b != (-torch.inf, torch.inf)}

    def values(self) -> dict[str, Any]:
        """The parameters as the function uses them: inside their bounds."""
        values = {name: getattr(self, name) for name in self.activation.params}
        for name, (low, high) in self.stored_bounds().items():
            values[name] = inward_clamp(values[name], low, high)
        return values

    def forward(self, x: Tensor) -> Tensor:
        values = self.values()
        if self.num_features is not None and self.feature_dim != -1:
            if not -x.dim() <= self.feature_dim < x.dim():
                name = f"{self._label()}: feature_dim"
                raise ValueError(
                    f"{name} is {self.feature_dim}, the input has {x.dim()} dimensions"
                )
            shape = [1] * x.dim()
            shape[self.feature_dim] = self.num_features
            values |= {name: values[name].view(shape) for name in self.trained}
        if self.activation.stochastic and self.training:
            draw = torch.rand_like if self.noise is None else self.noise
            return self.activation(x, noise=draw(x), **values)
        return self.activation(x, **values)

    def extra_repr(self) -> str:
        fixed = {n: getattr(self, n) for n in self.activation.params if n not in self.trained}
        words = [f"{n}={v:.4g}" if isinstance(v, float) else f"{n}={v}" for n, v in fixed.items()]
        if self.trained:
            words.append(f"trainable={list(self.trained)}")
        if self.num_features is not None:
            words.append(f"num_features={self.num_features}")
        return ", ".join(words)

    def _label(self) -> str:
        return f"nn.{type(self).__name__}"


def trained_names(record: Activation, trainable: bool | Iterable[str] | None) -> tuple[str, ...]:
    """Names of the parameters to train, for a module's `trainable` argument.

    True stands for all that can be trained. ValueError for one that cannot, since it is a setting
    or the gradient by it is zero everywhere, and for True where there are some, but none can be.
    """
    free = {name: p for name, p in record.params.items() if not p.fixed}
    if isinstance(trainable, str):
        trainable = [trainable]
    if trainable is None:
        names = [name for name, p in free.items() if p.trainable]
    elif isinstance(trainable, bool):
        names = [*free] if trainable else []
    elif isinstance(trainable, Tensor) or not isinstance(trainable, Iterable):
        raise TypeError(f"{record.name}: trainable must be names, got {shown(trainable)}")
    else:
        names = [record.canonical(n) for n in trainable]
    if not names:
        return ()
    for name in names:
        if name not in free:
            raise ValueError(unknown("trainable parameter", name, record.trainable, of=record.name))
    still = [name for name in names if name not in record.trainable]
    if still and (trainable is not True or len(still) == len(names)):
        raise ValueError(
            f"{record.label}: {still[0]} cannot be trained, since the gradient by it is zero"
            f" everywhere (trainable: {', '.join(record.trainable) or 'none'})"
        )
    return tuple(n for n in record.trainable if n in names)


def _place(value: Tensor, device: torch.device | str | None) -> torch.device:
    """Where a tensor that was given is kept: where the module is told to be, else where it is."""
    told = torch.empty(0, device=device).device
    return told if device is not None or told.type == "meta" else value.device


def _within(value: Any, low: float, high: float) -> bool:
    if not isinstance(value, Tensor):
        return low <= value <= high
    return value.is_meta or bool(((low <= value) & (value <= high)).all())


def _interval(label: str, value: Any) -> tuple[float, float]:
    try:
        low, high = (float(v) for v in value)
    except (TypeError, ValueError, OverflowError):
        raise TypeError(f"{label} must be two numbers (low, high), got {shown(value)}") from None
    if not low < high:
        raise ValueError(f"{label} must have low < high, got {shown(value)}")
    return low, high


def _rebuild(record: Activation) -> ActivationModule:
    cls = module_class(record)
    return cls.__new__(cls)


def _reduce(self: ActivationModule, protocol: object) -> tuple[Callable, tuple, dict]:
    return _rebuild, (self.activation,), self.__dict__


_CLASSES: dict[Activation, type[ActivationModule]] = {}


def module_class(ref: str | Activation) -> type[ActivationModule]:
    """The torch module class of an activation: a name, a reference to a user's own, or a record."""
    record = get_activation(ref)
    if record not in _CLASSES:
        name = record.module.split()[0]
        settings = list(inspect.signature(ActivationModule.__init__).parameters.values())[2:-1]
        own = [
            inspect.Parameter(n, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=p.default)
            for n, p in record.params.items()
        ]
        body = {
            "activation": record,
            "__module__": __name__,
            "__doc__": f"{record.__doc__}\n\n{inspect.cleandoc(ActivationModule.__doc__ or '')}",
            "__signature__": inspect.Signature([*own, *settings]),
        }
        if not record.built_in:  # not an attribute of this module: its record is pickled
            body["__reduce_ex__"] = _reduce
        _CLASSES[record] = type(name, (ActivationModule,), body)
    return _CLASSES[record]


def make(
    ref: str | Activation, params: Mapping[str, Any] | None = None, **options: Any
) -> ActivationModule:
    """A new module of an activation: `make("srelu", {"t": 1.5}, trainable=True)`."""
    given = {} if params is None else params
    if not isinstance(given, Mapping) or not all(isinstance(name, str) for name in given):
        raise TypeError(f"make: params must be a mapping of names, got {shown(given)}")
    return module_class(ref)(**given, **options)


__all__ = [
    "GLU",
    "ActivationModule",
    "DepthwiseConv2d",
    "FeedForward",
    "SeparableConv1d",
    "SeparableConv2d",
    "make",
    "module_class",
    "trained_names",
]
for _name in list_activations():
    for _class_name in get_activation(_name).module.split():
        globals()[_class_name] = module_class(_name)
        __all__.append(_class_name)
