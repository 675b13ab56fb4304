"""Comparison of all with all by ranks: Friedman's test and Nemenyi's critical difference."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from afnlab.stats.intervals import LEVEL


@dataclass(frozen=True)
class Ranking:
    """Mean ranks over blocks; 1 is the best.

    Attributes:
        ranks: by label, ascending.
        blocks: the number of blocks.
        p: the p-value of Friedman's test.
        post_hoc: labels x labels, p-values of Nemenyi's test.
        critical_difference: two labels are distinguishable if their mean ranks differ by more.
    """

    ranks: pd.Series
    blocks: int
    p: float
    post_hoc: pd.DataFrame
    critical_difference: float


def rank_blocks(values: pd.DataFrame) -> pd.DataFrame:
    """Ranks within each block: 1 for the highest value, ties share their mean rank, nan is last.

    Args:
        values: blocks x labels, higher is better.
    """
    return values.fillna(-np.inf).rank(axis=1, ascending=False)


def ranking(values: pd.DataFrame, level: float = LEVEL) -> Ranking:
    """Friedman's test of the labels over blocks, and Nemenyi's test after it.

    Args:
        values: blocks x labels, higher is better.
        level: 1 minus the significance level of the critical difference.

    Raises:
        ValueError: if there are fewer than three labels or two blocks.
    """
    import scikit_posthocs  # noqa: PLC0415

    blocks, labels = values.shape
    if labels < 3 or blocks < 2:
        raise ValueError(
            f"ranks need three labels and two blocks or more, got {labels} and {blocks}"
        )
    ranks = rank_blocks(values)
    tied = ranks.nunique(axis=1).eq(1).all()
    p = 1.0 if tied else float(stats.friedmanchisquare(*ranks.to_numpy().T).pvalue)
    post_hoc = scikit_posthocs.posthoc_nemenyi_friedman(ranks.to_numpy())
    post_hoc.index = post_hoc.columns = ranks.columns
    q = stats.studentized_range.ppf(level, labels, np.inf) / np.sqrt(2)
    difference = float(q * np.sqrt(labels * (labels + 1) / (6 * blocks)))
    return Ranking(ranks.mean().sort_values(), blocks, p, post_hoc, difference)
