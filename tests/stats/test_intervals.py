"""Intervals against their definitions and against independent implementations."""

from __future__ import annotations

from math import isnan, nan, sqrt

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats as scipy_stats
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

from afnlab.stats import (
    bounded_interval,
    interquartile_mean,
    mean_interval,
    mean_intervals,
    prediction_interval,
    welch_interval,
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
def test_more_values_have_the_studentized_bootstrap(n, level):
    x = np.random.default_rng(n).exponential(size=n)
    reference = bootstrap_t_by_loop(x, np.random.default_rng(1), level)
    _, low, high = mean_interval(x, level, np.random.default_rng(2))
    assert_allclose((low, high), reference, atol=0.15 * (high - low))
    skewed = high - x.mean() > x.mean() - low
    assert skewed  # as the data are, where Student's is symmetric


def bootstrap_t_by_loop(x, rng, level):
    """As in the books: resample, studentize, and turn the quantiles round."""
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
