"""Recognize the activation that a module or a function of torch computes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from copy import copy, deepcopy
from functools import cache
from itertools import chain
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from afnlab.nn import TORCHS, ActivationModule
from afnlab.registry import ALIASES, Activation, get_activation, list_activations

NEAR = 0.03  # the largest difference from a function that is still a form of it: a GELU by sigmoid
_RECORDS = [f for f in map(get_activation, list_activations()) if f.elementwise]
_NAMES = {f.name: f for f in _RECORDS} | {
    alias: get_activation(name) for alias, name in ALIASES.items()
}
FUNCTIONS: dict[Callable[..., Any], Activation] = {
    getattr(home, name + ending): f
    for name, f in _NAMES.items()
    for home in (F, torch, Tensor)
    for ending in ("", "_")
    if hasattr(home, name + ending)
}

BY_NAME = {function.__name__.strip("_"): f for function, f in FUNCTIONS.items()}


def recognised(module: nn.Module) -> tuple[Activation | None, float]:
    """The activation that a module computes, and to within what."""
    known = own_record(module)
    if known is not None:
        return known, 0.0
    values = _values(module)
    if values is None:
        return None, 0.0
    distances = {f: _distance(values, f) for f in _RECORDS}
    nearest = min(distances, key=distances.__getitem__)
    return (nearest, distances[nearest]) if distances[nearest] <= NEAR else (None, 0.0)


def is_form_of(module: nn.Module, record: Activation) -> bool:
    """Whether a module computes an activation, or nearly so."""
    known = own_record(module)
    if known is record or (known is not None and isinstance(module, ActivationModule)):
        return known is record
    values = _values(module)
    return values is not None and record.elementwise and _distance(values, record) <= NEAR


def own_record(module: nn.Module) -> Activation | None:
    """The activation of a module by its type, afnlab's or torch's; None where the module has a
    forward method of its own, whose values count then."""
    return None if has_own_forward(module) else record_of_type(module)


def record_of_type(module: nn.Module) -> Activation | None:
    """The activation that modules of this type compute, afnlab's or torch's."""
    if isinstance(module, ActivationModule):
        return module.activation
    return next((TORCHS[c] for c in type(module).__mro__ if c in TORCHS), None)


def has_own_forward(module: nn.Module) -> bool:
    """Whether a forward method was assigned to the module itself, as accelerate does."""
    return "forward" in vars(module)


def _values(module: nn.Module) -> Tensor | None:
    """What a module makes of the numbers from -8 to 8; None of one with parts or tensors of its
    own, or that is no function of one number."""
    owned = (module.children(), module.parameters(), module.buffers())
    if isinstance(module, torch.jit.ScriptModule) or any(True for _ in chain(*owned)):
        return None
    x = _grid()
    try:
        with torch.random.fork_rng(devices=[]):  # it may draw
            y = _copied(module).eval().forward(x.clone())
    except Exception:  # it is somebody's module, and takes something else
        return None
    alike = isinstance(y, Tensor) and (y.shape, y.dtype) == (x.shape, x.dtype)
    return y.detach() if alike else None


def _copied(module: nn.Module) -> nn.Module:
    """A deep copy without hooks, which `forward` does not call: they may hold whole models, or what
    cannot be copied."""
    bare = copy(module)
    vars(bare).update({name: OrderedDict() for name in vars(module) if "_hooks" in name})
    return deepcopy(bare)


@cache
def _grid() -> Tensor:
    return torch.linspace(-8, 8, 161, device="cpu", dtype=torch.float32)


def _distance(values: Tensor, record: Activation) -> float:
    """The largest difference; infinite where one of them is no number."""
    return float((values - _values_of(record)).abs().nan_to_num(nan=torch.inf).max())


@cache
def _values_of(record: Activation) -> Tensor:
    return record(_grid()).detach()


def name_of(what: nn.Module | Callable[..., Any]) -> str:
    """`torch.nn.ReLU`, `torch.nn.functional.relu`, `torch.Tensor.relu`."""
    if isinstance(what, nn.Module):
        kind = type(what)
        home = "torch.nn" if getattr(nn, kind.__name__, None) is kind else kind.__module__
        return f"{home}.{kind.__name__}"
    name = what.__name__
    for home, of in (("torch.nn.functional", F), ("torch", torch), ("torch.Tensor", Tensor)):
        if getattr(of, name, None) is what:
            return f"{home}.{name}"
    return f"{what.__module__}.{name}"
