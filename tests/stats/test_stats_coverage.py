"""How often intervals hold the truth, and how often nothing is called something: by simulation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats as scipy_stats

from afnlab.compare.baseline_differences import ALPHA, DIFFER, differences
from afnlab.stats import (
    difference_interval,
    equivalence_p,
    holm,
    holm_levels,
    mean_intervals,
    not_worse_p,
    sign_flip_p,
)

pytestmark = pytest.mark.slow
SETS = 4_000
DRAWS = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "exponential": lambda rng, shape: rng.exponential(size=shape) - 1.0,
}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("n", [10, 30])
@pytest.mark.parametrize("name", DRAWS)
def test_intervals_hold_the_mean_as_often_as_they_say(name, n, seed):
    rng = np.random.default_rng(seed)
    _, low, high = mean_intervals(DRAWS[name](rng, (SETS, n)), rng=rng).T
    assert 0.93 <= np.mean((low <= 0) & (high >= 0)) <= 0.97


@pytest.mark.parametrize("n", [8, 12])
@pytest.mark.parametrize("name", DRAWS)
def test_intervals_of_differences_hold_the_difference(name, n):
    """Of two rows that are alike, whatever the shape of their values."""
    rng = np.random.default_rng(0)
    pairs = DRAWS[name](rng, (SETS, n)) - DRAWS[name](rng, (SETS, n))
    low, high = np.array([difference_interval(d)[1:] for d in pairs]).T
    assert 0.94 <= np.mean((low <= 0) & (high >= 0)) <= 0.98


def against_the_first(accuracy: np.ndarray, margin: float | None = None) -> pd.DataFrame:
    """The comparison of (labels, seeds) accuracies; the first label is the baseline."""
    labels = ["relu", *(f"a{i}" for i in range(1, len(accuracy)))]
    return differences(pd.DataFrame(accuracy.T, columns=labels), "relu", margin)


def at_most(events: int, of: int) -> float:
    """99 % upper bound (Clopper and Pearson) of a probability."""
    return scipy_stats.beta.ppf(0.99, events + 1, of - events)


def test_nothing_is_seldom_called_something():
    """A thousand comparisons in which all activations are one and the same.

    All are judged by their p-values, which is quick. That a whole comparison judges alike is
    checked of those that call something, and of the first 100: one that calls something else in
    3 % of them is found with a probability of 95 %.
    """
    rng = np.random.default_rng(0)
    wrong = 0
    for count, draw in enumerate([*DRAWS.values()] * 500):
        accuracy = draw(rng, (5, 10))
        p = holm([sign_flip_p(row - accuracy[0]) for row in accuracy[1:]])
        is_called = p < ALPHA
        wrong += is_called.any()
        if count < 100 or is_called.any():
            made = against_the_first(accuracy).drop("relu")
            assert made.p_holm.tolist() == p.tolist()
            assert made.verdict.isin(DIFFER).tolist() == is_called.tolist()
    assert at_most(wrong, 1000) <= 0.07


def test_a_difference_beyond_the_margin_is_seldom_called_equivalent():
    """By the p-values alone; whole comparisons are held to them as above."""
    rng = np.random.default_rng(0)
    wrong = 0
    for count in range(500):
        accuracy = 0.9 + 0.01 * rng.normal(size=(4, 10))
        accuracy[1:] -= 0.01  # just as far as the margin
        p = {
            "p_equivalent": holm([equivalence_p(row - accuracy[0], 0.01) for row in accuracy[1:]]),
            "p_not_worse": holm([not_worse_p(row - accuracy[0], 0.01) for row in accuracy[1:]]),
        }
        is_called = any((values < 0.05).any() for values in p.values())
        wrong += is_called
        if count < 50 or is_called:
            made = against_the_first(accuracy, 0.01).drop("relu")
            assert {name: made[name].tolist() for name in p} == {
                n: v.tolist() for n, v in p.items()
            }
    assert at_most(wrong, 500) <= 0.07


def test_adjusted_intervals_point_the_right_way():
    """With true differences of all sizes, the sides of 0 are right for all rows together.

    By the intervals alone; whole comparisons are held to them as above.
    """
    rng = np.random.default_rng(0)
    shifts = np.array([0.0, 0.0, 0.0, -0.02, 0.005, 0.01, 0.03])
    wrong = 0
    for count in range(300):
        accuracy = shifts[:, None] + 0.01 * rng.normal(size=(7, 12))
        gains = accuracy[1:] - accuracy[0]
        levels = holm_levels([sign_flip_p(d) for d in gains])
        ends = np.array([difference_interval(*of)[1:] for of in zip(gains, levels, strict=True)])
        above, below, true = ends[:, 0] > 0, ends[:, 1] < 0, shifts[1:]
        is_wrong = ((above & (true <= 0)) | (below & (true >= 0))).any()
        wrong += is_wrong
        if count < 30 or is_wrong:
            made = against_the_first(accuracy).drop("relu")
            assert made[["adjusted_low", "adjusted_high"]].to_numpy().tolist() == ends.tolist()
    assert at_most(wrong, 300) <= 0.09
