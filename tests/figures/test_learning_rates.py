"""The figure of results over learning rates."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd

from afnlab.figures import learning_rates
from afnlab.figures.style import styled
from tests.figures.test_comparison import titles


def test_sensitivity():
    final = pd.DataFrame({"relu": [0.5, 0.6], "relu(lr=0.01)": [0.8, 0.9], "elu": [0.1, 0.1]})
    rates = pd.DataFrame(
        {"activation": ["relu", "relu"], "lr": [0.001, 0.01]}, index=["relu", "relu(lr=0.01)"]
    )
    figure = learning_rates.sensitivity(final, rates)
    assert titles(figure) == ["ReLU"]
    (line,) = figure.axes[0].lines
    np.testing.assert_allclose(line.get_xydata(), [[0.001, 55], [0.01, 85]])


def test_rates_are_named_and_do_not_overlap():
    tried = [0.00025, 0.0005, 0.001, 0.002, 0.004]
    rates = pd.DataFrame({"activation": "relu", "lr": tried}, index=[f"relu{v}" for v in tried])
    final = pd.DataFrame({label: [0.8, 0.9] for label in rates.index})
    with styled():
        figure = learning_rates.sensitivity(final, rates)
    figure.draw_without_rendering()
    shown = [t for t in figure.axes[0].get_xticklabels(which="both") if t.get_text()]
    assert [t.get_text() for t in shown] == ["0.00025", "0.001", "0.004"]
    boxes = [t.get_window_extent() for t in shown]
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))
