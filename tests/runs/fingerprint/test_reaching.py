"""What moves and shows results is not reached by a call, and does not count for its run."""

from __future__ import annotations

import pytest

from afnlab.runs import RunSpec
from tests.runs.test_runs import notebook


@pytest.mark.parametrize(
    "call",
    ["afnlab.replace(model, 'ReLU', 'srelu')", "afnlab.train('digits-mlp', 'relu')", "afnlab.gain"],
)
def test_what_moves_and_shows_results_does_not_count_for_a_call(tmp_path, call):
    """A call that chooses an activation by name counts all of them, and no sweeps or reports."""
    path = notebook(tmp_path / "own.ipynb", "out: str = ''", f"import afnlab\n{call}")
    units = RunSpec.make(path, {}).code.units
    assert any(name.startswith("afnlab.activations") for name in units)
    for part in ("runs", "analysis", "widgets", "cli", "bench"):
        assert not [name for name in units if name.startswith(f"afnlab.{part}")]
