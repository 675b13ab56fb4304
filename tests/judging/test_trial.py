"""One trial of an idea: its recipe, its margin, its parameters."""

from __future__ import annotations

import pytest

import afnlab
from afnlab.judging.campaign import AGAIN, OTHER, TASK
from afnlab.judging.trial import Trial
from afnlab.runs.sweeps.local_executor import Local

DEVICES = {"given": ({"device": "cpu"}, {"device": "cpu"}), "not given": ({}, {})}


@pytest.mark.parametrize("tune", [0, 4])
@pytest.mark.parametrize("case", DEVICES)
def test_the_other_task_has_its_own_recipe_on_the_same_device(case, tune):
    conditions, expected = DEVICES[case]
    given = {**conditions, "epochs": 2}
    trial = Trial.of("gelu", None, "digits-mlp", "breast-cancer", None, tune, {"lr": 0.1}, given)
    stages = trial.stages(None, Local())
    parts = {stage: dict(pairs.parameters) for stage, pairs in stages.items()}
    tunings = [part.pop("tune", None) for part in parts.values()]
    assert tunings == [trial.tuning or None] * 3
    own = {"lr": 0.1, "epochs": 2, **expected}
    assert parts == {TASK: own, AGAIN: own, OTHER: expected}


MARGINS = {  # of a task as it is printed, and how it is stored
    ("digits-mlp", 0.5): 0.005,
    ("breast-cancer", 0.5): 0.5,
}


@pytest.mark.parametrize("case", MARGINS)
@pytest.mark.usefixtures("untrained")
def test_a_margin_is_in_the_unit_that_is_printed(case):
    task, margin = case
    found = afnlab.judge("gelu", task=task, margin=margin, ledger="l.jsonl", report=lambda _: None)
    assert found.standing.campaign.margin == MARGINS[case]
    again = afnlab.judge("mish", ledger="l.jsonl", report=lambda _: None)
    assert again.standing.campaign.margin == MARGINS[case]
    assert again.standing.position == 2


@pytest.mark.usefixtures("untrained")
def test_parameters_of_the_idea_are_its_own():
    made = afnlab.judge("srelu", "relu", "digits-mlp", params={"t": 1.5}, report=lambda _: None)
    assert made.idea == "srelu(t=1.5)"
    other = afnlab.judge("srelu", "srelu", "digits-mlp", params={"t": 1.5}, report=lambda _: None)
    assert other.standing.campaign.against == "srelu"
    with pytest.raises(ValueError, match="is the baseline"):
        afnlab.judge("srelu", "srelu", "digits-mlp", params={"t": 2.21}, report=lambda _: None)
    trained = afnlab.judge(
        "srelu", "srelu", "digits-mlp", params={"trainable": True}, report=lambda _: None
    )
    assert trained.standing.entry["trainable"]
