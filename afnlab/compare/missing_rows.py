"""Rows that a sweep lists and that are missing in a comparison: they count as comparisons of it.

A row whose result was seen could else be removed by an edit of its code, and p of the others would
be corrected for less than was looked at.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pandas as pd

from afnlab.compare.baseline_differences import comparisons
from afnlab.messages import LISTED, enumerated, some


def no_baseline_at(baseline: str, labels: Collection[str], settings: Mapping[str, str]) -> str:
    """A sentence if nothing is compared because the baseline has no run under these settings.

    Args:
        baseline: what it is called.
        labels: of the rows.
        settings: by which their comparison was split from others; empty: it was not.
    """
    if baseline in labels or not settings:
        return ""
    at = enumerated([f"{name}={text}" for name, text in settings.items()])
    return f"{baseline} has no run at {at}, so nothing is compared there."


def counted_too(table: pd.DataFrame, missing: Collection[str]) -> list[str]:
    """A sentence that p is corrected for rows that are missing too.

    Args:
        table: of `compare_histories`, with these rows as further comparisons.
        missing: what they are called.
    """
    if not missing or table.p.isna().all():
        return []
    its = "1 of them of a row that is" if len(missing) == 1 else f"{len(missing)} of rows that are"
    count = "counts" if len(missing) == 1 else "count"
    return [
        f"p-values, adjusted intervals and verdicts are corrected for {comparisons(table)}"
        f" comparisons, {its} missing here ({some([*missing], LISTED)}) and {count} with p = 1:"
        " what a sweep lists counts whether its result is there or not."
    ]
