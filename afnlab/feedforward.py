"""The feed-forward layer of transformers in three forms, of any activation, and their names."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from afnlab.activation_module import make, module_class
from afnlab.errors import shown
from afnlab.registry import Activation, get_activation
from afnlab.spellings import unknown

PLAIN, SQUARED, GATED = FORMS = ("plain", "squared", "gated")
# Hidden units an input: with 8/3 a gate, which has three matrices, has as many weights as with 4.
HIDDEN = {PLAIN: 4.0, SQUARED: 4.0, GATED: 8 / 3}
# What the field calls gates whose names the rule of `form_name` would not give (Shazeer 2020).
GATES = {"Sigmoid": "GLU", "Swish": "SwiGLU", "SiLU": "SwiGLU", "Identity": "Bilinear"}


def hidden_size(d: int, form: str = PLAIN) -> int:
    """The number of hidden units with which all forms have about 8 d^2 weights: 4 d, or 8 d / 3."""
    return round(HIDDEN[_form(form)] * d)


def form_name(activation: str | Activation | nn.Module, form: str) -> str:
    """What a layer of this form and activation is called: ReGLU, SwiGLU, Mish-GLU, ReLU squared.

    A gate of a function whose name ends in LU has a G before that; of any other it is the name of
    the function and GLU; `GATES` are the exceptions. A plain layer has the name of the function.
    """
    if isinstance(activation, nn.Module):
        name = type(activation).__name__
    else:
        name = get_activation(activation).module.split()[0]
    if _form(form) == PLAIN:
        return name
    if form == SQUARED:
        return f"{name} squared"
    return GATES.get(name) or (f"{name[:-2]}GLU" if name.endswith("LU") else f"{name}-GLU")


def _form(form: str) -> str:
    if form not in FORMS:
        raise ValueError(f"form must be one of {', '.join(FORMS)}; got {shown(form)}")
    return form


def _module(
    activation: str | Activation | nn.Module | Callable[[], nn.Module], **place: Any
) -> nn.Module:
    """A module of the activation: the module that is given, or a new one, in its place and type."""
    if isinstance(activation, nn.Module):
        return activation
    if isinstance(activation, (str, Activation)):
        return make(activation, **place)
    made = activation() if callable(activation) else activation
    if not isinstance(made, nn.Module):
        raise TypeError(f"activation must be a name, an activation or a module, got {shown(made)}")
    return made


def _refuse(layer: nn.Module, activation: object, others: Mapping[str, object]) -> None:
    """TypeError for arguments that a layer does not take, parameters of its activation too."""
    if not others:
        return
    label, name = f"nn.{type(layer).__name__}", next(iter(others))
    known = [n for n in inspect.signature(type(layer)).parameters if n not in ("dim", "others")]
    if isinstance(activation, (str, Activation)):
        record = get_activation(activation)
        aliases = [alias for p in record.params.values() for alias in p.aliases]
        of_function = [*inspect.signature(module_class(record)).parameters, *aliases]
        if others.keys() <= set(of_function):
            reference = shown(activation) if isinstance(activation, str) else record.name
            begin = f"{record.module.split()[0]}(" if record.built_in else f"make({reference}, "
            words = ", ".join(f"{n}={shown(value)}" for n, value in others.items())
            raise TypeError(
                f"{label}: {name} is an argument of {record.label}; give"
                f" activation=afnlab.nn.{begin}{words})"
            )
        known += [n for n in record.params if n not in known]
    name = next((n for n in others if n not in known), name)
    raise TypeError(unknown("argument", name, known, of=label))


class GLU(nn.Module):
    """f(W x) * (V x), a gated linear unit; input (..., in_features), output (..., out_features).

    Args:
        in_features, out_features: the sizes of input and output.
        activation: f, by name, reference to a user's own or record; or a module; or a function that
            makes one.
        bias: whether W and V have biases.
        linear: what makes W and V, `torch.nn.Linear` or one like it, such as an `AutoRotLinear`.
        device, dtype: of its parameters.

    With sigmoid it is the GLU of Dauphin et al. (2017); `form_name` has the names of others. It is
    another module than torch.nn.GLU, which has no weights and halves its input.

    Raises:
        TypeError: for torch.nn.GLU's arguments, or without the sizes; for an unknown argument, or a
            parameter of f, which its module takes: activation=nn.SReLU(t=1.5).
    """

    def __init__(
        self,
        in_features: int | None = None,
        out_features: int | None = None,
        activation: str | Activation | nn.Module | Callable[[], nn.Module] = "sigmoid",
        *,
        bias: bool = True,
        linear: Callable[..., nn.Module] = nn.Linear,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        dim: None = None,
        **others: object,
    ) -> None:
        super().__init__()
        if in_features is None or out_features is None or dim is not None:
            raise TypeError(
                "nn.GLU: takes in_features and out_features, the sizes of a layer with weights;"
                " torch.nn.GLU, which takes dim and halves its input, is another module"
            )
        _refuse(self, activation, others)
        self.in_features, self.out_features = in_features, out_features
        made: dict[str, Any] = {"bias": bias, "device": device, "dtype": dtype}
        self.gate = linear(in_features, out_features, **made)
        self.value = linear(in_features, out_features, **made)
        self.activation = _module(activation, device=device, dtype=dtype)

    def forward(self, x: Tensor) -> Tensor:
        return self.activation(self.gate(x)) * self.value(x)


class FeedForward(nn.Module):
    """The feed-forward layer of transformers, without biases unless asked for.

    plain: W2 f(W1 x); squared: W2 f(W1 x)^2; gated: W2 (f(W1 x) * W3 x). Input and output are
    (..., d). With the usual number of hidden units all forms have about 8 d^2 weights, so that a
    comparison of forms is not one of sizes. torch's blocks have biases: who puts this layer into
    one and wants to compare nothing but the form gives bias=True.

    Args:
        d: the size of input and output.
        activation: f, by name, reference to a user's own or record; or a module; or a function that
            makes one.
        form: "plain", "squared" or "gated".
        hidden: the number of hidden units; None: 4 d, and 8 d / 3, rounded, for gated.
        bias: whether the layers have biases.
        linear: what makes W1 and W3, `torch.nn.Linear` or one like it, such as an `AutoRotLinear`.
        device, dtype: of its parameters.

    Raises:
        ValueError, TypeError: naming the argument. A parameter of f is one of its module:
            activation=nn.SReLU(t=1.5).
    """

    def __init__(
        self,
        d: int,
        activation: str | Activation | nn.Module | Callable[[], nn.Module],
        form: str = PLAIN,
        *,
        hidden: int | None = None,
        bias: bool = False,
        linear: Callable[..., nn.Module] = nn.Linear,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        **others: object,
    ) -> None:
        super().__init__()
        _refuse(self, activation, others)
        for name, size in (("d", d), ("hidden", hidden)):
            if not (type(size) is int and size > 0) and (name, size) != ("hidden", None):
                raise ValueError(f"nn.FeedForward: {name} must be 1 or more, got {shown(size)}")
        self.form = _form(form)
        self.in_features = self.out_features = d
        hidden = hidden_size(d, form) if hidden is None else hidden
        made: dict[str, Any] = {"bias": bias, "device": device, "dtype": dtype}
        if form == GATED:
            self.up: nn.Module = GLU(d, hidden, activation, linear=linear, **made)
        else:
            self.up = linear(d, hidden, **made)
            self.activation = _module(activation, device=device, dtype=dtype)
        self.down = nn.Linear(hidden, d, **made)

    @property
    def parameter_count(self) -> int:
        """The number of its weights and biases, the activation's parameters aside."""
        linear = {id(p) for m in self.modules() if isinstance(m, nn.Linear) for p in m.parameters()}
        return sum(p.numel() for p in self.parameters() if id(p) in linear)

    def forward(self, x: Tensor) -> Tensor:
        z = self.up(x)
        if self.form != GATED:
            z = self.activation(z)
        return self.down(z.square() if self.form == SQUARED else z)

    @property
    def function(self) -> nn.Module:
        """The module of f."""
        return self.up.activation if isinstance(self.up, GLU) else self.activation

    @property
    def first(self) -> nn.Module:
        """The layer that is W1."""
        return self.up.gate if isinstance(self.up, GLU) else self.up

    def extra_repr(self) -> str:
        name = form_name(self.function, self.form)
        return f"{name}, form={self.form}, parameters={self.parameter_count:,}"
