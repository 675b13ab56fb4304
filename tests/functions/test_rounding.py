"""What roundings of intermediate results explain, and what not."""

from __future__ import annotations

import pytest
import torch

from afnlab.derivatives import derivatives
from afnlab.functions.rounding import unexplained

HALF = (torch.bfloat16, torch.float16)


def cancels(x):
    """Its slope is 1 less the derivative of tanh, which rounds to 1 near 0."""
    return x - torch.tanh(x)


@pytest.mark.parametrize("dtype", HALF)
def test_what_a_half_type_computes_is_explained(dtype):
    x = torch.linspace(-4, 4, 257).to(dtype)
    slope = derivatives(cancels, x, 1)[1].double()
    exact = derivatives(cancels, x.double(), 1)[1]
    error = (slope - exact).abs()
    assert error.max() > 0.2 * torch.finfo(dtype).eps
    assert not unexplained(cancels, x.double(), exact, error, dtype).any()


@pytest.mark.parametrize("dtype", HALF)
def test_what_no_rounding_does_is_not(dtype):
    """Eight units of the largest slope, a nan, and an infinity; and the seed is fixed."""
    x = torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64)
    exact = derivatives(cancels, x, 1)[1]
    error = torch.tensor([8 * torch.finfo(dtype).eps, torch.nan, torch.inf], dtype=torch.float64)
    assert unexplained(cancels, x, exact, error, dtype).tolist() == [True, True, True]
    none = torch.zeros(3, dtype=torch.float64)
    assert unexplained(cancels, x, exact, none, dtype).tolist() == [False, False, False]


def test_an_intermediate_result_that_overflows_explains_what_is_lost_by_it():
    """The slope is lost where the square is no number of float16, as in arctan's backward."""
    x = torch.tensor([-288.0], dtype=torch.float64)
    exact = derivatives(torch.arctan, x, 1)[1]
    assert not unexplained(torch.arctan, x, exact, exact, torch.float16).any()
    assert unexplained(torch.arctan, x, exact, exact, torch.bfloat16).any()
