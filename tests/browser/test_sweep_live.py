"""A sweep started in a notebook: its bar in a real JupyterLab."""

from __future__ import annotations

from pathlib import Path

import jupyter
import nbformat
import pytest

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
    """The name of a notebook that sweeps over another, of whose four runs one fails."""
    new = nbformat.v4
    parameters = new.new_code_cell("step: int = 0", metadata={"tags": ["parameters"]})
    body = new.new_code_cell(
        'import time\n\ntime.sleep(0.3)\nif step == 2:\n    raise ValueError("two")'
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
    jupyter.run_all(page)
    page.locator(f"{BAR}[aria-valuenow='4']").wait_for()
    said = page.evaluate("window.afnlabSaid")
    assert said[0] == "0: 0 of 4 done"
    assert any("2 running" in text for text in said)
    assert any(" left" in text for text in said)
    assert [int(text[0]) for text in said] == sorted(int(text[0]) for text in said)
    assert said[-1].startswith("4: 3 of 4 done, 1 failed, in ")
    parts = page.locator(f"{BAR} > div").evaluate_all("all => all.map(e => e.style.width)")
    assert parts == ["75%", "25%", "0%"]
    output = page.locator(f"{jupyter.PANEL} .jp-OutputArea").inner_text()
    assert "steps(step=2): FAILED, ValueError: two" in output
    assert "0 present, 3 added, 1 failed" in output

    words = page.locator(BAR).locator("xpath=preceding-sibling::div")
    for theme in ("Light", "Dark"):
        page.click(".lm-MenuBar-itemLabel:text-is('Settings')")
        page.hover(".lm-Menu-itemLabel:text-is('Theme')")
        page.click(f".lm-Menu-itemLabel:text-is('JupyterLab {theme}')")
        page.wait_for_function(f"document.body.dataset.jpThemeName === 'JupyterLab {theme}'")
        assert words.evaluate(CONTRAST) > 4.5

    # It is in the notebook when that is saved, and so there when it is opened without a kernel.
    page.keyboard.press("Control+s")
    for _ in range(300):
        if "3 of 4 done, 1 failed" in (notebooks / f"{sweep}.ipynb").read_text():
            break
        page.wait_for_timeout(100)
    else:
        pytest.fail("the saved notebook has no bar")
