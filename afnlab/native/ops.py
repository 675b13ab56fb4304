"""The kernels as differentiable torch functions.

A kernel is a black box to torch, so everything that is not a call with plain tensors in eager mode
is left to the torch expression: compiling, exporting, tracing, fake and meta tensors. Derivatives
beyond the first are those of the expression too.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor
from torch.autograd import forward_ad

from afnlab.backward import Context
from afnlab.eager import is_batch, is_plain, observed, transformed, unwrapped
from afnlab.native import kernels
from afnlab.native.kernels import DEVICES, DTYPES, accumulation, addressable, channel_dim, readable
from afnlab.native.transforms import forward_mode, in_front, side_by_side
from afnlab.registry import Activation, get_activation

if TYPE_CHECKING:
    from torch._functorch.autograd_function import VmapInfo

Dims = tuple[int | None, ...]  # the batch's, of each input of a function


@dataclass(frozen=True)
class Call:
    """An activation with its numbers, None where a tensor parameter stands, and its kernel."""

    record: Activation
    numbers: tuple[float | None, ...]
    kernel: kernels.Kernel

    def expression(self, x: Tensor, *tensors: Tensor) -> Tensor:
        """The definition, written in torch."""
        remaining = iter(tensors)
        values = {
            name: next(remaining) if n is None else n
            for name, n in zip(self.record.params, self.numbers, strict=True)
        }
        work = x.to(accumulation(x.dtype))
        return self.record.fn(work, **values).to(x.dtype)

    def gradients(self, grad_y: Tensor, x: Tensor, *tensors: Tensor) -> tuple[Tensor, ...]:
        """The expression's gradients, themselves differentiable."""
        grad_y, x, *tensors = map(unwrapped, (grad_y, x, *tensors))  # type: ignore[assignment]
        if x.dtype != grad_y.dtype:  # hooks may have kept another type
            x = x.to(grad_y.dtype)
        return torch.func.vjp(self.expression, x, *tensors)[1](grad_y)

    def forward(self, x: Tensor, *tensors: Tensor) -> Tensor:
        """f(x): by the kernel, if it can read what is given."""
        if not readable(x, tensors):
            return self.expression(x, *tensors)
        return kernels.forward(self.kernel, x, self.numbers, tensors)

    def backward(
        self, with_sums: bool, grad_y: Tensor, x: Tensor, *tensors: Tensor
    ) -> tuple[Tensor, ...]:
        """The gradients with respect to x and, with_sums, to the tensors: by the kernel, if it can
        read what is given."""
        if not readable(x, tensors, grad_y):
            grads = self.gradients(grad_y, x, *tensors)
            return grads if with_sums else grads[:1]
        return kernels.backward(self.kernel, grad_y, x, self.numbers, tensors, with_sums)

    def __call__(self, x: Tensor, *tensors: Tensor) -> Tensor:
        """f(x) for a transform to take apart."""
        if channel_dim(x.shape, tensors) is None:
            return self.expression(x, *tensors)
        return _Transformed.apply(self, x, *tensors)


class _Called(Context, Protocol):
    call: Call
    with_sums: bool  # of a backward pass


class _Eager(torch.autograd.Function):
    """y = f(x); only x and the tensor parameters are kept. The quick form, for plain calls: who
    makes one has seen that a kernel can read what is given."""

    @staticmethod
    def forward(ctx: _Called, call: Call, x: Tensor, *tensors: Tensor) -> Tensor:
        ctx.call = call
        ctx.save_for_backward(x, *tensors)
        ctx.save_for_forward(x, *tensors)
        return kernels.forward(call.kernel, x, call.numbers, tensors)

    @staticmethod
    def backward(ctx: _Called, grad_y: Tensor) -> tuple[Tensor | None, ...]:
        call, (x, *tensors) = ctx.call, ctx.saved_tensors
        with_sums = any(ctx.needs_input_grad[2:])
        again = torch.is_grad_enabled() or transformed() or forward_ad._current_level >= 0
        if not again:  # nobody will differentiate it
            grads = call.backward(with_sums, grad_y, x, *tensors)
        elif observed() or is_batch(grad_y) or not all(map(is_plain, (grad_y, x, *tensors))):
            grads = call.gradients(grad_y, x, *tensors)
        else:
            grads = _Backward.apply(call, with_sums, *map(unwrapped, (grad_y, x, *tensors)))
        return None, *grads, *[None] * (1 + len(tensors) - len(grads))

    @staticmethod
    def jvp(ctx: _Called, _call: None, *tangents: Tensor | None) -> Tensor:
        return forward_mode(ctx.call.expression, ctx.saved_tensors, tangents)


class _Transformed(_Eager):
    """The form that torch.func's transforms can take apart, at some microseconds more."""

    @staticmethod
    def forward(call: Call, x: Tensor, *tensors: Tensor) -> Tensor:  # type: ignore[override]
        return call.forward(x, *tensors)

    @staticmethod
    def setup_context(ctx: _Called, inputs: tuple, output: Tensor) -> None:
        ctx.call = inputs[0]
        ctx.save_for_backward(*inputs[1:])
        ctx.save_for_forward(*inputs[1:])

    @staticmethod
    def vmap(
        info: VmapInfo, in_dims: Dims, call: Call, x: Tensor, *tensors: Tensor
    ) -> tuple[Tensor, int | None]:
        if all(dim is None for dim in in_dims[2:]) and all(t.dim() == 0 for t in tensors):
            return call(x, *tensors), in_dims[1]
        return call(*side_by_side(info.batch_size, in_dims[1:], x, tensors)), 0


class _Backward(torch.autograd.Function):
    """The gradients with respect to x and, with_sums, to the tensor parameters."""

    @staticmethod
    def forward(
        call: Call, with_sums: bool, grad_y: Tensor, x: Tensor, *tensors: Tensor
    ) -> tuple[Tensor, ...]:
        return call.backward(with_sums, grad_y, x, *tensors)

    @staticmethod
    def setup_context(ctx: _Called, inputs: tuple, output: tuple) -> None:
        ctx.call, ctx.with_sums = inputs[:2]
        ctx.save_for_backward(*inputs[2:])
        ctx.save_for_forward(*inputs[2:])

    @staticmethod
    def _expression(ctx: _Called, *inputs: Tensor) -> tuple[Tensor, ...]:
        grads = ctx.call.gradients(*inputs)
        return grads if ctx.with_sums else grads[:1]

    @staticmethod
    def backward(ctx: _Called, *grads: Tensor) -> tuple[Tensor | None, ...]:
        expression = partial(_Backward._expression, ctx)
        pull = torch.func.vjp(expression, *map(unwrapped, ctx.saved_tensors))[1]
        return None, None, *pull(tuple(map(unwrapped, grads)))

    @staticmethod
    def jvp(
        ctx: _Called, _call: None, _with_sums: None, *tangents: Tensor | None
    ) -> tuple[Tensor, ...]:
        expression = partial(_Backward._expression, ctx)
        return forward_mode(expression, ctx.saved_tensors, tangents)

    @staticmethod
    def vmap(
        info: VmapInfo, in_dims: Dims, call: Call, with_sums: bool, grad_y: Tensor, *inputs: Tensor
    ) -> tuple[tuple[Tensor, ...], tuple[int, ...]]:
        x, *tensors = side_by_side(
            info.batch_size, in_dims[3:], inputs[0], inputs[1:], every=with_sums
        )
        grad_y = in_front(grad_y, in_dims[2], info.batch_size)
        grads = _Backward.apply(call, with_sums, grad_y, x, *tensors)
        shapes = [t.shape for t in inputs[1:]]
        dims = in_dims[4:]
        parameter_grads = [
            g.view(info.batch_size, *(shape if d is None else shape[:d] + shape[d + 1 :]))
            for g, shape, d in zip(grads[1:], shapes, dims, strict=False)
        ]
        return (grads[0], *parameter_grads), tuple(0 for _ in range(len(parameter_grads) + 1))


def compute(record: Activation, x: Tensor, values: Mapping[str, Tensor | float]) -> Tensor | None:
    """f(x) by the compiled kernel; None where the expression has to serve."""
    if observed() or record.name not in kernels.names() or x.dtype not in DTYPES:
        return None
    numbers = [None if isinstance(value, Tensor) else value for value in values.values()]
    tensors = [value for value in values.values() if isinstance(value, Tensor)]
    apart = transformed()
    if not (_plain(x, tensors) if apart else addressable(x, tensors)):
        return None
    kernel = _usable(record, "cpu" if x.is_cpu else "cuda")
    if kernel is None:
        return None
    call = Call(record, tuple(numbers), kernel)
    tensors = [t.to(accumulation(x.dtype)) for t in tensors]
    return call(x, *tensors) if apart else _Eager.apply(call, x, *tensors)


def _plain(x: Tensor, tensors: Sequence[Tensor]) -> bool:
    """Whether these are plain tensors of one device, or a transform's wrappers of such."""
    if x.device.type not in DEVICES or not is_plain(x):
        return False
    return all(t.device == x.device and is_plain(t) for t in tensors)


def _usable(record: Activation, kind: str) -> kernels.Kernel | None:
    kernel = kernels.find(record.name, kind)
    if kernel is None or get_activation(record.name) is not record:
        return None
    if (record, kernel) not in _agreeing:
        # While a graph is captured nothing may wait for a result; who captures has warmed up.
        if kind == "cuda" and torch.cuda.is_current_stream_capturing():
            return None
        _agreeing[record, kernel] = _agrees(record, kind, kernel)
    return kernel if _agreeing[record, kernel] else None


_agreeing: dict[tuple[Activation, kernels.Kernel], bool] = {}


def _agrees(record: Activation, kind: str, kernel: kernels.Kernel) -> bool:
    """Whether the kernel computes what the definition says, which may have been edited since."""
    device = torch.empty(0, device=kind).device
    # In a thread of its own, where none of the caller's transforms, hooks and modes is at work.
    with ThreadPoolExecutor(1) as alone:
        try:
            same = alone.submit(_same_numbers, record, device, kernel).result()
            said = "does not compute what its definition says"
        except RuntimeError as error:  # what it was built for is not what is here
            same, said = False, f"does not run ({error})"
    if not same:
        warnings.warn(
            f"the compiled kernel of {record.name} {said}; the definition is used, several times"
            " slower",
            RuntimeWarning,
            stacklevel=2,
        )
    return same


def _same_numbers(record: Activation, device: torch.device, kernel: kernels.Kernel) -> bool:
    call = Call(record, tuple(record.complete({}).values()), kernel)
    for dtype, tolerance in ((torch.float64, 1e-9), (torch.float32, 1e-4)):
        x = torch.linspace(-7.93, 8.07, 128, dtype=dtype, device=device)
        one = torch.ones_like(x)
        y = kernels.forward(kernel, x, call.numbers, ())
        slope = kernels.backward(kernel, one, x, call.numbers, (), with_sums=False)[0]
        # Neither by `gradients` nor with `one`: the first transform of torch.func imports torch's
        # compiler, and the first gradient that is given imports sympy (1.5 s and 0.3).
        wanted = call.expression(x.requires_grad_())
        wanted_slope = torch.autograd.grad(wanted.sum(), x)[0]
        for got, expected in ((y, wanted), (slope, wanted_slope)):
            if not torch.allclose(got, expected, rtol=tolerance, atol=tolerance):
                return False
    return True
