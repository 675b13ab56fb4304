"""The figures of a page: what blocks of ranks are, and what is left out that would show nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from afnlab.compare import select
from afnlab.measures import ACCURACY
from afnlab.report import sections
from tests.compare.test_over_tasks import selection
from tests.runs.test_runs import small_runs

HINT = "so what ranks distinguish here is a hint and no result"


def trained(task: str, seeds: int, activations: int = 4, noise: float = 0.1):
    """A selection whose activations are ahead of one another in this order."""
    shape = (seeds, activations)
    values = noise * np.random.default_rng(0).normal(size=shape) + np.arange(activations)
    labels = ["relu", *(f"a{i}" for i in range(1, activations))]
    made = selection(task, "higher", 0, final=pd.DataFrame(values, columns=labels))
    made.table = pd.DataFrame({"seeds": seeds}, index=labels)
    made.name, made.setting, made.among, made.measure = task, task, ["task"], ACCURACY
    made.decided_rows = []
    return made


def test_seeds_of_several_tasks_are_not_blocks_of_one_test():
    page = sections.ranks([trained("one", 12), trained("two", 12)])
    assert "24 blocks" not in page.data
    for task in ("one", "two"):
        assert f"All against all: {task}" in page.data
        assert f"over 12 blocks ({task}: seeds 0 to 11)" in page.data
    assert set(page.figures) == {"one-ranks", "two-ranks"}


@pytest.mark.parametrize(("seeds", "told"), [(8, True), (9, False)])
def test_few_seeds_make_ranks_a_hint(seeds, told):
    """8 seeds and 10 pairs of 5: the least p of the exact test is 10 times 2 / 256."""
    page = sections.ranks([trained("one", seeds, 5)]).data
    assert "Two activations are distinguishable" in page
    assert "the verdicts of this page are by the sign-flip test" in page
    assert (HINT in page) == told
    assert ("all 10 pairs that test can show nothing with 8 seeds" in page) == told


def test_one_epoch_has_no_curves():
    (chosen,) = select(small_runs())
    assert set(sections.curves(chosen).figures) == {f"{chosen.name}-{n}" for n in CURVES}
    vars(chosen)["history"] = chosen.history[chosen.history.epoch == 1]
    page = sections.curves(chosen)
    assert not page.figures
    assert "There was one epoch, so there is no curve to draw" in page.data


def test_one_row_is_not_drawn_twice():
    (chosen,) = select(small_runs(), only={"activation": ["relu"]})
    page = sections.curves(chosen)
    assert set(page.figures) == {f"{chosen.name}-curves"}
    assert "Grey: the others" not in page.data
    (both,) = select(small_runs())
    assert "Grey: the others" not in sections.curves(both).data  # there are none


def test_one_seed_has_no_interval_to_speak_of():
    (chosen,) = select(small_runs())
    vars(chosen)["table"] = chosen.table.assign(seeds=1)
    page = sections.comparison(chosen).data
    assert "each grey dot is the one seed; below it is the mean, which one seed gives no" in page
    assert "with its 95 % interval." not in page.partition("Whether")[0]


CURVES = ("curves", "overlay")
