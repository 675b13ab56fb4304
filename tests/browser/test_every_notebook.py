"""The notebooks without sliders, opened and run in JupyterLab by its menu."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jupyter
import pytest
from papermill.iorw import load_notebook_node, write_ipynb
from papermill.parameterize import parameterize_notebook
from test_runs import small_runs

BRIEF: dict[str, dict[str, Any]] = {
    "plot": {"activation": "apec"},
    "train": {"seeds": 2, "epochs": 2, "limit_train": 200},
    "tune": {"values": [0.5, 2.21, 7.0], "seeds": 2, "epochs": 2, "limit_train": 200},
    "own": {"seeds": 2, "epochs": 2},
    "compare": {},
    "speed": {"sizes": [4096], "dtypes": ["float32"], "rounds": 1},
}


@pytest.mark.slow
def test_every_notebook_runs(lab, page, notebooks):
    """All at once, each in a tab of its own, since most of the time is their kernels' start."""
    BRIEF["compare"]["runs"] = str(small_runs())
    tabs = {name: page if i == 0 else page.context.new_page() for i, name in enumerate(BRIEF)}
    for name, tab in tabs.items():
        # Under another name: a run is only as good as the train.ipynb that made it.
        set_parameters(notebooks / f"{name}.ipynb", notebooks / f"brief-{name}.ipynb", BRIEF[name])
        jupyter.visit(tab, lab, f"brief-{name}")
    for tab in tabs.values():
        jupyter.wait_for_kernel(tab)
    for name, tab in tabs.items():
        jupyter.run_all(tab)
        shown = tab.locator(f"{jupyter.PANEL} .jp-OutputArea-output")
        assert shown.locator("img, svg").count(), name


def set_parameters(path: Path, to: Path, values: dict[str, Any]) -> None:
    write_ipynb(parameterize_notebook(load_notebook_node(str(path)), values), str(to))
