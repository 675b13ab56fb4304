"""How a network runs: stacked with other seeds' or alone, and in which type and memory format."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from afnlab.training import mixed, stacked_transformer
from afnlab.training.transformer import CausalAttention


def together(network: nn.Module, device: torch.device, dtype: torch.dtype) -> bool:
    """Whether training seeds in one stack is faster than one after the other.

    Convolutions: on two CPU cores four seeds took 2.5 to 8 times longer stacked (grouped
    convolutions) than one after the other in the channels-last layout. torch's recurrent layers
    have no batching rule for weights, unless they are unrolled (attribute `unrolled`); `stackable`
    finds what else has none. Attention: on a CPU batched products of narrow matrices gain nothing,
    but see `stacked_transformer`.
    """
    if dtype == torch.float32 and stacked_transformer.serves(network):
        return True
    kinds = (nn.RNNBase, CausalAttention) if device.type == "cpu" else nn.RNNBase
    alone = any(
        isinstance(m, kinds) and not getattr(m, "unrolled", False) for m in network.modules()
    )
    return not (alone or _has_convolutions(network))


@torch.no_grad()
def stackable(network: nn.Module, example: Tensor) -> bool:
    """Whether a network that accepts this example also accepts it under `torch.func.vmap`.

    It does not with a batch normalization with momentum=None, a branch on a value, and some
    parametrizations. The network is unusable afterwards: where a module is shared, torch does not
    undo the exchange.
    """
    state = dict(network.named_parameters()) | dict(network.named_buffers())
    stacked = {n: t.detach().expand(2, *t.shape).clone() for n, t in state.items()}

    def member(state: dict[str, Tensor]) -> Tensor:
        return torch.func.functional_call(network, state, (example,))

    try:
        torch.vmap(member, randomness="different")(stacked)
    except RuntimeError:
        return False
    return True


def channels_last(network: nn.Module) -> bool:
    """Whether to use the channels-last layout: with convolutions, except three-dimensional ones."""
    deep = any(t.dim() == 5 for t in (*network.parameters(), *network.buffers()))
    return _has_convolutions(network) and not deep


def halved(device: torch.device, dtype: torch.dtype, half: bool) -> bool:
    """Whether a recipe with `half` computes in float16: on a GPU, where the dtype is float32."""
    return half and device.type == "cuda" and dtype == torch.float32


def placed(network: nn.Module, device: torch.device, dtype: torch.dtype, half: bool) -> nn.Module:
    """The network on its device, in its type and memory format."""
    network = network.to(device, mixed.kept(dtype))
    if halved(device, dtype, half):
        network.half()
        for module in network.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.float()
    if channels_last(network):
        network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network


def _has_convolutions(network: nn.Module) -> bool:
    return any(isinstance(m, nn.modules.conv._ConvNd) for m in network.modules())
