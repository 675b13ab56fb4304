"""What the notebooks without sliders show, in JupyterLab."""

from __future__ import annotations

from typing import Any

import jupyter
import nbformat
import pytest
from papermill.iorw import load_notebook_node
from papermill.parameterize import parameterize_notebook
from screens import eventually

from tests.runs.test_runs import small_runs

# train first: it refuses names that are no parameters of its own.
BRIEF: dict[str, dict[str, Any]] = {
    "train": {"seeds": 2, "epochs": 2, "limit_train": 200},
    "plot": {"activation": "apec"},
    "tune": {"values": [0.5, 2.21, 7.0], "seeds": 2, "epochs": 2, "limit_train": 200},
    "own": {"seeds": 2, "epochs": 2},
    "compare": {"sweep": ""},
    "speed": {"sizes": [4096], "dtypes": ["float32"], "rounds": 1},
}


@pytest.mark.slow
def test_every_notebook_is_shown(lab, page, notebooks):
    """Their cells in a row, in one kernel, whose start is most of the time.

    Each by itself is run without a browser in repository/test_notebooks.py.
    """
    BRIEF["compare"]["runs"] = str(small_runs())
    parts = [
        parameterize_notebook(load_notebook_node(str(notebooks / f"{name}.ipynb")), values)
        for name, values in BRIEF.items()
    ]
    whole = parts[0]
    whole.cells = [cell for part in parts for cell in part.cells]
    for i, cell in enumerate(whole.cells):
        cell.id = str(i)
    nbformat.write(whole, notebooks / "every.ipynb")
    page.set_viewport_size({"width": 1250, "height": 9000})  # cells out of sight have no outputs
    jupyter.open_notebook(page, lab, "every")
    jupyter.run_all(page)
    outputs = page.locator(f"{jupyter.PANEL} .jp-OutputArea-output")

    def are_there() -> None:
        assert outputs.locator("img, figure svg").count() >= len(BRIEF)
        assert outputs.locator("table").count() >= len(BRIEF)

    eventually(page, are_there)
