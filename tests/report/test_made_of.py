"""What a report is made of: whatever it is written from makes another hash."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from afnlab.compare import select
from afnlab.report import locked_versions, made_of
from afnlab.runs.sweeps import sweep_file
from tests.runs.test_runs import rewrite, small_runs

SWEEP = """\
title: Two
parameters: {epochs: 2}
grid: {activation: [relu, srelu]}
seeds: 2
"""


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(small_runs(), "runs")
    Path("two.yaml").write_text(SWEEP)
    return tmp_path


def hashed(baseline: str = "", margin: float | None = None) -> str:
    chosen = select(None, "two.yaml", baseline, margin)
    return made_of.made_of(chosen, sweep_file.read("two.yaml"), {"margin": margin})


def made_anew(folder: Path) -> None:
    """Have a run other results under its id, as if the data that it read had changed."""
    run = next((folder / "runs").glob("*/record.json")).parent
    table = pd.read_parquet(run / "history.parquet")
    table.loc[table.index[-1], "test_accuracy"] += 1 / 450
    table.to_parquet(run / "history.parquet", index=False)
    rewrite(run)


def edited(was: str, now: str) -> None:
    Path("two.yaml").write_text(SWEEP.replace(was, now))


CHANGES = {
    "results": made_anew,
    "title": lambda _: edited("Two", "Two of them"),
    "rule for seeds": lambda _: edited("seeds: 2", "seeds: until decided, at most 2"),
    "more seeds": lambda _: edited("seeds: 2", "seeds: 3"),
    "another row": lambda _: edited("srelu]", "srelu, gelu]"),
    "baseline": lambda _: edited("seeds", "baseline: srelu\nseeds"),
}


@pytest.mark.parametrize("what", CHANGES)
@pytest.mark.parametrize("timed", [False, True])
def test_what_a_page_is_written_from_counts(folder, what, timed):
    """With a speed benchmark beside the runs, their own timings say nothing."""
    if timed:
        row = {"dtype": "float32", "elements": 9, "input": "normal", "pass": "both", "way": "torch"}
        rows = [row | {"function": name, "seconds": 1e-3} for name in ("relu", "srelu")]
        facts = {"device": "cpu", "device_name": "x", "threads": 1, "date": "2026-11-30"}
        speed = {"activations": rows, **facts}
        (folder / "runs" / "speed.json").write_text(json.dumps(speed))
    before = hashed()
    assert hashed() == before
    CHANGES[what](folder)
    assert hashed() != before


def test_what_it_is_asked_for_and_quotes_counts(folder, monkeypatch):
    before = hashed()
    assert len({before, hashed("srelu"), hashed(margin=0.5), hashed(margin=0.25)}) == 4
    monkeypatch.setattr(locked_versions, "pins", lambda: {"torch": "0"})
    assert hashed() != before


def test_where_a_project_lies_does_not_count(folder, monkeypatch):
    before = hashed()
    moved = shutil.copytree(folder, folder / "moved")
    monkeypatch.chdir(moved)
    assert hashed() == before


@pytest.mark.parametrize("path", ["errors.py", "runs/filtering.py", "report/script/page.js"])
def test_all_code_counts(path, tmp_path, monkeypatch):
    """A page prints what commands and what thresholds stand anywhere in the package."""
    monkeypatch.setattr(made_of, "PACKAGE", tmp_path)
    code = made_of.code.__wrapped__
    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    hashes = {code()}
    for text in ("a = 1\n", "a = 2\n"):
        (tmp_path / path).write_text(text)
        hashes.add(code())
    assert len(hashes) == 3
