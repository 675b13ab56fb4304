"""A metric of a user's own, of which lower is better: from the file to the verified report."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import afnlab
from afnlab.cli import main
from afnlab.compare import select
from afnlab.compare.proper_names import proper_name
from afnlab.measures import ACCURACY
from afnlab.report import export, sections, write_report
from afnlab.runs import records
from afnlab.runs.storage.record_schema import measure
from afnlab.usercode.lookup import load
from tests.report.test_report import Page, assert_needs_nothing
from tests.runs.test_runs import means, rewrite, small_runs

pytestmark = pytest.mark.usefixtures("one_server")
FILE = """
import torch

from afnlab import Data, Loss, Metric, Recipe, Task
from afnlab.training.models import mlp


def absolute_error(outputs, targets):
    return (outputs - targets).abs().sum(), torch.ones_like(targets).sum()


def parabola():
    x = torch.linspace(-1, 1, 180)[:, None]
    return Data(x[::2], x[::2] ** 2, x[1::2], x[1::2] ** 2)


error = Metric(
    name="mean error",
    key="mean_error",
    unit="mm",
    better="lower",
    low=0.0,
    chance=lambda data: float((data.test_y - data.train_y.mean()).abs().mean()),
    scale=1000.0,
    total=absolute_error,
)
valley = Task(
    "valley",
    parabola,
    mlp(1, 8, 1),
    Recipe(epochs=3, batch_size=16, lr=0.02),
    loss=Loss("squared error", lambda outputs, targets: (outputs - targets).square()),
    metric=error,
    summary="a parabola",
)
"""
SWEEP = """
title: Errors in millimetres
baseline: tanh
grid: {task: ["own.py:valley"], activation: [tanh, identity, relu]}
seeds: 6
"""
TUNED = """
title: Tuned
baseline: tanh
parameters: {task: "own.py:valley"}
tune: {lr: {from: 0.001, to: 0.1, log: true}, budget: 3, selection_seeds: 1}
grid: {activation: [tanh, relu]}
seeds: 6
"""


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("own.py").write_text(FILE)
    Path("own.yaml").write_text(SWEEP.replace("identity", "hardtanh"))
    Path("tuned.yaml").write_text(TUNED)
    return tmp_path


def test_training_and_tuning_by_it(here):
    result = afnlab.train("own.py:valley", "tanh", seeds=3, keep_weights=True, progress=False)
    data = result.task.data()
    for seed in (0, 2):
        wrong = (result.model(seed)(data.test_x) - data.test_y).abs().mean().item()
        assert result.final.test_mean_error[seed] == pytest.approx(wrong, rel=1e-5)
    assert repr(result).endswith(f"{1000 * result.final.test_mean_error.mean():.2f} mm>")
    among = {"lr": [1e-6, 1e-5, 0.02]}
    tuned = afnlab.tune("own.py:valley", "tanh", among, seeds=3, progress=False)
    means = tuned.candidates.groupby(["seed", "lr"]).validation_mean_error.mean().unstack()
    assert tuned.chosen.set_index("seed").lr.tolist() == means.idxmin(axis=1).tolist()
    assert (tuned.chosen.lr == 0.02).all()  # the lowest error, not the highest


def test_from_the_file_to_a_verified_report(here, capsys):
    assert main(["sweep", "own.yaml", "--runs", "runs", "--jobs", "1"]) == 0
    said = capsys.readouterr().out
    assert "test mean error " in said
    assert " mm over 6 seeds" in said
    for record in records("runs"):
        told = measure(record)
        assert (told.unit, told.better, told.scale) == ("mm", "lower", 1000.0)
        assert told.chance == pytest.approx(
            load("own.py:valley", afnlab.Task, "").metric.chance(
                load("own.py:valley", afnlab.Task, "").data()
            )
        )
    Path("own.py").rename("gone.py")  # tables speak about runs without it
    (chosen,) = select("runs", baseline="tanh", margin=1.0)
    Path("gone.py").rename("own.py")
    table = chosen.table
    assert table.mean_error.is_monotonic_increasing
    best, decimals = table.index[0], chosen.measure.decimals  # that the metric does not state
    assert (
        f"{proper_name(best)} has the lowest mean error,"
        f" {1000 * table.mean_error[best]:.{decimals}f} mm" in chosen.answers["Which?"]
    )
    compared = table.dropna(subset="p_holm")
    expected = {True: {"worse"}, False: {"better"}}
    for _, row in compared[compared.verdict.isin(["better", "worse"])].iterrows():
        assert {row.verdict} == expected[row.difference > 0]
    assert main(["compare", "own.yaml", "--runs", "runs", "--margin", "1"]) == 0
    shown = capsys.readouterr().out
    assert "mean error mm, lower is better" in shown
    assert "accuracy" not in shown
    page = write_report.write("own.yaml", runs="runs", margin=1.0, pdf=False, means=means())
    assert_needs_nothing(Page(page))
    text = Page(page).text
    for words in (
        "lowest mean error",
        "mean error (mm), lower is better",
        "difference to Tanh (mm)",
        "Lower left is best",
        "worst seed (mm)",
    ):
        assert words in text, words
    assert "accuracy" not in text[: text.rindex("The terms")].lower()  # which a glossary follows
    state = json.loads((page.parent / "report.json").read_text())
    assert state["tables"][0]["measure"]["better"] == "lower"
    assert state["tables"][0]["margin"] == pytest.approx(0.001)
    csv = pd.read_csv(page.parent / "tables" / state["tables"][0]["csv"], index_col=0)
    np.testing.assert_allclose(csv.mean_error, table.mean_error)
    capsys.readouterr()
    assert main(["verify", str(page.parent), "--rerun", "1"]) == 0, capsys.readouterr().out
    assert main(["runs", "list", "--runs", "runs"]) == 0
    assert capsys.readouterr().out.count(" mm ") == 3


@pytest.mark.slow
def test_the_report_of_a_tuned_sweep_by_it(here):
    assert main(["sweep", "tuned.yaml", "--runs", "runs", "--jobs", "1"]) == 0
    page = write_report.write("tuned.yaml", runs="runs", pdf=False, means=means())
    text = Page(page).text
    for words in (
        "Mean error over what was tuned",
        "fixed recipe (mm)",
        "trials within 1 % of its best",
        "change (mm)",
        "at the fixed recipe that lies far above",
        "A row that is far above them when tuned as well has both its numbers there",
        "far above the others of their row",
    ):
        assert words in text, words
    assert "accuracy" not in text[: text.rindex("The terms")].lower()  # which a glossary follows


def relabelled(folder: Path, *described: dict) -> None:
    """Have the records of runs name other metrics, the first run the first of them."""
    for record, told in zip(records(folder), described, strict=True):
        measures = [told | {"key": "accuracy"}]
        rewrite(folder / record["id"], environment={**record["environment"], "measures": measures})


ODD = ACCURACY.described() | {"name": "<b>odd</b> & $x$", "unit": "<i>", "scale": 1.0}


def test_the_name_of_a_metric_is_text(tmp_path):
    runs = shutil.copytree(small_runs(), tmp_path / "runs")
    relabelled(runs, ODD, ODD)
    (chosen,) = select(runs)
    for make in (
        *(sections.headline, sections.table, sections.details, sections.milestones),
        *(sections.comparison, sections.curves, sections.frontier),
    ):
        page = make(chosen).data
        assert not re.search("<b>|<i>", page)
    assert "&lt;b&gt;odd&lt;/b&gt; &amp; $x$ (&lt;i&gt;)" in sections.table(chosen).data
    export.tables(chosen, tmp_path)
    assert r"\<b\>odd\</b\>" in next(tmp_path.glob("*.md")).read_text()


def test_runs_of_two_metrics_are_no_rows_of_one_table(tmp_path):
    runs = shutil.copytree(small_runs(), tmp_path / "runs")
    lower = {"name": "error", "better": "lower", "low": 0.0}
    relabelled(runs, ACCURACY.described(), lower)
    parts = select(runs)
    assert [len(part.table) for part in parts] == [1, 1]
    assert len({part.name for part in parts}) == 2
    message = "margin must be of one metric alone; these runs are judged by accuracy and error"
    way = "got 0.5; --only task=digits-mlp takes those judged by accuracy"
    with pytest.raises(ValueError, match=f"^{message}, {way}$"):
        select(runs, margin=0.5)


BAD = {
    "margin of nothing": (["compare", "--margin", "0"], "--margin must be above 0, got 0"),
    "margin below 0": (["report", "--margin", "-2"], "--margin must be above 0, got -2"),
    "margin without end": (["compare", "--margin", "inf"], "--margin must be above 0, got inf"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_margin_is_refused_in_one_line(name, here, capsys):
    words, message = BAD[name]
    Path("runs").mkdir()
    assert main([*words, "--runs", "runs"]) != 0
    assert capsys.readouterr().err.strip() == f"afnlab: {message}"


EDITS = {
    "NaN": (
        "(outputs - targets).abs().sum()",
        "(outputs.sum() * float('nan'))",
        "must give finite numbers, got nan",
    ),
    "a shape": (
        "(outputs - targets).abs().sum()",
        "(outputs - targets).abs()",
        "total must return two numbers",
    ),
    "chance": (
        "(data.test_y - data.train_y.mean()).abs().mean()",
        "-7.0",
        "chance must be a finite number within the bounds",
    ),
    "bounds": (
        "(outputs - targets).abs().sum()",
        "-(outputs - targets).abs().sum()",
        "must be 0 to any, got -",
    ),
    "direction": (
        'better="lower"',
        'better="smaller"',
        "better must be one of higher, lower, got 'smaller'",
    ),
    "one number": (
        "(outputs - targets).abs().sum(), torch.ones_like(targets).sum()",
        "(outputs - targets).abs().mean()",
        "total cannot be evaluated",
    ),
}


@pytest.mark.parametrize("name", EDITS)
def test_a_metric_that_cannot_be_is_one_line(name, here, capsys):
    old, new, message = EDITS[name]
    assert old in FILE
    Path("own.py").write_text(FILE.replace(old, new))
    with pytest.raises(ValueError, match=message) as caught:
        afnlab.train("own.py:valley", "tanh", seeds=2, epochs=1, progress=False)
    assert "\n" not in str(caught.value)
