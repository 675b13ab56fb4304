"""The same widgets in Notebook 7, and as an app in voila."""

from __future__ import annotations

import jupyter
import pytest
from screens import number, picture, ready, slider

pytestmark = pytest.mark.slow


def follows(page) -> None:
    ready(page)
    start, frame = picture(page), number(page)
    for _ in range(40):  # they show their widgets before the kernel can be reached
        slider(page, "t").focus()
        page.keyboard.press("PageUp")  # Notebook 7 can take the arrows for itself
        page.wait_for_timeout(500)
        if number(page) > frame:
            break
    assert number(page) > frame
    assert picture(page) != start
    page.locator("code:has-text('SReLU(t=')").wait_for()


def test_notebook_7(notebook, page):
    page.goto(f"{notebook}/notebooks/explore.ipynb?token={jupyter.TOKEN}")
    page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=90_000)
    page.wait_for_selector(".jp-Notebook-ExecutionIndicator[data-status=idle]", timeout=90_000)
    jupyter.run_all(page)
    follows(page)


def test_voila(voila, page):
    page.goto(f"{voila}/voila/render/explore.ipynb")
    follows(page)
