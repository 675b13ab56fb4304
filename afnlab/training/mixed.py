"""Mixed precision: products in bfloat16, everything that is kept between steps in float32."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial

import torch
from torch import Tensor, nn

from afnlab.autorot.rotation import Rotation
from afnlab.errors import ParameterError
from afnlab.nn import ActivationModule
from afnlab.registry import Activation
from afnlab.training.initial import network
from afnlab.training.options import Options
from afnlab.training.task_parts import watched
from afnlab.training.tasks import Task

NARROW = torch.bfloat16
_PRODUCTS = (nn.Linear, nn.modules.conv._ConvNd)
# These compute in float32 inside, whatever the type of what comes in.
_NORMALISATIONS = (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm)
_KNOWN = (*_PRODUCTS, *_NORMALISATIONS, ActivationModule, nn.Embedding)


def kept(dtype: torch.dtype) -> torch.dtype:
    """The type of the values that a training in this type keeps between steps."""
    return torch.float32 if dtype == NARROW else dtype


def check(dtype: str, task: Task, record: Activation, options: Options) -> None:
    """ParameterError if this type is bfloat16, and a part of the network cannot use it.

    Supported are linear layers, convolutions, normalizations, embeddings (which stay in float32)
    and activations, and everything that has no parameters of its own. An Auto-Rotating layer takes
    sums of its weights, which need float32.
    """
    if dtype != "bfloat16":
        return
    with watched(task, record):
        tried = network(task, record, options, seed=0)
    for module in tried.modules():
        if not any(True for _ in module.parameters(recurse=False)):
            continue
        if isinstance(module, Rotation) or not isinstance(module, _KNOWN):
            known = "linear layers, convolutions, normalisations and activations"
            message = (
                f"dtype must be float32 or float64 for {task.name}, got {dtype!r}: that is for"
                f" networks of {known}, and this one has a layer {type(module).__name__}"
            )
            raise ParameterError("dtype", dtype, message=message)


def products(model: nn.Module) -> tuple[str, ...]:
    """Names of the parameters of the linear and convolutional layers, a shared one by its first."""
    product_ids = {
        id(p) for m in model.modules() if isinstance(m, _PRODUCTS) for p in m.parameters()
    }
    return tuple(name for name, p in model.named_parameters() if id(p) in product_ids)


def narrowed(params: Mapping[str, Tensor], names: Collection[str]) -> dict[str, Tensor]:
    """The parameters of these names in bfloat16; their gradients are returned in float32."""
    return {name: params[name].to(NARROW) for name in names}


def cast_inputs(model: nn.Module, stacked: bool) -> None:
    """Let every layer convert its inputs to the type in which it computes.

    Linear and convolutional layers compute in bfloat16. Normalizations accept both types, but when
    stacked by vmap only their own float32.
    """
    for module in model.modules():
        if isinstance(module, _PRODUCTS):
            module.register_forward_pre_hook(partial(_cast, NARROW))
        elif stacked and isinstance(module, _NORMALISATIONS):
            module.register_forward_pre_hook(partial(_cast, torch.float32))


def _cast(dtype: torch.dtype, _: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return inputs[0].to(dtype), *inputs[1:]
