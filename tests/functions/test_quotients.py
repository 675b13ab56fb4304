"""The slopes that values have, by differences: how exact they are, and what they leave open."""

from __future__ import annotations

import math

import pytest
import torch

from afnlab.derivatives import derivatives
from afnlab.functions.numbers import many
from afnlab.functions.quotients import contradictions, largest_within, steepest_within
from tests.over import over

X = many(torch.float32).double()


def found(function, change=lambda slope: slope):
    """The numbers where the slopes of a function, once changed, contradict its values."""
    y, slope = derivatives(function, X, 1)
    result = contradictions(function, X, y, change(slope))
    return X[result.at], result


FUNCTIONS = {
    "smooth": torch.nn.functional.silu,
    "waves": lambda x: torch.sin(50 * x),
    "waves finer than any step but the last": lambda x: torch.sin(1000 * x),
    "a period that steps have as a multiple": lambda x: torch.sin(30 * x),
    "chirp": lambda x: torch.sin(x * x),
    "kink at 0": torch.abs,
    "kink at a number": lambda x: torch.relu(x - 1),
    "narrow hat": lambda x: (1 - 1000 * (x - 2).abs()).clamp(min=0),
    "jump": lambda x: torch.where(x > 1, x + 5, 0.2 * x),
    "flat": torch.floor,
    "vertical": lambda x: (x - 3).abs().sqrt(),
    "terms cancel": lambda x: (x + 1e8) - 1e8,
    "tiny": lambda x: 1e-30 * torch.tanh(x),
    "huge": lambda x: 1e30 * torch.tanh(x),
    "not everywhere a number": torch.log,
}


@over("name", FUNCTIONS)
def test_right_slopes_contradict_no_values(name):
    assert not len(found(FUNCTIONS[name], lambda s: torch.where(s.isfinite(), s, 0))[0]) or (
        name == "vertical"
    )


@over("name", [n for n in FUNCTIONS if n not in ("flat", "terms cancel")])
def test_slopes_that_are_off_by_a_hundred_thousandth_do(name):
    where, _ = found(FUNCTIONS[name], lambda s: torch.where(s.isfinite(), s * (1 + 1e-5), 0))
    assert len(where) > (100 if name != "narrow hat" else 0)


def test_slopes_of_values_that_cancel_are_left_open_as_far_as_that_carries():
    assert not len(found(FUNCTIONS["terms cancel"], lambda s: s + 1e-11)[0])
    assert len(found(FUNCTIONS["terms cancel"], lambda s: s + 1e-3)[0])


def test_the_slopes_of_the_values_are_exact():
    where, result = found(torch.tanh, lambda s: 0 * s)
    exact = 1 / torch.cosh(where) ** 2
    assert torch.allclose(result.left, exact, rtol=1e-8, atol=1e-11)
    assert torch.equal(result.left, result.right)


def test_at_a_kink_any_slope_between_those_of_both_sides_is_right():
    for slope, wrong in ((0.25, False), (0.0, False), (1.0, False), (-0.01, True), (1.01, True)):
        where, result = found(torch.relu, lambda s, v=slope: torch.where(X == 0, v, s))
        assert where.tolist() == [0.0] * wrong
        assert [*result.left, *result.right, *result.alone] == [0, 1, True] * wrong


def test_what_is_largest_within():
    x = torch.tensor([-2.0, -1.0, 0.0, 1.0, 2.0])
    size = torch.tensor([0.5, -3.0, 1.0, 2.0, math.nan])
    assert largest_within(x, size).tolist() == [3, 3, 1, 3, 3]
    assert largest_within(x, size, least=1.0).tolist() == [3, 3, 3, 3, 3]
    x, size = x[[0, 1, 3, 4]], torch.tensor([9.0, 0.5, 0.25, 7.0])
    assert largest_within(x, size).tolist() == [9, 0.5, 0.5, 9]
    assert steepest_within(x, size).tolist() == [1, 0.5, 0.5, 1]  # 1, where it is less up to 1


def test_the_numbers_of_float32_lie_close_together():
    x = X[X > 0]
    gap = x.diff() / x[:-1]
    assert gap[x[:-1] > 1e-4].max() < 0.0014
    assert gap[(x[:-1] > 1e-36) & (x[:-1] < 5e-8)].max() <= 0.125
    assert {9984.0, 1.0, 0.5, 0.25, 1024.0} <= {*x.tolist()}
    assert pytest.approx(1e-38, rel=0.2) == float(x[x < 1.2e-38].max())
    assert torch.equal(X, -X.flip(0))
    assert torch.equal(X, X.float().double())
