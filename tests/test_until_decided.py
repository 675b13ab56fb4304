"""Sweeps that add seeds until the evidence decides."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import afnlab
from afnlab.runs import records, sweep
from afnlab.runs.kernel.fork_client import available
from afnlab.runs.sweeps import until_decided
from afnlab.runs.sweeps.dask_executor import Dask
from afnlab.runs.sweeps.sweep_file import SweepError, read
from afnlab.runs.sweeps.until_decided import Comparisons, most_seeds

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


def test_every_run_is_paired_with_the_baseline_on_its_task():
    grid = {"task": ["digits-mlp", "breast-cancer"], "activation": ["gelu", "relu"], "lr": [0.1, 1]}
    found = comparisons(grid | {"lr": [0.1, 0.01]})
    told = [
        (s.training.task.name, found.against[s.group].label)
        for s in found.specs.values()
        if s.group in found.against
    ]
    assert len(told) == 6
    assert all(label.startswith(f"{task} relu") for task, label in told)
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
@pytest.mark.usefixtures("one_server")
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
    assert any("Seeds were added until the evidence decided" in note for note in selection.notes)
    (fixed,) = afnlab.compare.select("runs", "mine.yaml", seeds=8)
    assert not any("until the evidence decided" in note for note in fixed.notes)
