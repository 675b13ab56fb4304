"""The cell of parameters: one, of literals."""

from __future__ import annotations

import pytest

from afnlab.runs import (
    RunSpec,
)
from tests.runs.test_runs import notebook


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("import os\nx = os.cpu_count()", r"such as .*, not x = os\.cpu_count\(\)$"),
        ("x: int = 1 + y", "may hold only lines such as"),
        ("x, y = 1, 2", "may hold only lines such as"),
        ("print(1)", "may hold only lines such as"),
        ("x: int", "may hold only lines such as"),
        ("x: int = = 1", "may hold only lines such as"),
    ],
)
def test_a_parameters_cell_holds_literals(tmp_path, cell, message):
    with pytest.raises(ValueError, match=rf"my\.ipynb: .*{message}"):
        RunSpec.make(notebook(tmp_path / "my.ipynb", cell), {})


def test_a_notebook_needs_one_parameters_cell(tmp_path):
    with pytest.raises(ValueError, match="has 0 cells tagged 'parameters', must have one"):
        RunSpec.make(notebook(tmp_path / "my.ipynb", "x = 1", tag="other"), {})
    (tmp_path / "broken.ipynb").write_text("{}")
    with pytest.raises(ValueError, match=r"broken\.ipynb: is not a readable notebook"):
        RunSpec.make(tmp_path / "broken.ipynb", {})
