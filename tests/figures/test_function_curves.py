"""Figures: what is on them, and how they get onto a page."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

import afnlab
from afnlab.compare.proper_names import proper_name
from afnlab.figures import function_curves, learning_curves
from afnlab.figures.function_curves import curve
from afnlab.figures.learning_curves import seed_lines
from afnlab.figures.style import COLOURS, GREY, INK, shortened, show, styled, to_svg, wrapped
from afnlab.functions import profile
from tests.compare.test_summary_table import BASE, SIX, rows

ELEMENTWISE = [n for n in afnlab.list_activations() if afnlab.get_activation(n).elementwise]
HISTORY = pd.concat([BASE, rows("srelu", [0.60 + 0.01 * s for s in SIX])], ignore_index=True)


@pytest.fixture
def ax() -> Axes:
    return Figure().subplots()


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


def svg_of(alt: str = 'a < b & "c"') -> str:
    with styled(for_page=True):
        return to_svg(learning_curves.learning(HISTORY, ["srelu", "relu"], "relu"), alt)


@pytest.mark.parametrize("names", [("", ""), ("one", "one"), ("one", "other")])
def test_figures_of_one_page_share_no_id(names):
    """A glyph is drawn from the first element of its id, which may be another figure's letter."""
    shown = []
    for name, order in zip(names, (["srelu", "relu"], ["relu", "srelu"]), strict=True):
        with styled(for_page=True):
            figure = learning_curves.learning(HISTORY, order, "relu")
            shown.append(show(figure, "curves", "", name).data)
    first, second = (set(re.findall(r'<(?!figure)[^>]* id="([^"]+)"', page)) for page in shown)
    assert first
    assert second
    assert not first & second


def test_an_svg_is_for_a_page():
    svg = svg_of()
    root = ET.fromstring(svg)
    assert root.tag.endswith("svg")
    assert root.get("role") == "img"
    assert root.get("aria-label") == 'a < b & "c"'
    assert root.get("width") is None
    assert root.get("height") is None
    assert root.get("viewBox")
    assert "max-width:100%" in root.get("style")
    assert "currentColor" in svg
    assert "#010203" not in svg
    assert "<text" not in svg  # fonts are outlines: nothing to be installed
    assert "<metadata" not in svg
    assert svg.startswith("<svg")


def test_an_svg_is_always_the_same_and_its_ids_are_its_own():
    assert svg_of() == svg_of()

    def ids(svg):
        elements = ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}clipPath")
        return {e.get("id") for e in elements}

    assert ids(svg_of("one"))
    assert not ids(svg_of("one")) & ids(svg_of("two"))


def test_show():
    html = show(function_curves.gallery(["relu"]), "alt", "caption").data
    assert html.startswith("<figure><div class=scroll tabindex=0><svg")
    assert html.endswith("</svg>\n</div><figcaption>caption</figcaption></figure>")
    assert show(function_curves.gallery(["relu"]), "alt", name="a-1").data.startswith(
        '<figure id="a-1"><div'
    )


def test_a_figure_of_a_notebook_says_what_it_shows():
    _, facts = function_curves.function("srelu")._repr_png_()
    assert facts["alt"] == "Figure: srelu; derivatives"


def test_long_labels_fit():
    label = "my_idea.py:a_long_name(lr=0.05, optimizer=rmsprop)"
    assert wrapped("relu") == "relu"
    assert wrapped(label).replace("\n", "") == label.replace(", ", ",")
    assert max(map(len, wrapped(label).splitlines())) <= 24
    for long in (300 * "y", f"{'a' * 50}:{'b' * 50}", 50 * "lr=0.001,"):
        assert max(map(len, wrapped(long).splitlines())) <= 24
        assert len(wrapped(long).splitlines()) <= 12
    assert shortened("relu") == "relu"
    assert len(shortened(label, 30)) == 30
    assert (shortened(label, 30)[:7], shortened(label, 30)[-8:]) == ("my_idea", "rmsprop)")


def test_every_column_of_panels_names_its_ticks():
    """Also where the last row is not full."""
    figure = function_curves.gallery(["relu", "elu", "gelu", "tanh"], columns=3)
    figure.draw_without_rendering()
    named = [any(t.get_text() for t in ax.get_xticklabels()) for ax in figure.axes[:4]]
    shown = [ax.xaxis.get_major_ticks()[0].label1.get_visible() for ax in figure.axes[:4]]
    assert [a and b for a, b in zip(named, shown, strict=True)] == [False, True, True, True]


def luminance(colour: str) -> float:
    """Relative luminance of the WCAG 2."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_formula():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)


@pytest.mark.parametrize("paper", ["#ffffff", "#16191c", "#111111"])  # JupyterLab's, the report's
@pytest.mark.parametrize("colour", [*COLOURS, GREY, INK])
def test_colours_stand_out_on_light_and_on_dark(colour, paper):
    assert contrast(colour, paper) >= 3


def test_profile_of_relu():
    facts = profile.profile("relu")
    assert facts["gain"] == pytest.approx(2**0.5, rel=1e-4)
    assert facts["mean of f(z)"] == pytest.approx((2 * np.pi) ** -0.5, rel=1e-4)
    assert facts["mean of f'(z)^2"] == pytest.approx(0.5, abs=1e-3)
    assert facts["share of |f'(z)| < 0.05"] == pytest.approx(0.5, abs=1e-3)
    assert (facts["kinks"], facts["monotone"]) == ("0", "yes")
    assert (facts["least value on [-12, 12]"], facts["largest slope on [-12, 12]"]) == (0, 1)
    with pytest.raises(ValueError, match="softmin: a profile is defined for elementwise"):
        profile.profile("softmin")


def test_a_profile_to_read():
    facts = profile.table("srelu", t=2).srelu
    assert facts["kinks"] == "-2, 2"
    assert facts["slope at 0"] == "0.5"
    assert facts["least value on [-12, 12]"] == "-0.1671"


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_every_profile(name):
    facts = profile.profile(name)
    assert facts.name == name
    assert facts["finite up to |x| = 1e4"] == "yes"
