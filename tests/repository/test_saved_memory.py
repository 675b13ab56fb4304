"""What each activation keeps for the backward pass: the bytes of docs/performance.md, measured."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from afnlab import get_activation, native
from afnlab.nn import make
from tests.conftest import ACTIVATIONS, every_activation, trainable

SIZE = 4096
PAGE = Path(__file__).resolve().parents[2] / "docs" / "performance.md"
TORCHS = {
    "swish": F.silu,
    "arctan": torch.atan,
    "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
}
GIVEN = {"threshold": (0.0, 0.0), **dict.fromkeys(("softmin", "softmax", "log_softmax"), (-1,))}
BYTES = 4  # an element of x


def kept(f: Callable[[torch.Tensor], torch.Tensor]) -> str:
    """Bytes an element that a call keeps, and of what: its input, its output, something else."""
    x = torch.randn(SIZE, requires_grad=True) * 1.0
    found: dict[int, int] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        memory = tensor.untyped_storage()
        found[memory.data_ptr()] = memory.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        y = f(x)
    names = {x.untyped_storage().data_ptr(): "input", y.untyped_storage().data_ptr(): "output"}
    parts = [(names.get(at, "other"), size // SIZE) for at, size in found.items() if size >= SIZE]
    return ", ".join(f"{size} {name}" for name, size in sorted(parts)) or "0"


def torchs(name: str) -> Callable | None:
    if name == "prelu":
        return torch.nn.PReLU()
    f = TORCHS.get(name) or getattr(F, name, None) or getattr(torch, name, None)
    return (lambda x: f(x, *GIVEN.get(name, ()))) if f else None


def stated() -> dict[str, tuple[str, str]]:
    """The rows of the page: what afnlab keeps, and what torch does."""
    part = PAGE.read_text().split("## What is kept for the backward pass")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| ([^|]*) \| ([^|]*) \|$", part, re.MULTILINE)
    return {name: (ours, theirs) for name, ours, theirs in rows}


def measured(name: str) -> tuple[str, str]:
    module, theirs = make(name).train(), torchs(name)
    return kept(module), "-" if theirs is None else kept(theirs)


@every_activation
def test_the_page_states_what_is_kept(f):
    if native.status()["cpu"].startswith("torch: "):
        pytest.skip("no compiled kernels: the expressions keep more")
    assert stated()[f.name] == measured(f.name)


def test_the_page_states_nothing_else():
    assert set(stated()) == {f.name for f in ACTIVATIONS}


@pytest.mark.parametrize("name", native.kernels.names())
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64], ids=str)
def test_a_kernel_keeps_x_alone(name, dtype):
    """Also where parameters are trained, and in types that it computes in another."""
    f = get_activation(name)
    if native.status()["cpu"].startswith("torch: "):
        pytest.skip("no compiled kernels: the expressions keep more")
    x = torch.randn(SIZE, dtype=dtype, requires_grad=True) * 1.0
    found = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: found.append(t) or t, lambda t: t):
        make(f, trainable=trainable(f))(x)
    large = {t.untyped_storage().data_ptr() for t in found if t.numel() >= SIZE}
    assert large == {x.untyped_storage().data_ptr()}
