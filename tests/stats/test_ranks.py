"""Ranks over blocks, against printed examples and an independent implementation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from autorank import autorank
from numpy.testing import assert_allclose
from scipy import stats as scipy_stats

from afnlab.stats import rank_blocks, ranking


def test_ranks_by_hand():
    values = pd.DataFrame({"a": [3.0, 1.0, 2.0], "b": [2.0, 1.0, np.nan], "c": [1.0, 0.0, 5.0]})
    assert rank_blocks(values).to_numpy().tolist() == [[1, 2, 3], [1.5, 1.5, 3], [2, 3, 1]]


def test_friedman_by_hand():
    # Ranks 1 2 3, 1 2 3, 1 3 2, 1 2 3: sums 4, 9, 11; 12 / (4 * 3 * 4) * 218 - 3 * 4 * 4 = 6.5
    values = pd.DataFrame([[3, 2, 1], [9, 8, 7], [3, 1, 2], [6, 5, 4]], columns=[*"abc"])
    found = ranking(values)
    assert found.ranks.to_dict() == {"a": 1.0, "b": 2.25, "c": 2.75}
    assert found.blocks == 4
    assert found.p == pytest.approx(scipy_stats.chi2.sf(6.5, 2))


@pytest.mark.parametrize(("labels", "q"), [(3, 2.343), (4, 2.569), (5, 2.728), (10, 3.164)])
def test_critical_differences_as_printed(labels, q):
    # q of the two-tailed Nemenyi test at 5 %: Demsar 2006, table 5 (a).
    values = pd.DataFrame(np.random.default_rng(0).normal(size=(14, labels)))
    expected = q * np.sqrt(labels * (labels + 1) / (6 * 14))
    assert ranking(values).critical_difference == pytest.approx(expected, abs=2e-3)


@pytest.mark.parametrize("seed", range(3))
def test_against_scipy_and_autorank(seed):
    rng = np.random.default_rng(seed)
    values = pd.DataFrame(rng.normal([0.0, 0.2, 0.4, 0.9, 1.5], 1.0, (20, 5)), columns=[*"abcde"])
    found = ranking(values)
    assert found.p == pytest.approx(scipy_stats.friedmanchisquare(*values.to_numpy().T).pvalue)
    reference = autorank(values, approach="frequentist", force_mode="nonparametric")
    assert found.p == pytest.approx(reference.pvalue)
    assert found.critical_difference == pytest.approx(reference.cd, rel=1e-3)
    assert_allclose(found.ranks, reference.rankdf.meanrank[found.ranks.index])
    apart = np.abs(np.subtract.outer(*[found.ranks[values.columns].to_numpy()] * 2))
    near = np.abs(apart - found.critical_difference) < 0.01
    told = (found.post_hoc < 0.05).to_numpy()
    assert ((apart > found.critical_difference) == told)[~near].all()


def test_the_order_of_blocks_and_labels_does_not_matter():
    values = pd.DataFrame(np.random.default_rng(1).normal(size=(9, 4)), columns=[*"abcd"])
    found, turned = ranking(values), ranking(values.iloc[::-1, ::-1])
    assert turned.p == pytest.approx(found.p)
    assert_allclose(turned.ranks[[*"abcd"]], found.ranks[[*"abcd"]])


def test_all_equal_and_too_few():
    assert ranking(pd.DataFrame(np.ones((4, 3)))).p == 1.0
    for shape in ((1, 3), (5, 2)):
        with pytest.raises(ValueError, match="ranks need three labels and two blocks"):
            ranking(pd.DataFrame(np.ones(shape)))
