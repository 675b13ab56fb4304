"""The figure of the metric against the cost: which rows are ahead, and its axis of times."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from afnlab.figures.metric_and_cost import frontier
from tests.compare.test_summary_table import rows, table
from tests.figures.test_comparison import marks
from tests.figures.test_style import HISTORY


def test_frontier(ax):
    history = pd.concat([HISTORY, rows("elu", [0.2] * 6)], ignore_index=True)
    made = table(history)
    cost = pd.Series({"relu": 0.002, "srelu": 0.003, "elu": 0.004})
    assert frontier(ax, made, cost, "relu") is ax
    assert {t.get_text() for t in ax.texts} == {"ReLU", "SReLU", "ELU"}
    at = {line.get_marker(): line.get_xdata()[0] for line in marks(ax).values()}
    assert at["D"] == pytest.approx(1.0)
    assert at["o"] == pytest.approx(1.5)
    assert ax.get_xlabel() == "time of an epoch (ReLU = 1)"
    frontier(ax, made, cost, "gelu", "a step")
    assert ax.get_xlabel() == "time of a step (s)"


@pytest.mark.parametrize(
    "times",
    [
        (1, 1.02, 0.97),
        (1, 1, 1),
        (1, 1.3),
        (1, 1.49),
        (1, 1.6, 2.4),
        (1, 9),
        (1, 25),
        (1, 100, 3),
        (0.0032, 0.0035),
        (3.1e-7, 4e-7),
    ],
)
@pytest.mark.parametrize("baseline", ["relu", "none"])
def test_the_axis_of_times_has_several_numbers(times, baseline, ax):
    names = ["relu", "srelu", "elu"][: len(times)]
    history = pd.concat([HISTORY, rows("elu", [0.4] * 6)], ignore_index=True)
    cost = pd.Series(times, names, dtype=float)
    frontier(ax, table(history[history.label.isin(names)]), cost, baseline)
    low, high = ax.get_xlim()
    shown = [t for t in ax.get_xticklabels() if low <= t.get_position()[0] <= high]
    assert 3 <= len({t.get_text() for t in shown}) == len(shown) <= 9
    boxes = [t.get_window_extent() for t in shown]
    assert not any(a.overlaps(b) for a, b in itertools.pairwise(boxes))
    points = np.array(times) / (cost.get(baseline, 1.0))
    assert low < points.min() <= points.max() < high
    assert high / low < 1.8 * max(1.5, points.max() / points.min()) ** 1.3
