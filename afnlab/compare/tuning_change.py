"""What tuning has changed on the test examples: for the better, or for the worse."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from afnlab.compare.formatting import difference, p_value, value
from afnlab.compare.summary_table import as_history, final_values
from afnlab.measures import Measure
from afnlab.stats.intervals import LEVEL, alpha
from afnlab.stats.paired import sign_flip_p


@dataclass(frozen=True)
class TuningChange:
    """How the rows' values at what was chosen differ from those at the fixed recipe.

    Attributes:
        measure: the metric.
        rows: how many rows there are.
        worse: of how many the mean is worse tuned.
        fixed, tuned: the mean over rows and seeds.
        p: of the mean over rows, by the exact sign-flip test over seeds.
        seeds: how many seeds have all rows, which these numbers are of.
        of: how many there are.
    """

    measure: Measure
    rows: int
    worse: int
    fixed: float
    tuned: float
    p: float
    seeds: int
    of: int

    @property
    def hurts(self) -> bool:
        """Whether most rows are worse tuned, by more than chance explains."""
        return self._mostly_worse and self.p < alpha(LEVEL)

    @property
    def _mostly_worse(self) -> bool:
        falls = self.measure.sign * (self.tuned - self.fixed) < 0
        return falls and 2 * self.worse > self.rows

    @property
    def sentence(self) -> str:
        """That tuning has made most rows worse; empty if it has not."""
        if not self._mostly_worse:
            return ""
        rows = "every row" if self.worse == self.rows else f"{self.worse} of {self.rows} rows"
        moved = difference(self.measure, self.tuned - self.fixed)
        points = f" {self.measure.points}".rstrip()
        fixed, tuned = (value(self.measure, one) for one in (self.fixed, self.tuned))
        over = ""
        if self.seeds < self.of:
            over = f"over the {self.seeds} of {self.of} seeds that all have "
        mean = (
            f"the mean {over}is {fixed} at the fixed recipe and {tuned} tuned, a difference of"
            f" {moved}{points}, p = {p_value(self.p)}"
        )
        said = f"Tuning makes {rows} worse on the test examples ({mean})"
        if not self.hurts:
            return f"{said}, which chance may explain."
        return f"{said}: validation examples do not predict test examples here."


def tuning_change(
    fixed: pd.DataFrame, tuned: pd.DataFrame, measure: Measure
) -> TuningChange | None:
    """What tuning has changed, in pairs of one seed's two trainings.

    The rows of one seed share candidates, weights and batches, so the test is of one number per
    seed: the mean over rows.

    Args:
        fixed, tuned: histories with a column `label`; see `afnlab.tune`.
        measure: the metric.

    Returns:
        None where no seed has all rows.
    """
    if fixed.empty or tuned.empty:
        return None
    before, after = (
        final_values(as_history(table, measure), measure.column) for table in (fixed, tuned)
    )
    of = len(before.index.union(after.index))
    before, after = before.align(after, join="inner")
    there = before.notna().all(axis=1) & after.notna().all(axis=1)
    before, after = before[there], after[there]
    if before.empty:
        return None
    moved = after - before
    return TuningChange(
        measure,
        rows=moved.shape[1],
        worse=int((measure.sign * moved.mean() < 0).sum()),
        fixed=float(before.to_numpy().mean()),
        tuned=float(after.to_numpy().mean()),
        p=float(sign_flip_p(moved.mean(axis=1))),
        seeds=len(moved),
        of=of,
    )
