"""All against all, by ranks: Friedman's test and Nemenyi's critical difference."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from afnlab.stats.intervals import LEVEL


@dataclass(frozen=True)
class Ranking:
    """Mean ranks over blocks, 1 the best.

    ranks: by label, ascending; blocks: how many; p: Friedman's; post_hoc: labels x labels, p after
    Nemenyi; critical_difference: how far apart two mean ranks must be to be told apart.
    """

    ranks: pd.Series
    blocks: int
    p: float
    post_hoc: pd.DataFrame
    critical_difference: float


def rank_blocks(values: pd.DataFrame) -> pd.DataFrame:
    """Ranks of (blocks x labels) values within each block: 1 the highest, ties share, nan last."""
    return values.fillna(-np.inf).rank(axis=1, ascending=False)


def ranking(values: pd.DataFrame, level: float = LEVEL) -> Ranking:
    """Friedman's test of (blocks x labels) values, higher is better, and Nemenyi's after it.

    ValueError for fewer than three labels or two blocks.
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
