"""The closed form of the share of pre-activations inside [-L, L], against sampled layers."""

from __future__ import annotations

from math import pi, sqrt

import pytest
import torch

from afnlab.autorot import AutoRotLinear, inside_share, x_q_for

FEATURES = 40


def inputs_at(ratio: float, cosine: float) -> torch.Tensor:
    """An input with |x_Q| / |x| = ratio and this cosine, for x_Q = 1."""
    ones = torch.ones(FEATURES, dtype=torch.float64) / sqrt(FEATURES)
    across = torch.zeros(FEATURES, dtype=torch.float64)
    across[0], across[1] = 1 / sqrt(2), -1 / sqrt(2)
    return (cosine * ones + sqrt(1 - cosine**2) * across) * sqrt(FEATURES) / ratio


@pytest.mark.parametrize("ratio", [0.2, 0.9, 1.0, 1.7, 6.0])
@pytest.mark.parametrize("cosine", [-0.95, 0.0, 0.5, 0.99])
@pytest.mark.parametrize("L", [1.0, 7.0])
def test_sampled_layers_have_the_share(ratio, cosine, L):
    torch.manual_seed(3)
    x = inputs_at(ratio, cosine)
    draws = 40_000
    layer = AutoRotLinear(FEATURES, draws, bias=False, L=L, x_q=1.0, dtype=torch.float64)
    torch.nn.init.normal_(layer.weight, std=0.3)
    found = float((layer(x).abs() < L).double().mean())
    share = float(inside_share(x, 1.0))
    assert abs(found - share) < 4.5 * sqrt(share * (1 - share) / draws) + 1e-4  # and eps


@pytest.mark.parametrize("cosine", [-0.7, 0.0, 0.3, 0.999])
def test_half_lie_inside_where_the_lengths_are_equal(cosine):
    x = inputs_at(1.0, cosine)
    assert float(inside_share(x, 1.0)) == pytest.approx(0.5, abs=1e-12)
    assert x_q_for(0.5, x) == pytest.approx(1.0, rel=1e-10)


def test_the_share_is_the_cauchy_distributions():
    """At a right angle X / Y is Cauchy with scale |x| / |x_Q|."""
    x = inputs_at(2.0, 0.0)
    cauchy = torch.distributions.Cauchy(0.0, 0.5)
    inside = cauchy.cdf(torch.tensor(1.0)) - cauchy.cdf(torch.tensor(-1.0))
    assert float(inside_share(x, 1.0)) == pytest.approx(float(inside), abs=1e-6)


@pytest.mark.parametrize("share", [0.01, 0.3, 0.5, 0.8, 0.9, 0.999])
def test_x_q_gives_the_wanted_share(share):
    torch.manual_seed(0)
    x = torch.rand(300, FEATURES)
    assert float(inside_share(x, x_q_for(share, x)).mean()) == pytest.approx(share, abs=1e-9)
    one = inside_share(x[0], x_q_for(share, x[0]))
    assert float(one) == pytest.approx(share, abs=1e-12)
    assert x_q_for(share, 3 * x) == pytest.approx(3 * x_q_for(share, x), rel=1e-9)


def test_parallel_inputs_lie_on_one_side():
    ones = torch.ones(FEATURES)
    assert float(inside_share(0.5 * ones, 1.0)) == pytest.approx(1, abs=1e-6)
    assert float(inside_share(2 * ones, 1.0)) == pytest.approx(0, abs=1e-6)


def test_a_tensor_as_x_q():
    torch.manual_seed(1)
    x, probe = torch.randn(5, FEATURES), torch.randn(FEATURES)
    b, a = probe.norm().double(), x.norm(dim=1).double()
    r = x.double() @ probe.double() / (a * b)
    s = (1 - r * r).sqrt()
    formula = (torch.atan((b / a - r) / s) + torch.atan((b / a + r) / s)) / pi
    assert torch.allclose(inside_share(x, probe), formula, atol=1e-6)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda x: x_q_for(0.0, x), "share must be"),
        (lambda x: x_q_for(1, x), "share must be"),
        (lambda x: x_q_for(True, x), "share must be"),
        (lambda x: x_q_for("0.5", x), "share must be"),
        (lambda x: x_q_for(0.5, 0 * x), "x must be finite and not all 0"),
        (lambda x: inside_share(x, 0.0), "x_q must be finite and not all 0"),
        (lambda x: inside_share(x, torch.ones(3)), "x_q must be"),
        (lambda x: inside_share(x * float("nan"), 1.0), "x must be finite"),
        (lambda x: inside_share(x.long(), 1.0), "x must be a floating-point tensor"),
        (lambda x: inside_share([1.0], 1.0), "x must be a floating-point tensor"),
    ],
)
def test_bad_input_is_named(call, name):
    with pytest.raises(ValueError, match=name):
        call(torch.ones(2, FEATURES))
