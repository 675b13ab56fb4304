"""Mixed precision: products in bfloat16, everything that is kept between steps in float32."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_map_only

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


# What computes products; `F` and the layers of torch end in one of these.
_PRODUCT_FUNCTIONS: frozenset[object] = frozenset(
    {F.linear, torch.baddbmm, torch.bmm, torch.matmul, torch.Tensor.matmul}
    | {F.conv1d, F.conv2d, F.conv3d}
    | {F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d}
)


def has_instructions(device: torch.device) -> bool:
    """Whether a device computes products of bfloat16 itself, as far as torch tells."""
    tell = getattr(torch.cpu, "get_capabilities", dict)  # not in every torch that is supported
    has: dict[str, object] = tell()
    return device.type != "cpu" or not has or any(has[name] for name in has if "bf16" in name)


def product_type(device: torch.device) -> AbstractContextManager[object]:
    """While it is entered, products of bfloat16 are computed in whichever way is fast on a device.

    A processor without instructions for bfloat16 takes several times as long for a product as for
    one in float32. There the rounded factors are multiplied in float32, and the result is rounded:
    what instructions for bfloat16 do, which sum in float32 too, but for the order of the sums.
    """
    return nullcontext() if has_instructions(device) else _ProductsInFloat32()


class _ProductsInFloat32(TorchFunctionMode):
    def __torch_function__(
        self,
        func: Callable[..., object],
        types: Sequence[type],
        args: Sequence[object] = (),
        kwargs: Mapping[str, object] | None = None,
    ) -> object:
        options = kwargs or {}
        tensors = [value for value in (*args, *options.values()) if isinstance(value, Tensor)]
        if func not in _PRODUCT_FUNCTIONS or any(t.dtype != NARROW for t in tensors):
            return func(*args, **options)
        args, options = tree_map_only(Tensor, torch.Tensor.float, (args, options))
        return tree_map_only(Tensor, lambda product: product.to(NARROW), func(*args, **options))


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
