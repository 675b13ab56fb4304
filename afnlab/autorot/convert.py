"""Rotate the layers of any torch model, undo it, and see what it does to pre-activations."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from warnings import warn

import pandas as pd
import torch
from torch import Tensor, nn

from afnlab.autorot import convolutions, linear, recurrent
from afnlab.autorot.limits import suggested_L
from afnlab.autorot.planning import decide, describe_plain_layers
from afnlab.autorot.probing import evaluation_factor
from afnlab.autorot.rotation import Rotation, forget
from afnlab.autorot.tracing import not_finite
from afnlab.autorot.undisturbed import undisturbed
from afnlab.errors import shown
from afnlab.fusing import settle_fusion
from afnlab.nn import TORCHS, ActivationModule
from afnlab.separable import DepthwiseConv2d, SeparableConv1d, SeparableConv2d

ROTATED: dict[type[nn.Module], type[nn.Module]] = {
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
_HUGE = 100  # times as large in evaluation as in training
_RECURRENT = (  # what they return is no pre-activation
    *(nn.RNN, nn.LSTM, nn.GRU),
    *(recurrent.AutoRotRNN, recurrent.AutoRotLSTM, recurrent.AutoRotGRU),
)


def auto_rotate(
    model: nn.Module,
    L: float | None = None,
    *,
    output_layer: bool = False,
    saturating: bool = False,
    example: object = None,
    **settings: object,
) -> nn.Module:
    """Rotate the layers of a model on which it has an effect, in place.

    The layers stay the objects that they are, with their parameters, so shared weights stay shared.
    Only torch's and afnlab's own types are rotated: a subclass, a parametrized layer or one of
    torch.ao's quantized ones stays as it is. Conv1D of transformers is a linear layer.
    `rotation_plan` states beforehand, with the same arguments, which layers will be rotated, which
    not, and why, and afterwards what was done; a UserWarning names those that are left for another
    reason than that they are the output layer, of a class of their own, or left by `saturating`.

    With an example the model is run, once and then with the outputs of one layer after the other
    scaled; what that does to the model, its gradients and the random generators is undone. Then a
    layer is left plain that

    - the model never calls: it reads the weights itself, or uses the layer not at all,
    - is followed by a normalization, directly or after nothing but pooling, dropout, reshaping or a
      ReLU: batch and instance normalization divide rho out again, the others L. With running
      statistics it would come back in evaluation, where these belong to another rho, and from
      layer to layer the factors multiply until nothing is finite (a recurrent layer rotates
      inside, before its own tanh, so it is not left for this),
    - has outputs whose scale, a factor for each channel, changes nothing of what the model gives in
      training, whatever the operations are that divide it out,
    - gives the model's output: no other layer comes after it.

    After the conversion the model is run in evaluation; a RuntimeWarning is given if its values are
    no longer finite, or are 100 times as large as in training.

    Without an example nothing is run. The order of registration is taken for the order of the
    calls: the last layer is the output layer, a layer is taken to be called, and it is left plain
    where the next module beside it is a batch, instance or group normalization of its size, or
    within nn.Sequential any normalization.

    Args:
        model: any torch model.
        L: limit of the dynamic region; None: what `suggested_L` gives for the model's activation
            modules, which must be of one kind.
        output_layer: rotate the output layer too.
        example: an input for the model: a tensor, a tuple of arguments, a dictionary of keyword
            arguments, or a function that takes the model and runs it,
            `lambda model: model(x, mask=mask)`; None: the model is not run.
        saturating: leave plain the feed-forward layers whose outputs the example shows in no
            activation that saturates on both sides.
        **settings: xmin_lim, xmax_lim, x_q, eps, trainable_L, see `Rotation`.

    Returns:
        The model. `undo_rotation` makes it plain again.

    Raises:
        ValueError: if there is nothing to rotate, or no L can be suggested; nothing is changed.
        RuntimeError: if the model cannot be run on the example; nothing is changed.
    """
    _require_module("auto_rotate", model)
    if saturating and example is None:
        raise ValueError(
            "auto_rotate: saturating needs an example, which shows what follows a layer"
        )
    _know_other_libraries()
    decisions = decide(model, ROTATED, example, output_layer, saturating)
    chosen = [d.layer for d in decisions if d.rotate and type(d.layer) in ROTATED]
    plain = describe_plain_layers(decisions)
    if not chosen:
        why = f"; left plain: {plain}" if plain else ""
        raise ValueError(
            f"auto_rotate: no layer to rotate among {len(decisions)} (see output_layer){why}"
        )
    limit = _suggestion(model) if L is None else L
    before = 1.0 if example is None else evaluation_factor(model, example)
    done: list[nn.Module] = []
    try:
        for layer in chosen:
            done.append(layer)
            layer.__class__ = ROTATED[type(layer)]
            layer.set_rotation(limit, **settings)  # type: ignore[operator]
        settle_fusion(model)
        first = "" if example is None else not_finite(model, chosen, example)
        after = 1.0 if example is None or first else evaluation_factor(model, example)
    except Exception:
        for layer in done:
            _make_plain(layer)
        settle_fusion(model)
        raise
    if plain:
        warn(f"auto_rotate: left plain: {plain}", stacklevel=2)
    if first:
        warn(
            f"auto_rotate: on the example the rotated model, in evaluation, gives values that are"
            f" not finite, first from {first}: the factors rho multiply from layer to layer",
            RuntimeWarning,
            stacklevel=2,
        )
    elif after > _HUGE * max(before, 1):
        warn(
            f"auto_rotate: on the example the rotated model gives values {after:.2g} times as large"
            " in evaluation as in training: running statistics belong to other factors rho",
            RuntimeWarning,
            stacklevel=2,
        )
    return model


def rotation_plan(
    model: nn.Module,
    example: object = None,
    *,
    output_layer: bool = False,
    saturating: bool = False,
) -> pd.DataFrame:
    """The plan of `auto_rotate` for every layer, or its result; nothing is changed.

    Args:
        model, example, output_layer, saturating: as in `auto_rotate`.

    Returns:
        One row per layer that has an Auto-Rotating form, is one, or is a subclass of such: layer
        (its name in the model), type, rotate (whether it will be rotated, or is), why, follows (the
        activations that take its outputs first, with an example).
    """
    _know_other_libraries()
    rows = [
        {
            "layer": d.name,
            "type": type(d.layer).__name__,
            "rotate": d.rotate,
            "why": d.why,
            "follows": ", ".join(d.follows),
        }
        for d in decide(model, ROTATED, example, output_layer, saturating)
    ]
    return pd.DataFrame(rows, columns=["layer", "type", "rotate", "why", "follows"])


def _know_other_libraries() -> None:
    """Layers of transformers can be rotated where that is in use."""
    if "transformers.pytorch_utils" in sys.modules:
        conv1d = importlib.import_module("afnlab.autorot.transformers_conv1d")
        ROTATED[conv1d.Conv1D] = conv1d.AutoRotTransformersConv1D
        PLAIN[conv1d.AutoRotTransformersConv1D] = conv1d.Conv1D


def undo_rotation(model: nn.Module) -> nn.Module:
    """Make every Auto-Rotating layer of a model the plain one again, in place.

    Args:
        model: a model with Auto-Rotating layers.

    Returns:
        The model.

    Raises:
        ValueError: if a layer has been parametrized since, or is of a class of its own; nothing is
            changed.
    """
    _require_module("undo_rotation", model)
    _know_other_libraries()
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


def _require_module(caller: str, model: object) -> None:
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
    activations = {m.activation for m in model.modules() if isinstance(m, ActivationModule)}
    activations |= {TORCHS[type(m)] for m in model.modules() if type(m) in TORCHS}
    limits = {suggested_L(record) for record in activations}
    if len(limits) != 1:
        what = "no activation module" if not limits else "activations that want different ones"
        raise ValueError(f"auto_rotate: give L; the model holds {what}")
    return limits.pop()


@torch.no_grad()
def dynamic_region(model: nn.Module, x: Tensor, L: float | None = None) -> pd.DataFrame:
    """Measure the share of each layer's pre-activations in [-L, L]; the model stays as it is.

    Args:
        model: any torch model.
        x: its inputs.
        L: limit of the region; None: each rotated layer's own, and plain layers have no row.

    Returns:
        One row per feed-forward layer that has an Auto-Rotating form: layer, rotated, L, inside
        (the share of its outputs within), deviation (their standard deviation), largest (in size).
    """
    _know_other_libraries()
    rows: list[dict[str, object]] = []
    hooks = []
    names = {id(m): n for n, m in model.named_modules()}

    def note(layer: object, _: object, output: Tensor | tuple[Tensor, ...]) -> None:
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
        with undisturbed(model):
            model(x)
    finally:
        for hook in hooks:
            hook.remove()
    return pd.DataFrame(rows, columns=["layer", "rotated", "L", "inside", "deviation", "largest"])
