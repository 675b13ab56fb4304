"""Operations of our own: the tensors that a forward pass keeps for its backward pass."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor


class Context(Protocol):
    """The first argument of the passes of a `torch.autograd.Function`.

    What an operation keeps besides tensors are attributes, which it declares in a class of its own.
    """

    saved_tensors: tuple[Tensor, ...]
    needs_input_grad: tuple[bool, ...]

    def save_for_backward(self, *tensors: Tensor | None) -> None: ...

    def save_for_forward(self, *tensors: Tensor | None) -> None: ...
