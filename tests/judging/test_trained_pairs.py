"""Trainings of an idea and of the baseline: what keeps them from being one entry."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest

from afnlab.judging.trained_pairs import TrainedPairs
from afnlab.runs import records
from afnlab.runs.sweeps.local_executor import Local
from tests.fuzz.folders import SMALL, whole
from tests.runs.test_runs import rewrite

CODE = "afnlab.training.engine"
CHANGED = {  # of the record of a run: what is said of it
    "code": ({"code": {CODE: "0" * 64}}, f"other code than there is now ({CODE}"),
    "a file of one's own": ({"code": {"/there/my.py": "0" * 64}}, "(/there/my.py"),
    "the device": ({"parameters": {"device": "cuda"}}, "another device ('cuda', here 'cpu')"),
    "the version": ({"versions": {"afnlab": "0.0.1"}}, "another afnlab (0.0.1, here "),
    "all of them": (
        {
            "code": {CODE: "0" * 64},
            "parameters": {"device": "cuda"},
            "versions": {"afnlab": "0.0.1"},
        },
        "and another afnlab (0.0.1, here ",
    ),
    "unknown": (None, "other code than there is now, of which "),
}


@pytest.mark.parametrize("case", CHANGED)
def test_what_keeps_an_entry_from_going_on_is_named(case, tmp_path):
    changes, said = CHANGED[case]
    runs = shutil.copytree(whole(), tmp_path / "runs")
    given = {name: value for name, value in SMALL.items() if name != "seeds"}
    own = {"trainable": True}
    pairs = TrainedPairs("digits-mlp", "srelu", "relu", own, given, Local(), runs)
    idea, against = pairs.specs()
    record = next(r for r in records(runs) if r["group"] == idea.group)
    if changes is not None:
        merged = {name: {**record[name], **value} for name, value in changes.items()}
        rewrite(runs / record["id"], group="ab" * 8, **merged)
    told = pairs.differ(["ab" * 8, against.group])
    assert said in told
    assert ("other code" in told) == ("code" in (changes or ["code"]))


def test_seeds_of_a_confirmation_have_been_seen(tmp_path):
    """Those in the folder of runs and those in that of its confirmations, each once."""
    given = {name: value for name, value in SMALL.items() if name != "seeds"}
    for folder in ("runs", "runs/confirm"):
        runs = shutil.copytree(whole(), tmp_path / folder)
    pairs = TrainedPairs(
        "digits-mlp", "srelu", "relu", {"trainable": True}, given, Local(), tmp_path / "runs"
    )
    group = pairs.specs()[0].group
    record = next(r for r in records(runs) if r["group"] == group)
    assert pairs.confirmed() == {*record["seeds"]}
    assert pairs.seen() == len(record["seeds"])
    shutil.rmtree(tmp_path / "runs" / record["id"])
    assert pairs.seen() == len(record["seeds"])
    assert replace(pairs, runs=runs).confirmed() == set()
