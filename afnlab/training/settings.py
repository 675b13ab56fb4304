"""torch's settings during a training, whatever the caller has set for other work."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch

_AUTOCAST = ("cpu", "cuda")
_EXACT = ("none", "ieee")  # products of float32 are not rounded to fewer digits first


@contextmanager
def torch_defaults() -> Iterator[None]:
    """A context in which numbers do not depend on the caller's settings; a decorator, too.

    Set to torch's defaults, and restored: the default type and device, gradients and inference
    mode, autocast, the precision of float32 products, and the treatment of denormal numbers. The
    number of threads (but see `training.threads`), deterministic algorithms and cuDNN's settings
    are the caller's; a record states them.
    """
    with ExitStack() as stack:
        dtype = torch.get_default_dtype()
        if dtype != torch.float32:
            stack.callback(torch.set_default_dtype, dtype)
            torch.set_default_dtype(torch.float32)
        if torch.get_default_device() != torch.device("cpu"):
            stack.enter_context(torch.device("cpu"))
        if torch.is_inference_mode_enabled():
            stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        for kind in _AUTOCAST:
            if torch.is_autocast_enabled(kind):
                stack.enter_context(torch.autocast(kind, enabled=False))
        for place in _products():
            if (precision := place.fp32_precision) not in _EXACT:
                stack.callback(setattr, place, "fp32_precision", precision)
                place.fp32_precision = "ieee"
        if flushes_denormals():
            stack.callback(torch.set_flush_denormal, True)
            torch.set_flush_denormal(False)
        yield


def flushes_denormals() -> bool:
    """Whether numbers below the smallest normal one become 0; torch has no getter for this."""
    tiny = torch.tensor(1e-310, dtype=torch.float64, device="cpu")
    return bool(tiny * 1 == 0)


def _products() -> list[Any]:
    """Where torch keeps the precisions of float32 products, but for cuDNN's."""
    backends: Any = torch.backends
    mkldnn = backends.mkldnn
    return [backends, mkldnn, mkldnn.matmul, mkldnn.conv, mkldnn.rnn, backends.cuda.matmul]
