"""What the epochs say, of small histories written out by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from afnlab.compare.costs import pareto_front
from afnlab.compare.epochs import bands, cost, milestones, unsteadiness
from afnlab.stats import mean_interval
from tests.compare.test_summary_table import BASE, rows


def curve(label: str, *seeds: list[float], seconds: float = 1.0) -> pd.DataFrame:
    """A history of one accuracy an epoch for each seed."""
    return pd.DataFrame(
        {"label": label, "seed": seed, "epoch": epoch, "test_accuracy": a, "seconds": seconds}
        for seed, values in enumerate(seeds)
        for epoch, a in enumerate(values, start=1)
    )


def test_bands():
    found = bands(BASE).set_index("epoch")
    expected = mean_interval(BASE[BASE.epoch == 2].test_accuracy.to_numpy())
    assert found.loc[2, ["mean", "low", "high"]].tolist() == pytest.approx(expected)
    assert found.label.unique().tolist() == ["relu"]


def test_milestones_by_hand():
    made = milestones(
        pd.concat(
            [
                curve("soon", [0.1, 0.6, 0.5], [0.7, 0.7, 0.7], [0.2, 0.3, 0.8], seconds=2.0),
                curve("late", [0.1, 0.2, 0.3], [0.1, 0.1, 0.1], [0.1, 0.1, 0.9]),
            ]
        ),
        0.5,
    )
    soon, late = made.loc["soon"], made.loc["late"]
    assert (soon.reached, soon.epochs, soon.seconds) == (3, 2, 4)
    assert (late.reached, late.epochs, late.seconds) == (1, np.inf, np.inf)
    assert soon.area == pytest.approx((1.2 + 2.1 + 1.3) / 9)
    assert soon.deviation == pytest.approx(np.std([0.5, 0.7, 0.8], ddof=1))
    assert late.worst == 0.1


def test_milestones_do_not_hang_on_the_order_of_the_rows():
    history = pd.concat(
        [curve(n, [0.1, 0.6], [0.7, 0.7], seconds=s) for n, s in (("a", 1), ("b", 2))]
    )
    mixed = history.sample(frac=1, random_state=0)
    pd.testing.assert_frame_equal(milestones(history, 0.5), milestones(mixed, 0.5))


def test_cost_is_that_of_the_quickest_epoch():
    history = pd.concat([curve("a", [0.1] * 3), rows("b", [0.1]).assign(seconds=0.5)])
    history.loc[history.epoch == 3, "seconds"] = 0.25
    assert cost(history).to_dict() == {"a": 0.25, "b": 0.5}


def test_unsteadiness_by_hand():
    history = pd.concat([curve("a", [0.1] * 3), curve("b", [0.1] * 3), curve("c", [0.1] * 3)])
    history["seconds"] = [1.0, 2.0, 5.0, 1.0, 1.0, 9.0, 2.0, 6.0, 7.0]
    assert unsteadiness(history) == 2.0


def test_frontier_by_hand():
    accuracy = pd.Series({"slow": 0.9, "best": 0.95, "quick": 0.8, "tie": 0.8, "bad": 0.5})
    price = pd.Series({"slow": 3.0, "best": 2.0, "quick": 1.0, "tie": 1.5, "bad": 1.2})
    assert pareto_front(accuracy, price) == ["quick", "best"]
