"""Figures of evidence: in the metric's direction, with the threshold that decided."""

from __future__ import annotations

import numpy as np
import pytest

from afnlab.figures.evidence import campaign, evidence
from afnlab.measures import ACCURACY
from tests.judging.test_judging import LOSS


@pytest.mark.parametrize("measure", [ACCURACY, LOSS])
def test_the_figure_is_in_the_metrics_direction(measure):
    d = np.random.default_rng(0).normal(1, 1, 12)
    figure = evidence(d, measure, against="relu", margin=2.0)
    left, right = figure.axes
    points = next(line for line in right.lines if line.get_marker() == ".").get_ydata()
    assert points == pytest.approx(measure.sign * measure.scale * d)
    assert right.get_ylabel() == measure.of_differences("difference to relu")  # as its points are
    assert right.get_title(loc="left").startswith(f"{measure.name}, the mean difference")
    needed = [line.get_ydata()[0] for line in left.lines if len(set(line.get_ydata())) == 1]
    assert needed == [40, 40]
    assert evidence(d[:1], measure, against="relu").axes
    assert evidence(np.zeros(9), measure, against="relu").axes


def test_the_figure_of_a_campaign_shows_what_was_decided_at_its_own_threshold():
    found = campaign([100, 3, 700], [40, 60, 80], [True, False, False], [False, False, True])
    (ax,) = found.axes
    drawn = {line.get_label(): line for line in ax.lines}
    assert drawn["worse: for worse"].get_xydata().tolist() == [[3, 700]]
    assert drawn["discovery: for better"].get_xydata().tolist() == [[1, 100]]
    assert drawn["other idea: for better"].get_xydata().tolist() == [[2, 3]]
    assert set(drawn["needed for worse"].get_ydata()) == {40}
    without = campaign([3.0], [40], [False], [False]).axes[0]
    assert not [line for line in without.lines if "worse" in line.get_label()]


@pytest.mark.parametrize("count", [1, 2, 5])
def test_entries_are_whole_and_what_they_needed_is_seen(count):
    figure = campaign([3.0] * count, [40] * count, [False] * count, [False] * count)
    figure.draw_without_rendering()
    (ax,) = figure.axes
    low, high = ax.get_xlim()
    ticks = [tick for tick in ax.get_xticks() if low <= tick <= high]
    assert ticks
    assert all(tick == int(tick) for tick in ticks)
    (needed,) = [p for p in ax.patches if p.get_label() == "needed for better"]
    assert np.ptp(needed.get_path().vertices[:, 0]) == count


def test_one_seed_is_a_whole_number_of_seeds():
    figure = evidence([0.01], ACCURACY, against="relu")
    figure.draw_without_rendering()
    for ax in figure.axes:
        low, high = ax.get_xlim()
        assert [tick for tick in ax.get_xticks() if low <= tick <= high] == [1]
