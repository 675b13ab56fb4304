"""Compiled kernels for the activations that torch has none for, or none that keeps the digits.

`status` says where they come from.
"""

from __future__ import annotations

import torch

from afnlab.native import kernels, ops
from afnlab.native.toolchain import Unavailable
from afnlab.registry import register_backend

__all__ = ["kernels", "status"]


def status(name: str = "srelu") -> dict[str, str]:
    """The origin of the compiled kernels.

    Args:
        name: an activation; its kernel is built if it is not there yet.

    Returns:
        Per device, the library, or "torch: " and why there is none.
    """
    kinds = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    by_kind = {kind: kernels.look_up(name, kind, warn=False) for kind in kinds}
    return {
        kind: f"torch: {k}" if isinstance(k, Unavailable) else str(k.origin)
        for kind, k in by_kind.items()
    }


register_backend(ops.compute)
