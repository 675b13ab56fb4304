"""The figure of ranks."""

from __future__ import annotations

import numpy as np
import pandas as pd

from afnlab import stats
from afnlab.figures.ranks import ranks
from tests.figures.test_function_curves import texts


def test_ranks():
    values = pd.DataFrame(np.random.default_rng(0).normal([0, 0.1, 5], 1, (9, 3)), columns=[*"abc"])
    shown = texts(ranks(stats.ranking(values)))
    assert all(name in shown for name in "abc")
    assert "(1.0)" in shown
