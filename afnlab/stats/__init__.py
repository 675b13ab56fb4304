"""Statistics of runs, as pure functions of arrays that hold one value per seed."""

from afnlab.stats.anytime import Decision, confidence_sequence, decide, log_evidence
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
from afnlab.stats.online_fdr import e_lond
from afnlab.stats.paired import (
    EXACT_UP_TO,
    difference_interval,
    effect_size,
    equivalence_p,
    holm,
    holm_levels,
    improvement,
    not_worse_p,
    pairing,
    sign_flip_interval,
    sign_flip_p,
    wilcoxon_p,
)
from afnlab.stats.power import (
    attainable_p,
    detectable_difference,
    seeds_needed,
    seeds_to_detect,
    smallest_p,
)
from afnlab.stats.ranks import Ranking, rank_blocks, ranking
from afnlab.stats.unpaired import permutation_interval, permutation_p

__all__ = [
    "EXACT_UP_TO",
    "LEVEL",
    "Decision",
    "Interval",
    "Ranking",
    "alpha",
    "attainable_p",
    "bounded_interval",
    "confidence_sequence",
    "decide",
    "detectable_difference",
    "difference_interval",
    "e_lond",
    "effect_size",
    "equivalence_p",
    "holm",
    "holm_levels",
    "improvement",
    "interquartile_mean",
    "log_evidence",
    "mean_interval",
    "mean_intervals",
    "not_worse_p",
    "pairing",
    "permutation_interval",
    "permutation_p",
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
