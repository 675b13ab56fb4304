"""Checks that a call is executed at once, and on plain tensors."""

from __future__ import annotations

from functools import reduce

import torch
from torch import Tensor
from torch._C import _functorch as functorch
from torch.overrides import _get_current_function_mode_stack
from torch.utils._device import DeviceContext

_KINDS = functorch.TransformType
_PLAIN = (Tensor, torch.nn.Parameter)

_keys = torch._C._dispatch_keys
# Of tensors that are nothing but memory, with autograd or without: any other key stands for what
# their memory does not tell. The keys of these two kinds of memory have no others in common.
_OTHER_KEYS = ~reduce(
    int.__or__,
    (
        torch._C.DispatchKeySet(getattr(torch._C.DispatchKey, key + kind)).raw_repr()
        for kind in ("CPU", "CUDA")
        for key in ("", "Autograd", "Autocast")
    ),
    torch._C.DispatchKeySet(torch._C.DispatchKey.ADInplaceOrView).raw_repr(),
)

# Whether a transform of torch.func is at work; what autograd.Function asks itself.
transformed = torch._C._are_functorch_transforms_active


def is_plain(x: Tensor) -> bool:
    """Whether it is torch's own strided tensor: no subclass, sparse, nested or fake tensor. Inside
    a transform of torch.func it may be a wrapper, of such a tensor or of another."""
    return type(x) in _PLAIN and x.layout == torch.strided and not x.is_nested


def is_batch(x: Tensor) -> bool:
    """Whether it stands for several gradients: is_grads_batched of torch.autograd.grad."""
    return functorch.is_legacy_batchedtensor(x)


def in_memory(x: Tensor) -> bool:
    """Whether its values are numbers in the memory of the CPU or a GPU: it is no subclass and no
    transform's wrapper, and not sparse, nested, functional, fake, lazily negated or quantized."""
    return type(x) in _PLAIN and not _keys(x).raw_repr() & _OTHER_KEYS


def unwrapped(x: Tensor) -> Tensor:
    """x without the wrappers of transforms that have ended.

    torch's operations look through one such wrapper, but not through one inside a new wrapper, as
    a transform makes of it that begins while a backward pass runs.
    """
    while functorch.is_gradtrackingtensor(x) and (inner := functorch.unwrap_if_dead(x)) is not x:
        x = inner
    return x


def observed() -> bool:
    """Whether somebody records the operations, or stands in for them: compiling, tracing, modes."""
    if torch.compiler.is_compiling() or torch._C._len_torch_dispatch_stack():
        return True
    if torch._C._len_torch_function_stack() and not _only_a_default_device():
        return True
    if torch._C._is_tracing():
        return True
    # torch.func.functionalize takes no autograd.Function.
    return _depth(_KINDS.Functionalize) > 0


def _only_a_default_device() -> bool:
    """Whether the modes at work are torch.set_default_device's, which concern new tensors alone."""
    return all(isinstance(mode, DeviceContext) for mode in _get_current_function_mode_stack())


def forward_modes() -> int:
    """How many jvp of torch.func are at work, one inside the other."""
    return _depth(_KINDS.Jvp)


def _depth(kind: object) -> int:
    levels = functorch.get_interpreter_stack() if transformed() else None
    return sum(one.key() == kind for one in levels or ())
