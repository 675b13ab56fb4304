"""A character transformer of many seeds: their rows one after the other, a product for each seed.

What is done to every row (normalization, activation, attention, loss) is done to all seeds' rows by
one operation, since most of a small network's step is the calling of operations. A product is one
call for each seed: batched products of matrices so narrow reach a third of the speed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from afnlab.backward import Context
from afnlab.feedforward import GLU, SQUARED
from afnlab.native import attention
from afnlab.nn import ActivationModule, module_class
from afnlab.training.transformer import Transformer, pack, unpacked

Tensors = Mapping[str, Tensor]


class _Sizes(Context, Protocol):
    sizes: list[int]


class _Products(torch.autograd.Function):
    """x W' of each seed: x (rows of all seeds, inputs), W (seeds, outputs, inputs)."""

    @staticmethod
    def forward(ctx: _Sizes, x: Tensor, weight: Tensor, sizes: list[int]) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.sizes = sizes
        out = x.new_empty(len(x), weight.shape[1])
        parts = zip(x.split(sizes), weight.unbind(), out.split(sizes), strict=True)
        for part, w, to in parts:
            torch.mm(part, w.t(), out=to)
        return out

    @staticmethod
    def backward(ctx: _Sizes, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (x, weight), (grad,), sizes = ctx.saved_tensors, grads, ctx.sizes
        of_x, of_weight = torch.empty_like(x), torch.empty_like(weight)
        rows = zip(x.split(sizes), grad.split(sizes), of_x.split(sizes), strict=True)
        matrices = zip(weight.unbind(), of_weight.unbind(), strict=True)
        for (part, g, to_x), (w, to_w) in zip(rows, matrices, strict=True):
            torch.mm(g, w, out=to_x)
            torch.mm(g.t(), part, out=to_w)
        return of_x, of_weight, None


def serves(network: nn.Module) -> bool:
    """Whether `forward` can compute this network, of any number of seeds."""
    if type(network) is not Transformer or network.dropout:
        return False
    heads, weight = network.each_block[0].attention.heads, network.output.weight
    example = torch.zeros(1, network.positions.num_embeddings, dtype=torch.int64)
    if not attention.serves(weight, example, heads):
        return False
    plain = (nn.Linear, nn.Embedding, nn.LayerNorm)
    for module in network.modules():
        if module._forward_hooks or module._forward_pre_hooks or module._backward_hooks:
            return False
        is_layer = any(True for _ in module.parameters(recurse=False))
        if is_layer and type(module) not in plain and not isinstance(module, ActivationModule):
            return False
    return all(_is_simple(block.feed_forward.function) for block in network.each_block)


def _is_simple(function: nn.Module) -> bool:
    """Whether it is one of ours that needs nothing but a value of each parameter for every seed."""
    if not isinstance(function, ActivationModule):
        return False
    record = function.activation
    plain = type(function) is module_class(record) and function.num_features is None
    return plain and record.elementwise and not record.stochastic


def forward(network: Transformer) -> Callable[[Tensors, Tensor], Tensor]:
    """The network as a function of stacked tensors by name and tokens (seeds, batch, positions).

    Its logits are (seeds, batch, positions, tokens).
    """
    names = {id(module): name for name, module in network.named_modules()}

    def logits(tensors: Tensors, tokens: Tensor) -> Tensor:
        seeds, batch, positions = tokens.shape
        rows, starts = pack(tokens.flatten(0, 1), network.padding)
        sizes = starts[::batch].diff().tolist()
        seed = rows // (batch * positions)

        def weight(module: nn.Module, norm: nn.Module | None = None) -> Tensor:
            """Of a layer, times that of the normalization before it."""
            matrix = tensors.get(f"{names[id(module)]}.weight")
            matrix = tensors["tokens.weight"] if matrix is None else matrix  # tied
            if norm is None:
                return matrix
            return matrix * tensors[f"{names[id(norm)]}.weight"].unsqueeze(1)

        def product(x: Tensor, module: nn.Module, norm: nn.Module | None = None) -> Tensor:
            return _Products.apply(x, weight(module, norm), sizes)

        def embedded(module: nn.Module, index: Tensor) -> Tensor:
            table = weight(module)
            return F.embedding(index + seed * table.shape[1], table.flatten(0, 1))

        def activated(z: Tensor, module: ActivationModule) -> Tensor:
            values: dict[str, Any] = {}
            for n in module.activation.params:
                stacked = tensors.get(f"{names[id(module)]}.{n}")
                values[n] = getattr(module, n) if stacked is None else stacked.view(-1, 1)[seed]
            return module.activation(z, **values)

        def normalized(x: Tensor) -> Tensor:
            return F.layer_norm(x, x.shape[-1:])

        x = embedded(network.tokens, tokens.flatten()[rows])
        x = x + embedded(network.positions, rows % positions)
        for block in network.each_block:
            attend, layer, norm = block.attention, block.feed_forward, block.feed_forward_norm
            inputs = product(normalized(x), attend.inputs, block.attention_norm)
            x = x + product(attention.packed_attention(inputs, attend.heads, starts), attend.output)
            before = normalized(x)
            z = activated(product(before, layer.first, norm), layer.function)  # type: ignore[arg-type]
            if isinstance(layer.up, GLU):
                z = z * product(before, layer.up.value, norm)
            x = x + product(z.square() if layer.form == SQUARED else z, layer.down)
        out = product(normalized(x), network.output, network.norm)
        return unpacked(out, rows, seeds * batch, positions).unflatten(0, (seeds, batch))

    return logits
