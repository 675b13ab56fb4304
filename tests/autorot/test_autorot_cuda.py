"""Auto-Rotating layers on a GPU: the CPU's numbers. For more of recurrent ones see their tests."""

from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close

from afnlab.bench.autorot import CASES

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device"),
]


def compare(layer, x):
    """Outputs and all gradients, on both devices."""
    found = []
    for device in ("cpu", "cuda"):
        layer, own = layer.to(device), x.detach().to(device).requires_grad_()
        y = layer(own)
        y = y[0] if isinstance(y, tuple) else y
        grads = torch.autograd.grad(y.square().sum(), [own, *layer.parameters()])
        found.append([t.cpu() for t in (y.detach(), *grads)])
    assert_close(found[1], found[0], rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.label)
def test_the_numbers_of_the_cpu(case):
    torch.manual_seed(0)
    layer = case.layer(*case.arguments, **dict(case.settings)).double()
    compare(layer, torch.randn(8, *case.shape[1:], dtype=torch.float64))
