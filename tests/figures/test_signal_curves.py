"""The figure of what went on inside networks: what is on it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from afnlab.figures.signal_curves import PANELS, signals
from afnlab.figures.style import GREY, to_svg


def recorded(label: str = "relu", epochs: int = 3, sites: str = "abc", **columns) -> pd.DataFrame:
    """Two seeds whose numbers are the layer's, plus the seed."""
    rows = [
        {"label": label, "seed": s, "epoch": e, "layer": i + 1, "site": site, "call": 0}
        | {panel.column: float(i + 1 + s) for panel in PANELS}
        | {"dead": 0.1 * i, "saturated": 0.5, "gradient": 10.0 ** (e + s)}
        for s in (0, 1)
        for e in range(epochs)
        for i, site in enumerate(sites)
    ]
    return pd.DataFrame(rows).assign(**columns)


def panel(figure, row: int, column: str):
    names = [p.column for p in PANELS]
    return figure.axes[row * len(PANELS) + names.index(column)]


def test_a_row_for_each_label_and_lines_for_the_first_and_the_last_epoch():
    figure = signals(pd.concat([recorded(), recorded("gelu", 2, "ab")]), ["gelu", "relu"])
    assert len(figure.axes) == 2 * len(PANELS)
    assert [figure.axes[i].get_ylabel() for i in (0, len(PANELS))] == ["gelu", "relu"]
    ax = panel(figure, 1, "rank")
    first = [line for line in ax.lines if line.get_color() == GREY]
    assert [line.get_linestyle() for line in first] == ["--"]
    assert ax.lines[-1].get_xdata().tolist() == [1, 2, 3]
    assert ax.lines[-1].get_ydata().tolist() == [1.5, 2.5, 3.5]  # means of the seeds
    assert panel(figure, 0, "rank").lines[-1].get_xdata().tolist() == [1, 2]
    assert panel(figure, 1, "dead").lines[-1].get_ydata() == pytest.approx([0, 10, 20])  # in %
    assert figure.get_supxlabel() == "layer"


def test_what_has_a_logarithmic_axis_is_averaged_on_it():
    ax = panel(signals(recorded(), ["relu"]), 0, "gradient")
    assert ax.get_yscale() == "log"
    assert ax.lines[-1].get_ydata() == pytest.approx([10**2.5] * 3)
    assert ax.yaxis.get_major_formatter()(1e6) == "1e+06"  # no mathematics, which is not parsed


@pytest.mark.parametrize(
    ("column", "value"), [("dead", np.nan), ("rank", np.nan), ("chi", np.nan), ("gradient", 0.0)]
)
def test_what_is_missing_or_0_is_left_out(column, value):
    figure = signals(recorded(**{column: value}), ["relu"])
    to_svg(figure, "a figure")  # it can be drawn
    other = "q" if column == "rank" else "rank"
    assert len(panel(figure, 0, other).lines) >= 2


def test_many_epochs_are_drawn_by_a_few():
    assert len(panel(signals(recorded(epochs=200), ["relu"]), 0, "rank").lines) == 4 + 2


@pytest.mark.parametrize(
    ("sites", "calls", "axis"),
    [
        ("aaa", [0, 1, 2], "call (time step)"),
        ("abc", [0, 0, 0], "layer"),
        ("aba", [0, 0, 1], "layer"),
    ],
)
def test_time_steps_are_no_layers(sites, calls, axis):
    figure = signals(recorded(sites=sites, call=calls * 6), ["relu"])
    assert figure.get_supxlabel() == axis
