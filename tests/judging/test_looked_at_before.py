"""What earlier judgings and confirmations of an idea, or of its versions, said."""

from __future__ import annotations

import shutil
from datetime import datetime, timedelta

from afnlab.judging.campaign import Campaign
from afnlab.judging.confirmed import confirmation_of
from afnlab.judging.kept_runs import kept_runs
from afnlab.judging.looked_at_before import confirmations, judgings
from afnlab.judging.trained_before import judged_as
from afnlab.measures import ACCURACY
from tests.fuzz.folders import whole
from tests.judging.test_trained_before import groups_of, trained
from tests.runs.test_runs import rewrite

CAMPAIGN = Campaign(task="digits-mlp", against="relu", measure=ACCURACY.described())
VERDICT = "srelu(trainable=t) against relu: "


def test_an_earlier_judging_is_told_with_its_verdict_and_its_own_is_not(tmp_path):
    runs = shutil.copytree(whole(), tmp_path / "runs")
    groups = groups_of(runs)
    edited = ["c" * 16, groups[1]]
    version = {groups[0]: "old.py:srelu"}
    assert judgings(kept_runs(runs), groups, {}, [1], CAMPAIGN, None) == []  # a sweep judges none
    for record in trained(runs):
        rewrite(runs / record["id"], judged=judged_as(groups, 0), until_decided=True)
    kept = kept_runs(runs)
    (said,) = judgings(kept, groups, {}, [1], CAMPAIGN, None)
    assert said.startswith(VERDICT)
    assert " seeds (e-value for better: " in said
    assert judgings(kept, groups, {}, [0], CAMPAIGN, None) == []  # that is this one
    assert judgings(kept, edited, {}, [0], CAMPAIGN, None) == []  # of something else
    (said,) = judgings(kept, edited, version, [0], CAMPAIGN, None)
    assert said.startswith("old.py:srelu against relu: ")
    start = datetime.fromisoformat(trained(runs)[0]["started"]) - timedelta(days=1)
    assert judgings(kept, edited, version, [0], CAMPAIGN, start) == []  # it was later


def test_a_confirmation_of_an_earlier_version_is_told(tmp_path):
    kept = shutil.copytree(whole(), tmp_path / "confirm")
    idea, baseline = groups_of(kept)
    text = confirmation_of(tmp_path, [idea, baseline]).text
    (said,) = confirmations(tmp_path, {idea: "old.py:srelu"}, baseline)
    assert said == f"old.py:srelu, by afnlab confirm: {text}"
    assert confirmations(tmp_path, {}, baseline) == []
