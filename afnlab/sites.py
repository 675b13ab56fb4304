"""Find the activations of a model: modules, functions that are attributes, calls in its code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any

import pandas as pd
from torch import nn
from torch.overrides import TorchFunctionMode

from afnlab.autorot.tracing import as_written, called
from afnlab.autorot.undisturbed import undisturbed
from afnlab.errors import shown
from afnlab.recognition import FUNCTIONS, name_of, recognised


@dataclass(frozen=True)
class Site:
    """One place of an activation.

    place: the name of the module, or of the one that holds or calls the function; how: "module",
    "attribute" or "call"; type: the class, or the function; computes: the activation that it is, or
    is a form of, to within `within`; calls: how often it was called, of a call; before: the type of
    what `replace` took from this place.
    """

    place: str
    how: str
    type: str
    computes: str
    within: float = 0.0
    calls: int = 0
    before: str = ""


@dataclass(frozen=True)
class Sites:
    """What `activation_sites` finds; printed, one line per kind."""

    sites: tuple[Site, ...]

    @property
    def table(self) -> pd.DataFrame:
        """One row per place: place, how, type, computes, within, calls, before."""
        return pd.DataFrame([vars(s) for s in self.sites], columns=list(Site.__annotations__))

    def __str__(self) -> str:
        kinds: dict[tuple[Any, ...], list[Site]] = {}
        for s in self.sites:
            kinds.setdefault((s.how, s.computes, s.type, s.before), []).append(s)
        lines = [_line(*kind, members) for kind, members in kinds.items()]  # type: ignore[call-arg]
        return "\n".join(lines) or "no activations"

    __repr__ = __str__


def _line(how: str, computes: str, kind: str, before: str, sites: list[Site]) -> str:
    places = [s.place or "the model" for s in sites]
    where = ", ".join(places[:2]) + (f" and {len(places) - 2} more" if len(places) > 2 else "")
    within = max(s.within for s in sites)
    what = f"{computes}: {kind}" + (f", to within {within:.1g}" if within > 1e-5 else "")
    if how == "call":
        number = sum(s.calls for s in sites)
        return (
            f"{what}, {number} call{'s' if number > 1 else ''} in {where}: out of reach of replace"
        )
    what += ", an attribute" if how == "attribute" else ""
    return f"{what}, {len(sites)} in {where}" + (f"; was {before}" if before else "")


def activation_sites(model: nn.Module, example: Any = None) -> Sites:
    """Find the activations of a model; nothing of it is changed.

    Args:
        model: Any torch model. Recognized are afnlab's and torch's modules, by their type; modules
            of other libraries without parameters whose values are those of one of afnlab's
            functions, or differ by 0.03 at most between -8 and 8 (a GELU by tanh, by the logistic
            function); and functions of torch's that are attributes of a module.
        example: An input, as of `afnlab.autorot.auto_rotate`. The model is run on it once, and the
            functions that its forward methods call, such as F.relu, are found too; they are out of
            reach of `replace`.

    Returns:
        The places. Print it for a summary; `.table` has one row per place.

    Raises:
        TypeError: model is no torch.nn.Module.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"activation_sites: model must be a torch.nn.Module, got {shown(model)}")
    sites = [*_modules(model), *_attributes(model)]
    return Sites((*sites, *(calls(model, example) if example is not None else ())))


def _modules(model: nn.Module) -> Iterator[Site]:
    for place, module in model.named_modules():
        nearest, within = recognised(module)
        if nearest is not None:
            before = " ".join(map(name_of, getattr(module, "stood_before", ())))
            kind = name_of(module)
            yield Site(place, "module", kind, nearest.label, within, before=before)


def _attributes(model: nn.Module) -> Iterator[Site]:
    for parent, name, function in function_attributes(model):
        place = ".".join(filter(None, (_name_in(model, parent), name)))
        yield Site(place, "attribute", name_of(function), FUNCTIONS[function].label)


def _name_in(model: nn.Module, module: nn.Module) -> str:
    return next(name for name, m in model.named_modules() if m is module)


def function_attributes(model: nn.Module) -> Iterator[tuple[nn.Module, str, Callable[..., Any]]]:
    """Functions of torch's that modules hold as attributes; not those of an activation module."""
    for module in model.modules():
        if recognised(module)[0] is None:
            for name, value in vars(module).items():
                if callable(value) and _hashable(value) and value in FUNCTIONS:
                    yield module, name, value


def _hashable(value: object) -> bool:
    return type(value).__hash__ is not None


def calls(model: nn.Module, example: Any) -> Iterator[Site]:
    """The functions that the forward methods call themselves, found by running the model once."""
    watch = _Calls({module: name for name, module in model.named_modules()})
    with undisturbed(model), as_written():
        handles = []
        for module in model.modules():
            handles.append(module.register_forward_pre_hook(watch.enter))
            handles.append(module.register_forward_hook(watch.leave, always_call=True))
        held = [*function_attributes(model)]
        try:
            for module, name, function in held:
                vars(module)[name] = watch.marked(function)
            with watch:
                called(model, example)
        except Exception as error:
            reason = " ".join(str(error).split())
            raise RuntimeError(
                f"the model cannot be run on the example: {type(error).__name__}: {reason}"
            ) from error
        finally:
            for module, name, function in held:
                vars(module)[name] = function
            for handle in handles:
                handle.remove()
    for (place, function), number in watch.counts.items():
        yield Site(place, "call", name_of(function), FUNCTIONS[function].label, calls=number)


class _Calls(TorchFunctionMode):
    """Counts the activations that are called outside of activation modules, by place."""

    def __init__(self, names: Mapping[nn.Module, str]) -> None:
        super().__init__()
        self.names, self.inside = names, [*names][:1]
        self.counts: Counter[tuple[str, Callable[..., Any]]] = Counter()
        self.held = 0  # calls under way of functions that are attributes: these are other sites

    def marked(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """A copy of a function, whose calls do not count as those of a forward method."""

        @wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            self.held += 1
            try:
                return function(*args, **kwargs)
            finally:
                self.held -= 1

        return call

    def enter(self, module: nn.Module, _: Any) -> None:
        self.inside.append(module)

    def leave(self, *_: Any) -> None:
        self.inside.pop()

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        module = self.inside[-1]
        if func in FUNCTIONS and not self.held and recognised(module)[0] is None:
            self.counts[self.names[module], func] += 1
        return func(*args, **(kwargs or {}))
