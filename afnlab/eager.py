"""Whether a call is what it seems: plain tensors, and operations that are executed at once."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

_KINDS = torch._C._functorch.TransformType
_PLAIN = (Tensor, torch.nn.Parameter)

# Whether a transform of torch.func is at work; what autograd.Function asks itself.
transformed = torch._C._are_functorch_transforms_active


def is_plain(x: Tensor) -> bool:
    """Whether its values lie in strided memory: no subclass, sparse, nested or fake tensor."""
    return type(x) in _PLAIN and x.layout == torch.strided and not x.is_nested


def observed() -> bool:
    """Whether somebody records the operations, or stands in for them: compiling, tracing."""
    if torch.compiler.is_compiling() or torch._C._len_torch_dispatch_stack():
        return True
    if torch.jit.is_tracing():
        return True
    # torch.func.functionalize takes no autograd.Function.
    return _depth(_KINDS.Functionalize) > 0


def forward_modes() -> int:
    """How many jvp of torch.func are at work, one inside the other."""
    return _depth(_KINDS.Jvp)


def _depth(kind: Any) -> int:
    levels = torch._C._functorch.get_interpreter_stack() if transformed() else None
    return sum(one.key() == kind for one in levels or ())
