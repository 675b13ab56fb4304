"""Swap the activations of any torch model, and swap them back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import deepcopy
from functools import partial
from typing import Any
from warnings import warn

from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from afnlab.errors import shown
from afnlab.fusing import settle_fusion
from afnlab.nn import TORCHS, ActivationModule, make
from afnlab.recognition import (
    FUNCTIONS,
    has_own_forward,
    is_form_of,
    name_of,
    record_of_type,
)
from afnlab.registry import Activation, canonical_name, get_activation
from afnlab.sites import Site, calls, function_attributes

Old = type[nn.Module] | nn.Module | str | Activation
Ref = str | Activation | nn.Module | Callable[..., nn.Module]
New = Ref | tuple[Ref, Mapping[str, Any]]
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
_SIZES = {  # what layers call the sizes of their input and output, by what is counted
    "features": ("in_features", "out_features"),
    "channels": ("in_channels", "out_channels"),
}
_MEANT = "to exchange some layers alone, give these, such as model.head.act"


def replace(
    model: nn.Module,
    old: Old | tuple[Old, ...] | Mapping[Old | tuple[Old, ...], New],
    ref: Ref | None = None,
    *,
    example: Any = None,
    **params: Any,
) -> nn.Module:
    """Swap the activations of a kind inside a model for the activation `ref`, in place.

    Args:
        model: Any torch model. A module that it uses in several places stays shared.
        old: A class, `torch.nn.ReLU`: all modules of this class and its subclasses. Or an
            activation, "gelu": all that compute it, whatever their class (`activation_sites` says
            how they are recognized), and torch's function of this name where a module holds it as
            an attribute. Or one module of the model, model.head.act: this one. A tuple names
            several. A mapping from such to a new activation, or to a pair of one and its
            parameters, {"gelu": "srelu", nn.Tanh: ("swish", {"beta": 2})}, swaps several kinds at
            once; then ref is left out.
        ref: The new activation: a name, a reference to one of your own, or a record; a class of
            modules, afnlab's, torch's or any other, or a function that makes one, which is called
            with the parameters for each place; or a module, of which each place gets a copy.
        example: An input, as of `activation_sites`. The model is run on it once, and a UserWarning
            names the functions of the kind that its forward methods call, F.relu in place of a
            module: these cannot be swapped from outside.
        **params: Parameters of the new activation, and settings of its module; what a class or
            function is called with.

    Returns:
        The model, or the new module, where the model itself is one that is swapped. New parameters
        take the device and dtype of the model's first floating-point parameter. Forward and
        backward hooks of a module go over to the one in its place, and their handles still remove
        them. `undo_replace` takes everything back; `activation_sites` says what the model has now,
        and had before. A forward method that was assigned to a module itself, as accelerate does,
        does not go over; a UserWarning names the modules that had one.

    Raises:
        ValueError: The model holds none of a kind, the new modules are not new, or one does not fit
            into its place: it takes or returns another number of features or channels, or lacks
            the weight that torch's attention reads there. Nothing is changed.
        TypeError: An argument is of no such type.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"replace: model must be a torch.nn.Module, got {type(model).__name__}")
    new: dict[nn.Module, nn.Module] = {}
    held: dict[tuple[nn.Module, str], nn.Module] = {}  # by who has a function, and as what
    weight = _weight(model)
    present = set(model.modules())

    def made(make_one: Callable[[], Any], before: Any, train: bool) -> nn.Module:
        module = _new(make_one(), present)
        present.add(module)
        # In a tuple, so that it is no part of the model.
        module.stood_before = (before,)  # type: ignore[assignment]
        if isinstance(before, nn.Module):
            _take_hooks(module, before)
        return (module if weight is None else module.to(weight)).train(train)

    swaps = [*_swaps(model, old, ref, params)]
    for kinds, make_one in swaps:
        modules = [m for m in _modules(model, kinds) if m not in new]
        attributes = [a for a in _attributes(model, kinds) if a[:2] not in held]
        if not (modules or attributes):
            raise ValueError(_none(model, kinds))
        new |= {m: made(make_one, m, m.training) for m in modules}
        held |= {(parent, n): made(make_one, f, parent.training) for parent, n, f in attributes}
    _refuse_misfits(model, new)
    skipped = _of_type_alone(model, [kind for kinds, _ in swaps for kind in kinds])
    if skipped:
        warn(
            f"replace: left {skipped}, to which a forward method was assigned, so that the class"
            " does not count",
            stacklevel=2,
        )
    _tell_lost_forward("replace", model, new)
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


def _new(module: Any, present: set[nn.Module]) -> nn.Module:
    """A module that can take a place in the model, checked."""
    if not isinstance(module, nn.Module):
        raise TypeError(f"replace: ref must make a torch.nn.Module, made {shown(module)}")
    if module in present:
        raise ValueError(
            "replace: ref must make a new module at each call, made one twice, or one of the"
            f" model's: {shown(module)}"
        )
    if any(getattr(module, name) for name in _HOOKS):
        raise ValueError(
            f"replace: ref makes a module that has hooks, {shown(module)}; it takes those of the"
            " module in whose place it stands, so register others afterwards"
        )
    return module


def _refuse_misfits(model: nn.Module, new: Mapping[nn.Module, nn.Module]) -> None:
    """ValueError if a new module cannot do in its place what stands there now, as far as one can
    tell."""
    for place, module in model.named_modules():
        if module in new and (problem := _misfit(module, new[module])):
            raise ValueError(f"replace: {place or 'the model'}: {problem}; {_MEANT}")
        # torch's attention multiplies by the weight of this layer itself, and never calls it.
        if isinstance(module, nn.MultiheadAttention) and module.out_proj in new:
            layer = new[module.out_proj]
            was, will_be = _weight_shape(module.out_proj), _weight_shape(layer)
            if was != will_be:
                raise ValueError(
                    f"replace: {place + '.' if place else ''}out_proj: attention reads its weight,"
                    f" of shape {was}; {name_of(layer)} has {will_be or 'none'}; {_MEANT}"
                )


def _misfit(before: nn.Module, after: nn.Module) -> str:
    """What is wrong with a layer in another's place: sizes of input and output that differ.

    They are known of layers that name them, and of activations, which keep them.
    """
    for unit, names in _SIZES.items():
        was, new = ([getattr(m, name, None) for name in names] for m in (before, after))
        if record_of_type(after) is not None:
            new = [was[0], was[0]]
        if all(type(size) is int and size > 0 for size in (*was, *new)) and was != new:
            return (
                f"{name_of(before)} makes {was[1]} {unit} of {was[0]}, {name_of(after)} would make"
                f" {new[1]} of {new[0]}"
            )
    return ""


def _weight_shape(layer: nn.Module) -> tuple[int, ...]:
    weight = getattr(layer, "weight", None)
    return tuple(weight.shape) if isinstance(weight, Tensor) and not is_lazy(weight) else ()


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
    _tell_lost_forward("undo_replace", model, filter(_before, model.modules()))
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
    while isinstance(first, nn.Module) and _before(first):
        (first,) = _before(first)
    if first is module or not isinstance(first, nn.Module):
        return first
    _take_hooks(first, module)
    return (first if weight is None else first.to(weight)).train(module.training)


def _before(module: nn.Module) -> tuple[Any, ...]:
    """What `replace` took from a module's place, if anything."""
    return getattr(module, "stood_before", ())


def _take_hooks(module: nn.Module, before: nn.Module) -> None:
    """Give a module the hooks of another, in the same dictionaries, from which the handles remove
    them."""
    for name in _HOOKS:
        setattr(module, name, getattr(before, name))


def _weight(model: nn.Module) -> Tensor | None:
    """The model's first floating-point parameter, whose device and dtype are the model's."""
    candidates = (p for p in model.parameters() if not is_lazy(p) and p.is_floating_point())
    return next(candidates, None)


def _swaps(
    model: nn.Module, old: Any, ref: Any, params: dict[str, Any]
) -> Iterator[tuple[tuple[Any, ...], Callable[[], Any]]]:
    """What is to be swapped for what: kinds, and what makes a new module."""
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
    for kinds, replacement in pairs:
        several = kinds if isinstance(kinds, (tuple, list)) else (kinds,)
        yield tuple(_kind(model, one) for one in several), _maker(*replacement)


def _maker(ref: Any, params: Mapping[str, Any]) -> Callable[[], Any]:
    """What makes a new module."""
    if isinstance(ref, (str, Activation)):
        return partial(make, ref, params)
    if isinstance(ref, nn.Module):
        if params:
            raise TypeError(
                f"replace: ref is a module, {shown(ref)}, so that {next(iter(params))} cannot be"
                " given; give its class, or a module that has it"
            )
        return partial(deepcopy, ref)
    if callable(ref):
        return partial(_called, ref, params)
    raise TypeError(
        "replace: ref must be the name of an activation, such as 'srelu', a class of modules, a"
        f" function that makes one, or a module, got {shown(ref)}"
    )


def _called(ref: Callable[..., Any], params: Mapping[str, Any]) -> Any:
    try:
        return ref(**params)
    except (TypeError, AttributeError) as error:
        raise TypeError(f"replace: ref, {shown(ref)}, cannot make a module: {error}") from error


def _kind(model: nn.Module, old: Any) -> type[nn.Module] | nn.Module | Activation:
    if isinstance(old, Activation) or (isinstance(old, nn.Module) and old in {*model.modules()}):
        return old
    if isinstance(old, str) and (canonical_name(old) or old not in vars(nn)):
        return get_activation(old)
    if isinstance(old, type) and issubclass(old, nn.Module):
        return old
    raise TypeError(
        f"replace: old must be a class such as torch.nn.ReLU, got {shown(old)} (or the name of an"
        " activation, such as 'relu', or a module of the model)"
    )


def _modules(model: nn.Module, kinds: tuple[Any, ...]) -> list[nn.Module]:
    """The modules of these kinds."""
    return [m for m in model.modules() if any(_is_of(m, kind) for kind in kinds)]


def _is_of(module: nn.Module, kind: type[nn.Module] | nn.Module | Activation) -> bool:
    if isinstance(kind, Activation):
        return is_form_of(module, kind)
    return isinstance(module, kind) if isinstance(kind, type) else module is kind


def _attributes(model: nn.Module, kinds: tuple[Any, ...]) -> list[Any]:
    """The functions of these kinds that modules hold as attributes."""
    return [one for one in function_attributes(model) if FUNCTIONS[one[2]] in kinds]


def _record(kind: type[nn.Module] | nn.Module | Activation) -> Activation | None:
    if isinstance(kind, Activation):
        return kind
    if isinstance(kind, nn.Module):
        return record_of_type(kind)
    ours = getattr(kind, "activation", None) if issubclass(kind, ActivationModule) else None
    return next((TORCHS[c] for c in kind.__mro__ if c in TORCHS), ours)


def _none(model: nn.Module, kinds: tuple[Any, ...]) -> str:
    names = [k.__name__ if isinstance(k, type) else getattr(k, "label", shown(k)) for k in kinds]
    message = f"replace: the model holds no {' or '.join(names)} module"
    records = [r for r in map(_record, kinds) if r is not None]
    skipped = _of_type_alone(model, kinds)
    if skipped:
        return (
            f"{message} but {skipped}, to which a forward method was assigned; to swap it all the"
            " same, give its class"
        )
    for record in records:
        forms = [*_modules(model, (record,)), *(f for _, _, f in _attributes(model, (record,)))]
        if forms:
            kind = ", ".join(dict.fromkeys(map(name_of, forms)))
            hint = f"give {record.label!r} for all that compute it"
            return f"{message}, but {len(forms)} of {kind}; {hint}"
    return (
        f"{message} (functions called inside forward, such as F.relu, cannot be swapped; give the"
        " model a module for them)"
    )


def _of_type_alone(model: nn.Module, kinds: Iterable[Any]) -> str:
    """The names of modules that are of these kinds by their type, and not by what they compute."""
    records = [kind for kind in kinds if isinstance(kind, Activation)]
    modules = [m for m in model.modules() if has_own_forward(m) and record_of_type(m) in records]
    return _named(model, [m for m in modules if not any(_is_of(m, kind) for kind in kinds)])


def _tell_lost_forward(caller: str, model: nn.Module, taken: Iterable[nn.Module]) -> None:
    """Name the modules that are taken out and have a forward method of their own."""
    names = _named(model, filter(has_own_forward, taken))
    if names:
        warn(
            f"{caller}: the forward method that was assigned to {names} itself is not carried over",
            stacklevel=3,
        )


def _named(model: nn.Module, modules: Iterable[nn.Module]) -> str:
    """Their names in the model, of many the first two."""
    wanted = {*modules}
    return _few([name or "the model" for name, m in model.named_modules() if m in wanted])


def _few(names: list[str]) -> str:
    return ", ".join(names[:2]) + (f" and {len(names) - 2} more" if len(names) > 2 else "")


def _tell_calls(model: nn.Module, olds: Any, example: Any) -> None:
    kinds = [k for old in olds for k in (old if isinstance(old, (tuple, list)) else (old,))]
    records = (_record(_kind(model, kind)) for kind in kinds)
    labels = {record.label for record in records if record is not None}
    remaining = [site for site in calls(model, example) if site.computes in labels]
    if remaining:
        warn(
            f"replace: left {_counted(remaining)}: called inside forward, where nothing can be"
            " swapped",
            stacklevel=3,
        )


def _counted(sites: list[Site]) -> str:
    places = list(dict.fromkeys(site.place or "the model" for site in sites))
    number = sum(site.calls for site in sites)
    kinds = ", ".join(dict.fromkeys(site.type for site in sites))
    return f"{number} call{'s' if number > 1 else ''} of {kinds} in {_few(places)}"
