"""Runs that tune: what they keep, how sweeps make them, and what a report says of them."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

import pandas as pd
import pytest

import afnlab
from afnlab.cli import main
from afnlab.compare import select, tuning_summary
from afnlab.report import sections, write_report
from afnlab.runs import RunSpec, records
from afnlab.runs.storage import runs_folder
from afnlab.runs.sweeps.sweep_file import read
from afnlab.training.space import space
from afnlab.training.tune import FAIR
from tests.report.test_report import Page, assert_needs_nothing
from tests.runs.test_runs import execute_small, means, notebook, rewrite

TUNE = {
    "lr": {"from": 0.001, "to": 0.1, "log": True},
    "init_scale": [1.0, 2.0],
    "budget": 3,
    "selection_seeds": 1,
}
GIVEN = {"seeds": 6, "epochs": 2, "tune": TUNE}
SWEEP = {"parameters": {"epochs": 2}, "tune": TUNE, "grid": {"activation": ["relu", "srelu"]}}


@cache
def tuned_runs() -> Path:
    """A folder with tuned runs of relu and srelu; for reading only."""
    folder = Path(tempfile.mkdtemp(prefix="afnlab-tests-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for activation in ("relu", "srelu"):
        execute_small(folder, activation=activation, **GIVEN)
    return folder


@pytest.fixture
def runs(tmp_path) -> Path:
    return shutil.copytree(tuned_runs(), tmp_path / "runs")


def test_a_run_keeps_what_was_tried_chosen_and_fixed():
    for record in records(tuned_runs()):
        run = tuned_runs() / record["id"]
        assert set(record["files"]) == {
            *("history.parquet", "candidates.parquet", "chosen.parquet", "fixed.parquet"),
            *("cheaper.parquet", "notebook.ipynb"),
        }
        name = record["parameters"]["activation"]
        again = afnlab.tune("digits-mlp", name, TUNE, seeds=6, epochs=2)
        for what in ("candidates", "chosen", "cheaper"):
            table = runs_folder.read_table(run, record, f"{what}.parquet").drop(
                columns="seconds", errors="ignore"
            )
            own = getattr(again, what)[table.columns]
            pd.testing.assert_frame_equal(table, own, rtol=1e-5)
        assert space(record["parameters"]["tune"]).normal() == record["parameters"]["tune"]
        assert record["label"] == f"digits-mlp {name}, tuned lr+init_scale of 3"


def test_what_is_tuned_is_part_of_the_id():
    plain = RunSpec.make("train", {"seeds": 6, "epochs": 2})
    groups = {plain.group}
    for change in ({}, {"budget": 4}, {"selection_seeds": 2}, {"init_scale": [1.0, 3.0]}):
        groups.add(RunSpec.make("train", GIVEN | {"tune": TUNE | change}).group)
    assert len(groups) == 5
    same = dict(reversed(TUNE.items()))
    assert RunSpec.make("train", GIVEN | {"tune": same}).normal["tune"] == space(TUNE).normal()
    assert RunSpec.make("train", {"seeds": 6, "epochs": 2, "tune": {}}).group == plain.group


def test_a_sweep_that_tunes():
    plan = read(SWEEP | {"seeds": 6})
    assert [s.normal["tune"]["budget"] for s in plan.specs()] == [3, 3]
    assert {s.group for s in plan.specs()} == {r["group"] for r in records(tuned_runs())}
    assert [s.normal["tune"]["budget"] for s in plan.specs(budget=5)] == [5, 5]
    with pytest.raises(ValueError, match="budget must be a whole number, 1 to 10000; got 0"):
        plan.specs(budget=0)


def test_a_budget_makes_a_sweep_tune_that_did_not():
    tuned_specs = read("small").specs(budget=5)
    assert [s.normal["tune"] for s in tuned_specs] == 6 * [space(FAIR | {"budget": 5}).normal()]
    assert [s.normal["activation"] for s in tuned_specs] == [
        s.normal["activation"] for s in read("small").specs()
    ]
    asked = RunSpec.make("train", {"seeds": 6, "epochs": 2, "tune": FAIR | {"budget": 5}})
    plain = {"parameters": {"epochs": 2}, "grid": {"activation": ["srelu"]}, "seeds": 6}
    assert read(plain).specs(budget=5)[0].id == asked.id


def test_more_seeds_add_replicates_alone():
    few, more = (read(SWEEP | {"seeds": n}).specs()[0] for n in (6, 8))
    assert few.group == more.group
    assert few.id != more.id


def test_tuned_and_other_runs_are_not_compared(runs):
    execute_small(runs, activation="relu", seeds=6, epochs=2)
    chosen = select(runs)
    assert sorted(len(s.rows) for s in chosen) == [1, 2]


def test_a_comparison_of_tuned_runs():
    (chosen,) = select(tuned_runs())
    assert set(chosen.table.index) == {"relu", "srelu"}
    assert chosen.setting == "digits-mlp, 2 epochs, lr and init_scale tuned, 3 candidates"
    assert chosen.name == "digits-mlp-2-epochs-lr-and-init_scale-tuned-3-candidates"
    assert len(chosen.candidates) == 2 * 6 * 3
    assert list(chosen.tunings) == [*("fixed recipe", "2 candidates", "in full")]
    assert "with 2 candidates" in chosen.answers["Would less tuning do?"]
    fixed = afnlab.train("digits-mlp", "srelu", seeds=6, epochs=2).final.test_accuracy.mean()
    assert chosen.fixed.accuracy["srelu"] == pytest.approx(fixed)
    assert "at the fixed recipe" in chosen.answers["Was it the recipe?"]
    assert (
        "lr from 0.001 to 0.1 on a log scale, init_scale among 1, 2" in chosen.answers["On what?"]
    )
    assert any("One task and one budget" in note for note in chosen.notes)


def test_recipe_says_what_tuning_changed():
    names = ["a", "b", "c"]
    fixed = pd.DataFrame(
        {"accuracy": [0.9, 0.5, 0.95], "p": [None, 0.0, 0.0]}, index=names, dtype=float
    ).assign(verdict=["baseline", "worse", "better"])
    after = fixed.assign(
        accuracy=[0.91, 0.91, 0.92], verdict=["baseline", "not distinguishable", "better"]
    )
    said = tuning_summary.recipe(fixed, after, "a")
    assert said.startswith(
        "Of the 2 others, 1 is better and 1 worse than a at the fixed recipe; tuned, 1 is better"
        " and none worse."
    )
    assert said.endswith("worse. Tuning changes a itself by +1.00 points, for the better.")
    few = fixed.assign(verdict="too few seeds")
    assert "others" not in tuning_summary.recipe(few, after, "a")


@pytest.mark.slow
@pytest.mark.usefixtures("one_server")
def test_the_report_of_a_tuned_sweep(runs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.yaml").write_text(
        "title: Tuned\nparameters: {epochs: 2}\n"
        "tune: {lr: {from: 0.001, to: 0.1, log: true}, init_scale: [1.0, 2.0], budget: 3,"
        " selection_seeds: 1}\n"
        "grid: {activation: [relu, srelu]}\nseeds: 6\n"
    )
    page = Page(write_report.write("t.yaml", runs=runs, pdf=False, means=means()))
    assert_needs_nothing(page)
    for heading in (
        "What tuning changed",
        "Tuned cheaply, tuned well",
        "What was chosen, and how easily",
        "Accuracy over what was tuned",
        "What a larger budget is worth",
    ):
        assert heading in page.text
    _, _, after_contents = page.text.partition("The numbers")
    assert after_contents.index("Was it the recipe?") < after_contents.index("The numbers")
    assert main(["verify", "reports/t", "--rerun", "1"]) == 0


def test_damaged_tables_are_left_out_by_name(runs):
    record = next(r for r in records(runs) if r["parameters"]["activation"] == "srelu")
    run = runs / record["id"]
    for name in ("candidates.parquet", "chosen.parquet", "fixed.parquet", "cheaper.parquet"):
        table = pd.read_parquet(run / name).drop(columns="seed")
        table.to_parquet(run / name, index=False)
    rewrite(run)
    (chosen,) = select(runs)
    for what in ("candidates", "chosen", "fixed"):
        with pytest.warns(UserWarning, match=f"left out .*{what}.parquet: .*lacks columns seed"):
            found = getattr(chosen, what)
        assert "srelu" not in (found.index if what == "fixed" else set(found.label))
    with pytest.warns(UserWarning, match=r"left out .*cheaper.parquet: .*lacks columns seed"):
        tunings = chosen.tunings
    assert [list(table.index) for table in tunings.values()] == [
        ["relu"],
        ["relu"],
        ["srelu", "relu"],
    ]
    for block in (
        sections.recipe,
        sections.cheaply,
        sections.choices,
        sections.rates,
        sections.trial_curves,
    ):
        assert "ReLU" in block(chosen).data or block is sections.trial_curves


def test_the_command_line_takes_a_budget(runs, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.yaml").write_text(
        "title: Tuned\nparameters: {epochs: 2}\ntune: {lr: [0.001, 0.01]}\n"
        "grid: {activation: [relu]}\nseeds: 2\n"
    )
    assert main(["sweep", "t.yaml", "--budget", "2", "--dry-run"]) == 0
    assert "relu, tuned lr of 2" in capsys.readouterr().out
    assert main(["sweep", "t.yaml", "--budget", "4", "--dry-run"]) == 2
    assert "budget must be 3 or less: the recipe and 2 points, got 4" in capsys.readouterr().err


def test_the_command_that_tunes_makes_what_a_sweep_with_a_budget_makes(
    runs, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.yaml").write_text(
        "parameters: {epochs: 2}\ntune: {lr: {from: 0.001, to: 0.1, log: true},"
        " init_scale: [1.0, 2.0], budget: 3, selection_seeds: 1}\n"
        "grid: {activation: [relu, srelu]}\nseeds: 6\n"
    )
    planned = {}
    for words in (
        *("sweep t.yaml", "tune t.yaml", "tune t.yaml --budget 3", "tune t.yaml --budget 2"),
        *("sweep small", "sweep small --budget 8", "tune small", "sweep t.yaml --budget 2"),
    ):
        assert main([*words.split(), "--dry-run"]) == 0
        planned[words] = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    same = [["sweep t.yaml", "tune t.yaml", "tune t.yaml --budget 3"]]
    same += [["sweep small --budget 8", "tune small"]]
    same += [["tune t.yaml --budget 2", "sweep t.yaml --budget 2"], ["sweep small"]]
    for words in same:
        assert len({tuple(planned[one]) for one in words}) == 1
    assert len({tuple(planned[words[0]]) for words in same}) == 4
    assert main(["tune", "t.yaml"]) == 0
    said = capsys.readouterr().out
    assert "2 runs, 2 present, 0 to do" in said
    assert said.endswith("afnlab report t.yaml writes the page about these runs\n")


@pytest.mark.parametrize(
    ("content", "flags", "message"),
    [
        ("grid: {activation: [relu]}", "--budget 0", "budget must be a whole number, 1 to 10000"),
        ("grid: {activation: [relu]}", "--budget -3", "budget must be a whole number, 1 to 10000"),
        ("tune: {lr: [0.1, 0.2]}", "--budget 4", "budget must be 3 or less: the recipe and 2"),
        ("grid: {lr: [0.1, 0.2]}", "", "'lr' is given twice, fixed and to be tuned"),
        ("parameters: {split: validation}", "", "split is set by the tuning"),
        ("notebook: own.ipynb", "", "for notebooks with a parameter 'tune'; own.ipynb has none"),
        ("notebook: own.ipynb", "--budget 2", "for notebooks with a parameter 'tune'; own.ipynb"),
    ],
)
def test_what_cannot_be_tuned_is_one_line(content, flags, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    notebook(tmp_path / "own.ipynb", "rate: float = 0.1", "print(rate)")
    (tmp_path / "t.yaml").write_text(f"{content}\n")
    assert main(["tune", "t.yaml", "--dry-run", *flags.split()]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
