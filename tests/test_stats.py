"""Statistics against their definitions and against independent implementations."""

from __future__ import annotations

from itertools import product
from math import isnan, nan, sqrt

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats as scipy_stats
from statsmodels.stats.multitest import multipletests

from afnlab.analysis.stats import holm, mean_interval, seeds_needed, sign_flip_p, smallest_p

SAMPLES = [
    [1.0, 2.0, 3.0],
    [0.91, 0.93, 0.93, 0.90, 0.95],
    [-1.0, 1.0],
    list(np.random.default_rng(1).normal(size=12)),
]


def test_mean_interval_by_hand():
    # t(0.975, 2) = 4.302653, deviation 1, n = 3
    mean, low, high = mean_interval([1.0, 2.0, 3.0])
    half = 4.302652729911275 / sqrt(3)
    assert_allclose((mean, low, high), (2, 2 - half, 2 + half), rtol=1e-9)


@pytest.mark.parametrize("values", SAMPLES)
@pytest.mark.parametrize("level", [0.5, 0.95, 0.99])
def test_mean_interval_against_scipy(values, level):
    mean, low, high = mean_interval(values, level)
    sem = scipy_stats.sem(values)
    expected = scipy_stats.t.interval(level, len(values) - 1, loc=np.mean(values), scale=sem)
    assert mean == pytest.approx(np.mean(values))
    assert_allclose((low, high), expected)


def test_mean_interval_at_the_edges():
    assert mean_interval([0.5, 0.5, 0.5]) == (0.5, 0.5, 0.5)
    mean, low, high = mean_interval([0.5])
    assert mean == 0.5
    assert isnan(low)
    assert isnan(high)
    assert all(map(isnan, mean_interval([1.0, nan])))
    for bad in ([], [[1.0, 2.0]], 3.0):
        with pytest.raises(ValueError, match="must be one-dimensional and not empty"):
            mean_interval(bad)


def test_an_interval_covers_the_mean_as_often_as_it_says():
    draws = np.random.default_rng(0).normal(size=(2000, 5))
    held = [low <= 0 <= high for _, low, high in map(mean_interval, draws)]
    assert np.mean(held) == pytest.approx(0.95, abs=0.02)


def brute_force_p(differences):
    total = abs(sum(differences))
    patterns = list(product((-1, 1), repeat=len(differences)))
    sums = [abs(sum(s * d for s, d in zip(p, differences, strict=True))) for p in patterns]
    return sum(s >= total - 1e-9 for s in sums) / len(patterns)


@pytest.mark.parametrize(
    ("differences", "p"),
    [
        ([1.0], 1.0),
        ([1.0, 2.0], 0.5),
        ([1.0, 1.0, 1.0], 0.25),
        ([1.0, -1.0], 1.0),
        (
            [3.0, 1.0, -1.0],
            6 / 8,
        ),  # |sum| is 1, 3, 3 or 5, each twice
        ([0.0, 0.0, 0.0], 1.0),
        ([0.0, 1.0], 1.0),
        ([0.1, 0.2, 0.3, -0.6], 1.0),  # 0, but not in floating point
        ([1e-9] * 6, 2 / 64),
        ([-1e9] * 6, 2 / 64),
    ],
)
def test_sign_flip_p_by_hand(differences, p):
    assert sign_flip_p(differences) == pytest.approx(p)


@pytest.mark.parametrize("n", [2, 5, 9, 11])
@pytest.mark.parametrize("seed", range(3))
def test_sign_flip_p_against_every_pattern(n, seed):
    rng = np.random.default_rng([n, seed])
    for d, unit in ((rng.normal(0.3, 1, n), 1), (rng.integers(-3, 4, n), 450)):
        # The second is with ties, which scipy sees only in whole numbers.
        p = sign_flip_p(d / unit)
        assert p == pytest.approx(brute_force_p((d / unit).tolist()), abs=1e-12)
        assert p == pytest.approx(sign_flip_p(-d / unit))
        reference = scipy_stats.permutation_test(
            (d,), np.sum, permutation_type="samples", n_resamples=np.inf
        )
        assert p == pytest.approx(reference.pvalue, abs=1e-12)


def test_sign_flip_p_of_many_is_sampled_and_always_the_same():
    d = np.random.default_rng(3).normal(0.5, 1, 20)
    p = sign_flip_p(d)
    assert p == sign_flip_p(d)
    assert p == sign_flip_p(d, np.random.default_rng(0))
    assert p != sign_flip_p(d, np.random.default_rng(1))
    t_test = scipy_stats.ttest_1samp(d, 0).pvalue
    assert p == pytest.approx(t_test, rel=0.3)
    assert sign_flip_p(np.full(24, 1.0)) == pytest.approx(1e-5, rel=0.5)  # never 0
    assert sign_flip_p(np.zeros(20)) == 1


def test_the_exact_and_the_sampled_p_meet():
    d = np.random.default_rng(5).normal(0.4, 1, 16)
    exact = sign_flip_p(d)
    sampled = sign_flip_p(np.append(d, 0.0))
    assert sampled == pytest.approx(exact, abs=0.004)


@pytest.mark.parametrize("bad", [nan, np.inf])
def test_sign_flip_p_of_what_is_not_finite(bad):
    assert isnan(sign_flip_p([1.0, bad]))


def test_holm_by_hand():
    # Sorted 0.01, 0.02, 0.03, 0.9 times 4, 3, 2, 1: 0.04, 0.06, 0.06, 0.9
    assert_allclose(holm([0.02, 0.9, 0.01, 0.03]), [0.06, 0.9, 0.04, 0.06])
    # Never falling: 0.01 x 3 = 0.03, then 0.012 x 2 = 0.024 is lifted to 0.03
    assert_allclose(holm([0.01, 0.012, 0.5]), [0.03, 0.03, 0.5])
    assert_allclose(holm([0.6, 0.7]), [1.0, 1.0])
    assert holm([]).shape == (0,)


def test_holm_leaves_nan_out():
    assert_allclose(holm([nan, 0.02, nan, 0.03]), [nan, 0.04, nan, 0.04])
    assert np.isnan(holm([nan, nan])).all()


@pytest.mark.parametrize("seed", range(3))
def test_holm_against_statsmodels(seed):
    p = np.random.default_rng(seed).beta(0.3, 1, 15)
    assert_allclose(holm(p.tolist()), multipletests(p, method="holm")[1])
    order = np.argsort(p)
    by_hand = np.maximum.accumulate(np.minimum(1, p[order] * np.arange(15, 0, -1)))
    assert_allclose(holm(p)[order], by_hand)


@pytest.mark.parametrize(("comparisons", "seeds"), [(1, 6), (2, 7), (30, 11), (31, 11), (465, 15)])
def test_seeds_needed(comparisons, seeds):
    assert seeds_needed(comparisons) == seeds
    assert smallest_p(seeds, comparisons) < 0.05 <= smallest_p(seeds - 1, comparisons)


def test_smallest_p_is_what_comes_out():
    assert smallest_p(5, 1) == sign_flip_p([1.0, 2, 3, 4, 5]) == 2 / 32
    assert smallest_p(5, 3) == pytest.approx(holm([sign_flip_p(range(1, 6)), 0.5, 0.6])[0])
    assert smallest_p(1, 1) == 1
    assert smallest_p(2, 30) == 1
