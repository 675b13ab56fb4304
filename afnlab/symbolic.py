"""Traces by torch.fx: a call is one node, whose target is afnlab's own function or module.

A trace of the operations inside would lose the compiled kernels, the one rounding in half
precision, and every decision that depends on a shape or a dtype.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, fx, nn
from torch.func import functional_call
from torch.overrides import handle_torch_function, has_torch_function_unary


def is_symbol(x: object) -> bool:
    """Whether x is no tensor but stands for one, as torch.fx's proxies do."""
    return not isinstance(x, Tensor) and has_torch_function_unary(x)


def recorded(f: Callable[..., object], x: object, *args: object, **kwargs: object) -> Any:
    """f(x, ...) as x records it: for torch.fx a node that calls f."""
    return handle_torch_function(f, (x,), x, *args, **kwargs)


def leaf(module: nn.Module, x: object, *others: object) -> Any:
    """module(x, ...) as a node that calls the module as a whole, whatever the tracer takes for a
    leaf."""
    tracer = getattr(x, "tracer", None)
    if isinstance(tracer, fx.Tracer) and (path := _path(tracer, module)):
        return tracer.create_proxy("call_module", path, (x, *others), {})
    return recorded(_Whole(module), x, *others, *module.parameters())


def _path(tracer: fx.Tracer, module: nn.Module) -> str:
    """Where in the traced model a module is; empty for the model itself, and for what is not in
    it."""
    try:
        return tracer.path_of_module(module)
    except NameError:
        return ""


class _Whole:
    """A module as a function of its inputs and its parameters: of the model that is traced itself
    no node can be the module."""

    def __init__(self, module: nn.Module) -> None:
        self.module = module
        self.names = [name for name, _ in module.named_parameters()]
        self.__name__, self.__module__ = type(module).__name__, type(module).__module__

    def __call__(self, *arguments: Tensor) -> Any:
        inputs = arguments[: len(arguments) - len(self.names)]
        tensors = dict(zip(self.names, arguments[len(inputs) :], strict=True))
        return functional_call(self.module, tensors, inputs)
