"""Auto-Rotating layers on a GPU: the CPU's numbers, and cuDNN's recurrent kernels as they are."""

from __future__ import annotations

import warnings

import pytest
import torch
from torch.testing import assert_close

from afnlab import autorot
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


@pytest.mark.parametrize("name", ["AutoRotRNN", "AutoRotLSTM", "AutoRotGRU"])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("bidirectional", [True, False])
def test_rotated_weights_lie_as_cudnn_wants_them(name, bias, bidirectional):
    torch.manual_seed(0)
    layer = getattr(autorot, name)(7, 5, 2, bias=bias, bidirectional=bidirectional).double()
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # else they would be put together at every call
        compare(layer, torch.randn(6, 3, 7, dtype=torch.float64))
