"""A sweep started in a notebook: its bar in a real JupyterLab."""

from __future__ import annotations

from pathlib import Path

import jupyter
import nbformat
import pytest
from screens import eventually

pytestmark = pytest.mark.slow
BAR = f"{jupyter.PANEL} .jp-OutputArea [role=progressbar]"
SWEEP = """\
import afnlab

plan = {"notebook": "steps.ipynb", "grid": {"step": range(4)}}
outcome = afnlab.runs.sweep(plan, jobs=2)
outcome\
"""

# All that the bar says, in turn.
WATCH = """bar => {
  window.afnlabSaid = [];
  new MutationObserver(() => {
    for (const shown of document.querySelectorAll(bar)) {
      const now = `${shown.ariaValueNow}: ${shown.ariaValueText}`;
      if (window.afnlabSaid.at(-1) !== now) window.afnlabSaid.push(now);
    }
  }).observe(document.body, {childList: true, subtree: true, attributes: true});
}"""

# How the words stand out against what is behind them, as WCAG counts it: 4.5 is readable.
CONTRAST = """words => {
  const light = text => {
    const part = c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    const [r, g, b] = text.match(/[\\d.]+/g).slice(0, 3).map(c => part(c / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  let behind = words;
  const see = () => getComputedStyle(behind).backgroundColor;
  while (see() === 'rgba(0, 0, 0, 0)') behind = behind.parentElement;
  const both = [light(getComputedStyle(words).color), light(see())].sort((a, b) => b - a);
  return (both[0] + 0.05) / (both[1] + 0.05);
}"""


@pytest.fixture
def sweep(notebooks) -> str:
    """The name of a notebook that sweeps over another, of whose four runs one fails.

    Run N ends once there is a file goN, so that all that the bar says is there to be seen.
    """
    new = nbformat.v4
    parameters = new.new_code_cell("step: int = 0", metadata={"tags": ["parameters"]})
    body = new.new_code_cell(
        "import time\nfrom pathlib import Path\n\n"
        f"while not Path({str(notebooks)!r}, f'go{{step}}').exists():\n    time.sleep(0.05)\n"
        "if step == 2:\n    raise ValueError('two')"
    )
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    write(notebooks / "steps.ipynb", [parameters, body], kernel)
    write(notebooks / "sweep.ipynb", [new.new_code_cell(SWEEP)], kernel)
    return "sweep"


def write(path: Path, cells: list, metadata: dict) -> None:
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=metadata), path)


def test_the_bar_of_a_sweep(lab, notebooks, sweep, page):
    jupyter.open_notebook(page, lab, sweep)
    page.evaluate(WATCH, BAR)
    jupyter.begin_all(page)
    for at, words in enumerate(("0 of 4 done, 2 running", "1 of 4 done, 2 running")):
        page.locator(f"{BAR}[aria-valuenow='{at}'][aria-valuetext^='{words}']").wait_for()
        (notebooks / f"go{at}").touch()
    for at in (2, 3):
        (notebooks / f"go{at}").touch()
    jupyter.wait_for_all(page)
    page.locator(f"{BAR}[aria-valuetext^='3 of 4 done, 1 failed, in ']").wait_for()
    said = page.evaluate("window.afnlabSaid")
    assert said[0].startswith("0: 0 of 4 done")
    assert any(" left" in text for text in said)
    assert [int(text[0]) for text in said] == sorted(int(text[0]) for text in said)
    assert said[-1].startswith("4: 3 of 4 done, 1 failed, in ")
    parts = page.locator(f"{BAR} > div").evaluate_all("all => all.map(e => e.style.width)")
    assert parts == ["75%", "25%", "0%"]
    output = page.locator(f"{jupyter.PANEL} .jp-OutputArea")
    for text in ("steps(step=2): FAILED, ValueError: two", "0 present, 3 added, 1 failed"):
        output.get_by_text(text).first.wait_for()

    words = page.locator(BAR).locator("xpath=preceding-sibling::div")

    def is_readable() -> None:
        assert words.evaluate(CONTRAST) > 4.5

    for theme in ("Light", "Dark"):
        jupyter.choose_theme(page, f"JupyterLab {theme}")
        eventually(page, is_readable)

    # It is in the notebook when that is saved, and so there when it is opened without a kernel.
    page.keyboard.press("Control+s")

    def is_saved() -> None:
        assert "3 of 4 done, 1 failed" in (notebooks / f"{sweep}.ipynb").read_text()

    eventually(page, is_saved)
