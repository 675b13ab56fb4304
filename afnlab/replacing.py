"""Swap the activations of any torch model."""

from __future__ import annotations

from torch import nn
from torch.nn.parameter import is_lazy

from afnlab.errors import shown
from afnlab.fusing import settle_fusion
from afnlab.nn import make
from afnlab.registry import Activation


def replace(
    model: nn.Module,
    old: type[nn.Module] | tuple[type[nn.Module], ...],
    ref: str | Activation,
    **params: object,
) -> nn.Module:
    """Swap every module of a type inside a model for an activation, in place.

    A module that the model uses in several places stays shared. New parameters take the device and
    dtype of the model's first floating-point parameter.

    Args:
        model: any torch model.
        old: the class, or classes, of the modules to replace.
        ref: the activation, by name, reference or object.
        **params: its parameters, and options of its module such as `trainable`.

    Returns:
        The model, or the new module, where the model itself is one.

    Raises:
        ValueError: if there is no such module: activations that a forward method calls as functions
            cannot be swapped from outside.
    """
    kinds = old if isinstance(old, tuple) else (old,)
    if not all(isinstance(kind, type) and issubclass(kind, nn.Module) for kind in kinds):
        raise TypeError(f"replace: old must be a class such as torch.nn.ReLU, got {shown(old)}")
    if not isinstance(model, nn.Module):
        raise TypeError(f"replace: model must be a torch.nn.Module, got {type(model).__name__}")
    new: dict[nn.Module, nn.Module] = {}
    weights = (p for p in model.parameters() if not is_lazy(p) and p.is_floating_point())
    weight = next(weights, None)

    def swapped(module: nn.Module) -> nn.Module:
        if module not in new:
            made = make(ref, params)
            new[module] = (made if weight is None else made.to(weight)).train(module.training)
        return new[module]

    if isinstance(model, old):
        return swapped(model)
    for parent in list(model.modules()):
        for name, child in parent._modules.items():
            if isinstance(child, old):
                parent._modules[name] = swapped(child)
    if not new:
        wanted = " or ".join(kind.__name__ for kind in kinds)
        raise ValueError(
            f"replace: the model holds no {wanted} module (functions called inside forward, such"
            " as F.relu, cannot be swapped; give the model a module for them)"
        )
    settle_fusion(model)
    return model
