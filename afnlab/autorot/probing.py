"""Which layers' scale a model divides out again, found by scaling their outputs.

Tracing finds a normalisation that is called by its name directly after a layer. This finds the
others: one that is written out, or comes after operations that no list foresees.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import torch
from torch import Tensor, nn
from torch._C._functorch import is_functorch_wrapped_tensor

from afnlab.autorot.tracing import as_written, called, tensors
from afnlab.autorot.undisturbed import undisturbed

ALL, LARGE = "its scale", "a large scale"  # what is divided out
_FACTORS = (2.0, 0.125, 64.0)  # of the outputs; a saturated activation would show at one of them
_FAR, _FURTHER = 1e8, 64e8  # where a smooth activation is nearly a ReLU, a gate open or shut
_SAME = 0.03  # of what noise as large as the outputs changes: below, nothing has changed
_NEARLY = 0.1  # the same at large factors, where a gate may not be quite shut
_GROWN = 16.0  # times what a normalisation is given there, if it grows with the outputs


@torch.no_grad()
def divided_out(
    model: nn.Module, layers: Collection[nn.Module], example: Any
) -> dict[nn.Module, str]:
    """The layers whose scale has no effect on what the model gives in training: ALL or LARGE.

    ALL: at any factor. LARGE: at large ones, and a normalisation with running statistics is given
    what grows with the factor, so that its evaluation depends on it all the same. The model is run
    two to six times a layer, with the same random numbers; nothing of it is changed. A layer whose
    output is of no visible consequence, or a model that cannot be run in training, tells nothing.
    """
    try:
        plain, _ = _run(model, example)
        found = {layer: _divided_out(model, layer, example, plain) for layer in layers}
    except Exception:  # the model was run before: it does not run in training
        return {}
    return {layer: what for layer, what in found.items() if what}


def _divided_out(model: nn.Module, layer: nn.Module, example: Any, plain: Tensor) -> str:
    def changed(start: Tensor, factor: float, noise: float = 0.0) -> float:
        return float((_run(model, example, layer, factor, noise)[0] - start).norm())

    if plain.numel() == 0 or not plain.isfinite().all():
        return ""
    first = changed(plain, _FACTORS[0])
    if first < 0.1 * float(plain.norm()):
        least = _SAME * changed(plain, 1.0, noise=1.0)
        if first < least and all(changed(plain, factor) < least for factor in _FACTORS[1:]):
            return ALL
    if not any(map(_has_statistics, model.modules())):
        return ""
    far, sizes = _run(model, example, layer, _FAR)
    further, grown = _run(model, example, layer, _FURTHER)
    if not any(grown[norm] > _GROWN * size for norm, size in sizes.items() if norm in grown):
        return ""
    return LARGE if (further - far).norm() < _NEARLY * changed(far, _FAR, noise=1.0) else ""


@torch.no_grad()
def evaluation_factor(model: nn.Module, example: Any) -> float:
    """How many times larger the largest output is in evaluation than in training.

    1 for a model without running statistics, or that does not run in both.
    """
    if not any(map(_has_statistics, model.modules())):
        return 1.0
    try:
        trained, evaluated = (_run(model, example, train=mode)[0] for mode in (True, False))
    except Exception:  # the model was run before: it does not run in training
        return 1.0
    if not (trained.numel() and evaluated.numel() and trained.any()):
        return 1.0
    return float(evaluated.abs().max() / trained.abs().max())


def _has_statistics(module: nn.Module) -> bool:
    return getattr(module, "running_var", None) is not None


def _run(
    model: nn.Module,
    example: Any,
    layer: nn.Module | None = None,
    factor: float = 1.0,
    noise: float = 0.0,
    train: bool = True,
) -> tuple[Tensor, dict[nn.Module, float]]:
    """What the model gives in training, as one vector, and the size of what each normalisation is
    given, with a layer's outputs changed: noise of their size is added, and then each channel is
    multiplied by one to four times the factor, other times at another factor."""
    sizes: dict[nn.Module, float] = {}
    with undisturbed(model), as_written():
        model.train(train)
        for module in model.modules():
            if _has_statistics(module):
                module.forward = _measuring(module, module.forward, sizes)
        if layer is not None:
            layer.forward = _scaling(layer, factor, noise)
        outputs = called(model, example)
    numbers = [x for x in tensors(outputs) if x.is_floating_point() and not x.is_meta]
    numbers = [x for x in numbers if not is_functorch_wrapped_tensor(x)]
    return torch.cat([x.detach().double().flatten().cpu() for x in numbers]), sizes


def _measuring(
    module: nn.Module, forward: Callable[..., Any], sizes: dict[nn.Module, float]
) -> Callable[..., Any]:
    def measured(x: Tensor, *args: Any, **kwargs: Any) -> Any:
        sizes[module] = float(x.detach().double().norm())
        return forward(x, *args, **kwargs)

    return measured


def _scaling(layer: nn.Module, factor: float, noise: float) -> Callable[..., Any]:
    forward = layer.forward
    after = len(getattr(layer, "kernel_size", ()))  # dimensions behind that of the channels

    def scaled(*args: Any, **kwargs: Any) -> Any:
        y = forward(*args, **kwargs)
        if noise:
            own = torch.Generator(y.device).manual_seed(0)  # the model's draws stay the same
            drawn = torch.randn(y.shape, generator=own, device=y.device, dtype=y.dtype)
            y = y + noise * y.std(correction=0) * drawn
        if factor == 1:
            return y
        own = torch.Generator().manual_seed(round(factor))
        channels = 4 ** torch.rand(y.shape[-1 - after], generator=own)
        return factor * y * channels.to(y).view(-1, *[1] * after)

    return scaled
