"""The study of feed-forward layers: sizes, differences in parts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from afnlab import stats
from afnlab.studies import feed_forward

LAYERS = [("gelu", "plain"), ("relu", "squared"), ("swish", "gated")]


def test_sizes():
    table = feed_forward.sizes(LAYERS, 32)
    assert table.index.tolist() == ["GELU", "ReLU squared", "SwiGLU"]
    assert table["hidden units"].tolist() == [128, 128, 85]
    assert table["parameters"].tolist() == [8192, 8192, 8160]


def test_results_are_by_seed():
    given = {"limit_train": 128, "limit_test": 40, "params": {"lr": 0.01}}
    table = feed_forward.results(LAYERS[::2], (3, 5), **given)
    assert table.index.tolist() == [3, 5]
    assert table.columns.tolist() == ["GELU", "SwiGLU"]
    again = feed_forward.results([("swish", "gated")], (5,), **given)
    assert again["SwiGLU"][5] == pytest.approx(table["SwiGLU"][5], abs=1e-4)
    assert table.to_numpy().std() > 0


def test_parts_of_the_seeds():
    draws = np.random.default_rng(0)
    values = pd.DataFrame(draws.normal(size=(7, 2)), columns=["A", "B"])
    table = feed_forward.in_parts(values, "A", "B", 3)
    assert table.index.tolist() == ["seeds 0 to 2", "seeds 3 to 5", "seeds 6 to 6", "all"]
    differences = (values.A - values.B).to_numpy()
    assert table.difference["seeds 3 to 5"] == pytest.approx(differences[3:6].mean())
    assert table.loc["all"].tolist() == pytest.approx(
        [*stats.difference_interval(differences), stats.sign_flip_p(differences)]
    )
    with pytest.raises(ValueError, match="layer must be one of A, B; got 'C'"):
        feed_forward.in_parts(values, "C", "B", 3)
