"""Swap the activations of any torch model, and swap them back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from warnings import warn

from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from afnlab.errors import shown
from afnlab.fusing import settle_fusion
from afnlab.nn import TORCHS, ActivationModule, make
from afnlab.recognition import FUNCTIONS, is_form_of, name_of
from afnlab.registry import Activation, canonical_name, get_activation
from afnlab.sites import Site, calls, function_attributes

Old = type[nn.Module] | str | Activation
New = str | Activation | tuple[str | Activation, Mapping[str, Any]]
_HOOKS = (  # what a module's hooks are kept in
    "_forward_pre_hooks",
    "_forward_pre_hooks_with_kwargs",
    "_forward_hooks",
    "_forward_hooks_with_kwargs",
    "_forward_hooks_always_called",
    "_backward_pre_hooks",
    "_backward_hooks",
    "_is_full_backward_hook",
)


def replace(
    model: nn.Module,
    old: Old | tuple[Old, ...] | Mapping[Old | tuple[Old, ...], New],
    ref: str | Activation | None = None,
    *,
    example: Any = None,
    **params: Any,
) -> nn.Module:
    """Swap the activations of a kind inside a model for the activation `ref`, in place.

    Args:
        model: Any torch model. A module that it uses in several places stays shared.
        old: A class, `torch.nn.ReLU`: all modules of this class and its subclasses. Or an
            activation, "gelu": all that compute it, whatever their class (`activation_sites` says
            how they are recognised), and torch's function of this name where a module holds it as
            an attribute. A tuple names several. A mapping from such to a new activation, or to a
            pair of one and its parameters, {"gelu": "srelu", nn.Tanh: ("swish", {"beta": 2})},
            swaps several kinds at once; then ref is left out.
        ref: The new activation: a name, a reference to one of your own, or a record.
        example: An input, as of `activation_sites`. The model is run on it once, and a UserWarning
            names the functions of the kind that its forward methods call, F.relu in place of a
            module: these cannot be swapped from outside.
        **params: Parameters of the new activation, and settings of its module.

    Returns:
        The model, or the new module, where the model itself is one that is swapped. New parameters
        take the device and dtype of the model's first floating-point parameter. Forward and
        backward hooks of a module go over to the one in its place, and their handles still remove
        them. `undo_replace` takes everything back; `activation_sites` says what the model has now,
        and had before.

    Raises:
        ValueError: The model holds none of a kind; nothing is changed.
        TypeError: An argument is of no such type.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"replace: model must be a torch.nn.Module, got {type(model).__name__}")
    new: dict[nn.Module, ActivationModule] = {}
    held: dict[tuple[nn.Module, str], ActivationModule] = {}  # by who has a function, and as what
    weight = _weight(model)

    def made(given: Any, before: nn.Module | Callable[..., Any], train: bool) -> ActivationModule:
        module = make(*given).train(train)
        module.stood_before = (before,)  # in a tuple, so that it is no part of the model
        if isinstance(before, nn.Module):
            _take_hooks(module, before)
        return module if weight is None else module.to(weight)

    for kinds, given in _swaps(old, ref, params):
        modules = [m for m in _modules(model, kinds) if m not in new]
        attributes = [a for a in _attributes(model, kinds) if a[:2] not in held]
        if not (modules or attributes):
            raise ValueError(_none(model, kinds))
        new |= {m: made(given, m, m.training) for m in modules}
        held |= {(parent, n): made(given, f, parent.training) for parent, n, f in attributes}
    if example is not None:
        _tell_calls(model, old if isinstance(old, Mapping) else [old], example)
    if model in new:
        return new[model]
    for parent in list(model.modules()):
        for name, child in parent._modules.items():
            if child in new:
                parent._modules[name] = new[child]
    for (parent, name), module in held.items():
        setattr(parent, name, module)
    settle_fusion(model)
    return model


def undo_replace(model: nn.Module) -> nn.Module:
    """Give a model the activations that it had before `replace`, in place.

    Args:
        model: any torch model.

    Returns:
        The model, or the module that stood in its place, where the model itself was swapped.

    Raises:
        TypeError: model is no torch.nn.Module.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"undo_replace: model must be a torch.nn.Module, got {shown(model)}")
    weight = _weight(model)
    if isinstance(first := _first(model, weight), nn.Module) and first is not model:
        return first
    for parent in list(model.modules()):
        for name, child in list(parent._modules.items()):
            before = child if child is None else _first(child, weight)
            if isinstance(before, nn.Module):
                parent._modules[name] = before
            elif before is not None:
                delattr(parent, name)
                setattr(parent, name, before)
    settle_fusion(model)
    return model


def _first(module: nn.Module, weight: Tensor | None) -> Any:
    """What stood in a module's place before anything was swapped, as the model is now."""
    first: Any = module
    while isinstance(first, ActivationModule) and first.stood_before:
        (first,) = first.stood_before
    if first is module or not isinstance(first, nn.Module):
        return first
    _take_hooks(first, module)
    return (first if weight is None else first.to(weight)).train(module.training)


def _take_hooks(module: nn.Module, before: nn.Module) -> None:
    """Give a module the hooks of another, in the same dictionaries, from which the handles remove
    them."""
    for name in _HOOKS:
        setattr(module, name, getattr(before, name))


def _weight(model: nn.Module) -> Tensor | None:
    """The model's first floating-point parameter, whose device and dtype are the model's."""
    found = (p for p in model.parameters() if not is_lazy(p) and p.is_floating_point())
    return next(found, None)


def _swaps(
    old: Any, ref: Any, params: dict[str, Any]
) -> Iterator[tuple[tuple[Any, ...], tuple[Any, Mapping[str, Any]]]]:
    """What is to be swapped for what: kinds, and an activation with its parameters."""
    if isinstance(old, Mapping):
        if ref is not None or params:
            raise TypeError(
                "replace: with a mapping leave out ref and parameters; write them into it"
            )
        pairs = [(o, new if isinstance(new, tuple) else (new, {})) for o, new in old.items()]
    elif ref is None:
        raise TypeError("replace: ref is missing, the activation to put in their place")
    else:
        pairs = [(old, (ref, params))]
    for kinds, given in pairs:
        yield tuple(map(_kind, kinds if isinstance(kinds, tuple) else (kinds,))), given


def _kind(old: Any) -> type[nn.Module] | Activation:
    if isinstance(old, Activation):
        return old
    if isinstance(old, str) and (canonical_name(old) or old not in vars(nn)):
        return get_activation(old)
    if isinstance(old, type) and issubclass(old, nn.Module):
        return old
    raise TypeError(
        f"replace: old must be a class such as torch.nn.ReLU, got {shown(old)} (or the name of an"
        " activation, such as 'relu')"
    )


def _modules(model: nn.Module, kinds: tuple[Any, ...]) -> list[nn.Module]:
    """The modules of these kinds."""
    classes = tuple(k for k in kinds if isinstance(k, type))
    records = [k for k in kinds if isinstance(k, Activation)]
    return [
        m
        for m in model.modules()
        if isinstance(m, classes) or any(is_form_of(m, record) for record in records)
    ]


def _attributes(model: nn.Module, kinds: tuple[Any, ...]) -> list[Any]:
    """The functions of these kinds that modules hold as attributes."""
    return [one for one in function_attributes(model) if FUNCTIONS[one[2]] in kinds]


def _record(kind: type[nn.Module] | Activation) -> Activation | None:
    if isinstance(kind, Activation):
        return kind
    ours = kind.activation if issubclass(kind, ActivationModule) else None
    return next((TORCHS[c] for c in kind.__mro__ if c in TORCHS), ours)


def _none(model: nn.Module, kinds: tuple[Any, ...]) -> str:
    names = [k.__name__ if isinstance(k, type) else k.label for k in kinds]
    told = f"replace: the model holds no {' or '.join(names)} module"
    records = [r for r in map(_record, kinds) if r is not None]
    for record in records:
        forms = [*_modules(model, (record,)), *(f for _, _, f in _attributes(model, (record,)))]
        if forms:
            kind = ", ".join(dict.fromkeys(map(name_of, forms)))
            return (
                f"{told}, but {len(forms)} of {kind}; give {record.label!r} for all that compute it"
            )
    return (
        f"{told} (functions called inside forward, such as F.relu, cannot be swapped; give the"
        " model a module for them)"
    )


def _tell_calls(model: nn.Module, olds: Any, example: Any) -> None:
    kinds = [k for old in olds for k in (old if isinstance(old, tuple) else (old,))]
    labels = {r.label for r in map(_record, map(_kind, kinds)) if r is not None}
    left = [site for site in calls(model, example) if site.computes in labels]
    if left:
        warn(
            f"replace: left {_counted(left)}: called inside forward, where nothing can be swapped",
            stacklevel=3,
        )


def _counted(left: list[Site]) -> str:
    places = list(dict.fromkeys(site.place or "the model" for site in left))
    number = sum(site.calls for site in left)
    kinds = ", ".join(dict.fromkeys(site.type for site in left))
    more = f" and {len(places) - 2} more" * (len(places) > 2)
    return f"{number} call{'s' * (number > 1)} of {kinds} in {', '.join(places[:2])}{more}"
