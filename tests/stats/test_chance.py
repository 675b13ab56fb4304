"""How often something happens by chance, against the law that is known."""

from __future__ import annotations

from itertools import product

import pytest
from scipy import stats

from afnlab.stats import at_least_p


@pytest.mark.parametrize("hits", range(9))
def test_with_one_chance_it_is_the_binomial_tail(hits):
    assert at_least_p(hits, [0.3] * 8) == pytest.approx(stats.binom.sf(hits - 1, 8, 0.3), abs=1e-15)


@pytest.mark.parametrize("hits", range(5))
def test_with_several_it_is_the_sum_over_all_outcomes(hits):
    chances, expected = [0.0, 0.2, 0.5, 1.0], 0.0
    for outcome in product((0, 1), repeat=4):
        if sum(outcome) >= hits:
            p = 1.0
            for came, chance in zip(outcome, chances, strict=True):
                p *= chance if came else 1 - chance
            expected += p
    assert at_least_p(hits, chances) == pytest.approx(expected, abs=1e-15)


def test_nothing_can_happen_in_no_turn():
    assert (at_least_p(0, []), at_least_p(1, [])) == (1.0, 0.0)
