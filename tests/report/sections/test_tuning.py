"""What a page says of tunings, where a part of it has nothing to tell of."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd
import pytest

from afnlab.measures import ACCURACY
from afnlab.report.sections.tuning import choices
from afnlab.training.space import space

RANGE = {"lr": {"from": 0.001, "to": 0.1, "log": True}, "budget": 3}


@pytest.mark.parametrize(("tune", "drawn"), [({"lr": [0.01, 0.1]}, False), (RANGE, True)])
def test_how_easily_is_told_where_trials_were_drawn(tune, drawn):
    """Of a list of values nothing was, and there is no such column."""
    candidates = [
        ("relu", seed, at, drawn, lr, 0.5 + at / 100, 1.0, False)
        for seed in range(3)
        for at, lr in enumerate((0.01, 0.1))
    ]
    names = ["label", "seed", "candidate", "drawn", "lr", "validation_accuracy"]
    tried = pd.DataFrame(candidates, columns=[*names, "validation_loss", "diverged"])
    selection = SimpleNamespace(
        tuning=space(tune),
        chosen=tried[tried.candidate == 1][["label", "seed", "candidate", "lr"]],
        candidates=tried,
        chosen_by=ACCURACY,
        table=pd.DataFrame(index=["relu"]),
        among=False,
        brief="",
        setting="digits",
    )
    page = choices(selection).data
    assert ("How easily an activation is tuned" in page) == drawn
    assert (", and how easily" in page) == drawn
    assert ("trials within" in page) == drawn
