"""Statistics of runs, as pure functions of arrays that hold one value per seed."""

from afnlab.stats.intervals import (
    LEVEL,
    Interval,
    alpha,
    bounded_interval,
    interquartile_mean,
    mean_interval,
    mean_intervals,
    prediction_interval,
    welch_interval,
)
from afnlab.stats.paired import (
    EXACT_UP_TO,
    effect_size,
    equivalence_p,
    holm,
    holm_levels,
    improvement,
    not_worse_p,
    sign_flip_interval,
    sign_flip_p,
    wilcoxon_p,
)
from afnlab.stats.power import detectable_difference, seeds_needed, seeds_to_detect, smallest_p
from afnlab.stats.ranks import Ranking, rank_blocks, ranking

__all__ = [
    "EXACT_UP_TO",
    "LEVEL",
    "Interval",
    "Ranking",
    "alpha",
    "bounded_interval",
    "detectable_difference",
    "effect_size",
    "equivalence_p",
    "holm",
    "holm_levels",
    "improvement",
    "interquartile_mean",
    "mean_interval",
    "mean_intervals",
    "not_worse_p",
    "prediction_interval",
    "rank_blocks",
    "ranking",
    "seeds_needed",
    "seeds_to_detect",
    "sign_flip_interval",
    "sign_flip_p",
    "smallest_p",
    "welch_interval",
    "wilcoxon_p",
]
