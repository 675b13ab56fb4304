"""Rotate the layers of any torch model, undo it, and see what it does to pre-activations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn

from afnlab.autorot import convolutions, linear, recurrent
from afnlab.autorot.limits import suggested_L
from afnlab.autorot.rotation import Rotation, forget
from afnlab.errors import shown
from afnlab.fusing import settle_fusion
from afnlab.nn import ActivationModule
from afnlab.separable import DepthwiseConv2d, SeparableConv1d, SeparableConv2d
from afnlab.spec import get_activation, list_activations

ROTATED: dict[type[nn.Module], type[Any]] = {
    nn.Linear: linear.AutoRotLinear,
    nn.Conv1d: convolutions.AutoRotConv1d,
    nn.Conv2d: convolutions.AutoRotConv2d,
    nn.Conv3d: convolutions.AutoRotConv3d,
    nn.ConvTranspose1d: convolutions.AutoRotConvTranspose1d,
    nn.ConvTranspose2d: convolutions.AutoRotConvTranspose2d,
    nn.ConvTranspose3d: convolutions.AutoRotConvTranspose3d,
    DepthwiseConv2d: convolutions.AutoRotDepthwiseConv2d,
    SeparableConv1d: convolutions.AutoRotSeparableConv1d,
    SeparableConv2d: convolutions.AutoRotSeparableConv2d,
    nn.RNN: recurrent.AutoRotRNN,
    nn.LSTM: recurrent.AutoRotLSTM,
    nn.GRU: recurrent.AutoRotGRU,
}
PLAIN = {new: old for old, new in ROTATED.items()}
_RECURRENT = (  # what they return is no pre-activation
    *(nn.RNN, nn.LSTM, nn.GRU),
    *(recurrent.AutoRotRNN, recurrent.AutoRotLSTM, recurrent.AutoRotGRU),
)
# Not softmax and its like, which are at home in output layers.
_TORCHS = {
    getattr(nn, word): record
    for record in map(get_activation, list_activations())
    if record.elementwise
    for word in record.module.split()
    if hasattr(nn, word)
}


def auto_rotate(
    model: nn.Module, L: float | None = None, *, output_layer: bool = False, **settings: Any
) -> nn.Module:
    """Rotate every layer of a model that has an Auto-Rotating form, in place; returns the model.

    The layers stay the objects that they are, with their parameters, so shared weights stay shared.
    Only torch's and afnlab's own types are rotated: a subclass, a parametrised layer or a quantised
    one stays as it is.
    The last layer in the order of registration is left plain, unless output_layer=True.
    L: None means what `suggested_L` says of the model's activation modules, which must be of one
    kind. settings: xmin_lim, xmax_lim, x_q, eps, trainable_L. ValueError if there is nothing to
    rotate, or no L can be suggested. `undo_rotation` takes it back.
    """
    _require_module("auto_rotate", model)
    layers = list(_layers(model, tuple(ROTATED)))
    chosen = layers if output_layer else layers[:-1]
    if not chosen:
        raise ValueError(f"auto_rotate: no layer to rotate among {len(layers)} (see output_layer)")
    limit = _suggestion(model) if L is None else L
    done: list[nn.Module] = []
    try:
        for layer in chosen:
            done.append(layer)
            layer.__class__ = ROTATED[type(layer)]
            layer.set_rotation(limit, **settings)  # type: ignore[operator]
    except Exception:
        for layer in done:
            _make_plain(layer)
        raise
    settle_fusion(model)
    return model


def undo_rotation(model: nn.Module) -> nn.Module:
    """Make every Auto-Rotating layer of a model the plain one again, in place.

    ValueError, and nothing is changed, where one has been parametrised since, or is of a class of
    its own.
    """
    _require_module("undo_rotation", model)
    for module in model.modules():
        if isinstance(module, Rotation) and type(module) not in PLAIN:
            raise ValueError(
                f"undo_rotation: no plain layer is known for {type(module).__name__}; take back"
                " what was done to it since its rotation (its parametrisations, say)"
            )
    for layer in _layers(model, tuple(PLAIN)):
        _make_plain(layer)
    settle_fusion(model)
    return model


def _require_module(caller: str, model: Any) -> None:
    if not isinstance(model, nn.Module):
        raise TypeError(f"{caller}: model must be a torch.nn.Module, got {shown(model)}")


def _make_plain(layer: nn.Module) -> None:
    forget(layer)
    layer.__class__ = PLAIN[type(layer)]


def _layers(model: nn.Module, kinds: tuple[type, ...]) -> Iterator[nn.Module]:
    """Modules of exactly these types, each once; what a rotatable module holds belongs to it."""
    inside: set[int] = set()
    for module in model.modules():
        if id(module) in inside:
            continue
        if type(module) in kinds:
            inside |= {id(part) for part in module.modules()}
            yield module


def _suggestion(model: nn.Module) -> float:
    found: set[Any] = {m.activation for m in model.modules() if isinstance(m, ActivationModule)}
    found |= {_TORCHS[type(m)] for m in model.modules() if type(m) in _TORCHS}
    limits = {suggested_L(record) for record in found}
    if len(limits) != 1:
        what = "no activation module" if not limits else "activations that want different ones"
        raise ValueError(f"auto_rotate: give L; the model holds {what}")
    return limits.pop()


@torch.no_grad()
def dynamic_region(model: nn.Module, x: Tensor, L: float | None = None) -> pd.DataFrame:
    """How the pre-activations of a model lie in [-L, L], for inputs x.

    A row a feed-forward layer that has an Auto-Rotating form: layer, rotated, L, inside (share
    of its outputs within), deviation, largest (in size). L: None takes each rotated layer's own;
    then plain layers have no row.
    """
    rows: list[dict[str, Any]] = []
    hooks = []
    names = {id(m): n for n, m in model.named_modules()}

    def note(layer: Any, _: Any, output: Any) -> None:
        limit = L if L is not None else getattr(layer, "L", None)
        if limit is None:
            return
        y = (output[0] if isinstance(output, tuple) else output).float()
        row = {"layer": names[id(layer)], "rotated": isinstance(layer, Rotation) and layer.auto_rot}
        row |= {"L": float(limit), "inside": float((y.abs() <= limit).float().mean())}
        rows.append(row | {"deviation": float(y.std()), "largest": float(y.abs().max())})

    for layer in _layers(model, tuple(k for k in (*ROTATED, *PLAIN) if k not in _RECURRENT)):
        hooks.append(layer.register_forward_hook(note))
    try:
        model(x)
    finally:
        for hook in hooks:
            hook.remove()
    return pd.DataFrame(rows, columns=["layer", "rotated", "L", "inside", "deviation", "largest"])
