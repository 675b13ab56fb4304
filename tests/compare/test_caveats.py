"""What limits a comparison, word for word."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from afnlab.compare import ForeignComparison, compare_table
from afnlab.compare.caveats import (
    BEYOND,
    beyond_seeds,
    left_out,
    mixed,
    more_seeds,
    pairing,
    reach,
    same_functions,
    unequal_seeds,
)
from afnlab.measures import Measure
from afnlab.stats import mean_intervals


def test_what_is_left_out():
    assert left_out(0, (), ()) == []
    assert left_out(1, ("own.ipynb",), [("digits elu", "not run")]) == [
        "1 run was left out: its code has changed since.",
        "1 run was left out: made by other notebooks (own.ipynb).",
        "Listed in the sweep and missing here: digits elu (not run).",
    ]
    assert left_out(0, (), (), [("digits elu, run 01234567", "failed: no")]) == [
        "Tried, and missing here: digits elu, run 01234567 (failed: no)."
    ]
    assert left_out(2, ("b", "a", "b"), ())[:2] == [
        "2 runs were left out: their code has changed since.",
        "3 runs were left out: made by other notebooks (a, b).",
    ]


def test_mixed_versions():
    def record(torch="2.13", afnlab="0.1"):
        return {"versions": {"afnlab": afnlab}, "environment": {"torch": torch, "threads": 2}}

    assert mixed([record(), record()]) == []
    assert mixed([record(), record(torch="2.12")]) == [
        "Not all runs share one version of torch (2.12, 2.13): a difference between"
        " rows may come from that."
    ]
    flushed, not_flushed = record(), record()
    flushed["environment"]["determinism"] = {"flush_denormal": True, "cudnn.benchmark": False}
    not_flushed["environment"]["determinism"] = {"flush_denormal": False, "cudnn.benchmark": False}
    assert mixed([record(), flushed]) == []  # an older record does not say
    assert mixed([flushed, not_flushed]) == [
        "Not all runs share one setting of flush_denormal (False, True): a difference between rows"
        " may come from that."
    ]


def test_what_pairing_gives():
    """r shared seeds make the variance of a difference 1 - r of that of different seeds."""
    relu = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    values = pd.DataFrame({"relu": relu, "elu": relu + np.array([0, 0, 0, 0, 0, 3])})
    removed = 1 - np.var([0, 0, 0, 0, 0, 3], ddof=1) / values.var().sum()
    times = f"{1 / (1 - removed):.2g}"
    assert pairing(values, "relu") == [
        f"Pairing by seed removes {100 * removed:.0f} % of the variance of a difference to relu:"
        f" without it, {times} times the seeds would be needed."
    ]
    against = pd.DataFrame({"relu": relu, "elu": -relu})
    assert pairing(against, "relu") == [
        "Pairing by seed adds 100 % to the variance of a difference to relu, so it does not help:"
        " the same number of seeds that differ between the rows would show as much or more. The"
        " test holds all the same."
    ]
    three = values.assign(selu=-relu, mish=relu)
    (said,) = pairing(three, "relu")
    assert "removes 87 % of" in said
    assert "(median; the middle half of the rows: -7 % to 93 %)" in said
    for nothing in (values[:4], values * 0, values[["elu"]], values[["relu"]]):
        assert pairing(nothing, "relu") == []


def test_more_seeds_than_a_sweep_asks_for_are_said():
    assert more_seeds({}) == []
    assert more_seeds({"relu": (32, 8), "gelu": (16, 8)}) == [
        "The sweep asks for 8 seeds; relu has 32 and gelu has 16. Seeds that were trained before"
        " with the same code and settings count as well."
    ]
    many = {f"f{i}": (9, 7 + i % 2) for i in range(40)}
    (said,) = more_seeds(many)
    assert said.startswith("The sweep asks for 7 or 8 seeds; f0 has 9, ")
    assert " more. " in said


def test_unequal_seeds():
    full = pd.DataFrame({"relu": [0.5, 0.6, 0.7], "elu": [0.5, np.nan, np.nan]})
    assert unequal_seeds(full[["relu"]]) == []
    assert unequal_seeds(full) == [
        "Not every row has every seed; without: elu (1, 2). Differences use the seeds that both"
        " rows have."
    ]


def test_same_functions():
    assert same_functions([]) == ""
    assert same_functions([("a", "b"), ("c", "d", "e")]) == (
        "The same function under two names: a = b; c = d = e. Each name is a row of its own, and"
        " each of these rows counts wherever rows or comparisons are counted."
    )


def test_other_examples_are_said_to_move_accuracies_and_nothing_of_differences():
    """What differences would do does not follow from accuracies, so no number stands for it."""
    first, second = reach(0.967, 450)
    assert first.endswith(
        "Other test examples, 450 again, would give other accuracies, one of 96.70 % with a"
        " standard error of 0.84 points. The differences would change as well, by an amount that"
        " cannot be computed from accuracies: it depends on how often two rows err on the same"
        " examples. None of this is in the intervals."
    )
    assert second.startswith("One task, one learning rate and one initialization")
    perfect, several = reach(1.0, 10_000, of="validation", varied=["learning rate"])
    assert "Other validation examples, 10000 again, would give other accuracies. The" in perfect
    assert several.startswith("One task and one initialization")
    assert "every row at one learning rate, which was not tuned: what holds here" in several
    *_, other = reach(0.9, 450, varied=["initialization", "batch size"])
    assert other.startswith(
        "One task and one learning rate, and every row at one initialization and one batch size,"
        " which were not tuned: what"
    )


SKEWED = (0.150, 0.152, 0.153, 0.154, 0.155, 0.156, 0.157, 0.332)  # of 8 seeds
EVEN = tuple(np.linspace(0.2, 0.3, 8))


def foreign(**rows: Sequence[float]) -> ForeignComparison:
    """The comparison of rows with these values, by seed."""
    table = [(name, seed, v) for name, of in rows.items() for seed, v in enumerate(of)]
    return compare_table(pd.DataFrame(table, columns=["label", "seed", "value"]))


def test_an_interval_that_reaches_far_beyond_all_seeds_is_said_to_be_no_mistake():
    one = foreign(a=SKEWED, b=[-v for v in SKEWED], relu=EVEN)
    said = beyond_seeds(one.table, one.final, one.measure)
    assert one.table.value_high["a"] > 0.332 + BEYOND * 0.182
    assert len(said) == 1
    assert said[0].startswith("a, b: the 95 % interval of the mean reaches beyond all seeds")
    assert "That is no mistake" in said[0]
    assert said[0] in one.notes


@pytest.mark.parametrize("same", [0.1, 0.7, 1e9 / 3])
def test_equal_values_have_no_interval_that_reaches_beyond_them(same):
    """Although their mean may be rounded to another number."""
    one = foreign(a=[same] * 11, relu=EVEN)
    assert beyond_seeds(one.table, one.final, one.measure) == []


def test_nothing_is_said_of_two_seeds_whose_intervals_all_do():
    one = foreign(a=(0.1, 0.2), relu=(0.1, 0.3))
    assert one.table.value_high["a"] > 0.5
    assert beyond_seeds(one.table, one.final, one.measure) == []


@pytest.mark.parametrize(("seeds", "most"), [(8, 0.01), (12, 0.001)])
def test_of_normal_values_few_intervals_reach_far_beyond_them(seeds, most):
    rows = np.random.default_rng(3).normal(size=(1000, seeds))
    values = pd.DataFrame(rows.T)
    ends = mean_intervals(rows)
    table = pd.DataFrame(ends, columns=["value", "value_low", "value_high"]).assign(seeds=seeds)
    measure = Measure(name="value", key="value", better="higher")
    said = [beyond_seeds(table.loc[[one]], values[[one]], measure) for one in table.index]
    assert sum(map(len, said)) <= most * len(said)
