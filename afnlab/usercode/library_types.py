"""What objects of some of torch's and of Python's types consist of, where `pickle` does not say."""

from __future__ import annotations

import hashlib
import inspect
import logging
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from afnlab.usercode.code_parts import OF_ITSELF

if TYPE_CHECKING:
    from dataclasses import Field

    import torch

_OF_THE_PROCESS = (  # attributes that number what is made, or keep what follows from others
    *("_backward_cls", "_autograd_function_id", "_torchdynamo_wrapper_id"),
    *("_dynamo_static_input_type", "_value2member_map_"),
    *("__pydantic_core_schema__", "__pydantic_validator__", "__pydantic_serializer__"),
)


def described(value: object) -> Iterable[object] | None:
    """What an object consists of; None: as `pickle` has it."""
    for base in type(value).__mro__:
        if describe := _TYPES.get(f"{base.__module__}.{base.__qualname__}"):
            return describe(value)
    return None


def by_name(value: object, state: object) -> object:
    """Attributes by name, without those that cached properties, or a process, made of others."""
    if isinstance(state, tuple):  # those of `__dict__` and those of `__slots__`
        return tuple(by_name(value, part) for part in state)
    if not isinstance(state, (dict, MappingProxyType)):
        return state
    kept = {
        name: part
        for name, part in sorted(state.items(), key=lambda item: str(item[0]))
        if name not in (*OF_ITSELF, *_OF_THE_PROCESS)
        and not isinstance(inspect.getattr_static(type(value), str(name), None), cached_property)
    }
    return kept or None  # as where nothing has been set yet


def _of_tensor(value: torch.Tensor) -> Iterable[object]:
    torch = sys.modules["torch"]
    hooks = [*(value._backward_hooks or {}).values()]
    known = str(value.dtype), value.requires_grad, by_name(value, vars(value)), hooks
    if torch.nn.parameter.is_lazy(value):  # it has no numbers yet
        return known
    if value.layout is not torch.strided:
        return *known, value.__reduce_ex__(4)
    plain = value.detach().cpu().resolve_conj().resolve_neg().contiguous().reshape(-1)
    numbers = plain.view(torch.uint8).numpy()
    return *known, tuple(value.shape), hashlib.sha256(numbers.data).digest()


def _of_module(value: torch.nn.Module) -> Iterable[object]:
    """Its attributes; hooks without their keys, which count those of a whole process."""
    return (
        by_name(
            value,
            {
                name: [*part.values()]
                if name.startswith("_") and "_hooks" in name and isinstance(part, OrderedDict)
                else part
                for name, part in vars(value).items()
            },
        ),
    )


def _of_storage(value: torch.UntypedStorage) -> Iterable[object]:
    torch = sys.modules["torch"]
    return (torch.empty(0, dtype=torch.uint8, device=value.device).set_(value),)


def _of_operator(value: Any) -> Iterable[object]:
    """A user's operator without its registration, which is torch's."""
    return ({n: part for n, part in vars(value).items() if n not in ("_lib", "_opoverload")},)


def _of_context_variable(value: Any) -> Iterable[object]:
    try:
        return value.name, value.get()
    except LookupError:
        return (value.name,)


def _of_type_variable(value: Any) -> Iterable[object]:
    facts = ("__bound__", "__constraints__", "__covariant__", "__contravariant__")
    return value.__name__, *(getattr(value, name, None) for name in facts)


def _of_field(value: Field[object]) -> Iterable[object]:
    """What a dataclass says of a field, but for its type: nothing computes with annotations."""
    return (by_name(value, {n: getattr(value, n) for n in value.__slots__ if n != "type"}),)


def _of_logger(value: logging.Logger) -> Iterable[object]:
    """What somebody has put there: what is written down, and where, changes no number."""
    usual = {*vars(logging.Logger("")), "manager"}  # the manager itself puts it there
    return (by_name(value, {n: part for n, part in vars(value).items() if n not in usual}),)


def _nothing(_: object) -> Iterable[object]:
    return ()


def _text(value: object) -> Iterable[object]:
    return (str(value),)


_TYPES: Mapping[str, Callable[[Any], Iterable[object]]] = {
    "torch.Tensor": _of_tensor,
    "torch.nn.modules.module.Module": _of_module,
    "torch.storage.UntypedStorage": _of_storage,
    "torch._library.custom_ops.CustomOpDef": _of_operator,
    "torch._ops.OperatorBase": _text,
    "torch._ops.OpOverloadPacket": _text,
    "torch._dynamo.eval_frame._TorchDynamoContext": _nothing,  # how it is compiled
    "torch.finfo": _text,
    "torch.iinfo": _text,
    "torch.utils.hooks.RemovableHandle": _nothing,
    "_contextvars.ContextVar": _of_context_variable,
    "typing.TypeVar": _of_type_variable,
    "typing.ParamSpec": _of_type_variable,
    "typing.TypeVarTuple": _of_type_variable,
    "typing.TypeAliasType": lambda value: (value.__name__, value.__value__),
    "typing.NewType": lambda value: (value.__name__, value.__supertype__),
    "builtins.dict_keys": lambda value: value,
    "builtins.dict_values": lambda value: value,
    "builtins.dict_items": lambda value: value,
    "_thread._local": lambda value: (by_name(value, vars(value)),),
    "dataclasses.Field": _of_field,
    "logging.Logger": _of_logger,
    # What is written down, and who waits for whom, changes no number.
    "logging.Handler": _nothing,
    "_thread.lock": _nothing,
    "_thread.RLock": _nothing,
}
