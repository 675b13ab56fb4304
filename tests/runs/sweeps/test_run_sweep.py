"""Sweeps: what is there is not run again, and a failure ends nothing else."""

from __future__ import annotations

import gc
import json

import pytest

import afnlab
from afnlab.runs import RunSpec, records, sweep
from afnlab.runs.execution import RunFailed
from afnlab.runs.sweeps import sweep_file
from afnlab.runs.sweeps.pending import standings
from tests.runs.test_runs import SMALL

pytestmark = pytest.mark.usefixtures("one_server")


def labels(specs) -> list[str]:
    return [spec.training.label for spec in specs]


OWN = """\
import torch
from afnlab import Param, activation

@activation(b=Param(1.0))
def bent(x, b):
    return x * torch.sigmoid(b * x)
"""


GRID = {"activation": ["relu", "srelu"]}


def test_what_is_there_is_not_run_again(runs):
    said = []
    plan = sweep_file.Sweep("mine", parameters={"epochs": 2}, grid=GRID, seeds=2)
    outcome = sweep(plan, runs=runs, report=said.append)
    assert said == ["mine: 2 runs, 2 present, 0 to do"]
    assert labels(outcome.there) == ["relu", "srelu"]
    assert not outcome.added
    assert not outcome.failed


FAILS = OWN.replace("return x *", "assert x.shape[-1] != 32, 'too narrow'\n    return x *")


# jupyter_client leaves the event loop of each thread that ran a notebook to the garbage collector.
@pytest.mark.filterwarnings("ignore:unclosed (event loop|<socket):ResourceWarning")
def test_a_sweep_runs_what_is_missing_and_goes_on_after_a_failure(runs, tmp_path):
    (tmp_path / "my.py").write_text(FAILS)
    grid = {"activation": ["relu", f"{tmp_path / 'my.py'}:bent", "srelu"]}
    plan = sweep_file.Sweep("mine", parameters={"epochs": 2}, grid=grid, seeds=3)
    before = {r["id"] for r in records(runs)}
    said: list[str] = []
    outcome = sweep(plan, runs=runs, jobs=2, report=said.append)
    assert outcome.there == []
    assert len(outcome.added) == 2
    new = [r for r in records(runs) if r["id"] not in before]
    assert [r["seeds"] for r in new] == [[2], [2]]
    assert {runs / r["id"] for r in new} == set(outcome.added)
    ((spec, error),) = outcome.failed
    folder = error.folder
    assert spec.training.label == "my.py:bent"
    assert str(error) == "AssertionError: too narrow"
    assert error.link == (folder / "notebook.ipynb").as_uri()
    assert folder == runs / ".failed" / spec.id
    assert "too narrow" in json.dumps((folder / "notebook.ipynb").read_text())
    assert said[0] == "mine: 3 runs, 0 present, 3 to do"
    assert len([s for s in said if "FAILED, AssertionError: too narrow" in s]) == 1
    assert len([s for s in said if "test accuracy" in s and "over 1 seed," in s]) == 2
    assert {p.name for p in runs.iterdir()} == {".failed", *before, *(r["id"] for r in new)}
    table = afnlab.runs.load(runs)
    assert table.groupby("activation").seed.unique().map(sorted).to_dict() == {
        "relu": [0, 1, 2],
        "srelu": [0, 1, 2],
    }
    assert not any(standing.missing for standing in standings(plan.specs()[::2], runs))
    gc.collect()


def test_what_a_sweep_returns_is_short_to_read(runs):
    outcome = sweep({"parameters": {"epochs": 2}, "grid": GRID, "seeds": 2}, runs=runs)
    assert repr(outcome) == "2 present, 0 added, 0 failed"


@pytest.mark.parametrize("jobs", [0, -1, 1.5])
def test_jobs_that_are_not_allowed(tmp_path, jobs):
    with pytest.raises(ValueError, match="jobs must be a whole number, 1 or more"):
        sweep("small", runs=tmp_path, jobs=jobs, **SMALL)


def test_what_runs_reach_is_looked_up_once_for_all_alike(monkeypatch):
    from afnlab.runs.fingerprint import manifest  # noqa: PLC0415

    looked: list[object] = []
    look = manifest._manifest_of
    monkeypatch.setattr(manifest, "_manifest_of", lambda *a: looked.append(a) or look(*a))
    plan = {"grid": {"lr": [0.1, 0.2, 0.3], "activation": ["relu", "srelu"]}}
    first = sweep_file.read(plan).specs()
    assert len(looked) == 2
    assert [spec.id for spec in first] == [
        RunSpec.make("train", {"lr": lr, "activation": name}).id
        for lr in (0.1, 0.2, 0.3)
        for name in ("relu", "srelu")
    ]
    sweep_file.read(plan).specs()
    assert len(looked) == 2 + 6 + 2  # nothing is remembered beyond a plan


@pytest.mark.parametrize(("seeds", "notes"), [(2, 1), (6, 0)])
def test_a_sweep_says_at_its_start_that_nothing_can_be_decided(seeds, notes, tmp_path):
    """Where nothing is left to run it is not said, as the tests above have it."""
    said: list[str] = []
    content = {"grid": {"activation": ["relu", "gelu"]}, "seeds": seeds}

    class Nothing:
        here, running = True, 0

        def results(self, specs, _):
            said.append("begin")
            yield from ((spec, RunFailed("stopped", tmp_path)) for spec in specs)

    sweep(content, runs=tmp_path / "runs", executor=Nothing(), report=said.append)
    before = said[: said.index("begin")]
    assert (
        sum("no difference can pass a test" in line for line in before) == notes == len(before) - 1
    )


class Done:
    """An executor that says of every run that it was made."""

    here, running = True, 0

    def results(self, specs, _):
        yield from ((spec, None) for spec in specs)


def test_what_was_added_is_found_from_another_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plan = sweep_file.Sweep("mine", parameters={"epochs": 2}, grid=GRID, seeds=2)
    outcome = sweep(plan, runs="mine", executor=Done(), report=lambda _: None)
    assert {path.parent for path in outcome.added} == {tmp_path / "mine"}
