"""The confirmation of what is judged, as `afnlab confirm` has it."""

from __future__ import annotations

import shutil

import pytest

from afnlab.compare import compare_histories
from afnlab.judging.confirmed import confirmation_of
from afnlab.runs import load
from tests.fuzz.folders import whole
from tests.judging.test_trained_before import groups_of, trained
from tests.runs.test_runs import rewrite


def test_a_confirmation_is_that_of_this_idea_against_this_baseline(tmp_path):
    groups = groups_of(whole())
    assert confirmation_of(tmp_path, groups) is None
    kept = shutil.copytree(whole(), tmp_path / "confirm")
    made = confirmation_of(tmp_path, groups)
    row = compare_histories(load(kept), "relu").loc["srelu(trainable=t)"]
    assert (made.verdict, made.seeds) == (row.verdict, 12)
    assert made.interval == pytest.approx((row.difference, row.difference_low, row.difference_high))
    assert made.text.startswith(f"{row.verdict}, ")
    assert ", 95 % interval [" in made.text
    assert made.text.endswith(", 12 seeds")
    assert confirmation_of(kept, groups) is None
    assert confirmation_of(tmp_path, [groups[0], "ab" * 8]) is None
    idea, _ = trained(kept)
    said = {"row": groups[0], "baseline": "ab" * 8, "label": "srelu"}
    rewrite(kept / idea["id"], confirmation=said)
    assert confirmation_of(tmp_path, groups) is None  # against another one
