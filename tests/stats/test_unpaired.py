from itertools import combinations
from math import comb

import numpy as np
import pytest
from scipy import stats as distributions

from afnlab import stats
from afnlab.stats import unpaired

CASES = {
    "5 and 5": (5, 5, 0.8),
    "4 and 7": (4, 7, -0.5),
    "3 and 2": (3, 2, 0.0),
    "6 and 6, with ties": (6, 6, 0.4),
    "1 and 5": (1, 5, 1.0),
}


def drawn(case: str) -> tuple[np.ndarray, np.ndarray]:
    n, m, shift = CASES[case]
    values = np.random.default_rng(n + 10 * m).normal(size=n + m)
    values = np.round(values, 0 if "ties" in case else 6)
    return values[:n] + shift, values[n:]


def brute_force(one: np.ndarray, other: np.ndarray) -> list[float]:
    """The difference of means of every split, the observed one first."""
    both, n = np.concatenate([one, other]), len(one)
    gaps = []
    for chosen in combinations(range(len(both)), n):
        first = np.isin(np.arange(len(both)), chosen)
        gaps.append(both[first].mean() - both[~first].mean())
    return gaps


@pytest.mark.parametrize("case", CASES)
def test_p_is_the_share_of_all_splits(case):
    one, other = drawn(case)
    gaps = np.abs(brute_force(one, other))
    expected = np.mean(gaps >= gaps[0] - 1e-9)
    assert unpaired.permutation_p(one, other) == pytest.approx(expected)
    assert unpaired.permutation_p(other, one) == pytest.approx(expected)


@pytest.mark.parametrize("case", ["5 and 5", "6 and 6, with ties"])  # whose splits are symmetric
def test_p_is_that_of_scipy(case):
    one, other = drawn(case)
    its = distributions.permutation_test(
        (one, other), lambda a, b, axis: a.mean(axis) - b.mean(axis), vectorized=True
    )
    assert unpaired.permutation_p(one, other) == pytest.approx(its.pvalue)


@pytest.mark.parametrize("case", list(CASES)[:-1])  # scipy takes no single values
def test_one_sided_p_is_that_of_scipy(case):
    one, other = drawn(case)
    its = distributions.permutation_test(
        (one + 0.3, other),
        lambda a, b, axis: a.mean(axis) - b.mean(axis),
        vectorized=True,
        alternative="greater",
    )
    assert unpaired.unpaired_not_worse_p(one, other, 0.3) == pytest.approx(its.pvalue)
    both = [unpaired.unpaired_not_worse_p(*pair, 0.3) for pair in ((one, other), (other, one))]
    assert unpaired.unpaired_equivalence_p(one, other, 0.3) == max(both)


@pytest.mark.parametrize("level", [0.95, 0.8])
@pytest.mark.parametrize("case", CASES)
def test_the_interval_holds_the_shifts_that_are_not_rejected(case, level):
    one, other = drawn(case)
    mean, low, high = unpaired.permutation_interval(one, other, level)
    assert mean == pytest.approx(one.mean() - other.mean())
    for end, inward in ((low, 1), (high, -1)):
        if not np.isfinite(end):
            assert unpaired.smallest_permutation_p(len(one), len(other)) >= 1 - level
            continue
        p = [unpaired.permutation_p(one - end - by * inward, other) for by in (1e-6, -1e-6)]
        assert p[0] >= 1 - level > p[1]


def test_disjoint_groups_reach_the_smallest_p():
    one, other = np.arange(5.0), np.arange(5.0) + 10
    assert unpaired.permutation_p(one, other) == pytest.approx(2 / 252)
    assert unpaired.smallest_permutation_p(5, 5) == pytest.approx(2 / 252)
    assert unpaired.smallest_permutation_p(4, 6) == pytest.approx(1 / 210)
    assert unpaired.permutation_p(one, other + 0 * one) == unpaired.permutation_p(
        1e9 + 1e-3 * one, 1e9 + 1e-3 * other
    )


def test_many_values_are_sampled_with_a_fixed_seed():
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=12), rng.normal(size=12) + 1
    assert comb(24, 12) > unpaired.ALL_UP_TO
    assert not unpaired.is_exact(12, 12)
    p = unpaired.permutation_p(one, other)
    assert p == unpaired.permutation_p(one, other)
    assert p == pytest.approx(distributions.ttest_ind(one, other).pvalue, rel=0.25)
    low, high = unpaired.permutation_interval(one, other)[1:]
    assert (low <= 0 <= high) == (p >= 0.05)


def test_values_that_are_all_equal_or_not_finite():
    assert unpaired.permutation_p([0.1] * 4, [0.1] * 4) == 1
    assert unpaired.permutation_interval([0.1] * 4, [0.1] * 4) == (0, 0, 0)
    assert np.isnan(unpaired.permutation_p([1.0, np.nan], [1.0, 2.0]))
    assert np.isnan(unpaired.permutation_interval([1.0, np.inf], [1.0, 2.0])).all()


@pytest.mark.parametrize(("one", "other", "named"), [([], [1.0], "one"), ([1.0], [[1.0]], "other")])
def test_what_is_no_group_of_values_is_refused(one, other, named):
    with pytest.raises(ValueError, match=f"{named} must be one-dimensional and not empty"):
        unpaired.permutation_p(one, other)


def test_a_margin_is_above_0():
    with pytest.raises(ValueError, match="margin must be above 0, got 0"):
        unpaired.unpaired_not_worse_p([1.0], [2.0], 0)


def test_too_few_values_have_welch_s_interval():
    one, other = [1.0, 2.0, 3.0], [2.0, 2.5, 4.0]
    assert np.isinf(unpaired.permutation_interval(one, other).low)
    groups = [(np.mean(v), np.std(v, ddof=1), 3) for v in (one, other)]
    shown = unpaired.mean_difference_interval(one, other)
    assert shown == stats.welch_interval(*groups)
    assert np.isnan(unpaired.mean_difference_interval([1.0], other)[1:]).all()


@pytest.mark.parametrize("draw", ["normal", "exponential"])
def test_size_and_coverage(draw):
    """Of 2,000 comparisons of groups alike, 5 % or fewer are rejected, and 95 % or more covered."""
    rng = np.random.default_rng(1)
    pairs = [np.split(getattr(rng, draw)(size=11), [5]) for _ in range(2_000)]
    size = np.mean([unpaired.permutation_p(*pair) < 0.05 for pair in pairs])
    noise = 3 * np.sqrt(0.05 * 0.95 / 2_000)
    assert 0.035 <= size <= 0.05 + noise
    ends = [unpaired.permutation_interval(one + 0.7, other) for one, other in pairs]
    covered = np.mean([e.low <= 0.7 <= e.high for e in ends])
    assert covered == pytest.approx(1 - size, abs=1e-3)  # one test, turned round


def test_the_detectable_difference_is_detected():
    n, m = 5, 6
    effect = unpaired.unpaired_detectable(1.0, n, m)
    rng = np.random.default_rng(2)
    draws = rng.normal(size=(1_000, n + m))
    power = np.mean([unpaired.permutation_p(d[:n] + effect, d[n:]) < 0.05 for d in draws])
    assert power == pytest.approx(0.8, abs=0.05)
    by_t = unpaired.unpaired_detectable(1.0, 40, 40)
    assert by_t == pytest.approx(2.8 * np.sqrt(2 / 40), rel=0.03)
    assert unpaired.unpaired_detectable(1.0, 3, 3) == np.inf
    assert unpaired.unpaired_seeds_needed(1) == 4
    assert unpaired.unpaired_seeds_to_detect(by_t, 1.0) in (39, 40, 41)
    assert unpaired.unpaired_seeds_to_detect(1e-6, 1.0) is None
    assert unpaired.unpaired_seeds_to_detect(0.0, 1.0) is None


def test_what_describes_two_groups():
    assert unpaired.superiority([1.0, 2.0], [0.0, 1.0]) == 0.875
    assert unpaired.pooled_deviation([0.0, 2.0], [5.0]) == pytest.approx(np.sqrt(2))
    assert np.isnan(unpaired.pooled_deviation([0.0], [5.0]))
    assert unpaired.rank_sum_p([1.0, 2, 3, 4, 5], [6.0, 7, 8, 9, 10]) == pytest.approx(2 / 252)
