"""Sweeps that add seeds until the evidence decides."""

from __future__ import annotations

import shutil

import numpy as np
import pandas as pd
import pytest

import afnlab
from afnlab.cli import main
from afnlab.judging.trained_pairs import TrainedPairs
from afnlab.report import export
from afnlab.report.sections.tables import table
from afnlab.runs import RunSpec, records, sweep
from afnlab.runs.execution import facts_of
from afnlab.runs.kernel.fork_client import available
from afnlab.runs.sweeps import dask_executor, dask_worker, until_decided
from afnlab.runs.sweeps.dask_executor import Dask
from afnlab.runs.sweeps.local_executor import Local
from afnlab.runs.sweeps.run_sweep import Outcome, _How
from afnlab.runs.sweeps.sweep_file import SweepError, read
from afnlab.runs.sweeps.until_decided import Comparisons, most_seeds
from tests.fuzz.folders import SMALL, whole
from tests.runs.test_runs import rewrite

FORMS = {
    "until decided": 40,
    "until decided, at most 40": 40,
    "until decided, at most 7": 7,
    " until decided ": 40,
    "until decided, at most 0": None,
    "until decided, at most -3": None,
    "until decided at most 40": None,
    "until decided, at most forty": None,
    "until": None,
    12: None,
    None: None,
}


@pytest.mark.parametrize("form", FORMS)
def test_how_many_seeds_a_form_allows(form):
    assert most_seeds(form) == FORMS[form]
    if isinstance(form, str):
        plan = {"grid": {"activation": ["relu", "gelu"]}, "seeds": form}
        if FORMS[form] is None:
            with pytest.raises(SweepError, match=r"or 'until decided, at most 40'; got 'until"):
                read(plan)
        else:
            assert {len(spec.seeds) for spec in read(plan).specs()} == {FORMS[form]}
            assert {len(spec.seeds) for spec in read(plan).specs(seeds=3)} == {3}


def comparisons(grid, baseline="relu"):
    plan = {"grid": grid, "seeds": "until decided", "parameters": {"epochs": 1}}
    return Comparisons.of(read(plan).specs(), baseline)


def test_every_run_is_paired_with_the_baseline_of_its_task_and_settings():
    both = ["gelu", "relu"]
    grid = {"task": ["digits-mlp", "breast-cancer"], "activation": both, "lr": [0.1, 0.01]}
    found = comparisons(grid)
    told = {found.specs[group].label: base.label for group, base in found.against.items()}
    assert told == {
        f"{task} gelu(lr={lr})": f"{task} relu(lr={lr})"
        for task in grid["task"]
        for lr in (0.1, 0.01)
    }
    one = comparisons(grid | {"task": ["digits-mlp"]}, "relu(lr=0.1)")
    assert {base.training.label for base in one.against.values()} == {"relu(lr=0.1)"}
    with pytest.raises(ValueError, match=r"digits-mlp, lr=0\.01 has none among the runs: relu"):
        rates = {"gelu": {"lr": [0.1, 0.2, 0.01]}}, {"relu": {"lr": [0.1, 0.2]}}
        comparisons({"activation": [*rates]})
    exact = comparisons({"activation": ["gelu", {"srelu": {"t": [1.5, 2.0]}}]}, "srelu(t=2)")
    assert {spec.training.label for spec in exact.against.values()} == {"srelu(t=2)"}
    with pytest.raises(ValueError, match="digits-mlp has none among the runs: relu"):
        comparisons({"activation": ["gelu", "srelu"]})


def planted(monkeypatch, effects):
    """Pairs of seeds as if runs of these effects were there, for as many seeds as were made."""
    made: dict[str, int] = {}

    def pairs(_, idea, against):
        d = np.random.default_rng(1).normal(effects[idea.training.label], 1, 40)
        count = min(made.get(idea.group, 0), made.get(against.group, 0))
        return {s: {"idea": float(d[s]), "against": 0.0, "lost": None} for s in range(count)}

    monkeypatch.setattr(until_decided, "seed_pairs", pairs)
    return made


def test_seeds_are_added_to_what_is_open(monkeypatch, tmp_path):
    made = planted(monkeypatch, {"gelu": 3, "srelu": 0, "apec": -3})
    found = comparisons({"activation": ["gelu", "relu", "srelu", "apec"]})
    names = {group: spec.training.label for group, spec in found.specs.items()}
    rounds = []
    while wanted := found.wanted(decided := found.decided(tmp_path, 40), 40):
        rounds.append({spec.training.label: len(spec.seeds) for spec in wanted})
        made |= {spec.group: max(len(spec.seeds), made.get(spec.group, 0)) for spec in wanted}
    verdicts = {names[group]: decision.verdict for group, decision in decided.items()}
    assert verdicts == {"gelu": "better", "srelu": "open", "apec": "worse"}
    assert rounds[0] == dict.fromkeys(("gelu", "relu", "srelu", "apec"), 8)
    assert rounds[-1] == {"relu": 40, "srelu": 40}
    assert max(made[group] for group, label in names.items() if label == "gelu") <= 16
    assert "gelu: better, against relu, after" in found.lines(decided)[0].partition(" ")[2]


def test_a_record_says_that_the_number_of_seeds_followed_from_results(monkeypatch, tmp_path):
    fixed = RunSpec.make("train", {"activation": "gelu", "seeds": 4})
    spec = fixed.until(range(4))
    assert (spec.id, spec.group) == (fixed.id, fixed.group)
    assert "until_decided" not in facts_of(fixed)
    left = spec.pending({0, 1})
    assert (left.seeds, facts_of(left)["until_decided"]) == ((2, 3), True)
    made = []
    monkeypatch.setattr(dask_worker.Worker, "attempt", lambda _, spec, *__: made.append(spec))
    for one in (fixed, spec):
        dask_worker.make(dask_executor._parts(one), str(tmp_path), "a sweep", {})
    assert [one.until_decided for one in made] == [False, True]
    assert [one.id for one in made] == [spec.id, spec.id]


def test_every_seed_that_is_added_is_one_of_these(monkeypatch, tmp_path):
    """Of a judge, and of a sweep; a sweep with another number of seeds has a fixed one."""
    made = []

    def noted(_, specs, notes=(), alike=False):
        made.extend(specs)
        return Outcome()

    monkeypatch.setattr(_How, "made", noted)
    monkeypatch.setattr("afnlab.judging.trained_pairs.seed_pairs", lambda *_: {3: {}})
    TrainedPairs("digits-mlp", "gelu", "relu", {}, {}, Local(), tmp_path).results([3])
    assert [(one.seeds, one.until_decided) for one in made] == [((3,), True), ((3,), True)]
    judged = {"idea": made[0].group, "baseline": made[1].group, "first": 0}
    assert [facts_of(one)["judged"] for one in made] == [judged, judged]
    wanted = comparisons({"activation": ["gelu", "relu"]})
    assert all(one.until_decided for one in wanted.wanted(wanted.decided(tmp_path, 40), 40))
    made.clear()
    plan = {"grid": {"activation": ["gelu", "relu"]}, "seeds": "until decided"}
    sweep(plan, runs=tmp_path, seeds=3, report=lambda _: None)
    assert [(one.seeds, one.until_decided) for one in made] == [((0, 1, 2), False)] * 2
    assert not any("judged" in facts_of(one) for one in made)


WHY = (
    "srelu(trainable=t): seeds were added until the evidence decided, so p, intervals of the"
    " difference and verdict are those of the test that holds however often one has looked"
)
NOTES = {  # the runs with such seeds, the seeds of the sweep that is compared: whether it is said
    "none": ((), None, False),
    "an idea": (("srelu",), None, True),
    "the baseline": (("relu",), None, True),
    "both": (("relu", "srelu"), None, True),
    "as many as a sweep lists": (("srelu",), 12, True),
    "more than a sweep lists": (("srelu",), 8, True),
    "a sweep until decided": ((), "until decided", True),
    "none, and a sweep with more": ((), 20, False),
}


@pytest.mark.parametrize("case", NOTES)
def test_the_test_is_named_wherever_a_table_stands(case, tmp_path, monkeypatch, capsys):
    marked, seeds, said = NOTES[case]
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AFNLAB_RUNS", raising=False)
    shutil.copytree(whole(), "runs")
    trained = [r for r in records("runs") if r["seeds"]]
    for record in trained:
        if record["parameters"]["activation"] in marked:
            rewrite(tmp_path / "runs" / record["id"], until_decided=True)
    parameters = {name: value for name, value in SMALL.items() if name != "seeds"}
    (tmp_path / "mine.yaml").write_text(
        f"parameters: {parameters}\n"
        f"grid:\n  activation: [relu, {{srelu: {{trainable: [true]}}}}]\nseeds: {seeds}\n"
    )
    words = ["compare"] if seeds is None else ["compare", "mine.yaml"]
    assert main(words) == 0
    printed = " ".join(capsys.readouterr().out.split())
    (selection,) = afnlab.compare.select("runs", "" if seeds is None else "mine.yaml")
    file = export.tables(selection, tmp_path / "tables")
    places = {
        "the command line": printed,
        "the page": table(selection).data,
        **{end: file.with_suffix(end).read_text() for end in (".md", ".tex")},
    }
    for place, text in places.items():
        assert (WHY in text.replace("\\", "")) is said, place
        assert ("any time" in text) is said, place
    assert (selection.table.test["srelu(trainable=t)"] == "any time") is said
    of_baseline = "To it no seeds were added so, but to relu, from which its differences are taken"
    assert (of_baseline in printed) is (marked == ("relu",))
    ids = [r["id"] for r in trained]
    assert main(["runs", "diff", *ids]) == 0
    first, *_ = capsys.readouterr().out.splitlines()
    assert ("this test holds at any time" in first) is bool(marked)


WEAK = """
import torch
from afnlab import activation

@activation
def weak(x):
    return 0.02 * torch.tanh(x)
"""


@pytest.mark.slow
@pytest.mark.skipif(not available(), reason="kernels are forked on Linux only")
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")
@pytest.mark.usefixtures("one_server", "forked_workers")
def test_a_dask_worker_decides_as_this_machine_does(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weak.py").write_text(WEAK)
    plan = {
        "parameters": {"task": "breast-cancer", "epochs": 3},
        "grid": {"activation": ["relu", "weak.py:weak"]},
        "seeds": "until decided, at most 16",
    }
    told = {}
    for name, executor in (("dask", Dask(jobs=1)), ("local", None)):
        said: list[str] = []
        assert not sweep(plan, runs=name, executor=executor, report=said.append).failed
        (told[name],) = [line for line in said if "against relu, after" in line]
    assert told["dask"] == told["local"]
    assert {len(r["seeds"]) for r in records("dask")} == {8}


@pytest.mark.slow
@pytest.mark.usefixtures("one_server")
def test_a_sweep_stops_where_it_is_decided(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weak.py").write_text(WEAK)
    (tmp_path / "mine.yaml").write_text(
        "parameters: {task: breast-cancer, epochs: 2}\n"
        "grid:\n  activation: [relu, weak.py:weak]\n"
        "seeds: until decided, at most 16\n"
    )
    said: list[str] = []
    outcome = sweep("mine.yaml", report=said.append)
    assert not outcome.failed
    seeds = [seed for r in records("runs") for seed in r["seeds"]]
    assert len(seeds) in (16, 32)  # 8 of each, or 16
    assert any("weak.py:weak: worse, against relu, after" in line for line in said)
    before = {r["id"] for r in records("runs")}
    sweep("mine.yaml", report=said.append)
    assert {r["id"] for r in records("runs")} == before
    (selection,) = afnlab.compare.select("runs", "mine.yaml")
    assert selection.absent == ()
    assert isinstance(selection.table, pd.DataFrame)
    assert any("holds however often" in note for note in selection.notes)
    assert selection.table.verdict["weak.py:weak"] == "worse"
    assert all(r["until_decided"] for r in records("runs"))
    (fixed,) = afnlab.compare.select("runs", "mine.yaml", seeds=len(seeds) // 2)
    assert fixed.table.equals(selection.table)  # the records know
