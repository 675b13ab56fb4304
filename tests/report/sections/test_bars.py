"""The small bars in a table: what sets their scale."""

from __future__ import annotations

import re

import pytest

from afnlab.compare.summary_table import compare_histories
from afnlab.report.sections.bars import ARROWS, ROOM, WIDTH, Scale
from tests.figures.test_fitting import CASES, FAR


def lengths(table, scale) -> list[float]:
    """How long the lines of the rows that are drawn are."""
    drawn = [str(scale.drawn(row)) for _, row in table.iterrows()]
    lines = [re.search(r'class="difference" d="M([\d.]+) .* 6H([\d.]+)M', bar) for bar in drawn]
    return [float(line[2]) - float(line[1]) for line in lines if line]


@pytest.mark.parametrize("name", ["one of three far off", "one of four far off", "many"])
def test_one_row_far_off_leaves_the_others_their_length(name):
    case = CASES[name]
    table = compare_histories(case.history, "gelu", metric=case.measure)
    scale = Scale(table, case.measure)
    assert max(lengths(table, scale)) > (WIDTH - 2 * ROOM) / 4
    arrow = f'<path class="far" d="{ARROWS[case.measure.better]}"/>'
    for label, row in table.iterrows():
        assert (arrow in scale.drawn(row)) == (label == FAR[name])


def test_a_baseline_far_off_does_not_either():
    case = CASES["the baseline far off"]
    table = compare_histories(case.history, "gelu", metric=case.measure)
    scale = Scale(table, case.measure)
    assert max(lengths(table, scale)) > (WIDTH - 2 * ROOM) / 4
    assert "far" not in "".join(str(scale.drawn(row)) for _, row in table.iterrows())
    assert 0 < scale.at(0) <= WIDTH


def test_rows_near_each_other_are_all_drawn():
    case = CASES["accuracies"]
    table = compare_histories(case.history, "gelu", metric=case.measure)
    scale = Scale(table, case.measure)
    assert len(lengths(table, scale)) == len(table) - 1
    assert scale.low <= 0 <= scale.high
