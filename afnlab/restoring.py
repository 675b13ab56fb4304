"""Modules whose values come back: those that were made on the meta device, and `reset_parameters`.

torch gives what leaves the meta device memory, not values: `to_empty`, `skip_init` and the deferred
starts of sharded training. What the constructor was told is kept beside, and written in then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import nan
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize


class Restoring:
    """Mixin before torch.nn.Module: what leaves the meta device takes its start.

    Subclasses name what they hold in `_start`, and write it in `_restore`.
    """

    _start: Mapping[str, Any] = {}  # by name of a parameter or buffer

    def _restore(self, names: Iterable[str]) -> None:
        raise NotImplementedError

    def _apply(self, *args: object, **kwargs: object) -> object:
        """What torch moves and converts a module by, `to_empty` too."""
        hollow = self._hollow()
        super()._apply(*args, **kwargs)  # type: ignore[misc]
        self._restore(hollow - self._hollow())
        return self

    def _hollow(self) -> set[str]:
        """What is on the meta device."""
        return {name for name in self._start if any(t.is_meta for t in stored(self, name))}


def stored(module: Any, name: str) -> list[Tensor]:
    """The tensors in which a module keeps a value; a parametrized one may have several."""
    for held in (module._parameters, module._buffers):
        if name in held:
            return [held[name]]
    if parametrize.is_parametrized(module, name):
        return list(module.parametrizations[name].parameters(recurse=False))
    return []


@torch.no_grad()
def write(module: Any, name: str, value: float | Tensor) -> None:
    """Set a parameter or buffer, through its parametrization if it has one.

    A value that is itself on the meta device is none: NaN, until a state is loaded.
    """
    tensors = stored(module, name)
    if not tensors or any(t.is_meta for t in tensors):
        return
    if isinstance(value, Tensor) and value.is_meta:
        value = nan
    if not parametrize.is_parametrized(module, name):
        _copy(getattr(module, name), value)
        return
    whole = _copy(torch.empty_like(getattr(module, name)), value)
    if all(hasattr(step, "right_inverse") for step in module.parametrizations[name]):
        setattr(module, name, whole)
    else:  # then torch keeps what it was given as it is
        _copy(module.parametrizations[name].original, whole)


def _copy(tensor: Tensor, value: float | Tensor) -> Tensor:
    return tensor.copy_(value) if isinstance(value, Tensor) else tensor.fill_(value)


def kept(value: nn.Parameter | Tensor) -> Tensor:
    """A copy of a tensor that a constructor was given, which nobody else writes to."""
    return value.detach().clone()
