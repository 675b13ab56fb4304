"""The mean-field theory of wide networks, against closed forms, published numbers and samples."""

from __future__ import annotations

from math import acos, asin, erf, exp, inf, log, pi, sqrt

import mpmath
import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.special import expit

import afnlab
from afnlab import activation, signal
from afnlab.cli.entry import main
from afnlab.errors import ParameterError
from tests.conftest import ACTIVATIONS

ELEMENTWISE = [f for f in ACTIVATIONS if f.elementwise]
every = pytest.mark.parametrize("f", ELEMENTWISE, ids=lambda f: f.name)


@activation()
def error_function(x):
    return torch.erf(x)


@activation()
def explosive(x):
    return (x * x).exp()


@activation(kinks=(0.0,))
def step(x):
    return (x > 0).to(x.dtype) + 0.1 * x


# chi_1 and dq'/dq at variance 1 with the gain.
AT_THE_GAIN = {
    "relu": (1.0, 1.0),
    "srelu": (1.085, 1.157),
    "gelu": (1.072, 1.144),
    "swish": (1.067, 1.173),
    "mish": (1.059, 1.076),
    "tanh": (1.178, 0.461),
    "elu": (1.036, 0.891),
    "selu": (1.073, 0.783),
    "tanhshrink": (1.383, 1.826),
}


@pytest.mark.parametrize("name", AT_THE_GAIN)
def test_slopes_at_the_gain(name):
    point = signal.MeanField(name).at(1.0)
    assert (point.chi, point.slope) == pytest.approx(AT_THE_GAIN[name], abs=1.5e-3)


@every
def test_the_gain_keeps_a_variance_of_one(f):
    """By a sum over a fine grid, which knows no kinks."""
    z = torch.linspace(-12, 12, 240_001, dtype=torch.float64)
    density = torch.exp(-z.square() / 2) / sqrt(2 * pi)
    square = float(torch.trapezoid(density * f(z).square(), z))
    near = 1e-3 if signal.Gaussian(f).jumps else 1e-7
    assert afnlab.gain(f) == pytest.approx(square**-0.5, rel=near)
    assert float(signal.MeanField(f).variance(1.0)) == pytest.approx(1, rel=1e-10)


def arc_cosine(q, c):  # Cho and Saul 2009, order 1
    return q * (sqrt(1 - c * c) + (pi - acos(c)) * c) / (2 * pi)


def arc_sine(q, c):  # Williams 1997
    return 2 / pi * asin(2 * c * q / (1 + 2 * q))


@pytest.mark.parametrize("q", [1e-4, 0.3, 2.3, 1e4])
@pytest.mark.parametrize("c", [-0.999, -0.4, 0.0, 0.7, 0.999])
def test_products_are_the_published_kernels(q, c):
    relu, smooth = signal.Gaussian("relu"), signal.Gaussian(error_function)
    assert relu.product(q, c) == pytest.approx(arc_cosine(q, c), abs=1e-10 * q)
    assert relu.slope_product(q, c) == pytest.approx((pi - acos(c)) / (2 * pi), abs=1e-10)
    assert smooth.product(q, c) == pytest.approx(arc_sine(q, c), abs=1e-10)
    assert smooth.slope_product(q, c) == pytest.approx(
        4 / pi / sqrt((1 + 2 * q) ** 2 - (2 * q * c) ** 2), abs=1e-10
    )


@pytest.mark.parametrize("q", [1e-6, 0.02, 1.0, 7.0, 1e5])
def test_squares_are_the_published_closed_forms(q):
    gelu = q / 4 + (q * asin(q / (1 + q)) + 2 * q * q / ((1 + q) * sqrt(1 + 2 * q))) / (2 * pi)
    for name, value in (("relu", q / 2), ("gelu", gelu), (error_function, arc_sine(q, 1.0))):
        assert float(signal.Gaussian(name).moments(q).square) == pytest.approx(value, rel=1e-10)


def by_mpmath(function, kinks, q):
    """E f^2 at 30 digits, in pieces between the kinks."""
    with mpmath.workdps(30):
        end = 40 * mpmath.sqrt(q)
        ends = sorted({-end, end, mpmath.mpf(0), *map(mpmath.mpf, kinks)})
        density = lambda x: mpmath.exp(-x * x / (2 * q)) / mpmath.sqrt(2 * mpmath.pi * q)  # noqa: E731
        near = [mpmath.sqrt(q) * k for k in (-12, -4, -1, 1, 4, 12)]
        return float(mpmath.quad(lambda x: function(x) ** 2 * density(x), sorted({*ends, *near})))


def kinked_srelu(t):
    return lambda x: (
        0 if x < -t else x if x > t else x * (1 + mpmath.sin(mpmath.pi * x / 2 / t)) / 2
    )


@pytest.mark.parametrize("q", [1e-3, 1.0, 50.0])
def test_kinks_lose_no_digits(q):
    narrow = signal.Gaussian("srelu", t=0.05)
    true = by_mpmath(kinked_srelu(mpmath.mpf("0.05")), (-0.05, 0.05), q)
    assert float(narrow.moments(q).square) == pytest.approx(true, rel=1e-10)
    hard = signal.Gaussian("hardshrink", lambd=0.5)
    true = by_mpmath(lambda x: x if abs(x) > 0.5 else 0, (-0.5, 0.5), q)
    assert float(hard.moments(q).square) == pytest.approx(true, rel=1e-9, abs=1e-12)


@every
def test_the_slope_of_the_variance_is_its_difference_quotient(f):
    field = signal.MeanField(f)
    q, step = 0.8, 1e-4
    quotient = (field.variance(q + step) - field.variance(q - step)) / (2 * step)
    assert float(field.slope(q)) == pytest.approx(float(quotient), rel=1e-6, abs=1e-9)


def test_many_variances_at_once_are_those_one_by_one():
    q = np.array([[1e-5, 3.0], [0.2, 1e5]])
    field = signal.MeanField("srelu", 1.3, 0.2)
    alone = [[float(field.variance(v)) for v in row] for row in q]
    assert field.variance(q) == pytest.approx(np.array(alone), rel=1e-10)


# Roberts, Yaida and Hanin 2022, The Principles of Deep Learning Theory, section 5.3.4: the
# half-stable critical points, K*, C_b and C_W.
HALF_STABLE = {
    "swish": (14.32017362, 0.55514317, 1.98800468),
    "gelu": (3.56155281, 0.17292239, 1.98305826),
}


@pytest.mark.parametrize("name", HALF_STABLE)
def test_half_stable_points_are_the_published_ones(name):
    q, biases, weights = HALF_STABLE[name]
    edge = signal.edge_of_chaos(name, q).iloc[0]
    assert edge.slope == pytest.approx(1, abs=1e-8)
    assert edge.sigma_b**2 == pytest.approx(biases, abs=1e-7)
    assert edge.sigma_w**2 == pytest.approx(weights, abs=1e-7)


@pytest.mark.parametrize("slope", [0.0, 0.01, 0.5, -0.3])
def test_the_edge_of_relus_is_the_published_point(slope):
    """(sigma_b, sigma_w) = (0, sqrt(2 / (1 + slope^2))) and no other (Hayou et al. 2019)."""
    found = signal.critical("leaky_relu", negative_slope=slope)
    assert (found.sigma_b, found.sigma_w) == pytest.approx((0, sqrt(2 / (1 + slope**2))))
    edge = signal.edge_of_chaos("leaky_relu", negative_slope=slope)
    assert edge.sigma_w.to_numpy() == pytest.approx(found.sigma_w) and edge.sigma_b.max() < 1e-5


@pytest.mark.parametrize("c", [0.995, 0.998])
def test_correlations_of_relu_grow_at_the_published_rate(c):
    """At the edge 1 - c is about 9 pi^2 / (2 l^2) in layer l (Hayou et al. 2019)."""
    after = float(signal.MeanField("relu").correlation(c, 1.0))
    growth = 1 / sqrt(1 - after) - 1 / sqrt(1 - c)
    assert growth == pytest.approx(sqrt(2) / (3 * pi), rel=0.02)


@pytest.mark.parametrize(
    ("bias", "weight", "error"),
    [
        (0.05, 1.76, 2e-3),  # Schoenholz et al. 2017
        (2.01e-5, 1.05, 1e-4),  # Xiao et al. 2018, for networks of 10,000 layers
    ],
)
def test_the_edge_of_tanh_is_the_published_one(bias, weight, error):
    """The variances sigma_b^2 and sigma_w^2."""

    def excess(u):
        return signal.edge_of_chaos("tanh", exp(u)).sigma_b[0] ** 2 - bias

    q = exp(brentq(excess, log(0.01), log(5)))
    assert signal.edge_of_chaos("tanh", q).sigma_w[0] ** 2 == pytest.approx(weight, abs=error)


@pytest.mark.parametrize(("sigma_w", "ordered"), [(1.3, True), (2.5, False), (4.0, False)])
def test_the_phases_of_tanh_are_the_published_ones(sigma_w, ordered):
    """At sigma_b = 0.3: inputs become alike, or part."""
    field = signal.MeanField("tanh", sigma_w, 0.3)
    limit, slope = field.correlation_limit()
    assert (field.settled.chi < 1, limit == 1) == (ordered, ordered)
    assert slope < 1


@every
def test_random_networks_do_what_is_predicted(f):
    """One layer of width 400: the means of 16 networks, within 4.5 standard errors."""
    field = signal.MeanField(f)
    found = signal.measured(field, depth=2, width=400, q=1.0, c=0.3, networks=16)
    expected = signal.predicted(field, depth=2, q=1.0, c=0.3)
    columns = ["q", "correlation"] + ["gradient"] * (not field.function.jumps)
    for column in columns:
        layer = 1 if column == "gradient" else 2
        values = found.loc[found.layer == layer, column]
        wanted = expected.set_index("layer")[column][layer]
        error = values.std(ddof=1) / sqrt(len(values))
        # The gradient's own ratio of two sample means is off by some of their variance.
        assert abs(values.mean() - wanted) < 4.5 * error + 2e-3 * abs(wanted), column


@pytest.mark.parametrize("name", ["relu", "tanh", "gelu", "srelu", "swish"])
def test_the_critical_initialization_keeps_fifty_layers(name):
    found = signal.critical(name)
    field = signal.MeanField(name, found.sigma_w, found.sigma_b)
    assert float(field.chi(found.q)) == pytest.approx(1, abs=1e-9)
    assert float(field.variance(found.q)) == pytest.approx(found.q, rel=1e-9)
    assert found.slope <= 0.995 + 1e-9 or name == "relu"
    deep = signal.measured(field, depth=50, width=250, q=found.q, networks=3)
    kept = deep[deep.layer == 50].q.median() / found.q
    assert 0.2 < kept < 5
    if name in ("srelu", "swish"):  # what the gain does to them
        at_gain = signal.measured(signal.MeanField(name), depth=50, width=250, networks=3)
        assert not 0.05 < at_gain[at_gain.layer == 50].q.median() < 20


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("tanhshrink", "grow from layer to layer"),
        ("softplus", "the variance grows"),
        ("hardshrink", "jumps at x = -0.5, 0.5"),
        (step, "jumps at x = 0"),
        ("softmin", "is not elementwise"),
    ],
)
def test_no_critical_initialization_says_why(name, why):
    with pytest.raises(ValueError, match=why):
        signal.critical(name)


def test_fixed_points():
    relu = signal.MeanField("relu")
    assert relu.scale_free and relu.fixed_points == () and relu.settled.q == 1
    assert relu.depth == inf
    tanh = signal.MeanField("tanh", 1.5, 0.1)
    (only,) = tanh.fixed_points
    assert only.stable and tanh.settled == only
    assert float(tanh.variance(only.q)) == pytest.approx(only.q, rel=1e-10)
    swish = signal.MeanField("swish")
    assert [p.q for p in swish.fixed_points] == pytest.approx([0, 1], abs=1e-9)
    assert [p.stable for p in swish.fixed_points] == [True, False] and swish.settled is None
    weak = signal.MeanField("tanh", 0.9)
    assert weak.settled.q == 0 and weak.depth == 0
    grows = signal.MeanField("relu", 1.6, 0.1)
    assert grows.fixed_points == () and grows.settled is None


def test_depth_scales():
    """In the ordered phase -1 / log chi_1, in the chaotic one by the slope below 1."""
    ordered = signal.MeanField("tanh", 1.1, 0.5)
    assert ordered.correlation_limit()[0] == 1
    assert ordered.depth == pytest.approx(-1 / log(float(ordered.chi(ordered.settled.q))))
    chaotic = signal.MeanField("tanh", 2.0, 0.3)
    limit, slope = chaotic.correlation_limit()
    assert 0 < limit < 1
    assert float(chaotic.correlation(limit)) == pytest.approx(limit, abs=1e-9)
    around = chaotic.correlation([limit - 1e-4, limit + 1e-4])
    assert slope == pytest.approx(np.diff(around)[0] / 2e-4, rel=1e-5)
    assert chaotic.depth == pytest.approx(-1 / log(slope))


def test_deep_correlations_are_the_predicted_ones():
    field = signal.MeanField("tanh", 2.0, 0.3)
    q = field.settled.q
    found = signal.measured(field, depth=8, width=300, q=q, c=0.9, networks=12)
    expected = signal.predicted(field, depth=8, q=q, c=0.9)
    means = found.groupby("layer").correlation.agg(["mean", "sem"])
    off = (means["mean"].to_numpy() - expected.correlation.to_numpy())[1:]
    assert (np.abs(off) < 4.5 * means["sem"].to_numpy()[1:] + 5e-3).all()


def test_a_function_with_jumps():
    function = signal.Gaussian(step)
    assert function.jumps == (0.0,)
    field = signal.MeanField(step)
    assert float(field.chi(1.0)) == inf
    near = signal.MeanField(step).correlation([0.99, 0.999], q=1.0)
    assert (near < [0.99, 0.999]).all()  # parts faster than any slope


@pytest.mark.parametrize(
    ("call", "names"),
    [
        (lambda: signal.MeanField("tanh", 0.0), "sigma_w"),
        (lambda: signal.MeanField("tanh", "1"), "sigma_w"),
        (lambda: signal.MeanField("tanh", 1.0, -0.1), "sigma_b"),
        (lambda: signal.MeanField("tanh", 1.0, float("nan")), "sigma_b"),
        (lambda: signal.MeanField("tanh").variance(0.0), "q must be"),
        (lambda: signal.MeanField("tanh").variance([1.0, float("inf")]), "q must be"),
        (lambda: signal.MeanField("tanh").variance([]), "q must be"),
        (lambda: signal.MeanField("tanh").variance("x"), "q must be"),
        (lambda: signal.MeanField("tanh").correlation(0.9995, q=1.0), "c must be"),
        (lambda: signal.MeanField("swish").correlation(0.5), "do not settle"),
        (lambda: signal.MeanField("softmin"), "not elementwise"),
        (lambda: signal.MeanField("srelu", t=torch.ones(2)), "t must be"),
        (lambda: signal.MeanField(explosive), "does not converge"),
        (lambda: signal.measured(signal.MeanField("relu"), depth=0), "depth"),
        (lambda: signal.measured(signal.MeanField("relu"), c=1.5), "c must be"),
    ],
)
def test_bad_input_is_named(call, names):
    with pytest.raises(ValueError, match=names) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_the_command_prints_the_numbers(capsys):
    assert main(["signal", "tanh", "srelu", "-p", "t", "0.5"]) == 2  # tanh has no t
    assert "t" in capsys.readouterr().err
    assert main(["signal", "srelu", "-p", "t", "0.5"]) == 0
    out = capsys.readouterr().out
    field = signal.MeanField("srelu", t=0.5)
    assert f"{field.sigma_w:.4f} (the gain)" in out
    assert f"{field.at(1.0).slope:.4f}" in out
    found = signal.critical("srelu", t=0.5)
    assert f"sigma_w {found.sigma_w:.4f}, sigma_b {found.sigma_b:.4f}" in out
    assert main(["signal", "srelu", "-p", "t", "x"]) == 2
    assert main(["signal", "tanh", "--sigma-w", "-1"]) == 2
    assert "sigma_w must be" in capsys.readouterr().err


def test_erf_is_what_scipy_and_math_have():  # the reference of two tests above
    x = torch.tensor([0.3, -2.0], dtype=torch.float64)
    assert error_function(x).tolist() == pytest.approx([erf(0.3), erf(-2.0)])


def test_parameters_are_checked_by_name():
    with pytest.raises(TypeError, match="unknown parameter 'slope'"):
        signal.MeanField("tanh", slope=1.0)
    with pytest.raises(ParameterError):
        signal.Gaussian("srelu", t=torch.ones(3))


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_slopes_do_not_depend_on_the_callers_mode(mode):
    with mode():
        assert float(signal.MeanField("gelu").chi(1.0)) == pytest.approx(1.072, abs=1e-3)


def test_a_step_is_what_the_maps_say():
    field = signal.MeanField("gelu", 1.4, 0.3)
    q, c, chi = field.step(0.7, 0.4)
    assert q == pytest.approx(float(field.variance(0.7)), rel=1e-10)
    assert c == pytest.approx(float(field.correlation(0.4, q=0.7)), rel=1e-9)
    assert chi == pytest.approx(float(field.chi(0.7)), rel=1e-10)
    assert field.step(0.7, 1.0)[1] == 1


def test_layers_of_which_nothing_is_left_are_not_followed():
    gone = signal.predicted(signal.MeanField("relu", 1e-20), depth=20)
    assert 1 < len(gone) < 20 and gone.gradient.iloc[-1] == 1


@activation()
def nothing(x):
    return x * 0


@activation()
def normalized(x):
    return x / x.square().mean(-1, keepdim=True).sqrt()


@activation()
def exponential(x):
    return x.exp()


@pytest.mark.parametrize("call", [afnlab.gain, signal.MeanField, signal.summary])
def test_what_has_no_theory_is_refused_with_the_reason(call):
    with pytest.raises(ValueError, match="is 0 everywhere, so no weights pass a signal on"):
        call(nothing)
    with pytest.raises(ValueError, match="is not elementwise: its value at a number depends on"):
        call(normalized)


def test_facts_that_can_be_computed_are_told_where_others_cannot():
    """The variance of exp(z) over z of variance 100 is beyond floating point; at 1 it is e^2."""
    told = signal.summary(exponential)
    assert told["sigma_w"] == f"{exp(-1):.4f} (the gain)"
    assert told["chi_1 at variance 1"] == "1.0000"
    assert told["fixed points of the variance"].startswith("not known (")


@pytest.mark.parametrize("q", [1.0, 30.0, 1000.0])
def test_what_oscillates_fast_is_resolved(q):
    """E sin(30 x)^2 = (1 - exp(-2 900 q)) / 2, and E (30 cos(30 x))^2 = 450 (1 + exp(-1800 q))."""
    found = signal.Gaussian("sine", omega=30.0).moments(q)
    assert found.square == pytest.approx(0.5, rel=1e-9)
    assert found.slope == pytest.approx(450, rel=1e-9)


@activation()
def heavy(x):
    return (x * x / 8).exp()


@activation(kinks=(0.25,))
def wave(x):
    return torch.sin(9 * x) + (x - 0.25).relu()


@pytest.mark.parametrize("q", [0.5, 1.0, 1.7])
def test_a_function_whose_tails_matter_is_integrated_far_out(q):
    """E exp(q z^2 / 4) = (1 - q / 2)^(-1/2); at 1.7, 4e-7 of it beyond where the panels end."""
    moments = signal.Gaussian(heavy).moments(q)
    assert float(moments.square) == pytest.approx((1 - q / 2) ** -0.5, rel=1e-8)


@pytest.mark.parametrize("f", ["srelu", "tanh", "apec", wave, heavy], ids=str)
def test_panels_and_the_adaptive_rule_agree(f, monkeypatch):
    q = np.array([0.01, 0.3, 1.0, 1.7])
    quick = signal.Gaussian(f).moments(q)
    slow = signal.Gaussian(f)
    monkeypatch.setattr("afnlab.signal.gaussian.HALVINGS", 0)
    for name in ("mean", "square", "square_slope", "slope"):
        expected = getattr(slow.moments(q), name)
        np.testing.assert_allclose(getattr(quick, name), expected, rtol=1e-9, atol=1e-11)


def test_a_function_is_evaluated_once_for_variances_of_similar_size():
    asked = []

    @activation()
    def counted(x):
        asked.append(len(x))
        return torch.tanh(x)

    function = signal.Gaussian(counted)
    function.moments(1.0)
    before = sum(n > 100 for n in asked)
    for q in np.linspace(1.0, 3.9, 30):
        signal.MeanField(function, 1.5, 0.1).variance(q)
    assert sum(n > 100 for n in asked) == before
    assert before == 2  # panels, and those of half their length


@activation()
def steep(x):
    return torch.tanh(200 * x)


@activation()
def steep_erf(x):
    return torch.erf(200 * x)


@activation(kinks=(0.0,))
def bump(x):
    return x.relu() + torch.exp(-((100 * x) ** 2))


def swish_slope(beta):
    return lambda x: expit(beta * x) * (1 + beta * x * expit(-beta * x))


# Functions that bend within `width` of 0, their parameters, that, and their slopes.
SHARP = {
    "steep": (steep, {}, 1 / 200, lambda x: 200 / np.cosh(min(abs(200 * x), 300)) ** 2),
    "bump": (bump, {}, 1 / 100, lambda x: (x > 0) - 2e4 * x * np.exp(-((100 * x) ** 2))),
    "swish of 1000": ("swish", {"beta": 1000.0}, 1 / 1000, swish_slope(1000)),
    "swish of 50": ("swish", {"beta": 50.0}, 1 / 50, swish_slope(50)),
    # torch computes 1 / alpha in float32
    "celu of 1/128": ("celu", {"alpha": 1 / 128}, 1 / 128, lambda x: np.exp(min(128 * x, 0))),
    "softplus of 2000": ("softplus", {"beta": 2000.0}, 1 / 2000, lambda x: expit(2000 * x)),
}


@pytest.mark.parametrize("q", [0.5, 3.99, 4.0, 100.0, 1e4])
@pytest.mark.parametrize("case", SHARP)
def test_what_bends_sharply_at_0_is_resolved(case, q):
    f, params, width, slope = SHARP[case]
    end = 14 * sqrt(q)
    points = [s * v for v in (width, 3 * width, 10 * width, 40 * width) for s in (-1, 1)]
    points = [p for p in (0.0, *points, -sqrt(q), sqrt(q)) if abs(p) < end]
    true, _ = quad(
        lambda x: slope(x) ** 2 * exp(-x * x / 2 / q) / sqrt(2 * pi * q),
        *(-end, end),
        points=points,
        limit=500,
        epsrel=1e-12,
        epsabs=0,
    )
    assert float(signal.MeanField(f, 1.0, **params).chi(q)) == pytest.approx(true, rel=1e-10)


@pytest.mark.parametrize("c", [-0.5, 0.3, 0.9])
@pytest.mark.parametrize("q", [0.3, 4.0, 50.0])
def test_two_pre_activations_of_what_bends_sharply(q, c):
    """erf(200 x) is erf at a variance 200^2 times as large, whose kernels are published."""
    function, scaled = signal.Gaussian(steep_erf), 200**2 * q
    assert function.product(q, c) == pytest.approx(arc_sine(scaled, c), rel=1e-10)
    slopes = 200**2 * 4 / pi / sqrt((1 + 2 * scaled) ** 2 - (2 * scaled * c) ** 2)
    assert function.slope_product(q, c) == pytest.approx(slopes, rel=1e-10)


@pytest.mark.parametrize("case", [*SHARP, "tanh"])
def test_a_variance_gives_the_same_alone_and_beside_others(case):
    f, params = SHARP[case][:2] if case in SHARP else (case, {})
    function = signal.Gaussian(f, **params)
    q = np.logspace(-3, 4, 43)
    together = function.moments(q)
    alone = [function.moments(one) for one in q]
    for name in ("mean", "square", "square_slope", "slope"):
        one_by_one = [float(getattr(moments, name)) for moments in alone]
        np.testing.assert_allclose(getattr(together, name), one_by_one, rtol=1e-13, atol=1e-15)
