"""How figures look: SVG for a page, colours that stand out, labels that fit."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex, to_rgb, to_rgba
from matplotlib.text import Text

from afnlab.figures import all_pairs, evidence, function_curves, learning_curves, over_tasks
from afnlab.figures.style import (
    COLOURS,
    GREY,
    INK,
    log_ticks,
    of_cells,
    panels,
    shortened,
    show,
    styled,
    to_svg,
    wrapped,
)
from afnlab.measures import ACCURACY
from tests.compare.test_summary_table import BASE, SIX, rows

HISTORY = pd.concat([BASE, rows("srelu", [0.60 + 0.01 * s for s in SIX])], ignore_index=True)


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


PAGES = [("#ffffff", "#1d2125"), ("#16191c", "#e4e7ea")]  # the light and the dark one


@pytest.mark.parametrize(("paper", "ink"), PAGES)
@pytest.mark.parametrize(
    "draw",
    [
        lambda: evidence.evidence([0.01, 0.02, -0.01], ACCURACY, against="relu", margin=0.02),
        lambda: evidence.campaign([100, 3], [40, 60], [True, False], [False, True]),
        lambda: learning_curves.learning(HISTORY, ["srelu", "relu"], "relu"),
        lambda: function_curves.function("srelu"),
        lambda: function_curves.gallery(["relu", "srelu"]),
    ],
)
def test_text_on_a_page_is_readable(draw, paper, ink):
    """Of figures whose functions have a style of their own, too."""
    with styled(for_page=True):
        figure = draw()
        figure.draw_without_rendering()
        _, current = of_cells()
    texts = [text for text in figure.findobj(Text) if text.get_text()]
    inks = {to_hex(text.get_color()).replace(current, ink) for text in texts}
    assert inks
    for colour in inks:
        assert contrast(colour, paper) >= 4.5


CELLS = over_tasks.COLOURS(np.linspace(0, 1, 256))  # every colour of a cell, with its opacity


@pytest.mark.parametrize("ink", [*PAGES, None])
def test_text_is_readable_in_every_cell(ink):
    """On the light and the dark page, whose colours these are, and in a bitmap on its own."""
    paper, letters = ink or of_cells()
    for *colour, opaque in CELLS:
        mixed = opaque * np.array(colour) + (1 - opaque) * np.array(to_rgb(paper))
        assert contrast(to_hex(mixed), letters) >= 4.5


@pytest.mark.parametrize("for_page", [False, True])
def test_cells_are_drawn_so(for_page):
    effects = pd.DataFrame({"a": [0.0, 3.9], "b": [0.0, -38.5]}, index=["relu", "srelu"])
    verdicts = pd.DataFrame("better", effects.index, effects.columns)
    pairs = all_pairs.paired_effects(
        pd.DataFrame({"relu": [1.0, 2.0, 1.5], "srelu": [3.0, 3.1, 3.2]}),
        ["relu", "srelu"],
        ACCURACY,
    )
    with styled(for_page):
        figure = over_tasks.over_tasks(effects, verdicts)
        both = [figure, all_pairs.heat_map(pairs, ["relu", "srelu"])]
        paper, ink = of_cells()
    assert [to_hex(text.get_color()) for text in figure.axes[0].texts] == 4 * [ink]
    for drawn in both:
        assert drawn.axes[0].get_facecolor() == to_rgba(paper)


def test_panels_are_larger_where_there_are_few():
    sizes = [panels(["a"] * n, 6, 1.5, sharey=True)[0].get_size_inches() for n in (6, 4, 2)]
    assert [size[0] for size in sizes] == pytest.approx([10.5, 10.5, 5.25])
    assert sizes[0][1] < sizes[1][1] == sizes[2][1]


@pytest.mark.parametrize("about", [4, 5, 7])
@pytest.mark.parametrize("ratio", [1.02, 1.1, 1.9, 2.6, 4.5, 12, 60, 333, 1e4, 1e9])
def test_a_logarithmic_axis_has_a_few_numbers(ratio, about, ax):
    for low in (3e-4, 0.17, 1.0, 2.05, 640.0):
        ax.set(yscale="log", ylim=(low, low * ratio))
        log_ticks(ax.yaxis, low, low * ratio, about)
        ticks = ax.yaxis.get_majorticklocs()
        ticks = ticks[(low <= ticks) & (ticks <= low * ratio)]
        assert 3 <= len(ticks) <= 1.5 * about + 1, low
        texts = ax.yaxis.get_major_formatter().format_ticks(ticks)
        assert [float(text) for text in texts] == pytest.approx(ticks), low
