"""The torch module of an activation, from which those of `afnlab.nn` are made."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from sys import float_info
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from afnlab import activations as _activations  # noqa: F401  (fills the registry)
from afnlab.clamping import inward_clamp
from afnlab.errors import shown
from afnlab.registry import Activation, get_activation
from afnlab.restoring import Restoring, kept, stored, write
from afnlab.spellings import unknown
from afnlab.symbolic import is_symbol, leaf

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
            `feature_dim` of the input; None: one number, of shape (1,).
        feature_dim: that dimension.
        std: standard deviation of the normal start of the trained parameters; None: as the record
            says. It applies to the parameters that are not given a value.
        constrained: keep the trained parameters inside their bounds: the value used is always
            inside, and a gradient that would lead further out is zero.
        constraints_<name>: other bounds, (low, high); the start is then normal about their middle.
        generator: draws the start; None: torch's default generator.
        inplace: accepted since models pass it on to whatever activation they are given, and only a
            hint: the input is never overwritten, with True either.
        device, dtype: of the trained parameters, as torch's modules take them.

    Raises:
        TypeError, ValueError: naming the argument, for an unknown one or a value outside its
            domain.

    A stochastic one (RReLU) draws its noise in training from torch's default generator, or calls
    its attribute `noise` with the input, which must return uniform noise of the same shape.
    """

    activation: ClassVar[Activation]
    inplace = False  # what it does, whatever it was told
    noise: Callable[[Tensor], Tensor] | None = None
    stood_before: tuple[object, ...] = ()  # in its place, before `afnlab.replace`

    def __init__(
        self,
        *args: object,
        trainable: bool | Iterable[str] | None = None,
        num_features: int | None = None,
        feature_dim: int = -1,
        std: float | None = None,
        constrained: bool = True,
        generator: torch.Generator | None = None,
        inplace: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        **params: object,
    ) -> None:
        super().__init__()
        record = self.activation
        if not isinstance(inplace, bool):
            raise TypeError(f"{self._label()}: inplace must be True or False, got {shown(inplace)}")
        if num_features is not None:
            num_features = self._count("num_features", num_features)
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
        values = record.bind(args, params)
        std = None if std is None else float(std)
        self._start: dict[str, tuple[Tensor | float, float]] = {}  # mean and deviation
        shape = (
            num_features or 1,
        )  # not (): sharded training takes no parameter without dimensions
        for name, value in record.complete(values).items():
            if name in self.trained:
                self._start[name] = self._starting(name, value, name in values, name in ranges, std)
                empty = torch.empty(shape, device=device, dtype=dtype)
                setattr(self, name, nn.Parameter(empty))
            elif isinstance(value, Tensor):
                self._start[name] = kept(value), 0.0
                self.register_buffer(name, kept(value).to(_place(value, device)))
            else:
                setattr(self, name, value)
        self.reset_parameters(generator)

    def _count(self, name: str, count: object) -> int:
        whole = isinstance(count, (int, np.integer)) and not isinstance(count, bool)
        if not (whole and 1 <= count <= LARGEST):  # type: ignore[operator]
            raise ValueError(f"{self._label()}: {name} must be 1 or more, got {shown(count)}")
        return int(count)  # type: ignore[call-overload]

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
        self, name: str, value: Tensor | float, is_set: bool, ranged: bool, std: float | None
    ) -> tuple[Tensor | float, float]:
        """Mean and deviation of the start of a trained parameter."""
        low, high = self.bounds[name]
        if is_set:
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

        A module on the meta device draws nothing; it is reset when it is given memory.

        Args:
            generator: as in the constructor.
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
        """Bounds of the stored parameters that have any.

        Args:
            prefix: the module's name in a model.

        Returns:
            (low, high) by the parameter's name in the model's state.
        """
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
        if is_symbol(x):
            return leaf(self, x)
        values = self.values()
        if x.dim() == 0 or (self.num_features is not None and self.feature_dim != -1):
            values |= {name: self._along(x, values[name]) for name in self.trained}
        if self.activation.stochastic and self.training:
            draw = torch.rand_like if self.noise is None else self.noise
            return self.activation(x, noise=draw(x), **values)
        return self.activation(x, **values)

    def _along(self, x: Tensor, value: Tensor) -> Tensor:
        """A trained parameter in the shape in which it is broadcast against x."""
        if self.num_features is None:
            return value.view(())
        if not -x.dim() <= self.feature_dim < x.dim():
            problem = f"feature_dim is {self.feature_dim}, the input has {x.dim()} dimensions"
            raise ValueError(f"{self._label()}: {problem}")
        shape = [1] * x.dim()
        shape[self.feature_dim] = self.num_features
        return value.view(shape)

    def _load_from_state_dict(self, state: dict[str, Any], prefix: str, *args: object) -> None:
        """A state from before one number had the shape (1,) holds it without dimensions."""
        for name in self.trained:
            value = state.get(prefix + name)
            if isinstance(value, Tensor) and value.dim() == 0 and getattr(self, name).dim() == 1:
                state = {**state, prefix + name: value.view(1)}
        super()._load_from_state_dict(state, prefix, *args)

    def extra_repr(self) -> str:
        fixed = {n: getattr(self, n) for n in self.activation.params if n not in self.trained}
        words = [f"{n}={v:.4g}" if isinstance(v, float) else f"{n}={v}" for n, v in fixed.items()]
        if self.trained:
            held = {name: getattr(self, name) for name in self.trained}
            single = {n: p for n, p in held.items() if p.numel() == 1 and type(p.data) is Tensor}
            words += [f"{n}={p.item():.4g}" for n, p in single.items() if not p.is_meta]
            words.append(f"trainable={list(self.trained)}")
        if self.num_features is not None:
            words.append(f"num_features={self.num_features}")
        return ", ".join(words)

    def _label(self) -> str:
        return f"nn.{type(self).__name__}"


class _PReLU(ActivationModule):
    def __init__(
        self,
        num_parameters: int | None = None,
        init: float | Tensor | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        **options: Any,
    ) -> None:
        """As torch's: num_parameters slopes along dimension 1, which start at init."""
        if num_parameters is not None:
            num_parameters = self._count("num_parameters", num_parameters)
            if "num_features" in options:
                raise TypeError(f"{self._label()}: give num_parameters or num_features, not both")
            if num_parameters > 1:
                options = {"num_features": num_parameters, "feature_dim": 1} | options
        if init is not None:
            options["init"] = init
        super().__init__(device=device, dtype=dtype, **options)

    @property
    def num_parameters(self) -> int:
        """How many slopes there are."""
        return self.num_features or 1


class _GELU(ActivationModule):
    def __init__(self, approximate: str = "none", **options: Any) -> None:
        """As torch's: approximate is "none", the exact form, or "tanh", its approximation."""
        if approximate not in ("none", "tanh"):
            problem = f"approximate must be 'none' or 'tanh', got {shown(approximate)}"
            raise ValueError(f"{self._label()}: {problem}")
        if approximate == "tanh":
            vars(self)["activation"] = get_activation("gelu_tanh")
        super().__init__(**options)
        self.approximate = approximate

    def extra_repr(self) -> str:
        return f"approximate={self.approximate!r}"


# Whose arguments in torch are not those of the function.
_AS_TORCH: dict[str, type[ActivationModule]] = {"prelu": _PReLU, "gelu": _GELU}


def trained_names(record: Activation, trainable: bool | Iterable[str] | None) -> tuple[str, ...]:
    """Names of the parameters to train, for a module's `trainable` argument.

    Args:
        record: the activation.
        trainable: names, False, True for all that can be trained, or None for the record's own.

    Returns:
        The names.

    Raises:
        ValueError: for one that cannot be trained, since it is a setting or the gradient by it is
            zero everywhere, and for True where there are some, but none can be.
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
    requested = torch.empty(0, device=device).device
    return requested if device is not None or requested.type == "meta" else value.device


def _within(value: Tensor | float, low: float, high: float) -> bool:
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
    """The torch module class of an activation.

    Args:
        ref: a name, a reference to a user's own, or a record.
    """
    record = get_activation(ref)
    if record not in _CLASSES:
        name = record.module.split()[0]
        base = _AS_TORCH.get(record.name, ActivationModule) if record.built_in else ActivationModule
        body = {
            "activation": record,
            "__module__": "afnlab.nn",  # whose attribute it is
            "__doc__": f"{record.__doc__}\n\n{inspect.cleandoc(ActivationModule.__doc__ or '')}",
            "__signature__": _signature(record, base),
        }
        if not record.built_in:  # no attribute of afnlab.nn: its record is pickled
            body["__reduce_ex__"] = _reduce
        _CLASSES[record] = type(name, (base,), body)
    return _CLASSES[record]


def _signature(record: Activation, base: type[ActivationModule]) -> inspect.Signature:
    """The arguments by position, which are the record's or torch's, and the settings by name."""
    settings = list(inspect.signature(ActivationModule.__init__).parameters.values())[2:-1]
    if base is ActivationModule:
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        arguments = [
            inspect.Parameter(n, kind, default=p.default) for n, p in record.params.items()
        ]
    else:
        arguments = list(inspect.signature(base.__init__).parameters.values())[1:-1]
    taken = {p.name for p in arguments}
    return inspect.Signature([*arguments, *(p for p in settings if p.name not in taken)])


def make(
    ref: str | Activation, params: Mapping[str, Any] | None = None, **options: Any
) -> ActivationModule:
    """A new module of an activation: `make("srelu", {"t": 1.5}, trainable=True)`.

    Args:
        ref: the activation, by name, reference or object.
        params: its parameters by name.
        **options: further arguments of `ActivationModule`.

    Raises:
        TypeError, ValueError: naming the argument that is not allowed.
    """
    values = {} if params is None else params
    if not isinstance(values, Mapping) or not all(isinstance(name, str) for name in values):
        raise TypeError(f"make: params must be a mapping of names, got {shown(values)}")
    return module_class(ref)(**values, **options)
