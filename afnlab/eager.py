"""Whether a call is what it seems: plain tensors, and operations that are executed at once."""

from __future__ import annotations

import torch
from torch import Tensor

_FUNCTIONALIZE = torch._C._functorch.TransformType.Functionalize
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
    levels = torch._C._functorch.get_interpreter_stack() if transformed() else None
    return any(one.key() == _FUNCTIONALIZE for one in levels or ())
