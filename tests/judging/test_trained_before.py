"""Which seeds had been trained before a judging began, and how fresh ones are chosen."""

from __future__ import annotations

import shutil
from datetime import datetime, timedelta

import pytest

from afnlab.judging.standings import Before
from afnlab.judging.trained_before import (
    fresh_first,
    judged_as,
    trained_before,
)
from afnlab.runs import records
from afnlab.runs.seed_pairs import FRESH
from afnlab.runs.storage import runs_folder
from tests.fuzz.folders import whole
from tests.runs.test_runs import rewrite

SEEDS = frozenset(range(12))
NONE = Before(frozenset(), frozenset())


@pytest.fixture
def runs(tmp_path):
    """A folder of an idea and its baseline, with twelve seeds each."""
    return shutil.copytree(whole(), tmp_path / "runs")


def trained(folder):
    """The records of the two trainings, the idea's first."""
    both = [r for r in records(folder) if r["seeds"]]
    return sorted(both, key=lambda r: r["parameters"]["activation"] == "relu")


def groups_of(folder):
    return [r["group"] for r in trained(folder)]


def test_seeds_of_a_sweep_had_been_trained_and_those_of_the_same_judging_had_not(runs):
    groups = groups_of(runs)
    assert trained_before(runs, groups, first=0) == Before(SEEDS, SEEDS)
    for record in trained(runs):
        rewrite(runs / record["id"], judged=judged_as(groups, 0), until_decided=True)
    assert trained_before(runs, groups, first=0) == NONE
    assert trained_before(runs, groups) == Before(SEEDS, SEEDS)  # before one that begins now
    assert trained_before(runs, groups, first=FRESH) == Before(SEEDS, SEEDS)
    assert trained_before(runs, [groups[0], "ab" * 8], first=0).idea == SEEDS  # another baseline


@pytest.mark.parametrize("later", [True, False])
def test_a_judging_begins_with_the_first_of_its_runs(runs, later):
    idea, _ = trained(runs)
    groups = groups_of(runs)
    moved = datetime.fromisoformat(idea["started"]) + timedelta(hours=1 if later else -1)
    judged = judged_as(groups, 0)
    rewrite(runs / idea["id"], judged=judged, started=moved.isoformat())
    assert trained_before(runs, groups, first=0) == Before(
        frozenset(), SEEDS if later else frozenset()
    )


def test_seeds_of_confirmations_and_of_fresh_judgings_count(runs, tmp_path):
    groups = groups_of(runs)
    for folder in ("confirm", runs_folder.FRESH_JUDGINGS):
        shutil.copytree(whole(), tmp_path / "other" / folder)
        assert trained_before(tmp_path / "other", groups) == Before(SEEDS, SEEDS)
        shutil.rmtree(tmp_path / "other" / folder)
        assert trained_before(tmp_path / "other", groups) == NONE


IDEA, AGAINST = "a" * 16, "b" * 16


def recorded(monkeypatch, **folders):
    """Have folders hold runs of these seeds of a group, by their names."""
    made = {
        name: [{"started": "2026-11-30T10:00:00+00:00", **run} for run in runs]
        for name, runs in folders.items()
    }
    monkeypatch.setattr(runs_folder, "records", lambda folder: made.get(folder.name, []))


def test_seeds_of_earlier_versions_count(runs):
    groups = groups_of(runs)
    edited = ["c" * 16, groups[1]]
    assert trained_before(runs, edited, versions=[groups[0]]) == Before(NONE.idea, SEEDS, SEEDS)
    both = trained_before(runs, groups, versions=[groups[1]])
    assert both.versions == frozenset()  # what the idea itself had is not counted twice
    idea, _ = trained(runs)
    judged = judged_as(edited, 0)
    later = datetime.fromisoformat(idea["started"]) + timedelta(hours=1)
    rewrite(runs / trained(runs)[1]["id"], judged=judged)  # with which the judging began
    rewrite(runs / idea["id"], started=later.isoformat())
    assert trained_before(runs, edited, first=0, versions=[groups[0]]) == NONE


USED = {  # the seeds of the baseline in the confirmations, how many are asked for: the first
    "none": ([], 40, FRESH),
    "of a sweep": (range(12), 40, FRESH),
    "of a confirmation": (range(FRESH, FRESH + 13), 40, FRESH + 13),
    "with gaps": ([FRESH + 7, FRESH + 900, FRESH + 5000], 40, FRESH + 901),
    "more than fit between": ([FRESH + 7, FRESH + 900, FRESH + 5000], 5000, FRESH + 5001),
}


@pytest.mark.parametrize("case", USED)
def test_fresh_seeds_are_those_with_which_neither_was_trained(case, tmp_path, monkeypatch):
    seeds, most, first = USED[case]
    recorded(monkeypatch, confirm=[{"group": AGAINST, "seeds": list(seeds)}])
    assert fresh_first(tmp_path / "runs", [IDEA, AGAINST], most) == first


def test_seeds_of_earlier_versions_are_not_fresh(tmp_path, monkeypatch):
    recorded(monkeypatch, confirm=[{"group": "c" * 16, "seeds": [FRESH, FRESH + 3]}])
    assert fresh_first(tmp_path / "runs", [IDEA, AGAINST], 40) == FRESH
    assert fresh_first(tmp_path / "runs", [IDEA, AGAINST], 40, versions=["c" * 16]) == FRESH + 4


def test_a_fresh_judging_goes_on_but_not_as_an_entry_of_a_ledger(tmp_path, monkeypatch):
    groups, runs = [IDEA, AGAINST], tmp_path / "runs"
    seeds = list(range(FRESH + 13, FRESH + 21))
    its = {"judged": judged_as(groups, FRESH + 13), "seeds": seeds}
    swept = [{"group": group, "seeds": list(range(12))} for group in groups]
    recorded(monkeypatch, judge=[{"group": group, **its} for group in groups], runs=swept)
    assert fresh_first(runs, groups, 40) == FRESH + 13
    assert fresh_first(runs, groups, 40, goes_on=False) == FRESH + 21
    assert trained_before(runs, groups, FRESH + 13) == NONE
    assert trained_before(runs, groups).idea == {*range(12), *seeds}
    other = [IDEA, "c" * 16]  # another baseline
    assert fresh_first(runs, other, 40) == FRESH + 21
