"""The confidence set of the best column: what it leaves out, and how seldom that is the best."""

from __future__ import annotations

import numpy as np
import pytest

from afnlab import stats


def test_what_is_clearly_behind_is_left_out():
    seeds = np.arange(8.0)
    values = np.column_stack([seeds, seeds + 1, seeds + 1 + (-1.0) ** seeds])
    assert stats.may_be_best(values).tolist() == [False, True, True]
    assert stats.may_be_best(values[:5]).all()  # of five seeds no test could say so
    assert stats.may_be_best(values[:, :1]).tolist() == [True]


def test_the_best_is_in_it_as_often_as_it_says():
    rng, lost = np.random.default_rng(0), 0
    means = np.array([0.0, 0.0, -0.2, -0.2, -0.2])  # two are best, and the maximum is often another
    for _ in range(300):
        lost += not stats.may_be_best(means + rng.standard_normal((10, 5)))[0]
    assert lost <= 0.05 * 300


@pytest.mark.parametrize("values", [[], [1.0, 2.0], [[]]])
def test_what_has_no_columns_is_refused(values):
    with pytest.raises(ValueError, match="values must be two-dimensional and not empty"):
        stats.may_be_best(values)
