"""Statistics against their definitions and against independent implementations."""

from __future__ import annotations

from itertools import product
from math import isnan, nan, sqrt

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy import stats as scipy_stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW, ttost_paired

from afnlab.stats import (
    alpha,
    attainable_p,
    bounded_interval,
    detectable_difference,
    effect_size,
    equivalence_p,
    holm,
    holm_levels,
    improvement,
    interquartile_mean,
    mean_interval,
    mean_intervals,
    not_worse_p,
    pairing,
    prediction_interval,
    seeds_needed,
    sign_flip_interval,
    sign_flip_p,
    smallest_p,
    welch_interval,
    wilcoxon_p,
)

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


@pytest.mark.parametrize("values", SAMPLES[:3])
@pytest.mark.parametrize("level", [0.5, 0.95, 0.99])
def test_few_values_have_students_interval(values, level):
    mean, low, high = mean_interval(values, level)
    sem = scipy_stats.sem(values)
    expected = scipy_stats.t.interval(level, len(values) - 1, loc=np.mean(values), scale=sem)
    assert mean == pytest.approx(np.mean(values))
    assert_allclose((low, high), expected)


def test_an_interval_of_accuracies_ends_at_0_and_100():
    mean, low, high = bounded_interval([99.0, 99.9], 0, 100)
    assert (mean, low) == (pytest.approx(99.45), pytest.approx(93.73, abs=0.01))
    assert high == 100
    assert bounded_interval([0.0, 1.0], 0, 100).low == 0
    assert isnan(bounded_interval([50.0], 0, 100).low)


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


@pytest.mark.parametrize("level", [0.8, 0.95])
@pytest.mark.parametrize("n", [6, 12, 30])
def test_more_values_have_the_studentised_bootstrap(n, level):
    x = np.random.default_rng(n).exponential(size=n)
    reference = bootstrap_t_by_loop(x, np.random.default_rng(1), level)
    _, low, high = mean_interval(x, level, np.random.default_rng(2))
    assert_allclose((low, high), reference, atol=0.15 * (high - low))
    skewed = high - x.mean() > x.mean() - low
    assert skewed  # as the data are, where Student's is symmetric


def bootstrap_t_by_loop(x, rng, level):
    """As in the books: resample, studentise, and turn the quantiles round."""
    t = []
    for _ in range(4000):
        y = rng.choice(x, len(x))
        t.append((y.mean() - x.mean()) / (y.std() / sqrt(len(x) - 1) or np.inf))
    low, high = np.quantile(t, [(1 - level) / 2, (1 + level) / 2])
    error = x.std(ddof=1) / sqrt(len(x))
    return x.mean() - high * error, x.mean() - low * error


def test_the_same_seed_gives_the_same_interval():
    x = SAMPLES[3]
    same = [mean_interval(x, rng=np.random.default_rng(3)) for _ in range(2)]
    assert same[0] == same[1]
    assert same[0] != mean_interval(x, rng=np.random.default_rng(4))
    assert mean_interval(x) == mean_interval(x, rng=np.random.default_rng(0))


def test_intervals_of_rows_are_those_of_each():
    rows = np.random.default_rng(0).normal(size=(7, 9))
    rows[2] = 3.0
    rows[4, 1] = nan
    assert_allclose(mean_intervals(rows), [mean_interval(row) for row in rows])
    many = np.tile(rows[0], (1200, 1))  # more than one block
    assert_allclose(mean_intervals(many), np.tile(mean_interval(rows[0]), (1200, 1)))


@pytest.mark.parametrize("shift", [0.0, 0.9])
@pytest.mark.parametrize("scale", [1e-6, 1.0, -100.0])
def test_intervals_move_and_stretch_with_the_values(shift, scale):
    x = np.random.default_rng(5).normal(size=10)
    _, *limits = mean_interval(x)
    _, *moved = mean_interval(shift + scale * x)
    assert_allclose(sorted(moved), sorted(shift + scale * np.array(limits)), atol=0.02 * abs(scale))


def test_ties_leave_no_infinite_interval():
    mean, low, high = mean_interval([0.9] * 9 + [0.1])
    assert (low < mean < high, np.isfinite([low, high]).all()) == (True, True)
    assert mean_interval([0.1] * 10) == (pytest.approx(0.1), pytest.approx(0.1), pytest.approx(0.1))


def test_interquartile_mean_by_hand():
    assert interquartile_mean([100, 2, 3, 4, 5, 6, 7, -90]) == (3 + 4 + 5 + 6) / 4
    assert interquartile_mean([1.0]) == 1.0


@pytest.mark.parametrize("seed", range(3))
def test_welch_interval_against_statsmodels(seed):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(1, 2, 8), rng.normal(0, 0.5, 25)
    expected = CompareMeans(DescrStatsW(a), DescrStatsW(b)).tconfint_diff(usevar="unequal")
    told = [(x.mean(), x.std(ddof=1), len(x)) for x in (a, b)]
    assert_allclose(welch_interval(*told)[1:], expected)
    assert welch_interval((2, 0, 5), (1, 0, 5)) == (1, 1, 1)
    with pytest.raises(ValueError, match="n must be 2 or more on both sides, got 8 and 1"):
        welch_interval(told[0], (1.0, 0.1, 1))


def test_prediction_interval_by_hand():
    mean, low, high = prediction_interval([1.0, 2.0, 3.0])
    half = 4.302652729911275 * sqrt(1 + 1 / 3)
    assert_allclose((mean, low, high), (2, 2 - half, 2 + half))
    with pytest.raises(ValueError, match="values must be two or more"):
        prediction_interval([1.0])


def test_a_prediction_interval_holds_the_next_value():
    draws = np.random.default_rng(0).normal(size=(4000, 7))
    held = [low <= x[-1] <= high for x in draws for _, low, high in [prediction_interval(x[:-1])]]
    assert np.mean(held) == pytest.approx(0.95, abs=0.012)


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


@pytest.mark.parametrize(("comparisons", "seeds"), [(1, 6), (2, 7), (30, 11), (31, 11), (465, 15)])
def test_seeds_needed(comparisons, seeds):
    assert seeds_needed(comparisons) == seeds
    assert smallest_p(seeds, comparisons) < 0.05 <= smallest_p(seeds - 1, comparisons)


def test_smallest_p_is_what_comes_out():
    assert smallest_p(5, 1) == sign_flip_p([1.0, 2, 3, 4, 5]) == 2 / 32
    assert smallest_p(5, 3) == pytest.approx(holm([sign_flip_p(range(1, 6)), 0.5, 0.6])[0])
    assert smallest_p(1, 1) == 1
    assert smallest_p(2, 30) == 1


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


@pytest.mark.parametrize("comparisons", [1, 2, 30])
@pytest.mark.parametrize(("seeds", "loss"), [(12, 0.1), (30, 1e-4)])
def test_detectable_difference_against_the_t_test(seeds, loss, comparisons):
    effect = detectable_difference(2.0, seeds, comparisons) / 2.0
    power = TTestPower().power(effect, seeds, 0.05 / comparisons, alternative="two-sided")
    assert 0.8 - min(loss, 0.02) <= power <= 0.8 + loss
    assert detectable_difference(2.0, seeds, 1000 * comparisons) >= 2.0 * effect


def test_what_is_detectable_is_detected():
    """Four times in five, by the test that is used."""
    rng = np.random.default_rng(1)
    for comparisons in (1, 30):
        shift = detectable_difference(1.0, 12, comparisons)
        found = [sign_flip_p(rng.normal(shift, 1, 12)) < 0.05 / comparisons for _ in range(1000)]
        assert np.mean(found) == pytest.approx(0.8, abs=0.05)


def test_nothing_is_detectable_with_too_few_seeds():
    assert detectable_difference(1.0, 5) == np.inf
    assert detectable_difference(1.0, 10, 30) == np.inf
    assert np.isfinite(detectable_difference(1.0, 11, 30))


def test_pairing_removes_what_is_shared():
    draws = np.random.default_rng(0)
    common, own = draws.normal(size=20_000), draws.normal(size=(20_000, 3))
    values = pd.DataFrame({"base": common, "twin": common + 0.1 * own[:, 0], "other": own[:, 1]})
    values["opposite"] = -common
    table = pairing(values, "base")["variance removed"]
    assert table["twin"] == pytest.approx(0.995, abs=0.002)
    assert table["other"] == pytest.approx(0, abs=0.03)
    assert table["opposite"] == pytest.approx(-1, abs=0.001)


@pytest.mark.parametrize(
    ("pairs", "least"),
    [
        ([12], [2 / 2**12]),
        ([5, 5], [4 / 32, 4 / 32]),
        ([6, 8], [2 / 64, 4 / 256]),  # Holm: the smaller one twice, then the larger one once
        ([3, 12, 12], [2 / 8, 6 / 2**12, 6 / 2**12]),
        ([1, 1, 1], [1.0, 1.0, 1.0]),
        ([], []),
    ],
)
def test_what_each_of_several_comparisons_could_have_attained(pairs, least):
    assert_allclose(attainable_p(pairs), least)
