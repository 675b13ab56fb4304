"""From runs to a report, a lab, a comparison and a replay: what somebody does first."""

from __future__ import annotations

import jupyter
from screens import eventually, ready

from afnlab import report
from afnlab.lab import executed_copies
from afnlab.runs.kernel.execute_cells import Means
from tests.runs.test_runs import execute_small, kernels

MINE = "from afnlab import activation\n\n\n@activation\ndef half(x):\n    return x / 2\n"


def test_the_way_from_runs_to_the_lab(browser, page, tmp_path):
    runs = tmp_path / "runs"
    for activation in ("relu", "srelu"):
        execute_small(runs, activation=activation)
    execute_small(runs, activation="prelu", record=["parameters"], lr=0.05, epochs=6)
    made = report.write(runs=runs, out=tmp_path / "page", pdf=False, means=Means(server=kernels()))
    page.goto(made.as_uri())
    page.locator(".verdict-line").first.wait_for()

    with jupyter.lab(tmp_path) as address:
        # The index, whose pictures are there, and a notebook from it.
        page.goto(f"{address}/lab/tree/index.ipynb?token={jupyter.TOKEN}&reset")
        pictures = page.locator(f"{jupyter.PANEL} .jp-RenderedMarkdown img")

        def are_there() -> None:
            assert pictures.count() == len(executed_copies.ORDER)
            assert pictures.evaluate_all("all => all.every(i => i.naturalWidth > 100)")

        eventually(page, are_there)

        # The runs of where the lab was started, in a table that looks as the report's does.
        jupyter.open_another(page, "compare")
        jupyter.run_all(page)
        outputs = page.locator(f"{jupyter.PANEL} .jp-OutputArea-output")
        outputs.get_by_text("Which?").first.wait_for()
        row = outputs.locator("table.comparison tr.baseline").first
        assert "ReLU" in row.inner_text()
        assert row.evaluate("r => getComputedStyle(r).backgroundColor") != "rgba(0, 0, 0, 0)"
        panel = page.locator(f"{jupyter.PANEL} .jp-Notebook").first.bounding_box()
        for table in outputs.locator(".scroll, .dataframe").all():
            box = table.bounding_box()
            assert box["x"] + box["width"] <= panel["x"] + panel["width"]

        # What was only opened is not changed, whatever its kernel says of itself.
        (tmp_path / "mine.py").write_text(MINE)
        jupyter.open_another(page, "explore")
        page.wait_for_function(jupyter.READY)
        page.wait_for_timeout(1000)  # for what comes after the kernel
        assert page.evaluate("jupyterapp.shell.currentWidget.context.model.dirty") is False

        # What a run has learned, played, beside a function from where the lab was started.
        jupyter.run_all(page)
        ready(page)
        for ref in ("mine.py:half", "PReLU"):
            page.get_by_placeholder("a name, or my_idea.py:ripple").fill(ref)
            page.keyboard.press("Enter")
            page.locator(f"b:has-text('{ref}')").first.wait_for()
        page.locator("code:has-text('PReLU(')").wait_for()
        page.get_by_text("Play what a run has learned").click()
        page.get_by_role("button", name="Load", exact=True).click()
        page.locator("option:has-text('prelu')").first.wait_for(state="attached")
        start = page.locator("code:has-text('PReLU(')").inner_text()
        page.locator(".widget-play button").first.click()
        page.wait_for_function(
            "before => [...document.querySelectorAll('code')].every(c => c.innerText !== before)",
            arg=start,
        )
        page.goto("about:blank")  # before its server ends
