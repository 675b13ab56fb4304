"""What a number may depend on besides the code: processor, threads, torch's settings, versions."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

import numpy as np
import torch

from afnlab.training.settings import flushes_denormals


def machine(device: torch.device) -> dict[str, Any]:
    """This machine as it is now, for a record; `device` is where the numbers are computed."""
    on_gpu = device.type == "cuda"
    return {
        "device": device.type,
        "device_name": torch.cuda.get_device_name(device) if on_gpu else _processor(),
        "threads": torch.get_num_threads(),
        "interop_threads": torch.get_num_interop_threads(),
        "determinism": determinism(),
        "native": native_kernels(device.type),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "platform": platform.platform(),
    }


def determinism() -> dict[str, Any]:
    """torch's settings that the last bits of a result may depend on, as they are now."""
    backends: Any = torch.backends  # whose stubs do not know all of it
    return {
        "deterministic_algorithms": torch.are_deterministic_algorithms_enabled(),
        "cudnn.deterministic": backends.cudnn.deterministic,
        "cudnn.benchmark": backends.cudnn.benchmark,
        "cudnn.conv.fp32_precision": backends.cudnn.conv.fp32_precision,
        "cudnn.rnn.fp32_precision": backends.cudnn.rnn.fp32_precision,
        "cuda.matmul.fp32_precision": backends.cuda.matmul.fp32_precision,
        "mkldnn.enabled": torch._C._get_mkldnn_enabled(),
        "mkldnn.matmul.fp32_precision": backends.mkldnn.matmul.fp32_precision,
        "flush_denormal": flushes_denormals(),
        "CUBLAS_WORKSPACE_CONFIG": os.environ.get("CUBLAS_WORKSPACE_CONFIG"),
    }


def native_kernels(device: str, activation: str = "srelu") -> bool:
    """Whether an activation is computed by compiled kernels; last bits may differ from torch's.

    On a kind of device that this machine lacks they are taken to be there, unless switched off.
    """
    from afnlab.native import kernels, status  # noqa: PLC0415

    if device not in ("cpu", "cuda") or activation not in kernels.names():
        return False
    origin = status().get(device)
    if origin is None:
        return os.environ.get(kernels.SWITCH) != "0"
    return not origin.startswith("torch: ")


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(
            line.partition(":")[2].strip() for line in lines if line.startswith("model name")
        )
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
