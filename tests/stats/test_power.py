"""Power: how many seeds find a difference, and what difference so many seeds find."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from statsmodels.stats.power import TTestPower

from afnlab.stats import (
    attainable_p,
    detectable_difference,
    holm,
    seeds_needed,
    sign_flip_p,
    smallest_p,
)


@pytest.mark.parametrize(("comparisons", "seeds"), [(1, 6), (2, 7), (30, 11), (31, 11), (465, 15)])
def test_seeds_needed(comparisons, seeds):
    assert seeds_needed(comparisons) == seeds
    assert smallest_p(seeds, comparisons) < 0.05 <= smallest_p(seeds - 1, comparisons)


def test_smallest_p_is_what_comes_out():
    assert smallest_p(5, 1) == sign_flip_p([1.0, 2, 3, 4, 5]) == 2 / 32
    assert smallest_p(5, 3) == pytest.approx(holm([sign_flip_p(range(1, 6)), 0.5, 0.6])[0])
    assert smallest_p(1, 1) == 1
    assert smallest_p(2, 30) == 1


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
