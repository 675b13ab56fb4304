"""The decorator that makes an activation's record, and the registry of those afnlab knows.

One decorated function is the whole definition: `afnlab.functional`, `afnlab.nn`, the sliders, the
plots, the documentation and the tests are all read off the record.
"""

from __future__ import annotations

import copyreg
from collections.abc import Callable, Iterable
from dataclasses import fields
from pickle import PicklingError
from typing import Any, overload

from torch import Tensor

from afnlab.activation_record import BACKENDS, BUILT_IN, Activation, Backend
from afnlab.errors import shown
from afnlab.param import Param
from afnlab.spellings import spelling, unknown
from afnlab.usercode.lookup import load


@overload
def activation(module: Callable[..., Tensor]) -> Activation: ...


@overload
def activation(
    module: str = "", **facts: object
) -> Callable[[Callable[..., Tensor]], Activation]: ...


def activation(
    module: str | Callable[..., Tensor] = "", **facts: Any
) -> Activation | Callable[[Callable[..., Tensor]], Activation]:
    r"""Decorator: a function `fn(x, p, ...)` written in torch becomes an `Activation`.

    >>> @activation(latex=r"x / (1 + e^{-\beta x})", beta=Param(1.0, low=0.1, high=10.0))
    ... def mine(x, beta):
    ...     return x * torch.sigmoid(beta * x)

    Args:
        module: the name of its class; by default the function's name in CamelCase.
        **facts: each `Param` describes a parameter of fn, in its order; the others are the record's
            fields (latex, reference, range, kinks, elementwise, fused).

    Returns:
        The `Activation`, in place of the function.

    Raises:
        TypeError: for a keyword that is neither, and where fn takes other parameters.
    """
    if callable(module):  # @activation, without brackets
        return activation()(module)
    known = [f.name for f in fields(Activation)[3:]]
    for name, value in facts.items():
        if name not in known and not isinstance(value, Param):
            raise TypeError(
                unknown("field", name, known, of="@activation")
                + f"; a parameter of the function must be a Param, such as Param({value!r})"
            )
    params = {name: value for name, value in facts.items() if isinstance(value, Param)}
    rest = {name: value for name, value in facts.items() if name not in params}

    def record(fn: Callable[..., Tensor]) -> Activation:
        camel = "".join(word.capitalize() for word in fn.__name__.split("_"))
        return Activation(fn, module or camel, params, **rest)

    return record


def register_backend(backend: Backend) -> Callable[[], None]:
    """Have activations computed by other means than their definitions, which stay the reference.

    Args:
        backend: Called as `backend(activation, x, values)` for every call of an activation, with
            all its parameters by name, numbers or tensors, checked; `noise` is among them if the
            call has it. It returns what the definition returns, with its gradients; or None, for
            all that it does not serve (other devices and dtypes, tracing, transforms, subclasses
            of tensors), and then the backend that was registered before it is asked, and in the
            end the definition.

    Returns:
        A function that withdraws the backend.

    Raises:
        TypeError: The backend cannot be called.
        ValueError: It is registered already.

    Example:
        >>> def fast(activation, x, values):
        ...     return torch.relu(x) if activation.name == "relu" else None
        >>> withdraw = register_backend(fast)
        >>> withdraw()
    """
    if not callable(backend):
        wanted = "a function of an activation, x and the values of its parameters"
        raise TypeError(f"backend must be {wanted}, got {shown(backend)}")
    if backend in BACKENDS:
        raise ValueError(f"backend {shown(backend)} is registered already")
    BACKENDS.insert(0, backend)

    def withdraw() -> None:
        if backend in BACKENDS:
            BACKENDS.remove(backend)

    return withdraw


ALIASES: dict[str, str] = {}
_SPELLINGS: dict[str, str] = {}  # the name of an activation by what all spellings of it share


def register(records: Iterable[Activation]) -> None:
    """Make records known by name; called once, by `afnlab.activations`."""
    for record in records:
        BUILT_IN[record.name] = record
        for other in record.module.split()[1:]:
            ALIASES[other.lower()] = record.name
        for word in (record.name, *record.module.split()):
            _SPELLINGS[spelling(word)] = record.name


def canonical_name(name: object) -> str | None:
    """The name of the built-in activation that is meant; None if none is.

    Args:
        name: the name itself, an alias or the name of the class, in any case, with or without
            spaces, hyphens and underscores: leaky_relu, LeakyReLU, Leaky ReLU, SILU.
    """
    return _SPELLINGS.get(spelling(name)) if isinstance(name, str) else None


def list_activations() -> tuple[str, ...]:
    """The names of all built-in activations, sorted."""
    return tuple(sorted(BUILT_IN))


def get_activation(ref: str | Activation) -> Activation:
    """The activation of this name, or from a user's own code.

    Args:
        ref: a name ("srelu"), an alias ("silu"), the name of a class ("LeakyReLU"), each in any
            case and with spaces or without; `path/my.py:myfn`, `package.module:myfn`; or a record.

    Raises:
        ValueError: for an unknown name, with the nearest spelling.
    """
    if isinstance(ref, Activation):
        return ref
    if isinstance(ref, str) and ":" in ref:
        return load(ref, Activation, "decorate it with @afnlab.activation(...)")
    if isinstance(ref, str) and ref.endswith(".py"):
        raise ValueError(f"{ref}: which function of it? write {ref}:NAME")
    name = canonical_name(ref)
    if name is None:
        raise ValueError(unknown("activation", ref, [*BUILT_IN, *ALIASES], shown_by="afnlab list"))
    return BUILT_IN[name]


def _reduced(record: Activation) -> tuple[Callable[[str], Activation], tuple[str]]:
    """What a pickle holds: the key by which another process finds the activation."""
    try:
        return get_activation, (record.lasting_key(),)
    except ValueError as error:
        raise PicklingError(str(error)) from None


copyreg.pickle(Activation, _reduced)
