"""The same widgets in Notebook 7, and as an app in voila."""

from __future__ import annotations

import jupyter
import pytest
from screens import (
    SMALLEST_TEXT,
    eventually,
    panel,
    picture,
    ready,
    settle,
    slider,
    wait_for_frame,
)

pytestmark = pytest.mark.slow


def follows(page) -> None:
    """Each key that moves a slider does, and keeps the focus on it."""
    ready(page)
    start, handle = picture(page), slider(page, "t")
    for _ in range(40):  # they show their widgets before the kernel can be reached
        handle.focus()
        page.keyboard.press("PageUp")
        if settle(page) > 1:
            break
    for key in ("ArrowRight", "ArrowLeft", "ArrowUp", "ArrowDown", "Home", "End", "PageDown"):
        frame, before = settle(page), picture(page)
        page.keyboard.press(key)
        wait_for_frame(page, frame)
        assert picture(page) != before, key
    assert picture(page) != start
    assert handle.evaluate("e => e === document.activeElement")
    page.locator("code:has-text('SReLU(t=9.')").wait_for()


def test_notebook_7(notebook, page):
    page.goto(f"{notebook}/notebooks/explore.ipynb?token={jupyter.TOKEN}")
    page.wait_for_selector(".jp-Notebook .jp-Cell")
    jupyter.run_all(page)
    follows(page)


def test_voila(voila, page):
    page.route(lambda address: not address.startswith(voila), lambda route: route.abort())
    page.goto(f"{voila}/voila/render/explore.ipynb")
    follows(page)
    # Formulas are set without a network, those of texts too.
    page.locator(".afnlab-formula mjx-container").first.wait_for()
    page.locator("p:has-text('dynamic region') mjx-container").first.wait_for()
    # On a phone: one panel below the other, all of it within the page, nothing small.
    page.set_viewport_size({"width": 390, "height": 844})

    def fits() -> None:
        above, below = (panel(page, title).bounding_box() for title in ("f(x)", "slope"))
        assert below["y"] >= above["y"] + above["height"]
        for area in (above, below):
            assert 0 <= area["x"] < area["x"] + area["width"] <= 390
        assert page.evaluate(SMALLEST_TEXT) >= 11
        assert page.evaluate("document.documentElement.scrollWidth") <= 390

    eventually(page, fits)
