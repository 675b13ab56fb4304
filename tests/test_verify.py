"""A report proved: its tables recomputed, its runs repeated."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest
from test_report import SWEEP
from test_runs import small_runs

from afnlab.analysis import report
from afnlab.analysis.verify import verify
from afnlab.cli import main
from afnlab.runs import RunSpec


@pytest.fixture(scope="module")
def proved(tmp_path_factory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("verify")
    (folder / "two.yaml").write_text(SWEEP)
    runs = shutil.copytree(small_runs(), folder / "runs")
    page = report.write(folder / "two.yaml", runs=runs, out=folder / "out", pdf=False)
    return page, runs


@pytest.fixture
def copied(proved, tmp_path) -> tuple[Path, Path]:
    """A report and its runs, to be spoiled."""
    out = shutil.copytree(proved[0].parent, tmp_path / "out")
    return out, shutil.copytree(proved[1], tmp_path / "runs")


def lines(page: Path, **options) -> tuple[bool, list[str]]:
    said: list[str] = []
    return verify(page, report_to=said.append, **options), said


def test_a_sound_report(proved, capsys):
    good, said = lines(proved[0], rerun=0)
    assert good
    assert said[0] == ("digits-mlp-2-epochs.csv: recomputed from 2 runs, every digit the same")
    assert len(said) == 1
    assert main(["verify", str(proved[0].parent), "--rerun", "0"]) == 0
    assert capsys.readouterr().out.splitlines() == said[:1]


@pytest.mark.slow
def test_runs_are_made_again_to_the_same_bits(proved):
    good, said = lines(proved[0], rerun=1)
    assert good
    assert said[1].endswith(": made again, the same bits")
    assert len(said) == 2


def test_an_altered_table(copied):
    out, runs = copied
    path = next(out.glob("tables/*.csv"))
    path.write_text(path.read_text().replace("relu,2,", "relu,3,", 1))
    assert main(["verify", str(out), "--rerun", "0", "--runs", str(runs)]) == 1
    good, said = lines(out, rerun=0, runs=runs)
    assert not good
    assert "relu is not what its runs give" in said[0]


@pytest.mark.slow
def test_an_altered_history(copied):
    out, runs = copied
    path = next(runs.glob("*/history.parquet"))
    history = pd.read_parquet(path)
    history.loc[history.index[-1], "test_accuracy"] += 1 / 450
    history.to_parquet(path, index=False)
    good, said = lines(out, rerun=2, runs=runs)
    assert not good
    assert f"the history of run {path.parent.name[:8]} is not what it was" in said[0]
    assert any("the bits differ in test_accuracy, on the same kind of machine" in s for s in said)


def test_code_that_has_changed(proved, monkeypatch):
    monkeypatch.setattr(RunSpec, "group", property(lambda self: "0" * 16))
    good, said = lines(proved[0], rerun=2)
    assert not good
    assert said[0].endswith("every digit the same")
    assert sum("its code has changed since" in s for s in said) == 2


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("nowhere", "is no report with a report.json"),
        ("runs", "lacks runs of this report"),
        ("state", "is no report with a report.json"),
    ],
)
def test_nothing_to_verify(copied, what, message, tmp_path, capsys):
    out, runs = copied
    if what == "nowhere":
        out = tmp_path / "nowhere"
    elif what == "state":
        (out / "report.json").write_text("[]")
    else:
        shutil.rmtree(next(runs.glob("*/record.json")).parent)
    with pytest.raises(ValueError, match=message):
        verify(out, runs=runs)
    assert main(["verify", str(out), "--runs", str(runs)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    with pytest.raises(ValueError, match="rerun must be a whole number, 0 or more; got -1"):
        verify(out, rerun=-1)
