"""Figures of learning: what is drawn of each seed and epoch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from afnlab.figures import learning_curves, metric_axis
from afnlab.figures.learning_curves import seed_lines
from afnlab.measures import ACCURACY
from tests.compare.test_summary_table import BASE, rows
from tests.figures.test_function_curves import texts

FREE = replace(ACCURACY, high=None)  # nothing bounds it at its better end


def test_curves_that_end_far_below_say_where_they_are_not_drawn():
    good = [rows(f"a{i}", [0.94, 0.95, 0.96]) for i in range(6)]
    history = pd.concat([*good, rows("poor", [0.1] * 3)], ignore_index=True)
    figure = learning_curves.learning(history, ["a0", "poor"], "a0", measure=FREE)
    low, high = figure.axes[0].get_ylim()
    assert (low > 50, high <= 100) == (True, True)
    assert [t.get_text() for t in figure.axes[1].texts] == ["10.0"]
    assert not figure.axes[0].texts


BOUNDED = {  # a metric with a bound at its better end, and what its axis is of
    "accuracy": (ACCURACY, "error (%)"),
    "bits": (
        replace(ACCURACY, name="bits", key="bits", unit="", better="lower", high=None, scale=1.0),
        "bits, lower is better",
    ),
    "overlap": (
        replace(ACCURACY, name="overlap", key="overlap", unit="", scale=1.0),
        "distance of overlap from 1",
    ),
}


@pytest.mark.parametrize("case", BOUNDED)
def test_every_panel_shows_its_curve(case):
    measure, label = BOUNDED[case]
    ends = [0.99, 1.0, 0.5, 0.1, 0.0]
    history = pd.concat([rows(f"a{i}", [end] * 3) for i, end in enumerate(ends)])
    history = history.rename(columns={"test_accuracy": measure.column})
    order = [f"a{i}" for i in range(len(ends))]
    figure = learning_curves.learning(history, order, "a0", measure=measure)
    assert texts(figure).count(label) == 1
    for ax in figure.axes[: len(order)]:
        assert ax.get_yscale() == "log"
        low, high = ax.get_ylim()
        assert all((low <= line.get_ydata()).all() for line in ax.lines)
        assert all((line.get_ydata() <= high).all() for line in ax.lines)
    together = learning_curves.overlay(history, order, "a0", measure)
    assert len([line for line in together.axes[0].lines if len(line.get_xdata())]) == len(order)


SHARE = replace(ACCURACY, name="share", key="share", unit="", high=100.0, scale=1.0)


@pytest.mark.parametrize(
    ("measure", "best", "close"),
    [
        (SHARE, 63.0, False),  # far from 100: the distance would turn its curve over
        (SHARE, 91.0, True),
        (ACCURACY, 0.89, False),
        (ACCURACY, 0.97, True),
        (replace(SHARE, better="lower"), 9.0, True),
        (replace(SHARE, better="lower"), 30.0, False),
        (replace(SHARE, better="lower", high=None), 30.0, False),  # next to 40
        (replace(SHARE, better="lower", high=None), 1.0, True),
        (FREE, 0.99, False),
    ],
)
def test_a_distance_is_drawn_where_values_come_close_to_the_bound(measure, best, close):
    worse = best - measure.sign * 0.1 * (measure.high or 100)
    history = pd.concat([rows("relu", [worse] * 3), rows("gelu", [best] * 3)])
    history = history.rename(columns={"test_accuracy": measure.column})
    bound = learning_curves.neared(history, measure)
    assert bound == (metric_axis.best_bound(measure) if close else None)
    for figure in (
        learning_curves.learning(history, ["gelu", "relu"], "relu", measure=measure),
        learning_curves.overlay(history, ["gelu", "relu"], "relu", measure),
    ):
        ax = figure.axes[0]
        assert ax.get_yscale() == ("log" if close else "linear")
        drawn = measure.scale * best
        assert ax.lines[-1 if figure.axes[1:] else 1].get_ydata()[-1] == pytest.approx(
            abs(bound - drawn) if close else drawn
        )


def test_a_linear_axis_shows_curves_from_their_beginning():
    history = pd.concat(rows(f"a{i}", [0.6 + i / 100] * 3, epochs=5) for i in range(4))
    figure = learning_curves.learning(history, ["a0", "a1"], "a0")
    low, high = figure.axes[0].get_ylim()
    assert low < 20
    assert 63 < high < 70


def test_seed_lines(ax):
    assert seed_lines(ax, BASE, "test_accuracy", 100) is ax
    assert len(ax.lines) == 6 + 1
    np.testing.assert_allclose(ax.lines[-1].get_xydata(), [[1, 42.5], [2, 52.5]])


def test_training():
    figure = learning_curves.training(BASE.assign(test_loss=2.0))
    assert [ax.get_title(loc="left") or ax.get_title() for ax in figure.axes] == [
        *("test accuracy (%)", "test loss")
    ]
    assert {ax.get_xlabel() for ax in figure.axes} == {"epoch"}


def test_one_epoch_is_a_dot_and_not_nothing():
    history = pd.concat([rows("relu", [0.5, 0.6], epochs=1), rows("gelu", [0.6, 0.7], epochs=1)])
    order = ["relu", "gelu"]
    for figure in (
        learning_curves.learning(history, order, "relu"),
        learning_curves.overlay(history, order, "relu"),
        learning_curves.training(history[history.label == "relu"]),
    ):
        lines = [line for ax in figure.axes for line in ax.lines if len(line.get_xdata())]
        assert {line.get_marker() for line in lines} == {"o"}
    longer = learning_curves.overlay(pd.concat([rows(n, [0.5]) for n in order]), order, "relu")
    assert {line.get_marker() for line in longer.axes[0].lines} == {"None"}
