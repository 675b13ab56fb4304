"""The comparison of runs: their selection, their table, and the sentences about it."""

from afnlab.compare.foreign_table import ForeignComparison, compare_results, compare_table
from afnlab.compare.notebook_metric import compare_metric
from afnlab.compare.published_tables import published
from afnlab.compare.select_runs import select
from afnlab.compare.selection import Selection
from afnlab.compare.summary_table import compare_histories
from afnlab.compare.train_confirmation import confirm

__all__ = [
    "ForeignComparison",
    "Selection",
    "compare_histories",
    "compare_metric",
    "compare_results",
    "compare_table",
    "confirm",
    "published",
    "select",
]
