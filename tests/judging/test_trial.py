"""One trial of an idea: each task has its own recipe, on the same device."""

from __future__ import annotations

import pytest

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
