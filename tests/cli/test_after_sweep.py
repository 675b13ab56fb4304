"""The command that a sweep of a notebook that is no training ends with."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import pytest

from afnlab.cli.after_sweep import next_command
from afnlab.runs.notebook_metrics import KEEPS_ONE
from afnlab.runs.storage import runs_folder
from afnlab.runs.sweeps import sweep_file
from afnlab.runs.sweeps.run_sweep import Outcome
from tests.runs.test_runs import notebook

LISTS = "afnlab runs list --runs 'my runs' shows what these runs have measured"
COMPARES = "afnlab compare 'my fit.yaml' --metric slope --runs 'my runs' compares these runs"
ASKS = (  # of which nobody has said whether lower values are better
    "afnlab compare 'my fit.yaml' --better lower --runs 'my runs' (or --better higher)"
    " compares these runs"
)


@pytest.mark.parametrize(
    ("kept", "given", "said"),
    [
        ([{"slope": 1.0}, {"slope": 2.0}], {}, COMPARES),
        (
            [{"slope": 1.0, "n": 2.0, "a, b": 3.0, "x": None}] * 2,
            {},
            f"{COMPARES}; --metric takes any of 'slope', 'n', 'a, b'",
        ),
        ([{"n": 2.0, "slope": 1.0}, {"slope": 1.0, "n": None}], {}, COMPARES),
        ([{"slope": 1.0}, {"n": 1.0}], {}, LISTS),  # which no metric compares
        ([{"slope": 1.0}], {"limited": True}, LISTS),
        ([{"slope": 1.0}], {"parameters": {"noise": 1}}, LISTS),  # and nothing that pairs runs
        ([{}, {}], {}, f"no result is kept with these runs: {KEEPS_ONE}"),
        ([None, {"slope": 1.0}], {}, COMPARES),  # of which one was removed meanwhile
        (
            [{"n": 2.0, "slope": 1.0}] * 2,
            {"file": "metric: slope\n"},
            f"{COMPARES.replace(' --metric slope', '')}; --metric takes any of n, slope",
        ),
        ([{"n": 2.0}] * 2, {"file": "metric: slope\n"}, COMPARES.replace("slope", "n")),
        ([{"error": 1.0}], {}, ASKS.replace("--better", "--metric error --better", 1)),
        ([{"error": 1.0}], {"file": "metric: error\n"}, ASKS),
        (
            [{"error": 1.0}],
            {"file": "metric: {name: error, better: lower}\n"},
            COMPARES.replace(" --metric slope", ""),
        ),
        ([None], {}, ""),
        ([], {}, ""),
    ],
)
def test_what_comes_after_a_sweep(kept, given, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    notebook(tmp_path / "fit.ipynb", "noise: float = 0.1\nseed: int = 0")
    Path("my fit.yaml").write_text(f"notebook: fit.ipynb\nseeds: 2\n{given.get('file', '')}")
    parameters = given.get("parameters", {"noise": 1, "seed": 0})

    def read(path):
        if (metrics := kept[int(path.parent.name)]) is None:
            raise ValueError(f"{path}: is missing")
        return {"parameters": parameters, "metrics": metrics}

    monkeypatch.setattr(runs_folder, "read_record", read)
    outcome = Outcome(added=[Path(str(at)) for at in range(len(kept))])
    limited = given.get("limited", False)
    plan = sweep_file.read("my fit.yaml")
    gone = pytest.warns(UserWarning, match="left out 0.record.json: is missing")
    with gone if None in kept else nullcontext():
        assert next_command(plan, "my fit.yaml", outcome, "my runs", limited=limited) == said
