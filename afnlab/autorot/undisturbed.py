"""Running a model without a trace of it."""

from __future__ import annotations

import random
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from afnlab.eager import in_memory

_CONTAINERS = {list, deque, dict, OrderedDict, defaultdict, Counter, set}  # exactly


@contextmanager
def undisturbed(model: nn.Module) -> Iterator[None]:
    """Whatever a model does to itself inside is undone: parameters (an embedding with a `max_norm`
    changes its own), buffers, gradients, modes, attributes, and what it puts into lists,
    dictionaries and sets that are its attributes. What it does to other objects stays, a cache of
    its own class, say."""
    everything = list(model.modules())
    modules = [m for m in everything if not isinstance(m, torch.jit.ScriptModule)]
    # A scripted module's attributes cannot be exchanged.
    scripted = [m for m in everything if isinstance(m, torch.jit.ScriptModule)]
    modes = [(m, m.training) for m in scripted]
    inplace = [b for m in scripted for b in m.buffers(recurse=False)]
    inplace += [p for p in model.parameters() if in_memory(p)]
    contents = [(tensor, tensor.data, tensor.detach().clone()) for tensor in inplace]
    kept = []
    for module in modules:
        held = [(h, h.copy()) for h in vars(module).values() if type(h) in _CONTAINERS]
        kept.append((module, dict(vars(module)), held))
    grads = [(p, p.grad) for p in model.parameters()]
    copies: dict[int, Tensor] = {}
    try:
        for module in modules:
            for name, buffer in module._buffers.items():
                if buffer is not None:
                    copies.setdefault(id(buffer), buffer.detach().clone())
                    module._buffers[name] = copies[id(buffer)]
        for p, _ in grads:
            p.grad = None
        with _same_draws(model):
            yield
    finally:
        for module, attributes, held in kept:
            vars(module).clear()
            vars(module).update(attributes)
            for now, before in held:
                now.clear()
                (now.extend if isinstance(now, (list, deque)) else now.update)(before)
        for p, grad in grads:
            p.grad = grad
        for module, training in modes:
            module.training = training
        for tensor, memory, value in contents:
            tensor.data = memory
            if not torch.equal(memory, value):
                memory.copy_(value)


@contextmanager
def _same_draws(model: nn.Module) -> Iterator[None]:
    """The generators of torch, NumPy and Python draw afterwards what they would have drawn."""
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002
    devices = {p.device for p in model.parameters() if p.device.type == "cuda"}
    with torch.random.fork_rng(devices=sorted(devices, key=str)):
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)  # noqa: NPY002
