"""The numbers of a comparison within its page, for the page's script: every seed's value."""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np
import pandas as pd
from markupsafe import Markup
from scipy import stats as distributions

from afnlab import stats
from afnlab.compare.baseline_differences import ALPHA, further_comparisons
from afnlab.compare.proper_names import proper_name
from afnlab.measures import Measure

KIND = "application/json"  # which a browser does not execute


def numbers(
    table: pd.DataFrame,
    final: pd.DataFrame,
    baseline: str,
    margin: float | None,
    measure: Measure,
    runs: Mapping[str, Mapping[int, str]],
) -> Markup:
    """The element that holds the numbers.

    Args:
        table: of `compare_histories`; its order is that of the rows.
        final: seeds x labels, the values that the table is of.
        baseline: the label with which the others are compared.
        margin: the largest difference that does not matter, or None.
        measure: the metric.
        runs: by label, the id of the run of each seed.
    """
    order = list(map(str, table.index))
    quantile = (1 + stats.LEVEL) / 2
    content = {
        "baseline": order.index(baseline) if baseline in order else None,
        "margin": margin,
        "further": further_comparisons(table),
        "alpha": ALPHA,
        "measure": {
            name: getattr(measure, name)
            for name in ("name", "unit", "points", "sign", "scale", "decimals")
        },
        # Of rows with equal p-values, Holm's procedure takes that first which comes first here.
        "order": [order.index(label) for label in map(str, final.columns) if label in order],
        # Comparisons with one of these rows are by the test that holds at any time.
        "decided": [bool(test == stats.ANY_TIME.name) for test in table.test],
        "labels": order,
        "names": list(map(proper_name, order)),
        "seeds": [int(seed) for seed in final.index],
        "values": [[_number(v) for v in final[label]] for label in order],
        "runs": [[runs[label].get(int(seed), "")[:8] for seed in final.index] for label in order],
        # Student's quantiles, by the number of values less 2.
        "t": [float(q) for q in distributions.t.ppf(quantile, np.arange(1, len(final)))],
    }
    text = json.dumps(content, ensure_ascii=False, allow_nan=False)
    for mark in "<>&":
        text = text.replace(mark, f"\\u{ord(mark):04x}")
    return Markup(f'<script type="{KIND}" class="numbers">{text}</script>')


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
