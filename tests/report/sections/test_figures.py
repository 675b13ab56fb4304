"""What the figures of a page are of."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd

from afnlab.measures import ACCURACY
from afnlab.report.sections.figures import ranks


def test_ranks_are_over_all_selections_whose_settings_read_alike():
    final = pd.DataFrame({"relu": [0.1, 0.3], "tanh": [0.2, 0.1], "elu": [0.3, 0.2]})
    setting = "digits-mlp, 1 epoch, tuned lr of 2"
    both = [
        SimpleNamespace(name=name, setting=setting, measure=ACCURACY, final=final) for name in "ab"
    ]
    assert f"4 blocks ({setting}: seeds 0, 1; {setting}: seeds 0, 1)" in ranks(both).data
