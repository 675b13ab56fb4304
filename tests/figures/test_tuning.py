"""Figures of tuned runs: their axes hold what is drawn, whatever the size of the metric."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from afnlab.figures import tuning
from afnlab.figures.style import styled
from tests.figures.measured import share
from tests.figures.test_fitting import CASES, ERROR, FAR, LOSS, bands, trials

FEW = {name: case for name, case in CASES.items() if name != "many"}


@pytest.mark.parametrize("name", FEW)
def test_most_trials_lie_within_the_axis_and_none_far_from_its_better_end(name):
    case = FEW[name]
    measure, tried = case.measure, trials(case)
    order = list(case.means)
    with styled():
        figure = tuning.over(tried, "lr", order, "gelu", True, measure=measure)
    low, high = figure.axes[0].get_ylim()
    far = FAR.get(name)
    near = tried[tried.label != far]
    values = measure.scale * near[measure.key]
    assert ((low < values) & (values < high)).mean() >= tuning.MOST - 0.01
    assert share(figure.axes[0], values, "y") > 0.85
    shown = [text.get_text() for ax in figure.axes for text in ax.texts]
    assert shown == ([f"best {tried.mae[tried.label == far].min():.1f}"] if far else [])


def test_an_axis_of_values_of_many_sizes_is_logarithmic():
    lr = np.geomspace(1e-3, 1e-1, 21)
    tried = pd.DataFrame({"label": "gelu", "lr": lr, "mae": np.geomspace(1e-5, 1e3, 21)})
    figure = tuning.over(tried, "lr", ["gelu"], "gelu", True, measure=ERROR)
    assert figure.axes[0].get_yscale() == "log"
    assert share(figure.axes[0], tried.mae, "y") > 0.85


@pytest.mark.parametrize("name", FEW)
def test_the_curves_of_trials_take_a_fair_part_of_the_axis(name, ax):
    case, order = FEW[name], list(FEW[name].means)[:2]
    made = bands(case)
    tuning.curves(ax, made, order, case.measure)
    expected = case.measure.scale * made[made.label.isin(order)].expected
    low, high = ax.get_ylim()
    assert low < expected.min() < expected.max() < high
    assert share(ax, expected, "y") > 0.2


def test_a_band_that_says_nothing_does_not_flatten_the_curves(ax):
    made = bands(CASES["losses"]).assign(low=0.0, high=50.0)
    tuning.curves(ax, made, ["gelu", "a1"], LOSS)
    assert share(ax, made[made.label != "a2"].expected, "y") > 0.2


def test_a_band_that_goes_on_beyond_the_axis_is_marked(ax):
    made = bands(CASES["losses"])
    made["low"] = made["high"] = made.expected
    tuning.curves(ax, made, ["gelu", "a1"], LOSS)
    assert not marked(ax)
    made.loc[(made.label == "gelu") & (made.trials == 1), "high"] = 1e9
    made.loc[(made.label == "a1") & (made.trials == 2), "low"] = -1e9
    ax.clear()
    tuning.curves(ax, made, ["gelu", "a1"], LOSS)
    low, high = ax.get_ylim()
    assert marked(ax) == {("^", 1, high), ("v", 2, low)}


def marked(ax) -> set:
    """The triangles of a figure: which, and where."""
    lines = [line for line in ax.lines if line.get_marker() in "^v"]
    return {(line.get_marker(), *point) for line in lines for point in line.get_xydata()}


def test_an_arrow_far_off_stands_at_the_edge_with_both_numbers():
    tuned = pd.Series({"gelu": 45.1, "relu": 45.0, "linear": 144.0})
    figure = tuning.shift(1.1 * tuned, tuned, "gelu", ERROR)
    (ax,) = figure.axes
    assert ax.get_xlim()[1] < 55
    assert "158.4 \N{RIGHTWARDS ARROW} 144.0" in [text.get_text() for text in ax.texts]
    assert ax.get_xlabel() == "mean absolute error, lower is better"
    near = tuning.shift(1.1 * tuned[:2], tuned[:2], "gelu", replace(ERROR, name="error")).axes[0]
    assert share(near, [45.0, 49.61]) > 0.8
    assert near.get_xlabel() == "mean error, lower is better"
