"""Which layers' scale a model divides out again, found by scaling their outputs.

Tracing finds a normalization that is called by its name directly after a layer. This finds the
others: one that is written out, or comes after operations that no list foresees.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

import torch
from torch import Tensor, nn
from torch._C._functorch import is_functorch_wrapped_tensor

from afnlab.autorot.tracing import as_written, called, is_norm, tensors
from afnlab.autorot.undisturbed import undisturbed

_FACTORS = (2.0, 0.125, 64.0)  # of the outputs; a saturated activation would show at one of them
_EPS = 1e-20
_SAME = 0.03  # of what noise as large as the outputs changes: below, nothing has changed


@torch.no_grad()
def divided_out(model: nn.Module, layers: Collection[nn.Module], example: object) -> set[nn.Module]:
    """The layers of which a factor for each channel has no effect on what the model gives in
    training.

    The model is run with the same random numbers, once a layer, or a few times where that leaves
    it open; nothing of it is changed. A layer whose output is of no visible consequence, or a model
    that cannot be run in training, tells nothing.
    """
    try:
        plain = _run(model, example)
        return {layer for layer in layers if _is_divided_out(model, layer, example, plain)}
    except Exception:  # the model was run before: it does not run in training
        return set()


def _is_divided_out(model: nn.Module, layer: nn.Module, example: object, plain: Tensor) -> bool:
    def changed(factor: float, noise: float = 0.0) -> float:
        return float((_run(model, example, layer, factor, noise) - plain).norm())

    if plain.numel() == 0 or not changed(_FACTORS[0]) < 0.1 * float(plain.norm()):
        return False
    least = _SAME * changed(1.0, noise=1.0)
    return all(changed(factor) < least for factor in _FACTORS)


@torch.no_grad()
def evaluation_factor(model: nn.Module, example: object) -> float:
    """How many times larger the largest output is in evaluation than in training.

    1 for a model without running statistics, or that does not run in both.
    """
    if not any(getattr(m, "running_var", None) is not None for m in model.modules()):
        return 1.0
    try:
        trained, evaluated = (_run(model, example, train=mode) for mode in (True, False))
    except Exception:  # the model was run before: it does not run in training
        return 1.0
    if not (trained.numel() and evaluated.numel() and trained.any()):
        return 1.0
    return float(evaluated.abs().max() / trained.abs().max())


def _run(
    model: nn.Module,
    example: object,
    layer: nn.Module | None = None,
    factor: float = 1.0,
    noise: float = 0.0,
    train: bool = True,
) -> Tensor:
    """What the model gives, as one vector, with a layer's outputs changed: noise of their size is
    added, and then each channel is multiplied by one to four times the factor."""
    with undisturbed(model), as_written():
        model.train(train)
        if train:  # what a normalization adds to a small variance is a scale of its own
            for module in filter(is_norm, model.modules()):
                vars(module)["eps"] = _EPS
        if layer is not None:
            layer.forward = _scaling(layer, factor, noise)
        outputs = called(model, example)
    numbers = [x for x in tensors(outputs) if x.is_floating_point() and not x.is_meta]
    numbers = [x for x in numbers if not is_functorch_wrapped_tensor(x)]
    return torch.cat([x.detach().double().flatten().cpu() for x in numbers])


def _scaling(layer: nn.Module, factor: float, noise: float) -> Callable[..., object]:
    forward = layer.forward
    after = len(getattr(layer, "kernel_size", ()))  # dimensions behind that of the channels

    def scaled(*args: object, **kwargs: object) -> object:
        y = forward(*args, **kwargs)
        if noise:
            generator = torch.Generator(y.device).manual_seed(0)  # the model's draws stay the same
            drawn = torch.randn(y.shape, generator=generator, device=y.device, dtype=y.dtype)
            y = y + noise * y.std(correction=0) * drawn
        if factor == 1:
            return y
        generator = torch.Generator().manual_seed(round(factor))
        channels = 4 ** torch.rand(y.shape[-1 - after], generator=generator)
        return factor * y * channels.to(y).view(-1, *[1] * after)

    return scaled
