"""Paired differences: tests and intervals, against independent implementations too."""

from __future__ import annotations

from itertools import product
from math import isnan, nan

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy import stats as scipy_stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import ttost_paired

from afnlab.stats import (
    alpha,
    difference_interval,
    effect_size,
    equivalence_p,
    holm,
    holm_levels,
    improvement,
    interquartile_mean,
    mean_interval,
    not_worse_p,
    pairing,
    sign_flip_interval,
    sign_flip_p,
    wilcoxon_p,
)


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


def test_sign_flip_interval_by_hand():
    # p of a shift is 2/8 times how many subset means lie at or below it (the whole set's is 2):
    # 1, 1.5, 2 (twice), 2.5, 2.5 ... so at 50 % the limits are the lowest and highest differences.
    assert_allclose(sign_flip_interval([1.0, 2.0, 3.0], 0.5), (2, 1, 3))
    assert sign_flip_interval([1.0, 2.0, 3.0], 0.95) == (2, -np.inf, np.inf)
    assert sign_flip_interval([0.0] * 8) == (0, 0, 0)
    assert sign_flip_interval([2.0] * 8) == (2, 2, 2)
    assert all(map(isnan, sign_flip_interval([1.0, nan])))


@pytest.mark.parametrize("n", [4, 7, 12, 18])
@pytest.mark.parametrize("level", [0.9, 0.95, 0.99, 1 - 0.05 / 30])
def test_sign_flip_interval_holds_what_the_test_does_not_reject(n, level):
    rng = np.random.default_rng([n, int(1000 * level)])
    for d in (rng.normal(0.6, 1, n), rng.integers(-2, 4, n) / 450):
        _, low, high = sign_flip_interval(d, level)
        assert (low <= 0 <= high) == (sign_flip_p(d) >= alpha(level))
        width = min(high - low, 1.0) / 1000
        for limit, outward in ((low, -width), (high, width)):
            if np.isfinite(limit) and width:
                assert sign_flip_p(d - (limit + outward)) < alpha(level)
                assert sign_flip_p(d - (limit - outward / 100)) >= alpha(level)


def test_wilcoxon_against_scipy():
    d = np.random.default_rng(0).normal(0.5, 1, 12)
    assert wilcoxon_p(d) == scipy_stats.wilcoxon(d, method="exact").pvalue
    assert wilcoxon_p(d) == wilcoxon_p(-d) == wilcoxon_p(d[::-1])
    assert wilcoxon_p([0.0] * 6) == 1
    tied = wilcoxon_p([1.0, 1.0, 2.0, -1.0, 0.0, 3.0, 3.0])
    assert 0 < tied < 1
    assert isnan(wilcoxon_p([1.0, nan]))


def test_effect_size_and_improvement_by_hand():
    assert effect_size([1.0, 2.0, 3.0]) == 2.0
    assert effect_size([0.0, 0.0]) == 0.0
    assert effect_size([-0.1] * 3) == -np.inf
    assert isnan(effect_size([1.0]))
    assert improvement([1.0, 0.0, -1.0, 2.0]) == 2.5 / 4


def test_equivalence_by_hand():
    # All eight lie within the margin: of 2^8 sign patterns only the observed one is as extreme.
    d = [0.01, -0.01, 0.02, -0.02, 0.0, 0.01, -0.01, 0.0]
    assert equivalence_p(d, 0.1) == 1 / 256
    assert not_worse_p(d, 0.1) == 1 / 256
    assert equivalence_p([x + 0.5 for x in d], 0.1) == 1.0
    assert not_worse_p([x + 0.5 for x in d], 0.1) == 1 / 256
    assert not_worse_p([x - 0.5 for x in d], 0.1) == 1.0
    for bad in (0, -1, nan):
        with pytest.raises(ValueError, match="margin must be above 0"):
            equivalence_p(d, bad)


@pytest.mark.parametrize("seed", range(4))
def test_equivalence_against_two_t_tests(seed):
    d = np.random.default_rng(seed).normal(0.1, 0.4, 15)
    reference = ttost_paired(d, np.zeros(15), -0.3, 0.3)[0]
    assert equivalence_p(d, 0.3) == pytest.approx(reference, rel=0.35, abs=0.01)
    assert equivalence_p(d, 0.3) == equivalence_p(-d, 0.3)


def test_the_order_of_the_seeds_does_not_matter():
    d = np.random.default_rng(8).normal(0.3, 1, 11)
    turned = np.random.default_rng(9).permutation(d)
    for function in (sign_flip_p, wilcoxon_p, effect_size, improvement, interquartile_mean):
        assert function(turned) == pytest.approx(function(d), rel=1e-12)
    assert_allclose(sign_flip_interval(turned), sign_flip_interval(d))


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


@pytest.mark.parametrize("seed", range(5))
def test_levels_go_with_holms_p(seed):
    rng = np.random.default_rng(seed)
    p = np.append(rng.beta(0.2, 1, 9) / 4, nan)
    adjusted, levels = holm(p), holm_levels(p)
    assert_allclose(p[:-1] < 1 - levels[:-1], adjusted[:-1] < 0.05)
    assert levels[:-1].min() >= 0.95
    assert isnan(levels[-1])


def test_levels_by_hand():
    # 0.01 passes 0.05 / 3; 0.04 fails 0.05 / 2, and what comes after is held to that too.
    assert_allclose(1 - holm_levels([0.04, 0.01, 0.045]), [0.05 / 2, 0.05 / 3, 0.05 / 2])


def test_pairing_removes_what_is_shared():
    draws = np.random.default_rng(0)
    common, own = draws.normal(size=20_000), draws.normal(size=(20_000, 3))
    values = pd.DataFrame({"base": common, "twin": common + 0.1 * own[:, 0], "other": own[:, 1]})
    values["opposite"] = -common
    table = pairing(values, "base")["variance removed"]
    assert table["twin"] == pytest.approx(0.995, abs=0.002)
    assert table["other"] == pytest.approx(0, abs=0.03)
    assert table["opposite"] == pytest.approx(-1, abs=0.001)


def test_the_interval_of_a_difference_is_that_of_its_p_value():
    rng = np.random.default_rng(0)
    for n in (6, 8, 12, 20):
        d = rng.exponential(size=n) - 0.4
        plain, adjusted = difference_interval(d), difference_interval(d, 0.98)
        assert plain == sign_flip_interval(d)
        assert (plain.low > 0 or plain.high < 0) == (sign_flip_p(d) < 0.05)
        assert adjusted.low <= plain.low <= plain.mean <= plain.high <= adjusted.high


def test_too_few_differences_have_students_interval():
    d = [0.1, 0.3, 0.2, 0.6, 0.4]
    assert np.isinf(sign_flip_interval(d).low)
    assert difference_interval(d) == mean_interval(d)
    assert_allclose(difference_interval([0.2] * 3), [0.2] * 3)
    assert np.isnan(difference_interval([0.1])[1:]).all()
    assert np.isnan(difference_interval([0.1, nan])).all()
