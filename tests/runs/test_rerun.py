"""Making a run again: where it is made, and what of it is compared."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from afnlab.cli import main
from afnlab.runs import RunSpec, execute, records, rerun
from afnlab.runs.storage import runs_folder
from afnlab.runs.storage.atomic_write import Attempt
from tests.integration.test_trust import OWN
from tests.runs.test_runs import RECORD, execute_small, means, notebook

CELL = 'out: str = ""'
BODY = """\
import json, time
from pathlib import Path
from helper import twice

metrics = {"value": twice(float(Path("data.txt").read_text())), "seconds": time.perf_counter()}
Path(out, "result.json").write_text(json.dumps({"metrics": metrics}))
"""


def kept(runs: Path, **metrics: float) -> tuple[Path, runs_folder.Record]:
    """A run that has nothing but metrics."""
    folder = Attempt(runs, RECORD["id"]).finish(RECORD | {"metrics": metrics})
    return folder, runs_folder.read_record(folder / runs_folder.RECORD)


def test_metrics_are_compared_each_by_name(tmp_path):
    then = kept(tmp_path / "then", loss=1.0, error=0.5, seconds=2.0, only_then=1)
    now = kept(tmp_path / "now", loss=7.0, error=0.5, seconds=3.0, only_now=0.0)
    assert rerun.compare(*then, *then).differ == []
    assert rerun.compare(*then, *now).differ == [
        *("metric loss (was 1.0, is 7.0)",),
        *("metric only_now (there only once)", "metric only_then (there only once)"),
    ]


@pytest.fixture
def made(tmp_path, monkeypatch) -> tuple[Path, str]:
    """The folder that an own notebook was run in, which it reads from; and the run's id.

    The current folder is another then, with files of the same names.
    """
    there, here, runs = (tmp_path / name for name in ("there", "here", "runs"))
    for folder, value in ((there, "1.0"), (here, "100.0")):
        folder.mkdir()
        (folder / "data.txt").write_text(value)
        (folder / "helper.py").write_text(f"def twice(x):\n    return 2 * x + 0 * {value}\n")
    own = notebook(tmp_path / "own.ipynb", CELL, BODY)
    monkeypatch.chdir(there)
    made = execute(RunSpec.make(own, {}), runs, means())
    monkeypatch.chdir(here)
    return there, made.name


@pytest.mark.usefixtures("one_server")
def test_a_run_is_made_again_where_it_was_made(made, tmp_path, capsys):
    there, run = made
    words = ["rerun", run, "--runs", str(tmp_path / "runs")]
    assert records(tmp_path / "runs")[0]["folder"] == str(there)
    assert main(words) == 0, capsys.readouterr().err
    assert "the numbers are the same bits" in capsys.readouterr().out
    (there / "data.txt").write_text("7.0")
    assert main(words) == 1
    said = capsys.readouterr().out.splitlines()[-1]
    assert said == "the numbers differ in metric value (was 2.0, is 14.0)"
    shutil.move(there, tmp_path / "moved")
    assert main(words) == 2
    out, said = capsys.readouterr()
    assert out == ""  # it is not said to run what cannot be run
    assert f"own.ipynb was planned in the folder {there}, which is not here" in said
    assert said.count("\n") == 1


@pytest.mark.usefixtures("one_server")
def test_a_run_is_made_again_with_the_same_code_of_a_colleague(tmp_path, monkeypatch, capsys):
    lab, theirs, runs = (tmp_path / name for name in ("lab", "theirs", "runs"))
    for folder in (lab, theirs):
        folder.mkdir()
    (lab / "my.py").write_text(OWN.format(line=""))
    run = execute_small(runs, activation=f"{lab}/my.py:mine", seeds=1, epochs=1).name
    (lab / "my.py").rename(theirs / "my.py")
    monkeypatch.chdir(tmp_path)
    words = ["rerun", run, "--runs", str(runs)]
    assert main(words) == 2
    said = capsys.readouterr().err
    assert f"{lab}/my.py is not here, and {tmp_path} holds no my.py" in said
    assert said.count("\n") == 1
    assert main([*words, "--code", "theirs"]) == 0, capsys.readouterr().err
    assert "the numbers are the same bits" in capsys.readouterr().out
