"""The pictures of live figures, as a browser shows them in JupyterLab.

python docs/live_pictures.py [explore] [playground] [autorot] draws docs/images/NAME.png, by default
all three. It takes Chromium and playwright, as the tests of tests/browser do (a minute).
"""

from __future__ import annotations

import io
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
from PIL import Image
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "browser")]

import jupyter  # noqa: E402
import screens  # noqa: E402

WINDOW = {"width": 1700, "height": 1500}  # wide enough for the widest widget, 1000 pixels
WIDGET = f"{jupyter.PANEL} .jp-OutputArea-output .widget-vbox:has({screens.SCREEN})"


def crosshair(page: Any) -> None:
    """Read the curves at 1.2, once all has been said of them."""
    page.get_by_text("With weights that keep this variance").nth(2).wait_for()
    screens.point_at(page, "slope", 0.62, 0.6)


def learn(page: Any) -> None:
    """Let the networks learn for some 400 steps."""
    page.click("button:has-text('Play')")
    page.wait_for_function("() => /points, step ([4-9]\\d\\d)/.test(document.body.innerText)")
    page.click("button:has-text('Pause')")
    screens.settle(page)
    screens.point_at(page, "loss", 0.3, 0.5)


class Live(NamedTuple):
    """What a cell shows, and what is done with it before its picture is taken."""

    code: str
    act: Callable[[Any], object]


PICTURES = {
    "explore": Live('explore("srelu", "gelu", "apec")', crosshair),
    "playground": Live('playground("srelu", "tanh", shape="spirals")', learn),
    "autorot": Live('RotationExplorer("digits-arp", "sigmoid", 4.0)', screens.settle),
}


def picture(page: Any, address: str, folder: Path, name: str) -> bytes:
    """The widget of this name alone, as a PNG."""
    source = f"import afnlab\n\nafnlab.widgets.{PICTURES[name].code}"
    cell, kernel = nbformat.v4.new_code_cell(source, id="0"), "python3"
    facts = {"kernelspec": {"name": kernel, "display_name": kernel}}
    made = nbformat.v4.new_notebook(cells=[cell], metadata=facts)
    nbformat.write(made, folder / f"{name}.ipynb")
    jupyter.open_notebook(page, address, name)
    jupyter.run_all(page)
    screens.ready(page)
    screens.settle(page)
    PICTURES[name].act(page)
    return page.locator(WIDGET).first.screenshot()


def main(names: list[str]) -> None:
    """Draw the pictures of these names.

    Args:
        names: of PICTURES; none: all of them.
    """
    if unknown := set(names) - set(PICTURES):
        sys.exit(f"{', '.join(unknown)}: must be one of {', '.join(PICTURES)}")
    with tempfile.TemporaryDirectory() as made, sync_playwright() as playwright:
        folder = Path(made)
        program = jupyter.find_chromium()
        browser = playwright.chromium.launch(executable_path=program, args=jupyter.CHROMIUM)
        with jupyter.server(folder) as address:
            page = browser.new_page(viewport=WINDOW)
            page.set_default_timeout(90_000)
            for name in names or PICTURES:
                shown = Image.open(io.BytesIO(picture(page, address, folder / "notebooks", name)))
                file = Path(__file__).parent / "images" / f"{name}.png"
                # 256 colours keep all that one sees, in less than half of the bytes.
                shown.convert("RGB").quantize().save(file, optimize=True)
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:])
