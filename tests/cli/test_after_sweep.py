"""The command that a sweep of a notebook that is no training ends with."""

from __future__ import annotations

from pathlib import Path

import pytest

from afnlab.cli.after_sweep import next_command
from afnlab.runs.notebook_metrics import KEEPS_ONE
from afnlab.runs.storage import runs_folder
from afnlab.runs.sweeps.run_sweep import Outcome
from tests.runs.test_runs import notebook

LISTS = "afnlab runs list --runs 'my runs' shows what these runs have measured"
COMPARES = "afnlab compare 'my fit.yaml' --metric error --runs 'my runs' compares these runs"


@pytest.mark.parametrize(
    ("kept", "given", "said"),
    [
        ([{"error": 1.0}, {"error": 2.0}], {}, COMPARES),
        (
            [{"error": 1.0, "n": 2.0, "a, b": 3.0, "x": None}] * 2,
            {},
            f"{COMPARES}; --metric takes any of 'error', 'n', 'a, b'",
        ),
        ([{"n": 2.0, "error": 1.0}, {"error": 1.0, "n": None}], {}, COMPARES),
        ([{"error": 1.0}, {"n": 1.0}], {}, LISTS),  # which no metric compares
        ([{"error": 1.0}], {"limited": True}, LISTS),
        ([{"error": 1.0}], {"parameters": {"noise": 1}}, LISTS),  # and nothing that pairs runs
        ([{}, {}], {}, f"no result is kept with these runs: {KEEPS_ONE}"),
        ([], {}, ""),
    ],
)
def test_what_comes_after_a_sweep(kept, given, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    notebook(tmp_path / "fit.ipynb", "noise: float = 0.1\nseed: int = 0")
    Path("my fit.yaml").write_text("notebook: fit.ipynb\nseeds: 2\n")
    parameters = given.get("parameters", {"noise": 1, "seed": 0})
    records = [{"parameters": parameters, "metrics": metrics} for metrics in kept]
    monkeypatch.setattr(runs_folder, "read_record", lambda path: records[int(path.parent.name)])
    outcome = Outcome(added=[Path(str(at)) for at in range(len(kept))])
    limited = given.get("limited", False)
    assert next_command("my fit.yaml", outcome, "my runs", limited=limited) == said
