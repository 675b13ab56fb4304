"""Tuning curves: the level of their bands is exact, and the bands hold what they should."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from opda import nonparametric, utils
from scipy import stats

from afnlab.stats.best_of import (
    beta_limits,
    order_statistics_coverage,
    pointwise_level,
    tuning_curve,
)


def test_coverage_of_one_and_of_two_by_hand():
    assert order_statistics_coverage(np.array([0.2]), np.array([0.7])) == pytest.approx(0.5)
    # U_(1) in [a, b], U_(2) in [c, d], a < c < b < d: 2 (area of {u < v}) over the rectangle.
    a, b, c, d = 0.1, 0.6, 0.3, 0.9
    area = (b - a) * (d - c) - (b - c) ** 2 / 2
    found = order_statistics_coverage(np.array([a, c]), np.array([b, d]))
    assert found == pytest.approx(2 * area)


@pytest.mark.parametrize(("n", "epsilon"), [(1, 0.3), (5, 0.4), (20, 0.25), (100, 0.12)])
def test_coverage_is_kolmogorovs_for_bands_of_one_width(n, epsilon):
    ranks = np.arange(1, n + 1)
    low = np.clip(ranks / n - epsilon, 0, 1)
    high = np.clip((ranks - 1) / n + epsilon, 0, 1)
    exact = stats.kstwo(n).cdf(epsilon)
    assert order_statistics_coverage(low, high) == pytest.approx(exact, abs=1e-9)


@pytest.mark.parametrize("n", [1, 2, 7, 84, 200])
def test_the_level_of_all_together_is_met(n):
    each = pointwise_level(n)
    assert order_statistics_coverage(*beta_limits(n, each)) == pytest.approx(0.95, abs=1e-10)


@pytest.mark.parametrize("n", [3, 12, 84])
def test_the_level_is_what_simulation_says(n):
    u = np.sort(np.random.default_rng(n).random((40_000, n)), axis=1)
    low, high = beta_limits(n, pointwise_level(n))
    held = ((low <= u) & (u <= high)).all(axis=1).mean()
    assert abs(held - 0.95) < 4 * np.sqrt(0.95 * 0.05 / 40_000)


def test_the_estimate_is_the_mean_of_the_highest():
    values = [0.2, 0.5, 0.9]
    estimate = tuning_curve(values, [1, 2, 10_000])[:, 0]
    pairs = np.mean([max(a, b) for a in values for b in values])
    np.testing.assert_allclose(estimate, [np.mean(values), pairs, 0.9])


LAWS = {
    "uniform": (stats.uniform, 1.0),
    "skewed": (stats.beta(8, 1), 1.0),
    "two humps": (None, 1.0),
    "counted on 269 examples": (None, 269.0),
}


@pytest.mark.parametrize("law", LAWS)
def test_the_band_holds_the_whole_true_curve(law):
    rng, ks = np.random.default_rng(5), [1, 2, 3, 5, 8, 16]
    frozen, examples = LAWS[law]

    def draw(shape):
        if frozen is not None:
            return frozen.rvs(size=shape, random_state=rng)
        good = rng.random(shape) < 0.7
        mixed = np.where(good, rng.beta(60, 2, shape), 0.1)
        return np.round(mixed * examples) / examples if examples > 1 else mixed

    true = [draw((50_000, k)).max(axis=1).mean() for k in ks]
    sets = draw((1500, 24))
    held = 0
    for values in sets:
        _, low, high = tuning_curve(values, ks).T
        held += bool((low <= true).all() and (true <= high).all())
    assert held / 1500 > 0.95 - 3 * np.sqrt(0.95 * 0.05 / 1500)


def test_curves_and_bands_never_fall():
    curve = tuning_curve(np.random.default_rng(0).beta(20, 1, 50), range(1, 40))
    for earlier, later in pairwise(curve):
        assert (later >= earlier).all()
    assert (curve[:, 1] <= curve[:, 0]).all()
    assert (curve[:, 0] <= curve[:, 2]).all()


def test_the_same_as_opda():
    """opda simulates the level; given ours, its intervals and its curves are the same."""
    ys, ks = np.random.default_rng(3).beta(20, 1, 40), np.arange(1, 20)
    each, ranks = pointwise_level(40), np.arange(1, 41)
    low, high = utils.beta_equal_tailed_interval(ranks, 41 - ranks, each)
    np.testing.assert_allclose(beta_limits(40, each), [low, high], atol=1e-9)
    estimate = nonparametric.EmpiricalDistribution(ys, a=0.0, b=1.0)
    curve = tuning_curve(ys, ks)
    np.testing.assert_allclose(curve[:, 0], estimate.average_tuning_curve(ks), atol=1e-9)
    points = np.concatenate([[0.0], np.sort(ys), [1.0]])
    for column, cdf in ((1, [*high, 1.0, 1.0]), (2, [0.0, *low, 1.0])):
        weights = np.diff(cdf, prepend=0.0)
        band = nonparametric.EmpiricalDistribution(points, ws=weights, a=0.0, b=1.0)
        np.testing.assert_allclose(curve[:, column], band.average_tuning_curve(ks), atol=1e-9)
    simulated = nonparametric.EmpiricalDistribution.confidence_bands(
        ys, 0.95, 0.0, 1.0, method="ld_equal_tailed", generator=np.random.default_rng(0), n_jobs=1
    )
    for column, band in ((1, simulated[2]), (2, simulated[0])):
        np.testing.assert_allclose(curve[:, column], band.average_tuning_curve(ks), atol=3e-3)


@pytest.mark.parametrize(
    ("values", "trials", "message"),
    [
        ([], [1], "not empty"),
        ([[0.5]], [1], "one-dimensional"),
        ([0.5, np.nan], [1], "must be finite and within"),
        ([0.5, 1.5], [1], "must be finite and within"),
        ([0.5], [0], "trials must be 1 or more"),
    ],
)
def test_bad_input_is_named(values, trials, message):
    with pytest.raises(ValueError, match=message):
        tuning_curve(values, trials)
