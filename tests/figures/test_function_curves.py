"""Curves of functions, alone and in a gallery."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

import afnlab
from afnlab.compare.proper_names import proper_name
from afnlab.figures import function_curves
from afnlab.figures.function_curves import curve

ELEMENTWISE = [n for n in afnlab.list_activations() if afnlab.get_activation(n).elementwise]


def texts(figure: Figure) -> str:
    """All text that a figure shows."""
    figure.draw_without_rendering()
    found = [t.get_text() for t in figure.findobj(lambda artist: hasattr(artist, "get_text"))]
    return "\n".join(found)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_curve(ax, name):
    f = afnlab.get_activation(name)
    assert curve(ax, name, span=3.0, order=2) is ax
    lines = {line.get_label(): line for line in ax.lines if line.get_label()[0] == "f"}
    assert set(lines) == {"f", "f'", "f''"}
    x, y = lines["f"].get_data()
    assert (x[0], x[-1]) == (-3, 3)
    expected = f(torch.tensor(np.asarray(x))).numpy()
    drawn = np.isfinite(y)
    assert drawn.mean() > 0.99
    np.testing.assert_allclose(np.asarray(y)[drawn], expected[drawn])


def test_a_jump_is_a_gap(ax):
    curve(ax, "hardshrink", span=2.0, lambd=0.5)
    line = next(line for line in ax.lines if line.get_label() == "f")
    steps = [abs(b - a) for a, b in pairwise(line.get_ydata()) if np.isfinite([a, b]).all()]
    assert max(steps) < 0.1


def test_function():
    figure = function_curves.function("srelu", 4.0, t=1.5)
    assert isinstance(figure, Figure)
    assert "srelu" in texts(figure)
    left, right = figure.axes
    assert left.get_xlabel() == "x"
    assert {"f'", "f''"} <= {line.get_label() for line in right.lines}


def test_gallery():
    figure = function_curves.gallery(ELEMENTWISE)
    assert to_rgba(figure.get_facecolor())[3] == 0  # nothing white on a dark page
    titles = [ax.get_title(loc="left") or ax.get_title() for ax in figure.axes if ax.axison]
    assert titles == [proper_name(name) for name in ELEMENTWISE]


def test_every_column_of_panels_names_its_ticks():
    """Also where the last row is not full."""
    figure = function_curves.gallery(["relu", "elu", "gelu", "tanh"], columns=3)
    figure.draw_without_rendering()
    named = [any(t.get_text() for t in ax.get_xticklabels()) for ax in figure.axes[:4]]
    shown = [ax.xaxis.get_major_ticks()[0].label1.get_visible() for ax in figure.axes[:4]]
    assert [a and b for a, b in zip(named, shown, strict=True)] == [False, True, True, True]
