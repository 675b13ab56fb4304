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


def drawn(seeds: int) -> pd.DataFrame:
    """Values of three layers, of which the last is better than the others at every seed."""
    values = np.random.default_rng(0).normal(2, 0.02, size=(seeds, 3))
    return pd.DataFrame(values - [0, 0, 0.2], columns=["GELU", "ReLU squared", "SwiGLU"])


def test_what_is_said_of_two_layers_follows_from_their_values():
    values = drawn(12)
    before, last = feed_forward.pairs(values)
    assert (before, last) == (("ReLU squared", "GELU"), ("SwiGLU", "ReLU squared"))
    assert feed_forward.halves(values, *last).index.tolist() == [
        *("seeds 0 to 5", "seeds 6 to 11", "all")
    ]
    said = feed_forward.said_of_halves(values, *last)
    assert said.startswith("SwiGLU minus ReLU squared is \N{MINUS SIGN}0.2004 over 12 seeds: they")
    assert "they differ (p < 0.001)" in said
    assert said.endswith("have one sign; by itself, both show it.")
    said = feed_forward.said_of_halves(values, *before)
    assert "they are not shown to differ (p = 0.902)" in said
    assert said.endswith("do not have one sign; by itself, neither shows a difference.")
    assert feed_forward.said_of_halves(drawn(8), *last).endswith(
        "each takes 6 seeds to show anything."
    )
    assert feed_forward.said_of_halves(drawn(4), *last).endswith("the test takes 6 seeds.")
    assert feed_forward.halves(drawn(5), *last).index[0] == "seeds 0 to 2"


def test_two_layers_are_enough_and_one_is_compared_with_none():
    values = drawn(12)
    assert feed_forward.pairs(values.iloc[:, :2]) == [("ReLU squared", "GELU")]
    assert feed_forward.pairs(values.iloc[:, :1]) == []
    assert "The means of the 3 layers reach from 1.79" in feed_forward.said_of_spread(values)
    one = feed_forward.said_of_spread(values.iloc[:, :1])
    assert one.startswith("The mean of the only layer is 1.99")
    assert "One seed says nothing" in feed_forward.said_of_spread(values.iloc[:1])
